//! A tunnel that runs, and the clients' runtime over it.

use std::net::{IpAddr, Ipv4Addr};

use goldcrest_core::client::tls::embedded_tls::CryptoProvider;
use goldcrest_core::client::tls::{Trust, Tunnel};
use goldcrest_core::client::url::{Endpoint, Host};
use goldcrest_core::client::{ByScheme, Config, Connect, Memory, Parts};
use goldcrest_core::ws::connection::NoEntropy;
use goldcrest_host::client::{ClientRuntime, CoarseClock, ConnectError, Connector, HostSocket, TlsOptions, random};
use goldcrest_tests::patience;
use smol::Timer;
use smol::future::FutureExt;

/// Bytes between a client and its tunnel, each way.
pub(crate) const PIPE: usize = 1024;

pub(crate) type Net = Tunnel<ConnectError, PIPE>;
pub(crate) type Random = fn() -> Result<[u8; 4], NoEntropy>;
pub(crate) type World = Parts<ByScheme<Connector, &'static Net>, CoarseClock, Random>;

/// A network where every name is this machine's.
struct Loopback(Connector);

impl Connect for Loopback {
    type Socket<'a> = HostSocket;
    type Error = ConnectError;

    async fn connect(&self, endpoint: Endpoint<'_>) -> Result<HostSocket, ConnectError> {
        assert!(!endpoint.secure, "a tunnel asks for TCP");
        self.0.connect(Endpoint { host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..endpoint }).await
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
pub(crate) fn through<T, P>(trust: Trust<'static, P>, main: impl AsyncFnOnce(&'static World) -> T) -> T
where
    P: CryptoProvider + 'static,
    P::CipherSuite: 'static,
{
    through_with(trust, Records::ANY, main)
}

/// The same in so much memory.
pub(crate) fn through_with<T, P>(
    mut trust: Trust<'static, P>,
    records: Records,
    main: impl AsyncFnOnce(&'static World) -> T,
) -> T
where
    P: CryptoProvider + 'static,
    P::CipherSuite: 'static,
{
    let ran = ClientRuntime::block_on(TlsOptions::default(), async |runtime| {
        let tunnel: &'static Net = Box::leak(Box::default());
        let plain = runtime.connector().clone();
        let tcp = Loopback(plain.clone());
        let _running = runtime.spawn(async move {
            let (mut read, mut write) = (vec![0; records.read], vec![0; records.write]);
            tunnel.run(&tcp, &mut trust, &mut read, &mut write).await
        });
        let connector = ByScheme { plain, tls: tunnel };
        let world = Box::leak(Box::new(Parts { connector, clock: runtime.clock().clone(), random: random as Random }));
        let late = async {
            Timer::after(patience() * 3).await;
            panic!("it takes too long: {tunnel:?}");
        };
        main(world).or(late).await
    });
    ran.unwrap()
}

pub(crate) fn config() -> &'static Config<'static> {
    Box::leak(Box::default())
}

pub(crate) fn memory(buffer: usize) -> Memory<'static> {
    Memory { buffer: vec![0; buffer].leak(), location: vec![0; 128].leak() }
}
