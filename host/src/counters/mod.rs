//! Counters that cost their writers little. `metrics` sums them.
//!
//! | file | content |
//! | --- | --- |
//! | `histogram.rs` | [`Counter`], [`Histogram`]: numbers that one thread writes |
//! | `thread_counters.rs` | the counters of a thread, and the values of their labels |
//! | `publish_counters.rs` | the counters of a hub's publications |
//! | `request_record.rs` | the last request of a connection |

mod histogram;
mod publish_counters;
mod request_record;
mod thread_counters;

pub(crate) use histogram::{Bounds, Counter, Histogram, HistogramSum, LATENCY, LONG, REQUEST};
pub(crate) use publish_counters::{PublishCounters, PublishSums, REFUSALS};
pub(crate) use request_record::{AccessEntry, NO_TRANSPORT, RequestRecord, Running};
pub(crate) use thread_counters::{
    BOUNDS, LAGS, LASTING, METHODS, NO_METHOD, OTHER_REASON, REASONS, SHUTDOWN_REASON, TRANSPORTS, ThreadCounters,
    TransportCounters, method_index, reason_index, transport_index,
};
