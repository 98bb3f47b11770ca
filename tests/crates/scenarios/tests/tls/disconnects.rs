//! Connections that end before their time.

use goldcrest_core::client::Connect;
use goldcrest_core::client::Transport;
use goldcrest_core::client::tls::TlsDisconnect;
use goldcrest_core::client::tls::embedded_tls::TlsError;
use goldcrest_core::client::url::Url;
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_tests::Server;

use super::authority::Authority;
use super::data_transfer::{echo, hear, subscribe};
use super::runtime::through;
use super::terminator::{Terminator, Trick};

/// Sends a thousand bytes, and reads to the end. Returns the number of bytes, and how the connection ended.
fn heard(trick: fn(usize) -> Trick) -> (usize, Result<(), TlsDisconnect>) {
    let authority = Authority::new();
    let front = Terminator::tricky(echo(), &authority.sign(&["localhost"]), trick);
    through(authority.trust(), async |world| {
        let url = front.url("https", "localhost", "/");
        let mut socket = world.connector.tls.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
        let lent = socket.try_write_with(|room| (1000, room[..1000].fill(7)));
        assert!(matches!(lent, Ok(TryIo::Done(()))));
        let mut heard = 0;
        loop {
            match socket.try_read_with(|bytes| (bytes.len().min(100), bytes.len().min(100))) {
                Ok(TryIo::Done(count)) => heard += count,
                Ok(TryIo::WouldBlock) => {
                    if let Err(broken) = socket.wait(Interest::READ).await {
                        return (heard, Err(broken));
                    }
                }
                Ok(TryIo::Eof) => return (heard, Ok(())),
                Err(broken) => return (heard, Err(broken)),
            }
        }
    })
}

#[test]
fn data_before_the_end_arrives_and_then_the_kind_of_end() {
    let (count, end) = heard(|_| Trick::End(700));
    assert!(count == 700 && end.is_ok(), "{count} {end:?}");
    let (count, end) = heard(|_| Trick::Truncate(700));
    assert!(count == 700 && matches!(end, Err(TlsDisconnect::Truncated)), "{count} {end:?}");
    let (count, end) = heard(|_| Trick::NewKeys(700));
    assert!(count == 700 && matches!(end, Err(TlsDisconnect::Tls(TlsError::Unimplemented))), "{count} {end:?}");
}

#[test]
fn a_reset_is_not_a_clean_end() {
    let (_, end) = heard(|_| Trick::Reset(700));
    assert!(matches!(end, Err(TlsDisconnect::Truncated)), "{end:?}");
}

#[test]
fn a_truncation_attack_is_not_a_clean_end() {
    for trick in [|_| Trick::ForgeEnd(700), (|_| Trick::ForgeHello(700)) as fn(usize) -> Trick] {
        let (count, end) = heard(trick);
        assert!(count == 700 && matches!(end, Err(TlsDisconnect::Forged)), "{count} {end:?}");
    }
}

/// Events over one transport, each connection of which is treated by `trick`: every one arrives once.
fn survives(way: Transport, trick: fn(usize) -> Trick) {
    let (authority, server) = (Authority::new(), Server::start(&[]));
    let front = Terminator::tricky(server.address(), &authority.sign(&["localhost"]), trick);
    let channel = server.channel();
    let texts: Vec<String> = (0..30).map(|number| format!("event {number}")).collect();
    let url = front.url("https", "localhost", &format!("/events/{}", channel.name()));
    let (heard, lost) = through(authority.trust(), async |world| {
        let mut subscription = subscribe(world, url, &[way]);
        let (mut heard, mut lost) = (Vec::new(), 0);
        for text in &texts {
            channel.publish(text);
            let (more, cuts) = hear(&mut subscription, 1).await;
            heard.extend(more);
            lost += cuts;
        }
        (heard, lost)
    });
    assert_eq!(heard, texts, "{}", way.as_str());
    assert!(lost > 2 && front.connections() > 2, "it was lost {lost} times in {} connections", front.connections());
}

#[test]
fn a_subscription_resumes_after_a_cut_at_any_byte() {
    survives(Transport::Sse, |number| Trick::Truncate(400 + 37 * number));
    survives(Transport::WebSocket, |number| Trick::Reset(300 + 29 * number));
    survives(Transport::Stream, |number| Trick::ForgeEnd(400 + 41 * number));
}

#[test]
fn a_key_update_reconnects_the_client() {
    survives(Transport::Sse, |number| Trick::NewKeys(500 + 37 * number));
    survives(Transport::WebSocket, |number| Trick::NewKeys(350 + 31 * number));
}
