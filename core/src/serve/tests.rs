//! The shell over sockets in memory, on a virtual clock: nothing sleeps, and every task is polled only when it was woken.

mod client;
mod json;
mod pairs;
mod smoke;
mod world;
