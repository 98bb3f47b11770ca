//! The grammar that HTTP and WebSocket share: tokens, lists, hosts and origins (RFC 9110 §5.6, RFC 3986 §3.2, RFC 6454).

pub(crate) mod characters;
pub(crate) mod copy;
pub(crate) mod host;
pub(crate) mod list;
pub(crate) mod origin;
pub(crate) mod scan;

pub(crate) use copy::copy;
