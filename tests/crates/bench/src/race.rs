//! Codecs against each other in one process: nanoseconds of CPU time for one piece of work.

use crate::contest::Contest;
use crate::options::Options;
use crate::table::{Part, Table};
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::rc::Rc;

/// Seconds of a turn: long enough that the clock's grain does not matter, short enough that a disturbed turn is one of
/// many.
const TURN: f64 = 0.001;

/// A codec that takes part: it does its piece of work once for each call.
pub struct Runner<'a> {
    part: Part,
    name: &'static str,
    work: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Runner<'a> {
    /// Wraps `work`, which panics if it can't be done.
    pub fn new(part: Part, name: &'static str, mut work: impl FnMut() + 'a) -> Self {
        // The loop stands here, beside the work, so that no indirect call is measured.
        let work = move |times| (0..times).for_each(|_| work());
        Self { part, name, work: Box::new(work) }
    }

    /// Like [`new`](Self::new), over a buffer that all runners of a case share, so that none has the better place in
    /// memory. It is borrowed once a turn.
    pub fn on(
        part: Part,
        name: &'static str,
        buffer: &Rc<RefCell<Vec<u8>>>,
        mut work: impl FnMut(&mut [u8]) + 'a,
    ) -> Self {
        let buffer = Rc::clone(buffer);
        let work = move |times| {
            let mut buffer = buffer.borrow_mut();
            (0..times).for_each(|_| work(&mut buffer));
        };
        Self { part, name, work: Box::new(work) }
    }
}

/// Races the runners of each case; the cases have the same runners in the same order.
pub fn race<'a>(
    title: &str,
    unit: &str,
    options: &Options,
    cases: impl IntoIterator<Item = (String, Vec<Runner<'a>>)>,
) -> Option<Table> {
    if !options.wants(title) {
        return None;
    }
    let mut table: Option<Table> = None;
    for (case, mut runners) in cases {
        eprintln!("{title}: {case}");
        let times: Vec<u64> = runners.iter_mut().map(calibrate).collect();
        let contest = Contest::run(runners.len(), options.rounds(101, 15), |runner, _| {
            let begin = thread_seconds();
            (runners[runner].work)(times[runner]);
            Some((thread_seconds() - begin) * 1e9 / times[runner] as f64)
        });
        let names = || runners.iter().map(|runner| (runner.part, runner.name.to_string())).collect();
        table.get_or_insert_with(|| Table::new(title, unit, names())).column(case, contest);
    }
    table
}

/// How many times the work goes into a turn.
fn calibrate(runner: &mut Runner<'_>) -> u64 {
    let mut times = 1;
    loop {
        let begin = thread_seconds();
        (runner.work)(times);
        if thread_seconds() - begin >= TURN {
            return times;
        }
        times *= 2;
    }
}

/// CPU time of this thread, without that of other programs.
fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
