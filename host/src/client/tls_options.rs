//! The verification of servers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// The verification of servers' certificates. Default: by the system's authorities, or those of `SSL_CERT_FILE`.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file of authorities, in place of the system's. A server's own certificate in it is trusted as well, if
    /// it is valid for the server's name and now. So a self-signed certificate works, such as one of `openssl req
    /// -x509`.
    pub authorities: Option<PathBuf>,
    /// Accept any certificate: an attacker on the path can read and alter all data.
    pub danger_accept_any_certificate: bool,
}

impl TlsOptions {
    /// Reads the authorities, to report an error before the first connection.
    ///
    /// # Errors
    /// There are no authorities, or their file cannot be read.
    pub fn check(&self) -> io::Result<()> {
        if self.danger_accept_any_certificate { Ok(()) } else { self.roots().map(drop) }
    }

    /// # Errors
    /// There are no authorities, or their file cannot be read.
    pub(super) fn client_config(&self) -> io::Result<Arc<ClientConfig>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let mut config = if self.danger_accept_any_certificate {
            let verifier = Arc::new(AcceptAny(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        } else {
            let (roots, given) = self.roots()?;
            let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            let authorities = authorities.build().map_err(io::Error::other)?;
            let verifier = Arc::new(AuthorityOrPinned { authorities, pinned: given });
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The authorities, and the certificates of their file.
    fn roots(&self) -> io::Result<(RootCertStore, Vec<CertificateDer<'static>>)> {
        let (mut roots, mut given) = (RootCertStore::empty(), Vec::new());
        let Some(file) = &self.authorities else {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            return match found.errors.into_iter().next() {
                Some(error) if roots.is_empty() => Err(io::Error::other(error)),
                _ if roots.is_empty() => Err(io::Error::other("the system has none")),
                _ => Ok((roots, Vec::new())),
            };
        };
        let named = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", file.display()));
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| named(&error))? {
            let certificate = certificate.map_err(|error| named(&error))?;
            roots.add(certificate.clone()).map_err(|error| named(&error))?;
            given.push(certificate);
        }
        if roots.is_empty() { Err(named(&"no certificate in it")) } else { Ok((roots, given)) }
    }
}

/// Whether the certificate is one of an authority (RFC 5280 §4.2.1.9), not of a server.
pub(super) fn is_ca_as_end_entity(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Accepts certificates signed by an authority, and the pinned ones.
#[derive(Debug)]
struct AuthorityOrPinned {
    authorities: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for AuthorityOrPinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.authorities.verify_server_cert(certificate, intermediates, name, status, now);
        match verified {
            // The dates were verified above, before this error. The name is verified here. The signature of the
            // handshake proves the key (RFC 8446 §4.4.3).
            Err(error) if is_ca_as_end_entity(&error) && self.pinned.contains(certificate) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Accepts any certificate. The handshake's signature is still verified.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
