//! A tunnel that runs, and the clients' runtime over it.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use goldcrest_core::client::tls::embedded_tls::CryptoProvider;
use goldcrest_core::client::tls::{ServerVerification, TlsConnector};
use goldcrest_core::client::url::{Endpoint, Host};
use goldcrest_core::client::{Buffers, ClientConfig, Connect, RuntimeParts, SchemeConnector};
use goldcrest_core::io::{Interest, Socket, TryIo};
use goldcrest_core::ws::connection::NoEntropy;
use goldcrest_host::client::{ClientSocket, CoarseClock, ConnectError, Connector, SmolRuntime, TlsOptions, random};
use goldcrest_tests::patience;
use smol::Timer;
use smol::future::{FutureExt, yield_now};

/// Bytes between a client and its tunnel, each way.
pub(crate) const PIPE: usize = 1024;

pub(crate) type Net = TlsConnector<ConnectError, PIPE>;
pub(crate) type Random = fn() -> Result<[u8; 4], NoEntropy>;
pub(crate) type World = RuntimeParts<SchemeConnector<Connector, &'static Net>, CoarseClock, Random>;

thread_local! {
    /// Bytes that came to the tunnels of this thread.
    pub(crate) static CAME: Cell<usize> = const { Cell::new(0) };
    /// The byte of the input at which it stops for a while.
    pub(crate) static STOP: Cell<usize> = const { Cell::new(usize::MAX) };
    /// The most that TCP moves in a turn, in either direction.
    pub(crate) static WIDTH: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A network where every name is this machine's.
pub(crate) struct Loopback(pub(crate) Connector);

/// Its connections, which move bytes in pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    socket: ClientSocket,
    /// A piece has come in this turn.
    came: bool,
}

impl Connect for Loopback {
    type Socket<'a> = Pieces;
    type Error = ConnectError;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<Pieces, ConnectError> {
        assert!(!endpoint.secure, "a tunnel asks for TCP");
        CAME.set(0);
        self.0
            .connect(Endpoint { host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..endpoint })
            .await
            .map(|socket| Pieces { socket, came: false })
    }
}

impl Socket for Pieces {
    type Error = io::Error;

    async fn wait(&mut self, want: Interest) -> io::Result<()> {
        if WIDTH.get().min(STOP.get()) < usize::MAX {
            yield_now().await;
        }
        self.came = false;
        self.socket.wait(want).await
    }

    fn try_read_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        let left = STOP.get().saturating_sub(CAME.get());
        if left == 0 || (self.came && WIDTH.get() < usize::MAX) {
            return Ok(TryIo::WouldBlock);
        }
        let came = &mut self.came;
        self.socket.try_read_with(|bytes| {
            *came = true;
            let most = bytes.len().min(WIDTH.get()).min(left);
            let (count, result) = f(&mut bytes[..most]);
            CAME.set(CAME.get() + count);
            (count, result)
        })
    }

    fn try_write_with<R>(&mut self, f: impl FnOnce(&mut [u8]) -> (usize, R)) -> io::Result<TryIo<R>> {
        self.socket.try_write_with(|room| {
            let most = room.len().min(WIDTH.get());
            f(&mut room[..most])
        })
    }

    fn send_free(&self) -> usize {
        self.socket.send_free()
    }

    fn send_capacity(&self) -> usize {
        self.socket.send_capacity()
    }

    fn send_queue(&self) -> usize {
        self.socket.send_queue()
    }

    fn close(&mut self) {
        self.socket.close();
    }

    fn abort(&mut self) {
        self.socket.abort();
    }
}

/// The bytes of its record buffers.
#[derive(Clone, Copy)]
pub(crate) struct Records {
    pub(crate) read: usize,
    pub(crate) write: usize,
}

impl Records {
    /// For any server.
    pub(crate) const ANY: Self = Self { read: 16_640, write: PIPE + 128 };
}

/// Runs `main` beside a tunnel; it fails where that takes too long.
pub(crate) fn through<T, P>(trust: ServerVerification<'static, P>, main: impl AsyncFnOnce(&'static World) -> T) -> T
where
    P: CryptoProvider + 'static,
    P::CipherSuite: 'static,
{
    through_with(trust, Records::ANY, main)
}

/// The same in so much memory.
pub(crate) fn through_with<T, P>(
    mut trust: ServerVerification<'static, P>,
    records: Records,
    main: impl AsyncFnOnce(&'static World) -> T,
) -> T
where
    P: CryptoProvider + 'static,
    P::CipherSuite: 'static,
{
    let ran = SmolRuntime::block_on(TlsOptions::default(), async |runtime| {
        let tunnel: &'static Net = Box::leak(Box::default());
        let plain = runtime.connector().clone();
        let tcp = Loopback(plain.clone());
        let _running = runtime.spawn(async move {
            let (mut read, mut write) = (vec![0; records.read], vec![0; records.write]);
            tunnel.run(&tcp, &mut trust, &mut read, &mut write).await
        });
        let connector = SchemeConnector { plain, tls: tunnel };
        let world =
            Box::leak(Box::new(RuntimeParts { connector, clock: runtime.clock().clone(), random: random as Random }));
        let late = async {
            Timer::after(patience() * 3).await;
            panic!("it takes too long: {tunnel:?}");
        };
        main(world).or(late).await
    });
    ran.unwrap()
}

pub(crate) fn config() -> &'static ClientConfig<'static> {
    Box::leak(Box::default())
}

pub(crate) fn memory(buffer: usize) -> Buffers<'static> {
    Buffers { buffer: vec![0; buffer].leak(), location: vec![0; 128].leak() }
}
