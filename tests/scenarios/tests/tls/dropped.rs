//! Futures that are dropped at any await.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use goldcrest_core::client::url::Url;
use goldcrest_core::client::{Connect, Item};
use goldcrest_tests::Server;

use super::authority::Authority;
use super::carried::{WAYS, converse, echo, subscribe};
use super::terminator::Terminator;
use super::world::through;

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

#[test]
fn an_attempt_dropped_at_any_poll_leaves_the_tunnel_free() {
    let authority = Authority::new();
    let front = Terminator::before(echo(), &authority.sign(&["localhost"]));
    let url = front.url("https", "localhost", "/");
    through(authority.trust(), async |world| {
        for most in 0..4 {
            for turns in 0..40 {
                let attempt = polled(world.connector.connect(Url::parse(&url).unwrap().endpoint()), most);
                // It is given up once the tunnel has got on by so many turns.
                let mut attempt = pin!(attempt);
                let early = poll_fn(|cx| Poll::Ready(attempt.as_mut().poll(cx))).await;
                for _ in 0..turns {
                    smol::future::yield_now().await;
                }
                drop(early);
            }
            let mut socket = world.connector.connect(Url::parse(&url).unwrap().endpoint()).await.unwrap();
            converse(&mut socket, 2000).await;
        }
    });
}

#[test]
fn a_subscription_whose_futures_are_dropped_at_every_poll_loses_and_repeats_nothing() {
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
                        Some(Ok(Item::Event(event))) => {
                            heard.push(String::from_utf8(event.data.as_bytes().to_vec()).unwrap());
                        }
                        Some(Ok(Item::Gap { missed })) => panic!("a gap of {missed:?}"),
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
