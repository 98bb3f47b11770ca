//! How a server begins and ends within a program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, panic};

use goldcrest_host::core::http::{Response, Status};
use goldcrest_host::core::server::{Exchange, Handler, HandlerResult, Runtime};
use goldcrest_host::{Server, ShutdownHandle};

/// `/panic` is a bug; everything else is answered.
struct Buggy;

impl Handler for Buggy {
    async fn handle<R: Runtime>(&self, exchange: Exchange<'_, '_, R>) -> HandlerResult {
        if exchange.request().path() == "/panic" {
            panic::resume_unwind(Box::new("a bug of the handler's"));
        }
        exchange.respond(&Response::text(Status::OK, "well\n")).await
    }
}

fn start() -> (SocketAddr, ShutdownHandle, JoinHandle<io::Result<()>>) {
    let (tell, told) = mpsc::channel();
    let server = Server::new().threads(2).listen(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = server.on_listening(move |addresses| tell.send(addresses[0]).unwrap());
    let stopper = server.shutdown_handle();
    let running = thread::spawn(|| server.run(|_hub| Buggy));
    (told.recv().unwrap(), stopper, running)
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn an_ended_server_frees_its_address() {
    let (address, stopper, running) = start();
    assert!(ask(address, "/").unwrap().ends_with("well\n"));
    stopper.shut_down();
    running.join().unwrap().unwrap();
    TcpListener::bind(address).expect("no listener is left there");
}

#[test]
fn a_panicking_handler_ends_only_its_connection() {
    let (address, stopper, running) = start();
    for _ in 0..20 {
        // Each thread has its share of these: none of them may be gone.
        assert!(ask(address, "/panic").unwrap().starts_with("HTTP/1.1 500 "));
        assert!(ask(address, "/").unwrap().ends_with("well\n"));
    }
    stopper.shut_down();
    running.join().unwrap().unwrap();
}

#[test]
fn start_returns_the_error_of_an_address_in_use() {
    let taken = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::new().listen(address).start(|_hub| Buggy).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}")), "{error}");
}

#[test]
fn a_thread_that_cannot_start_ends_the_server() {
    let server = Server::new().threads(2).listen(SocketAddr::from(([127, 0, 0, 1], 0)));
    let begun = AtomicUsize::new(0);
    let ended = server.run(|_hub| {
        if begun.fetch_add(1, Ordering::SeqCst) == 1 {
            panic::resume_unwind(Box::new("a bug at the start of the second"));
        }
        Buggy
    });
    assert!(ended.is_err());
}
