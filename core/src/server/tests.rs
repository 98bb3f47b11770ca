//! The shell over sockets in memory, on a virtual clock: nothing sleeps, and every task is polled only when it was woken.

mod client;
mod clock;
mod disconnects;
mod ends;
mod goldcrest;
mod http;
mod json;
mod neighbour;
#[cfg(feature = "log")]
mod notices;
mod overwritten;
mod own;
mod pairs;
mod publishers;
mod rates;
mod rings;
mod shutdown;
mod slow_messages;
mod smoke;
mod unfinished;
mod waiting;
mod websocket;
