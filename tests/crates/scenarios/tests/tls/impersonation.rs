//! Servers that omit messages of the TLS 1.3 handshake (RFC 8446). Without the key of a certificate such a server can still
//! complete a handshake.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInPlace, KeyInit};
use goldcrest_core::client::tls::TlsConnectError;
use goldcrest_core::client::tls::embedded_tls::TlsError;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use p256::PublicKey;
use p256::ecdh::EphemeralSecret;
use rand_core::OsRng;
use sha2::{Digest, Sha256};

use super::authority::Authority;
use super::runtime::through;
use super::verification::connect;

/// The messages of a server after its hello, each in a record of its own.
#[derive(Clone, Debug)]
enum Say {
    EncryptedExtensions,
    /// A chain of certificates, which is public.
    Certificate(Vec<Vec<u8>>),
    /// A signature with another key.
    Signature,
    Finished,
    /// An encrypted record in which nothing stands, not even a type.
    Nothing,
}

/// The right server, without the omitted messages.
struct Impostor {
    client: TcpStream,
    transcript: Vec<u8>,
    secret: [u8; 32],
    sequence: u64,
}

fn label(secret: &[u8; 32], name: &str, context: &[u8], length: usize) -> Vec<u8> {
    let name = format!("tls13 {name}");
    let parts =
        [&(length as u16).to_be_bytes()[..], &[name.len() as u8], name.as_bytes(), &[context.len() as u8], context];
    let mut output = vec![0; length];
    Hkdf::<Sha256>::from_prk(secret).unwrap().expand(&parts.concat(), &mut output).unwrap();
    output
}

fn extract(salt: &[u8], material: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), material).0.into()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

impl Impostor {
    /// Reads the client's hello and answers it.
    fn meet(mut client: TcpStream) -> Self {
        let mut head = [0; 5];
        client.read_exact(&mut head).unwrap();
        let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        client.read_exact(&mut hello).unwrap();
        // A key share of secp256r1: the group, the length, the point.
        let at = hello.windows(5).position(|it| it == [0, 23, 0, 65, 4]).expect("a share of secp256r1") + 4;
        let theirs = PublicKey::from_sec1_bytes(&hello[at..at + 65]).unwrap();
        let ours = EphemeralSecret::random(&mut OsRng);
        let point = p256::EncodedPoint::from(ours.public_key());
        let extensions = [&[0, 43, 0, 2, 3, 4, 0, 51, 0, 69, 0, 23, 0, 65][..], point.as_bytes()].concat();
        let length = (extensions.len() as u16).to_be_bytes();
        let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 0x01, 0], &length, &extensions].concat();
        let answer = message(2, &body);
        client.write_all(&record(22, &answer)).unwrap();
        let transcript = [hello, answer].concat();
        let shared = ours.diffie_hellman(&theirs);
        let early = extract(&[0; 32], &[0; 32]);
        let derived = label(&early, "derived", &Sha256::digest([]), 32);
        let handshake = extract(&derived, shared.raw_secret_bytes());
        let secret = label(&handshake, "s hs traffic", &Sha256::digest(&transcript), 32).try_into().unwrap();
        Self { client, transcript, secret, sequence: 0 }
    }

    fn encrypt(&mut self, inner: &[u8]) {
        let key = label(&self.secret, "key", &[], 16);
        let mut nonce = label(&self.secret, "iv", &[], 12);
        nonce.iter_mut().rev().zip(self.sequence.to_le_bytes()).for_each(|(nonce, byte)| *nonce ^= byte);
        self.sequence += 1;
        let head = [&[23, 3, 3][..], &(inner.len() as u16 + 16).to_be_bytes()].concat();
        let cipher = Aes128Gcm::new_from_slice(&key).unwrap();
        let mut sealed = inner.to_vec();
        let tag = cipher.encrypt_in_place_detached(nonce[..].into(), &head, &mut sealed).unwrap();
        sealed.extend(tag);
        // A client that has heard enough is gone.
        let _ = self.client.write_all(&record(23, &sealed));
    }

    fn say(&mut self, what: &Say) {
        let message = match what {
            Say::Nothing => return self.encrypt(&[]),
            Say::EncryptedExtensions => message(8, &[0, 0]),
            Say::Certificate(chain) => {
                let length = |bytes: &[u8]| (bytes.len() as u32).to_be_bytes()[1..].to_vec();
                let entries: Vec<u8> = chain.iter().flat_map(|der| [&length(der)[..], der, &[0, 0]].concat()).collect();
                message(11, &[&[0][..], &length(&entries), &entries].concat())
            }
            Say::Signature => message(15, &[&[4, 3, 0, 8][..], &[0x30, 6, 2, 1, 1, 2, 1, 1]].concat()),
            Say::Finished => {
                let key = label(&self.secret, "finished", &[], 32);
                let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).unwrap();
                mac.update(&Sha256::digest(&self.transcript));
                message(20, &mac.finalize().into_bytes())
            }
        };
        self.transcript.extend(&message);
        self.encrypt(&[&message[..], &[22]].concat());
    }
}

/// A client's result with a server of these messages.
fn met(authority: &Authority, script: Vec<Say>) -> Result<(), TlsConnectError<String>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut impostor = Impostor::meet(listener.accept().unwrap().0);
        script.iter().for_each(|what| impostor.say(what));
        let _ = impostor.client.read_to_end(&mut Vec::new());
    });
    let verdict = through(authority.trust(), async |world| connect(world, &format!("https://localhost:{port}/")).await);
    server.join().unwrap();
    verdict
}

#[test]
fn a_handshake_without_certificate_or_signature_is_refused() {
    use Say::{Certificate, EncryptedExtensions as Begin, Finished, Nothing, Signature};
    let authority = Authority::new();
    let seen = Certificate(authority.sign(&["localhost"]).chain);
    let verdict = met(&authority, vec![Begin, Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Unauthenticated)), "{verdict:?}");
    let verdict = met(&authority, vec![Begin, seen.clone(), Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Unauthenticated)), "{verdict:?}");
    let verdict = met(&authority, vec![Begin, seen.clone(), Signature, Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Signature(TlsError::InvalidSignature))), "{verdict:?}");
    // These would be a panic in embedded-tls.
    let verdict = met(&authority, vec![Begin, Signature, Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Signature(_))), "{verdict:?}");
    let verdict = met(&authority, vec![Begin, Nothing]);
    assert!(matches!(verdict, Err(TlsConnectError::Tls(TlsError::InvalidRecord))), "{verdict:?}");
    // A second certificate in place of the first, and none at all.
    let verdict = met(&authority, vec![Begin, seen.clone(), seen, Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Certificate(_))), "{verdict:?}");
    let verdict = met(&authority, vec![Begin, Certificate(Vec::new()), Finished]);
    assert!(matches!(verdict, Err(TlsConnectError::Certificate(_))), "{verdict:?}");
}
