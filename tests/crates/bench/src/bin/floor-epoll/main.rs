//! The ceiling of the server benchmarks: an echo and a fan-out written by hand on one epoll, with no more protocol than
//! the load needs.
//!
//! GET with `Upgrade` opens a WebSocket echo, any other GET subscribes, POST publishes.

mod connection;
mod echo;
mod request;

use connection::{Connection, Kind};
use goldcrest_bench::poller::Poller;
use std::io::{self, ErrorKind};
use std::net::TcpListener;

/// The listener's number in the poller; connections are numbered from 0.
const LISTENER: usize = usize::MAX;

fn main() -> io::Result<()> {
    let address = std::env::args().skip_while(|word| word != "--listen").nth(1).expect("--listen ADDR:PORT");
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new()?;
    poller.add(&listener, LISTENER)?;
    let mut server =
        Server { poller: &mut poller, connections: Vec::new(), free: Vec::new(), subscribers: Vec::new(), events: 0 };
    // One receive buffer and one output buffer for all connections.
    let (mut input, mut output) = (vec![0; 512 * 1024], Vec::with_capacity(512 * 1024));
    let mut ready = Vec::new();
    loop {
        server.poller.wait(&mut ready, None)?;
        for &number in &ready {
            if number == LISTENER {
                server.accept(&listener)?;
            } else if server.serve(number, &mut input, &mut output).is_err() {
                server.remove(number);
            }
        }
    }
}

struct Server<'a> {
    poller: &'a mut Poller,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    subscribers: Vec<usize>,
    events: u64,
}

impl Server<'_> {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let number = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.poller.add(&stream, number)?;
            self.connections[number] = Some(Connection::new(stream));
        }
    }

    /// Every end of a connection is an error.
    fn serve(&mut self, number: usize, input: &mut [u8], output: &mut Vec<u8>) -> io::Result<()> {
        // A connection that failed earlier in the same batch of events.
        let Some(connection) = self.connections.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        connection.drain(self.poller, number)?;
        let Some(filled) = connection.receive(input)? else { return Ok(()) };
        output.clear();
        let mut bytes = &mut input[..filled];
        let mut published = 0;
        loop {
            let taken = match connection.kind {
                Kind::Requests => match request::take(bytes, output) {
                    Some((taken, request::Taken::WebSocket)) => {
                        connection.kind = Kind::Echo;
                        taken
                    }
                    Some((taken, request::Taken::Subscribe)) => {
                        connection.kind = Kind::Subscriber;
                        self.subscribers.push(number);
                        taken
                    }
                    Some((taken, request::Taken::Publish(data))) => {
                        self.events += 1;
                        published += 1;
                        request::event(self.events, data, &mut connection.events);
                        taken
                    }
                    None => 0,
                },
                Kind::Echo => echo::answer(bytes, output)?,
                Kind::Subscriber => bytes.len(),
            };
            if taken == 0 {
                break;
            }
            bytes = &mut bytes[taken..];
        }
        connection.keep(bytes);
        connection.send(output, self.poller, number)?;
        if published > 0 {
            let events = std::mem::take(&mut connection.events);
            self.publish(&events);
        }
        Ok(())
    }

    /// A send to each subscriber for each event.
    fn publish(&mut self, events: &[Vec<u8>]) {
        for event in events {
            for &number in &self.subscribers {
                if let Some(subscriber) = &mut self.connections[number] {
                    // One that is gone is removed when its socket reports it.
                    let _ = subscriber.send(event, self.poller, number);
                }
            }
        }
    }

    fn remove(&mut self, number: usize) {
        if self.connections[number].take().is_some() {
            self.subscribers.retain(|subscriber| *subscriber != number);
            self.free.push(number);
        }
    }
}
