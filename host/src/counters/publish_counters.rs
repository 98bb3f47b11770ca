//! The counters of a hub's publications.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use goldcrest_core::hub::PublishError;
use goldcrest_core::log::AppendError;

use super::histogram::Counter;

/// The reasons for refused publications, as the values of a label.
pub(crate) const REFUSALS: [&str; 8] =
    ["too_large", "not_utf8", "exhausted", "channels", "memory", "key_reused", "shutting_down", "other"];

/// The index of an error in [`REFUSALS`].
fn refusal_index(error: PublishError) -> usize {
    match error {
        PublishError::Append(AppendError::TooLarge) => 0,
        PublishError::Append(AppendError::NotUtf8) => 1,
        PublishError::Append(AppendError::Exhausted) => 2,
        PublishError::TooManyChannels => 3,
        PublishError::OutOfMemory => 4,
        PublishError::KeyReused => 5,
        PublishError::ShuttingDown => 6,
        PublishError::InvalidName(_) | PublishError::Forbidden | PublishError::NoSuchChannel => 7,
    }
}

/// The counters of a hub's publications. Each thread of the program adds to the stripe of its own, up to [`STRIPES`] threads.
#[derive(Default)]
pub(crate) struct PublishCounters {
    stripes: [Stripe; STRIPES],
}

/// Stripes of a counter that any thread writes.
const STRIPES: usize = 8;

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    published: Counter,
    bytes: Counter,
    duplicate: Counter,
    refused: [Counter; REFUSALS.len()],
}

/// The sums of [`PublishCounters`].
#[derive(Default)]
pub(crate) struct PublishSums {
    pub(crate) published: u64,
    pub(crate) bytes: u64,
    pub(crate) duplicate: u64,
    pub(crate) refused: [u64; REFUSALS.len()],
}

impl PublishCounters {
    /// Counts a publication of `bytes` bytes by its result: whether it was a duplicate, or the error.
    pub(crate) fn count(&self, result: Result<bool, PublishError>, bytes: usize) {
        let Some(stripe) = self.stripes.get(stripe()) else { return };
        match result {
            Ok(false) => {
                stripe.published.add_shared(1);
                stripe.bytes.add_shared(bytes as u64);
            }
            Ok(true) => stripe.duplicate.add_shared(1),
            Err(error) => {
                if let Some(counter) = stripe.refused.get(refusal_index(error)) {
                    counter.add_shared(1);
                }
            }
        }
    }

    pub(crate) fn sums(&self) -> PublishSums {
        let mut sums = PublishSums::default();
        for stripe in &self.stripes {
            sums.published += stripe.published.value();
            sums.bytes += stripe.bytes.value();
            sums.duplicate += stripe.duplicate.value();
            for (sum, counter) in sums.refused.iter_mut().zip(&stripe.refused) {
                *sum += counter.value();
            }
        }
        sums
    }
}

/// The stripe of this thread.
fn stripe() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES);
    }
    OWN.with(Cell::get)
}
