//! The I/O of one connection, of a server or a client.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `io.rs` | [`ConnectionIo`]: a connection beneath a WebSocket |
//! | `io_budget.rs` | waiting, reading and writing within the budget of a turn |
//! | `allowance.rs` | [`ReceiveTimeout`]: how long something that comes in pieces may take |
//! | `disconnect.rs` | [`Disconnect`]: how a connection ended |
//! | `notice.rs` | lines for the program's log |

mod allowance;
mod disconnect;
mod io;
mod io_budget;
pub(crate) mod notice;

pub(crate) use allowance::Allowance;
pub use allowance::ReceiveTimeout;
pub use disconnect::Disconnect;
pub use io::{ConnectionIo, Timeouts};
pub(crate) use io_budget::IoBudget;
