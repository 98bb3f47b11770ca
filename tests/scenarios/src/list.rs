//! Scenarios by name, and what each needs.

use std::panic;
use std::process::ExitCode;
use std::thread;

use libtest_mimic::{Arguments, Trial};

use crate::{Capabilities, Need};

/// The scenarios of a test binary. What the server cannot do is listed as ignored, and said aloud.
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

    /// Adds a scenario, which fails by a panic.
    pub fn add(&mut self, name: impl Into<String>, needs: &[Need], run: impl FnOnce() + Send + 'static) {
        let missing = needs.iter().any(|need| !self.capabilities.has(*need));
        self.left_out += usize::from(missing);
        let trial = Trial::test(name, || {
            run();
            Ok(())
        });
        self.trials.push(trial.with_ignored_flag(missing));
    }

    /// Runs what the command line asks for; `after` has the last word.
    pub fn run(self, after: impl FnOnce()) -> ExitCode {
        let mut arguments = Arguments::from_args();
        if arguments.test_threads.is_none() {
            // They wait more than they work. Lent channels are few: their scenarios run one by one.
            let lent = self.capabilities.channels().len();
            let threads = thread::available_parallelism().map_or(2, |threads| threads.get() * 4);
            arguments.test_threads = Some(if lent == 0 { threads } else { 1 });
        }
        if self.left_out > 0 && !arguments.list {
            eprintln!("SKIPPED: {} scenarios need what this server cannot do (they are ignored below)", self.left_out);
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
