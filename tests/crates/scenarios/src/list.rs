//! Scenarios by name, and their needs.

use std::env;
use std::panic;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Capabilities, Need};

/// The time limit of a scenario, without the duration that the environment sets for the longest ones.
const LIMIT: Duration = Duration::from_secs(300);

/// The scenarios of a test binary. Those that the server does not support are listed as ignored, with a message.
#[derive(Debug)]
pub struct List {
    capabilities: Capabilities,
    trials: Vec<Trial>,
    left_out: usize,
}

impl List {
    /// An empty list for the server of the environment.
    pub fn new() -> Self {
        Self { capabilities: Capabilities::from_env(), trials: Vec::new(), left_out: 0 }
    }

    /// Adds a scenario, which fails by a panic, or by not ending.
    pub fn add(&mut self, name: impl Into<String>, needs: &[Need], run: impl FnOnce() + Send + 'static) {
        let missing = needs.iter().any(|need| !self.capabilities.has(*need));
        self.left_out += usize::from(missing);
        let trial = Trial::test(name, || within(LIMIT + asked_to_stay(), run));
        self.trials.push(trial.with_ignored_flag(missing));
    }

    /// Runs the scenarios that the command line selects, then `after`.
    pub fn run(self, after: impl FnOnce()) -> ExitCode {
        let mut arguments = Arguments::from_args();
        if arguments.test_threads.is_none() {
            // They wait more than they work. Lent channels are few: their scenarios run one by one.
            let lent = self.capabilities.channels().len();
            let threads = thread::available_parallelism().map_or(2, |threads| threads.get() * 4);
            arguments.test_threads = Some(if lent == 0 { threads } else { 1 });
        }
        if self.left_out > 0 && !arguments.list {
            eprintln!("SKIPPED: {} scenarios need capabilities that this server lacks (ignored below)", self.left_out);
        }
        // One line a failure: where a promise was broken, and how.
        panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string).unwrap_or_default();
            eprintln!("{location}: {}", panic.payload_as_str().unwrap_or_default());
        }));
        let conclusion = libtest_mimic::run(&arguments, self.trials);
        after();
        if conclusion.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// Runs it on a thread of its own, which is left behind if it takes longer: the others go on, and this one has a name.
fn within(limit: Duration, run: impl FnOnce() + Send + 'static) -> Result<(), Failed> {
    let (ended, end) = channel::<()>();
    let running = thread::spawn(move || {
        let _ended = ended; // Dropped at its end, whichever that is.
        run();
    });
    if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        return Err(format!("it has not ended after {} s", limit.as_secs()).into());
    }
    running.join().map_err(|_| Failed::without_message())
}

/// The seconds that `GOLDCREST_LIVE` and `GOLDCREST_SOAK` ask for.
fn asked_to_stay() -> Duration {
    let seconds =
        |name| env::var(name).ok().and_then(|seconds| seconds.parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    seconds("GOLDCREST_LIVE") + seconds("GOLDCREST_SOAK")
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds functions to a [`List`] under the name of their module and their own.
#[macro_export]
macro_rules! promises {
    ($list:ident, $module:literal, $needs:expr, $server:ident, [$($scenario:ident),+ $(,)?]) => {
        $({
            let server = ::std::sync::Arc::clone($server);
            $list.add(concat!($module, "::", stringify!($scenario)), $needs, move || $scenario(&server));
        })+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_passes_fails_or_times_out() {
        assert!(within(LIMIT, || {}).is_ok());
        assert!(within(LIMIT, || panic!("on purpose")).is_err());
        let given_up = within(Duration::from_millis(1), thread::park).unwrap_err();
        assert_eq!(given_up.message(), Some("it has not ended after 0 s"));
    }
}
