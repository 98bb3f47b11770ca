//! Whom a tunnel trusts, and whether the server has proven to be that.

use embedded_tls::{
    Certificate, CertificateRef, CertificateVerifyRef, CryptoProvider, CryptoRngCore, SignatureScheme, TlsConfig,
    TlsError, TlsVerifier,
};

/// Whom to trust, by a provider of the caller's.
///
/// | made by | the server has to |
/// | --- | --- |
/// | [`ServerVerification::certificate`] | show a certificate that the provider's verifier takes, and sign by its key |
/// | [`ServerVerification::pre_shared_key`] | hold the same secret (RFC 8446 §2.2); there are no certificates |
///
/// Nobody is trusted otherwise: a provider without a verifier, as `embedded_tls::UnsecureProvider` is, connects by a
/// pre-shared key alone. A verifier that takes everything (`embedded_tls::NoVerify`) leaves whoever stands between to read and
/// alter all.
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
    /// Servers with a certificate that the verifier of `provider` takes.
    pub fn certificate(provider: P) -> Self {
        Self {
            provider,
            config: TlsConfig::new().with_alpn(&[b"http/1.1"]),
            max_chain: 1,
            method: AuthMethod::Certificate,
        }
    }

    /// Servers that know `key`, which they find by `identity`. The key is as hard to guess as its bytes are random: draw 32
    /// at least, never a password.
    pub fn pre_shared_key(provider: P, identity: &'t [u8], key: &'t [u8]) -> Self {
        let config = TlsConfig::new().with_alpn(&[b"http/1.1"]).with_psk(key, &[identity]);
        Self { provider, config, max_chain: 0, method: AuthMethod::PreSharedKey }
    }

    /// How many certificates a server may send: its own, and so many less one between that and the authority. Default: 1.
    ///
    /// `embedded_tls::pki::CertVerifier` asks only whether each is signed by the key of the next, not whether the next may
    /// sign (RFC 5280 §6.1.4 k, n): who holds *any* certificate of the authority could make one for any name, which takes one
    /// certificate more than an honest server sends. So state exactly what yours sends.
    #[must_use]
    pub fn max_chain(mut self, certificates: usize) -> Self {
        self.max_chain = certificates;
        self
    }

    /// Alters what the client says of itself: signature schemes, the largest record ([`TlsConfig::with_max_fragment_length`]),
    /// ALPN (by default `http/1.1`). The name of the server is set for each connection.
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(TlsConfig<'t>) -> TlsConfig<'t>) -> Self {
        self.config = configure(self.config);
        self
    }

    /// Whether nobody would judge the server.
    pub(super) fn lacks_verifier(&mut self) -> bool {
        self.method == AuthMethod::Certificate && self.provider.verifier().is_err()
    }

    /// For a connection to `name`, and a judge of it.
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

/// What a server has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    Nothing,
    Certificate,
    Signature,
}

/// What a judge held against a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum VerificationError {
    Chain(usize),
    Certificate(TlsError),
    Signature(TlsError),
}

/// The caller's provider, and what its verifier has seen: `embedded-tls` 0.19 takes a server that sends no certificate at all
/// for one that needs none, and a verifier of its own panics on a signature without a certificate before it.
pub(super) struct VerifierState<'p, P> {
    provider: &'p mut P,
    max_chain: usize,
    method: AuthMethod,
    verified: Verified,
    error: Option<VerificationError>,
}

impl<P: CryptoProvider> VerifierState<'_, P> {
    /// The name that a certificate has to bear, for a host that is an address: `server_name` may be none (RFC 6066 §3).
    pub(super) fn expect_address(&mut self, address: &str) -> Result<(), TlsError> {
        match self.provider.verifier() {
            Ok(verifier) => verifier.set_hostname_verification(address),
            Err(_) => Ok(()),
        }
    }

    /// Whether the server, with whom the handshake is done, is who it is to be. (A pre-shared key is proven by the handshake.)
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
