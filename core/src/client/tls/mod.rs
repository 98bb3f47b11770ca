//! TLS.
mod error;
mod guard;
mod run;
mod trust;
mod tunnel;
mod wire;

pub use embedded_tls;
pub use error::{Broken, TunnelError};
pub use trust::Trust;
pub use tunnel::{Tunnel, TunnelSocket};
