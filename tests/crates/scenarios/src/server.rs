//! A server under test.

use std::env;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Answer, Capabilities, Channel, Peer, PeerError, Program, Width, patience};

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// The value of `Host`.
    authority: String,
    few_connections: bool,
    /// Which of this machine's addresses connections come from, where that matters.
    from: Option<IpAddr>,
    /// The channels of a server with a fixed list; a scenario has one of them for itself.
    lent: Mutex<Vec<String>>,
    program: Mutex<Option<Program>>,
}

impl Server {
    /// The server of the environment, or one of the host's own.
    pub fn from_env() -> Self {
        match env::var("GOLDCREST_URL") {
            Ok(url) => Self::at(&url, None),
            Err(_) => Self::start(&[]),
        }
    }

    /// Starts the host's server with these flags, on a free port of the loopback.
    pub fn start(flags: &[&str]) -> Self {
        Self::of(Program::goldcrest(&[&["--listen", "127.0.0.1:0"], flags].concat()))
    }

    /// Starts the host's example `echo` on a free port of the loopback.
    pub fn start_echo() -> Self {
        Self::start_example("echo")
    }

    /// Starts one of the host's examples on a free port of the loopback.
    pub fn start_example(name: &str) -> Self {
        Self::start_example_by(&[], name)
    }

    /// The same, by a command that becomes the example.
    pub fn start_example_by(command: &[&str], name: &str) -> Self {
        Self::of(Program::example(command, name, &["127.0.0.1:0"]))
    }

    /// A server that `program` starts. It reports its URL as the examples do.
    pub fn of_program(program: Program) -> Self {
        Self::of(program)
    }

    /// Starts the host's server by a command that becomes it, listening on `listen`.
    pub fn start_by(command: &[&str], listen: SocketAddr, flags: &[&str]) -> Self {
        Self::of(Program::goldcrest_by(command, &[&["--open", "--listen", &listen.to_string()], flags].concat()))
    }

    /// The same server for a client that connects to `address`, such as a proxy's, from one of this machine's
    /// addresses.
    pub fn seen_at(&self, address: SocketAddr, from: Option<IpAddr>) -> Self {
        Self { from, ..Self::at(&format!("http://{address}/"), None) }
    }

    fn of(program: Program) -> Self {
        let line = program.wait_for_line("serves http://");
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL in the line");
        Self::at(url.trim_end_matches([',', '.', ';']), Some(program))
    }

    fn at(url: &str, program: Option<Program>) -> Self {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url:?} is no http URL"));
        let authority = rest.split('/').next().unwrap_or_default().to_owned();
        let with_port = if authority.contains(':') { authority.clone() } else { format!("{authority}:80") };
        let mut addresses = with_port.to_socket_addrs().unwrap_or_else(|error| panic!("{authority}: {error}"));
        let address = addresses.next().unwrap_or_else(|| panic!("{authority} has no address"));
        let capabilities = Capabilities::from_env();
        let (lent, few_connections) = (Mutex::new(capabilities.channels()), capabilities.few_connections());
        Self { address, authority, few_connections, from: None, lent, program: Mutex::new(program) }
    }

    /// A new connection.
    pub fn connect(&self) -> Peer {
        self.connect_with(Width::Wide)
    }

    /// A new connection. A server with few of them may have to end others first.
    pub fn connect_with(&self, width: Width) -> Peer {
        let deadline = Instant::now() + patience();
        loop {
            match self.try_connect(width) {
                Ok(peer) => return peer,
                Err(PeerError::Closed) if self.few_connections && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(trouble) => panic!("{}: {trouble:?}", self.address),
            }
        }
    }

    /// A new connection, if there is one to be had.
    ///
    /// # Errors
    /// [`PeerError`]
    pub fn try_connect(&self, width: Width) -> Result<Peer, PeerError> {
        Peer::connect_from(self.from, self.address, width)
    }

    pub(crate) fn has_few_connections(&self) -> bool {
        self.few_connections
    }

    /// One request on a connection of its own. `fields` are lines without their ends; `Host` is added.
    pub fn ask(&self, method: &str, target: &str, fields: &[&str], content: &[u8]) -> Answer {
        let mut peer = self.connect();
        peer.send(&self.request(method, target, fields, content)).unwrap();
        peer.answer(method).unwrap_or_else(|trouble| panic!("{method} {target}: {trouble:?}"))
    }

    /// The bytes of a request, with `Host`, and with `Content-Length` where there is content or the method needs it.
    pub fn request(&self, method: &str, target: &str, fields: &[&str], content: &[u8]) -> Vec<u8> {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.authority).into_bytes();
        for field in fields {
            bytes.extend_from_slice(field.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        if !content.is_empty() || matches!(method, "POST" | "PUT") {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", content.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(content);
        bytes
    }

    /// A channel for one scenario: a new name, or one of a fixed list that no other scenario has now.
    pub fn channel(&self) -> Channel<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut lent = self.lent();
        match lent.pop() {
            Some(name) => {
                drop(lent);
                let channel = Channel::new(self, name, true);
                // The readers of the scenario before are gone, and the server is to have noticed.
                channel.wait_until_nobody_follows();
                channel
            }
            None => {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                Channel::new(self, format!("scenario-{}-{number}", std::process::id()), false)
            }
        }
    }

    /// The channel of that name, on a server where any may be used.
    pub fn channel_named(&self, name: &str) -> Channel<'_> {
        Channel::new(self, name.to_owned(), false)
    }

    pub(crate) fn give_back(&self, name: String) {
        self.lent().push(name);
    }

    fn lent(&self) -> MutexGuard<'_, Vec<String>> {
        self.lent.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn program(&self) -> MutexGuard<'_, Option<Program>> {
        self.program.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends SIGTERM to a server that was started here.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name, such as `HUP`, to a server that was started here.
    pub fn signal(&self, name: &str) {
        self.program().as_ref().expect("a server of the suite's own").signal(name);
    }

    /// Waits until a server that was started here has ended by itself.
    pub fn wait(&self) -> ExitStatus {
        self.program().as_mut().expect("a server of the suite's own").wait()
    }

    /// Ends a server that was started here.
    pub fn stop(&self) {
        drop(self.program().take());
    }

    /// The number of the process that was started here.
    pub fn process(&self) -> u32 {
        self.program().as_ref().expect("a server of the suite's own").id()
    }

    /// The lines that a server which was started here has said so far and that hold `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.program().as_ref().expect("a server of the suite's own").lines(text)
    }

    /// The value of `Host`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
