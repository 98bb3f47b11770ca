//! The future of a connection is `Send` where its runtime, its socket, its handler and its hub are.

use alloc::boxed::Box;
use alloc::vec;
use core::convert::Infallible;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;

use crate::hub::{Channel, StaticHub};
use crate::hub_http::{HubHandler, Overloaded};
use crate::io::{Clock, Interest, Socket, Timer, TryIo};
use crate::server::{AcceptOptions, BufferKind, Exchange, Handler, HandlerResult, Runtime, ServerConfig, serve};
use crate::sse::field::Comment;
use crate::time::Instant;
use crate::ws::connection::MessageKind;

/// A socket at its end.
struct Ended;

impl Socket for Ended {
    type Error = Infallible;

    async fn wait(&mut self, _want: Interest) -> Result<(), Infallible> {
        Ok(())
    }

    fn try_read_with<R>(&mut self, _f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Infallible> {
        Ok(TryIo::Eof)
    }

    fn try_write_with<R>(&mut self, _f: impl FnOnce(&mut [u8]) -> (usize, R)) -> Result<TryIo<R>, Infallible> {
        Ok(TryIo::Eof)
    }

    fn send_free(&self) -> usize {
        0
    }

    fn send_capacity(&self) -> usize {
        0
    }

    fn send_queue(&self) -> usize {
        0
    }

    fn close(&mut self) {}

    fn abort(&mut self) {}
}

struct Threads;

impl Clock for Threads {
    type Timer = Self;

    fn now(&self) -> Instant {
        Instant::from_millis(0)
    }

    fn timer(&self) -> Self {
        Self
    }
}

impl Timer for Threads {
    fn poll_until(&mut self, _cx: &mut Context<'_>, _deadline: Instant) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Runtime for Threads {
    type Socket = Ended;
    type Clock = Self;
    type Buffer = Box<[u8]>;

    fn clock(&self) -> &Self {
        self
    }

    fn buffer(&self, _kind: BufferKind) -> Option<Box<[u8]>> {
        Some(vec![0; 64].into())
    }

    fn random(&self) -> u32 {
        0
    }

    fn is_shutting_down(&self) -> bool {
        false
    }
}

fn send<F: Future + Send>(future: F) -> F {
    future
}

#[test]
fn the_future_of_a_connection_is_send() {
    let hub = StaticHub::<CriticalSectionRawMutex, _, 1, 1>::new(1, [Channel::new("sensors", [0; 64])]);
    let handler = HubHandler::new(&hub);
    let config = ServerConfig::default();
    let _ = futures_lite::future::block_on(send(serve(&mut Ended, &Threads, &config, &handler)));
    let _ = futures_lite::future::block_on(send(serve(&mut Ended, &Threads, &config, &Overloaded)));
    let _ = futures_lite::future::block_on(send(serve(&mut Ended, &Threads, &config, &Custom)));
}

/// Each way to answer a request.
struct Custom;

impl Handler for Custom {
    async fn handle<R: Runtime>(&self, mut exchange: Exchange<'_, '_, R>) -> HandlerResult {
        match exchange.request().path() {
            "/read" => match exchange.read_whole(&mut [0; 8]).await {
                Ok(_) => exchange.not_found().await,
                Err(error) => exchange.respond_body_error(error).await,
            },
            "/sse" => {
                let mut events = exchange.sse().await?;
                events.comment(Comment::new(b"a").unwrap()).await?;
                events.sleep(core::time::Duration::ZERO).await?;
                events.finish().await
            }
            _ => {
                let mut socket = exchange.websocket(&AcceptOptions::default()).await?;
                while let Some(message) = socket.recv(&mut [0; 8]).await? {
                    socket.send(MessageKind::Text, message.payload).await?;
                }
                socket.close().await
            }
        }
    }
}
