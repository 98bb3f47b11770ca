//! The load of the fan-out benchmark: one publisher, so many subscribers of an event stream.

use crate::opening::Opening;
use crate::poller::Poller;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of an event's data.
pub const DATA: usize = 64;

/// Ends each event's data, and occurs nowhere else in a server's output.
const LAST: u8 = b'~';

const PUBLISHER: usize = usize::MAX;

/// Open subscriptions to one server and a connection that publishes, driven by one thread.
#[derive(Debug)]
pub struct FanoutLoad {
    publisher: TcpStream,
    request: String,
    subscribers: Vec<TcpStream>,
    poller: Poller,
    received: Vec<u8>,
}

impl FanoutLoad {
    /// Subscribes so many times at `path`, where events are published by POST too.
    ///
    /// # Errors
    /// The system's, or a subscription that is refused.
    pub fn open(address: SocketAddr, path: &str, subscribers: usize) -> io::Result<Self> {
        let poller = Poller::new()?;
        let mut opened = Vec::with_capacity(subscribers);
        for number in 0..subscribers {
            let (stream, _) = Opening::EventStream.open(address, path)?;
            poller.add(&stream, number)?;
            opened.push(stream);
        }
        let publisher = TcpStream::connect(address)?;
        publisher.set_nodelay(true)?;
        publisher.set_nonblocking(true)?;
        poller.add(&publisher, PUBLISHER)?;
        let data = "g".repeat(DATA - 1) + "~";
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\nContent-Length: {DATA}\r\n\r\n{data}"
        );
        Ok(Self { publisher, request, subscribers: opened, poller, received: vec![0; 64 * 1024] })
    }

    /// Publishes bursts of `burst` events for `slice`, each as soon as the one before has reached every subscriber.
    ///
    /// Returns the deliveries: events × subscribers.
    ///
    /// # Errors
    /// The system's; a server that closes, refuses an event or leaves one undelivered for 10 s.
    pub fn run(&mut self, burst: usize, slice: Duration) -> io::Result<u64> {
        let begin = Instant::now();
        let mut deliveries = 0;
        while begin.elapsed() < slice {
            deliveries += self.publish(burst)?;
        }
        Ok(deliveries)
    }

    /// Publishes one burst and waits until it has arrived.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn publish(&mut self, burst: usize) -> io::Result<u64> {
        self.publisher.write_all(self.request.repeat(burst).as_bytes())?;
        let expected = (burst * self.subscribers.len()) as u64;
        let mut deliveries = 0;
        let mut answers = Vec::new();
        let mut answered = 0;
        let mut ready = Vec::new();
        while deliveries < expected || answered < burst {
            self.poller.wait(&mut ready, Some(Duration::from_secs(10)))?;
            if ready.is_empty() {
                let text = format!("{deliveries} of {expected} deliveries, {answered} of {burst} answers");
                return Err(io::Error::new(ErrorKind::TimedOut, text));
            }
            for &number in &ready {
                let stream = self.subscribers.get_mut(number).unwrap_or(&mut self.publisher);
                let read = match stream.read(&mut self.received) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    Err(error) => return Err(error),
                };
                let bytes = &self.received[..read];
                if number == PUBLISHER {
                    answers.extend_from_slice(bytes);
                    answered = answers_in(&answers)?;
                } else {
                    deliveries += bytes.iter().filter(|byte| **byte == LAST).count() as u64;
                }
            }
        }
        Ok(deliveries)
    }
}

/// How many answers begin in `bytes`; an error if one is no success.
fn answers_in(bytes: &[u8]) -> io::Result<usize> {
    let mut answers = 0;
    for start in bytes.windows(13).filter(|start| start.starts_with(b"HTTP/1.1 ")) {
        if start[9] != b'2' {
            return Err(io::Error::other(String::from_utf8_lossy(start).into_owned()));
        }
        answers += 1;
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_and_a_refusal_is_an_error() {
        let one = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}".as_slice();
        assert_eq!(answers_in(&[one, one].concat()).unwrap(), 2);
        assert_eq!(answers_in(&one[..12]).unwrap(), 0);
        assert!(answers_in(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }
}
