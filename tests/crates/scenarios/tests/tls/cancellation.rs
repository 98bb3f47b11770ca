//! Futures that are dropped at any await.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use goldcrest_core::client::tls::{TlsConnectError, TlsDisconnect};
use goldcrest_core::client::url::Url;
use goldcrest_core::client::{Connect, SubscriptionEvent};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_host::client::{SmolRuntime, TlsOptions};
use goldcrest_tests::Server;
use smol::future::{FutureExt, yield_now};

use super::authority::Authority;
use super::data_transfer::{WAYS, converse, echo, subscribe};
use super::runtime::{CAME, Loopback, Net, PIPE, STOP, through};
use super::terminator::Terminator;

/// Polls `future` at most so often, each time that its task is woken.
async fn polled<T>(future: impl Future<Output = T>, most: usize) -> Option<T> {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|cx| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Polls `future` until so many bytes of a handshake have come, and no more, and drops it then.
async fn until_came<T>(future: impl Future<Output = T>, most: usize) -> Option<T> {
    CAME.set(0);
    STOP.set(most);
    let given_up = async {
        while CAME.get() < most {
            yield_now().await;
        }
        None
    };
    let came = async { Some(future.await) }.or(given_up).await;
    STOP.set(usize::MAX);
    came
}

#[test]
fn a_handshake_dropped_at_any_byte_frees_the_connector() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    through(authority.trust(), async |world| {
        let endpoint = Url::parse(&url).unwrap().endpoint();
        let (mut most, mut dropped) = (0, 0);
        loop {
            match until_came(world.connector.connect(endpoint), most).await {
                None => dropped += 1,
                Some(opened) => break drop(opened.unwrap()),
            }
            // One that is dropped before it was polled, and the next one.
            drop(world.connector.connect(endpoint));
            if most % 65 == 0 {
                converse(&mut world.connector.connect(endpoint).await.unwrap(), 1000).await;
            }
            most += 5;
        }
        assert!(dropped > 100, "a handshake has some hundred bytes: {dropped}");
        converse(&mut world.connector.connect(endpoint).await.unwrap(), 2000).await;
    });
}

#[test]
fn a_connection_dropped_with_data_in_flight_frees_the_connector() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    through(authority.trust(), async |world| {
        let endpoint = Url::parse(&url).unwrap().endpoint();
        for said in [0, 1, 500, PIPE] {
            for turns in 0..12 {
                let mut socket = world.connector.connect(endpoint).await.unwrap();
                let lent = socket.try_write_with(|room| (said, room[..said].fill(7)));
                assert!(matches!(lent, Ok(TryIo::Done(()))));
                for _ in 0..turns {
                    yield_now().await;
                }
                match turns % 3 {
                    0 => socket.abort(),
                    1 => socket.close(),
                    _ => {}
                }
            }
        }
        converse(&mut world.connector.connect(endpoint).await.unwrap(), 2000).await;
    });
}

/// The result of `work`, while the connector runs.
async fn beside<T>(mut running: Pin<&mut impl Future>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let _ = running.as_mut().poll(cx);
        work.as_mut().poll(cx)
    })
    .await
}

#[test]
fn a_stopped_connector_reports_it_and_can_run_again() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let (url, endpoint) = (front.url("https", "localhost", "/"), |url| Url::parse(url).unwrap().endpoint());
    let ran = SmolRuntime::block_on(TlsOptions::default(), async |runtime| {
        let (tunnel, tcp) = (Net::new(), Loopback(runtime.connector().clone()));
        let (mut read, mut write, mut trust) = (vec![0; 16_640], vec![0; 2048], authority.trust());
        let mut running = Box::pin(tunnel.run(&tcp, &mut trust, &mut read, &mut write));
        // Stopped in the middle of a handshake.
        let mut attempt = pin!(tunnel.connect(endpoint(&url)));
        let middle = until_came(beside(running.as_mut(), attempt.as_mut()), 100).await;
        assert!(middle.is_none());
        drop(running);
        assert!(matches!(attempt.await, Err(TlsConnectError::Stopped)));
        // Stopped while a connection is open.
        let mut running = Box::pin(tunnel.run(&tcp, &mut trust, &mut read, &mut write));
        let mut socket = beside(running.as_mut(), tunnel.connect(endpoint(&url))).await.unwrap();
        beside(running.as_mut(), converse(&mut socket, 1000)).await;
        drop(running);
        assert!(matches!(socket.wait(Interest::READ).await, Err(TlsDisconnect::Closed)));
        assert!(matches!(socket.try_read_with(|_| (0, ())), Err(TlsDisconnect::Closed)));
        drop(socket);
        let mut running = Box::pin(tunnel.run(&tcp, &mut trust, &mut read, &mut write));
        let mut socket = beside(running.as_mut(), tunnel.connect(endpoint(&url))).await.unwrap();
        beside(running.as_mut(), converse(&mut socket, 1000)).await;
    });
    ran.unwrap();
}

#[test]
fn dropped_subscription_futures_lose_and_repeat_nothing() {
    let (authority, server) = (Authority::new(), Server::start(&[]));
    let front = Terminator::before(server.address(), &authority.sign(&["localhost"]));
    for way in WAYS {
        let channel = server.channel();
        let texts: Vec<String> = (0..10).map(|number| format!("{number} {}", "y".repeat(number * 90))).collect();
        let url = front.url("https", "localhost", &format!("/events/{}", channel.name()));
        let heard = through(authority.trust(), async |world| {
            let mut subscription = subscribe(world, url, &[way]);
            let mut heard = Vec::new();
            for text in &texts {
                channel.publish(text);
                let before = heard.len();
                while heard.len() == before {
                    // An attempt to connect is given up when it is dropped, so that has its time.
                    let most = if heard.is_empty() || way.as_str().contains("poll") { usize::MAX } else { 1 };
                    match polled(subscription.next(), most).await {
                        Some(Ok(SubscriptionEvent::Event(event))) => {
                            heard.push(String::from_utf8(event.data.as_bytes().to_vec()).unwrap());
                        }
                        Some(Ok(SubscriptionEvent::Gap(gap))) => panic!("{gap:?}"),
                        Some(Ok(_)) | None => {}
                        Some(Err(error)) => panic!("{error:?}"),
                    }
                }
            }
            heard
        });
        assert_eq!(heard, texts, "{}", way.as_str());
    }
}
