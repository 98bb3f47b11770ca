//! The shell over sockets in memory, on a virtual clock: nothing sleeps, and every task is polled only when it was woken.

mod backpressure;
mod channel_names;
mod client;
mod clock_jumps;
mod content_limits;
mod disconnects;
mod fairness;
mod handlers;
mod http;
mod json;
#[cfg(feature = "log")]
mod logging;
mod overwritten_events;
mod rate_limits;
mod resource_release;
mod resume;
mod rights;
mod ring_sizes;
#[cfg(not(small_code))] // Trait objects, which are not Send, save flash on a chip.
mod send;
mod shutdown;
mod slow_messages;
mod static_files;
mod subprotocol;
mod transports;
mod unfinished_responses;
mod waiting_handlers;
mod websocket;
