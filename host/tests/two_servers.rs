//! Two servers in a process: their hub, shutdown and signals.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use goldcrest_host::{
    ChannelLimits, EventType, Exchange, Handler, HandlerResult, Hub, HubHandler, LocalHub, PublishError, RunningServer,
    Runtime, Server,
};

struct App(LocalHub);

impl Handler for App {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        HubHandler::new(&self.0).handle(exchange).await
    }
}

fn server(hub: &Hub, name: &str) -> Server {
    Server::new().name(name).threads(2).listen(SocketAddr::from(([127, 0, 0, 1], 0))).hub(hub.clone())
}

fn hub() -> Hub {
    Hub::new(ChannelLimits::default()).unwrap()
}

fn address(server: &RunningServer) -> SocketAddr {
    server.addresses()[0]
}

/// A stream of the channel `a`, over its head.
struct Reader(TcpStream);

impl Reader {
    fn new(server: &RunningServer) -> Self {
        let mut stream = TcpStream::connect(address(server)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET /events/a HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n").unwrap();
        let mut reader = Self(stream);
        reader.read_to("retry: ");
        reader
    }

    fn read_to(&mut self, end: &str) {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(end) {
            let mut byte = [0];
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "it ended before {end:?}");
            read.push(byte[0]);
        }
    }

    /// Reads the rest, and ends the connection.
    fn read_to_end(mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends in order");
    }
}

fn publish(server: &RunningServer, data: &str) -> String {
    let mut stream = TcpStream::connect(address(server)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = data.len();
    write!(
        stream,
        "POST /events/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{data}"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn a_server_goes_on_while_another_one_of_its_hub_shuts_down() {
    let hub = hub();
    let one = server(&hub, "one").without_signals().start(App).unwrap();
    let other = server(&hub, "other").without_signals().start(App).unwrap();
    let (mut of_one, mut of_other) = (Reader::new(&one), Reader::new(&other));
    assert!(publish(&one, "first").starts_with("HTTP/1.1 201 "));
    of_one.read_to("data: first\n");
    of_other.read_to("data: first\n");

    one.shutdown_handle().shut_down();
    of_one.read_to_end();
    one.join().unwrap();
    assert!(publish(&other, "second").starts_with("HTTP/1.1 201 "));
    of_other.read_to("data: second\n");
    hub.publish("a", EventType::MESSAGE, "third").unwrap();
    of_other.read_to("data: third\n");

    other.shutdown_handle().shut_down();
    of_other.read_to_end();
    other.join().unwrap();
    assert_eq!(hub.publish("a", EventType::MESSAGE, "fourth"), Err(PublishError::ShuttingDown));

    let again = server(&hub, "again").without_signals().start(App).unwrap();
    let mut reader = Reader::new(&again);
    assert_eq!(hub.publish("a", EventType::MESSAGE, "fifth").unwrap().seq, 4, "the hub has kept its events");
    reader.read_to("data: fifth\n");
    drop(reader);
    again.shut_down().unwrap();
}

/// The signal is one of the process, so no other test here may start a server that watches for it.
#[cfg(unix)]
#[test]
fn a_signal_shuts_down_each_server_that_watches_for_it() {
    let hubs = [hub(), hub(), hub()];
    let one = server(&hubs[0], "one").start(App).unwrap();
    let by_handle = server(&hubs[0], "by-handle").start(App).unwrap();
    let other = server(&hubs[1], "other").start(App).unwrap();
    let deaf = server(&hubs[2], "deaf").without_signals().start(App).unwrap();
    let [of_one, of_other, mut of_deaf] = [&one, &other, &deaf].map(Reader::new);

    // A server that has ended has no part in the next signal.
    by_handle.shut_down().unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    of_one.read_to_end();
    of_other.read_to_end();
    one.join().unwrap();
    other.join().unwrap();

    assert!(!deaf.shutdown_handle().is_shutting_down());
    assert!(publish(&deaf, "first").starts_with("HTTP/1.1 201 "));
    of_deaf.read_to("data: first\n");
    drop(of_deaf);
    deaf.shut_down().unwrap();
}

/// The child ends by the signal, so it runs this test alone.
#[cfg(unix)]
#[test]
fn after_the_last_server_a_signal_has_its_default_effect() {
    use std::os::unix::process::ExitStatusExt;
    const CHILD: &str = "GOLDCREST_TEST_CHILD";
    const SIGTERM: i32 = signal_hook::consts::SIGTERM;
    if std::env::var_os(CHILD).is_some() {
        server(&hub(), "ended").start(App).unwrap().shut_down().unwrap();
        signal_hook::low_level::raise(SIGTERM).unwrap();
        std::thread::sleep(Duration::from_secs(10));
        return;
    }
    let test = "after_the_last_server_a_signal_has_its_default_effect";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = child.args(["--exact", test]).env(CHILD, "1").output().unwrap();
    assert_eq!(ended.status.signal(), Some(SIGTERM), "{ended:?}");
}
