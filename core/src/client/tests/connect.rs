//! Connections over `embedded-nal-async`.

use core::cell::RefCell;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::string::String;
use std::vec::Vec;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use futures_lite::future::block_on;

use crate::client::url::Url;
use crate::client::{Connect, MaybeTls, NoDns, NoDnsError, SchemeConnector, TcpConnectError, TcpConnector};
use crate::io::{Interest, Socket, TryIo};

/// A TCP stack whose connections echo; port 1 refuses.
#[derive(Default)]
struct Stack(RefCell<Vec<SocketAddr>>);

struct Echo(Vec<u8>);

impl ErrorType for Echo {
    type Error = ErrorKind;
}

impl Read for Echo {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let count = buffer.len().min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

impl Write for Echo {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl TcpConnect for Stack {
    type Error = ErrorKind;
    type Connection<'a> = Echo;

    async fn connect(&self, remote: SocketAddr) -> Result<Echo, ErrorKind> {
        self.0.borrow_mut().push(remote);
        if remote.port() == 1 { Err(ErrorKind::ConnectionRefused) } else { Ok(Echo(Vec::new())) }
    }
}

/// A resolver of one name.
struct Names;

impl Dns for Names {
    type Error = String;

    async fn get_host_by_name(&self, host: &str, _: AddrType) -> Result<IpAddr, String> {
        if host == "known" { Ok(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9))) } else { Err(String::from(host)) }
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, String> {
        Err(String::new())
    }
}

fn connect<'a, C: Connect>(connector: &'a C, url: &str) -> Result<C::Socket<'a>, C::Error> {
    block_on(connector.connect(Url::parse(url).unwrap().endpoint()))
}

#[test]
fn dropping_a_connection_returns_its_buffers() {
    let (mut one, mut two) = ([[0; 4]; 2], [[0; 4]; 2]);
    let ([a, b], [c, d]) = (&mut one, &mut two);
    let tcp = TcpConnector::new(Stack::default(), NoDns, [(&mut a[..], &mut b[..]), (&mut c[..], &mut d[..])]);
    for _ in 0..3 {
        let mut first = connect(&tcp, "http://10.0.0.1/").unwrap();
        let second = connect(&tcp, "ws://10.0.0.1/").unwrap();
        assert_eq!(connect(&tcp, "http://10.0.0.1/").map(|_| ()), Err(TcpConnectError::NoBuffers));
        drop(second);
        drop(connect(&tcp, "http://10.0.0.1/").unwrap());
        first.try_write_with(|room| (room.len(), room.fill(7))).unwrap();
        block_on(first.wait(Interest::READ)).unwrap();
        assert_eq!(first.try_read_with(|bytes| (bytes.len(), bytes.to_vec())), Ok(TryIo::Done(std::vec![7; 4])));
    }
}

#[test]
fn names_are_resolved_and_addresses_are_not() {
    let (mut a, mut b) = ([0; 4], [0; 4]);
    let tcp = TcpConnector::new(Stack::default(), Names, [(&mut a[..], &mut b[..])]);
    for url in ["http://known:8080/", "http://10.0.0.3/", "ws://[::1]:81/", "http://[::ffff:10.0.0.4]/"] {
        drop(connect(&tcp, url).unwrap());
    }
    let expected = ["10.0.0.9:8080", "10.0.0.3:80", "[::1]:81", "10.0.0.4:80"];
    assert_eq!(*tcp.stack().0.borrow(), expected.map(|address| address.parse().unwrap()));
    assert_eq!(connect(&tcp, "http://nobody/").map(|_| ()), Err(TcpConnectError::Dns(String::from("nobody"))));
    assert_eq!(connect(&tcp, "http://known:1/").map(|_| ()), Err(TcpConnectError::Tcp(ErrorKind::ConnectionRefused)));
    let none = TcpConnector::new(Stack::default(), NoDns, []);
    assert_eq!(connect(&none, "http://known/").map(|_| ()), Err(TcpConnectError::Dns(NoDnsError)));
}

#[test]
fn a_secure_url_is_never_connected_without_tls() {
    let (mut a, mut b) = ([0; 4], [0; 4]);
    let tcp = TcpConnector::new(Stack::default(), Names, [(&mut a[..], &mut b[..])]);
    for url in ["https://known/", "wss://10.0.0.1/"] {
        assert_eq!(connect(&tcp, url).map(|_| ()), Err(TcpConnectError::TlsRequired));
    }
    assert!(tcp.stack().0.borrow().is_empty());
    let (mut a, mut b) = ([0; 4], [0; 4]);
    let both =
        SchemeConnector { plain: tcp, tls: TcpConnector::new(Stack::default(), NoDns, [(&mut a[..], &mut b[..])]) };
    assert!(matches!(connect(&both, "http://known/"), Ok(MaybeTls::Plain(_))));
    assert!(matches!(connect(&both, "https://known/"), Err(MaybeTls::Tls(TcpConnectError::TlsRequired))));
}

