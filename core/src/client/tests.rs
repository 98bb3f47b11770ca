//! Clients against our own server and against bad ones, over sockets in memory, on a virtual clock.

mod bad;
mod bridge;
mod connect;
mod cuts;
mod dropped;
mod event_source;
mod finish;
mod ladder;
mod net;
mod publish;
mod subscription;
mod web_socket;
