//! Authorities, certificates, and a provider that verifies with them.

use goldcrest_core::client::tls::ServerVerification;
use goldcrest_core::client::tls::embedded_tls::pki::CertVerifier;
use goldcrest_core::client::tls::embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsClock, TlsError, TlsVerifier,
};
use rand_core::OsRng;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A server's credentials: its certificate, the intermediate ones, its key.
pub(crate) struct Credentials {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: KeyPair,
}

impl Credentials {
    /// Its certificates, in PEM.
    pub(crate) fn chain_pem(&self) -> String {
        use base64::Engine;
        let encode = |der: &Vec<u8>| base64::engine::general_purpose::STANDARD.encode(der);
        let pem = |der| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", encode(der));
        self.chain.iter().map(pem).collect()
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    fn leaf(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// A server of these names.
    pub(crate) fn sign(&self, names: &[&str]) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let certificate = Self::leaf(names).signed_by(&key, &self.issuer).unwrap();
        Credentials { chain: vec![certificate.der().to_vec()], key }
    }

    /// A server of these names whose certificate is signed with an end-entity certificate of this authority, which cannot
    /// issue.
    pub(crate) fn signed_by_a_server(&self, names: &[&str]) -> Credentials {
        let (key, parameters) = (KeyPair::generate().unwrap(), Self::leaf(&["honest.example"]));
        let between = parameters.signed_by(&key, &self.issuer).unwrap();
        let issuer = Issuer::new(parameters, key);
        let key = KeyPair::generate().unwrap();
        let certificate = Self::leaf(names).signed_by(&key, &issuer).unwrap();
        Credentials { chain: vec![certificate.der().to_vec(), between.der().to_vec()], key }
    }

    /// One that was valid once.
    pub(crate) fn expired(&self, names: &[&str]) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let mut parameters = Self::leaf(names);
        parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Credentials { chain: vec![certificate.der().to_vec()], key }
    }

    /// A verifier that trusts this authority alone.
    pub(crate) fn provider(&self) -> Provider {
        let der: &'static [u8] = self.certificate.der().to_vec().leak();
        Provider { verifier: CertVerifier::new(Certificate::X509(der)) }
    }

    pub(crate) fn trust(&self) -> ServerVerification<'static, Provider> {
        ServerVerification::certificate(self.provider())
    }
}

/// The clock of this machine.
pub(crate) struct Now;

impl TlsClock for Now {
    fn now() -> Option<u64> {
        Some(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs())
    }
}

/// The system's random source, and embedded-tls's own verifier, which needs no allocator.
pub(crate) struct Provider {
    verifier: CertVerifier<'static, Aes128GcmSha256, Now, 1024>,
}

impl CryptoProvider for Provider {
    type CipherSuite = Aes128GcmSha256;
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        OsRng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.verifier)
    }
}
