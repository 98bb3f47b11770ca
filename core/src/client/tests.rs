//! Clients against this crate's server and against faulty servers, over sockets in memory, on a virtual clock.

mod bridge;
mod close;
mod connect;
mod connection_cuts;
mod dropped_futures;
mod event_source;
mod malformed_responses;
mod network;
mod publish;
mod subscription;
mod transport_fallback;
mod websocket;