/// Over two stacks of `embassy-net`, connected in memory.
#[cfg(feature = "embassy-net")]
mod embassy {
    use std::boxed::Box;
    use std::cell::Cell;
    use std::format;
    use std::rc::Rc;

    use embassy_net::tcp::TcpSocket;
    use embassy_net::tcp::client::{TcpClient, TcpClientState};

    use super::*;
    use crate::client::tests::network::buffers;
    use crate::client::tests::publish::stored;
    use crate::client::{
        ClientConfig, Publisher, RuntimeParts, Subscription, SubscriptionEvent, SubscriptionOptions, Transport,
    };
    use crate::hub::NewEvent;
    use crate::hub_http::HubHandler;
    use crate::io::EmbassyClock;
    use crate::io::embassy::tests::{Task, host, run};
    use crate::log::{Encoding, EventType};
    use crate::server::{BufferKind, Runtime, serve};
    use crate::testing::{hub, leak};

    /// The runtime of the server.
    struct Device;

    impl Runtime for Device {
        type Socket = TcpSocket<'static>;
        type Clock = EmbassyClock;
        type Buffer = Vec<u8>;

        fn clock(&self) -> &EmbassyClock {
            &EmbassyClock
        }

        fn buffer(&self, _: BufferKind) -> Option<Vec<u8>> {
            Some(std::vec![0; 512])
        }

        fn random(&self) -> u32 {
            7
        }

        fn is_shutting_down(&self) -> bool {
            false
        }
    }

    #[test]
    fn every_transport_and_publishing_work_over_embassy_net() {
        for transport in [Transport::WebSocket, Transport::Sse, Transport::Stream, Transport::LongPoll, Transport::Poll]
        {
            let hub = leak(hub(8, 512));
            let (one, other) = (Rc::default(), Rc::default());
            let (device, device_runner) = host(1, &one, &other);
            let (browser, browser_runner) = host(2, &other, &one);
            let mut tasks: Vec<_> =
                [device_runner, browser_runner].map(|mut runner| Task::new(async move { runner.run().await })).into();
            let buffer = |size: usize| -> &'static mut [u8] { Box::leak(std::vec![0; size].into_boxed_slice()) };
            for _ in 0..2 {
                tasks.push(Task::new(async move {
                    let (config, handler) = (leak(crate::server::ServerConfig::default()), leak(HubHandler::new(hub)));
                    loop {
                        let mut socket = TcpSocket::new(device, buffer(512), buffer(1_072));
                        socket.set_nagle_enabled(false);
                        socket.accept(80).await.unwrap();
                        serve(&mut socket, &Device, config, handler).await;
                    }
                }));
            }
            run(tasks, async {
                let state = leak(TcpClientState::<2, 1_072, 512>::new());
                let tcp_buffers = [(); 2].map(|()| (buffer(256), buffer(512)));
                let random = Cell::new(0_u32);
                let connector = TcpConnector::new(TcpClient::new(browser, state), NoDns, tcp_buffers);
                let random = || {
                    random.set(random.get().wrapping_add(0x9e37_79b9));
                    Ok(random.get().to_be_bytes())
                };
                let parts = RuntimeParts { connector, clock: EmbassyClock, random };
                let config = ClientConfig::default();
                let url = "http://10.0.0.1/events/a";
                let options = SubscriptionOptions { transports: leak([transport]), ..SubscriptionOptions::default() };
                let mut subscription = Subscription::new(&parts, &config, url, options, buffers(512));
                let mut publisher = Publisher::new(&parts, &config, url, buffers(256));
                for number in 0..3 {
                    let data = format!("{number}");
                    let publication = NewEvent {
                        event_type: EventType::MESSAGE,
                        encoding: Encoding::Text,
                        data: data.as_bytes(),
                        idempotency_key: None,
                    };
                    // Open the subscription first, so that the event arrives on it live.
                    let mut told = core::pin::pin!(async {
                        loop {
                            match subscription.next().await.unwrap() {
                                SubscriptionEvent::Event(event) => break String::from(event.id),
                                SubscriptionEvent::Disconnected { error, .. } => panic!("{error:?}"),
                                _ => {}
                            }
                        }
                    });
                    let later = embassy_time::Timer::after_millis(300);
                    let early = futures_lite::future::or(async { Some(told.as_mut().await) }, async {
                        later.await;
                        None
                    });
                    assert_eq!(early.await, None, "nothing is published yet");
                    publisher.publish(&publication).await.unwrap();
                    assert_eq!(told.await, format!("00000abc-{}", number + 1), "{}", transport.as_str());
                }
                assert_eq!(stored(hub), ["|0", "|1", "|2"]);
            });
        }
    }
}
