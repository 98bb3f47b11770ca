//! The authentication of the server.

use embedded_tls::{
    Certificate, CertificateRef, CertificateVerifyRef, CryptoProvider, CryptoRngCore, SignatureScheme, TlsConfig,
    TlsError, TlsVerifier,
};

/// The authentication of the server, by a provider of the caller's.
///
/// | made by | the server has to |
/// | --- | --- |
/// | [`ServerVerification::certificate`] | send a certificate that the provider's verifier accepts, and sign by its key (RFC 8446 §4.4.3) |
/// | [`ServerVerification::pre_shared_key`] | have the same secret (RFC 8446 §2.2); no certificates are used |
///
/// There is no other way: a provider without a verifier, such as `embedded_tls::UnsecureProvider`, connects by a
/// pre-shared key only. A verifier that accepts all certificates (`embedded_tls::NoVerify`) permits an attacker on
/// the path to read and alter all data.
#[derive(Debug)]
pub struct ServerVerification<'t, P> {
    provider: P,
    config: TlsConfig<'t>,
    max_chain: usize,
    method: AuthMethod,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthMethod {
    Certificate,
    PreSharedKey,
}

impl<'t, P: CryptoProvider> ServerVerification<'t, P> {
    /// Accepts servers with a certificate that the verifier of `provider` accepts.
    pub fn certificate(provider: P) -> Self {
        Self {
            provider,
            config: TlsConfig::new().with_alpn(&[b"http/1.1"]),
            max_chain: 1,
            method: AuthMethod::Certificate,
        }
    }

    /// Accepts servers with `key`, which they look up by `identity`. Draw at least 32 random bytes, never a password
    /// (RFC 8446 §2.2).
    pub fn pre_shared_key(provider: P, identity: &'t [u8], key: &'t [u8]) -> Self {
        let config = TlsConfig::new().with_alpn(&[b"http/1.1"]).with_psk(key, &[identity]);
        Self { provider, config, max_chain: 0, method: AuthMethod::PreSharedKey }
    }

    /// The number of certificates that a server may send: its own and the intermediate ones. Default: 1.
    ///
    /// State exactly the number that the server sends. `embedded_tls::pki::CertVerifier` checks the signature of each
    /// certificate by the key of the next one. It does not check whether the next one may sign (RFC 5280 §6.1.4 k, n).
    /// So the holder of *any* certificate of the authority could issue one for any name. That chain is one certificate
    /// longer than an honest server's.
    #[must_use]
    pub fn max_chain(mut self, certificates: usize) -> Self {
        self.max_chain = certificates;
        self
    }

    /// Alters the client's TLS configuration: signature schemes, the largest record
    /// ([`TlsConfig::with_max_fragment_length`]), ALPN (by default `http/1.1`). The server's name is set for each
    /// connection.
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(TlsConfig<'t>) -> TlsConfig<'t>) -> Self {
        self.config = configure(self.config);
        self
    }

    /// Whether the server could not be authenticated.
    pub(super) fn lacks_verifier(&mut self) -> bool {
        self.method == AuthMethod::Certificate && self.provider.verifier().is_err()
    }

    /// The configuration and the verifier for a connection to `name`.
    pub(super) fn for_server<'n>(&'n mut self, name: Option<&'n str>) -> (TlsConfig<'n>, VerifierState<'n, P>) {
        let config: TlsConfig<'n> = self.config.clone();
        let config = match name {
            Some(name) => config.with_server_name(name),
            None => config,
        };
        (
            config,
            VerifierState {
                provider: &mut self.provider,
                max_chain: self.max_chain,
                method: self.method,
                verified: Verified::Nothing,
                error: None,
            },
        )
    }
}

/// The verified part of the server's authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    Nothing,
    Certificate,
    Signature,
}

/// The check that failed.
#[derive(Clone, Copy, Debug)]
pub(super) enum VerificationError {
    Chain(usize),
    Certificate(TlsError),
    Signature(TlsError),
}

/// The caller's provider, and the checks that its verifier has passed. `embedded-tls` 0.19 accepts a server without a
/// certificate, and its own verifier panics on a signature without a certificate before it.
pub(super) struct VerifierState<'p, P> {
    provider: &'p mut P,
    max_chain: usize,
    method: AuthMethod,
    verified: Verified,
    error: Option<VerificationError>,
}

impl<P: CryptoProvider> VerifierState<'_, P> {
    /// Sets the name that the certificate must be valid for, for a host that is an address: SNI permits no address
    /// (RFC 6066 §3).
    pub(super) fn expect_address(&mut self, address: &str) -> Result<(), TlsError> {
        match self.provider.verifier() {
            Ok(verifier) => verifier.set_hostname_verification(address),
            Err(_) => Ok(()),
        }
    }

    /// Whether the server is authenticated after the handshake. (The handshake itself proves a pre-shared key, RFC
    /// 8446 §4.2.11.)
    pub(super) fn is_authenticated(&self) -> bool {
        match self.method {
            AuthMethod::Certificate => self.verified == Verified::Signature,
            AuthMethod::PreSharedKey => self.verified == Verified::Nothing,
        }
    }

    pub(super) fn error(&self) -> Option<VerificationError> {
        self.error
    }

    fn fail<T>(&mut self, refused: VerificationError, error: TlsError) -> Result<T, TlsError> {
        self.error = Some(refused);
        Err(error)
    }
}

impl<P: CryptoProvider> TlsVerifier<P::CipherSuite> for VerifierState<'_, P> {
    fn set_hostname_verification(&mut self, name: &str) -> Result<(), TlsError> {
        self.provider.verifier()?.set_hostname_verification(name)
    }

    fn verify_certificate(
        &mut self,
        transcript: &<P::CipherSuite as embedded_tls::TlsCipherSuite>::Hash,
        certificate: CertificateRef<'_>,
    ) -> Result<(), TlsError> {
        let sent = certificate.entries.len();
        if self.verified != Verified::Nothing || sent == 0 {
            return self
                .fail(VerificationError::Certificate(TlsError::InvalidCertificate), TlsError::InvalidCertificate);
        }
        if sent > self.max_chain {
            return self.fail(VerificationError::Chain(sent), TlsError::InvalidCertificate);
        }
        if let Err(error) = self.provider.verifier()?.verify_certificate(transcript, certificate) {
            return self.fail(VerificationError::Certificate(error), error);
        }
        self.verified = Verified::Certificate;
        Ok(())
    }

    fn verify_signature(&mut self, signature: CertificateVerifyRef<'_>) -> Result<(), TlsError> {
        if self.verified != Verified::Certificate {
            return self.fail(VerificationError::Signature(TlsError::InvalidSignature), TlsError::InvalidSignature);
        }
        if let Err(error) = self.provider.verifier()?.verify_signature(signature) {
            return self.fail(VerificationError::Signature(error), error);
        }
        self.verified = Verified::Signature;
        Ok(())
    }
}

impl<P: CryptoProvider> CryptoProvider for VerifierState<'_, P> {
    type CipherSuite = P::CipherSuite;
    type Signature = P::Signature;

    fn rng(&mut self) -> impl CryptoRngCore {
        self.provider.rng()
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Self::CipherSuite>, TlsError> {
        if self.provider.verifier().is_err() {
            return Err(TlsError::Unimplemented);
        }
        Ok(self)
    }

    fn signer(&mut self) -> Result<(impl signature::SignerMut<Self::Signature>, SignatureScheme), TlsError> {
        self.provider.signer()
    }

    fn client_cert(&mut self) -> Option<Certificate<impl AsRef<[u8]>>> {
        self.provider.client_cert()
    }
}
