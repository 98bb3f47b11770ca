//! The operations of clients, and whether they are linearizable as operations of a log.
//!
//! Each client records when it began an operation and when it had the response. The history is checked against the definition
//! of a log. Publishes have one order, which their ids name. A reader gets the events after its cursor, in that order and
//! without a hole. An operation that ended before another began is visible to it. That is linearizability, as Porcupine
//! checks it; since the ids name the order, no search is needed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A history under way: any thread notes in it.
#[derive(Debug, Default)]
pub struct History {
    clock: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

/// A moment in the order of all moments of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// A publish of `data`, and the returned sequence number.
    Publish {
        /// The sequence number.
        seq: u64,
        /// The data.
        data: String,
    },
    /// It read.
    Read {
        /// The cursor that it asked with: its sequence number, or `None` for the newest.
        after: Option<u64>,
        /// The reported number of missed events.
        gap: Option<Missed>,
        /// The events that it got: sequence number and data.
        events: Vec<(u64, String)>,
        /// The returned cursor, where all kept events were read: by a poll, or at the beginning of a stream.
        newest: Option<u64>,
    },
}

/// The content of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// So many events.
    Events(u64),
    /// The cursor is of no known event.
    Unknown,
}

#[derive(Clone, Debug)]
struct Operation {
    begin: Moment,
    end: Moment,
    did: Did,
}

/// A violation of the log's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two publications have one sequence number.
    Twice(u64),
    /// No publication has this sequence number, though one has a higher one.
    Hole(u64),
    /// A publication that began after another one was answered stands before it.
    Overtaken(u64, u64),
    /// A reader got an event that was never published, or before its publish began.
    Invented(u64),
    /// A reader got an event with another one's data.
    Altered(u64),
    /// A reader with this cursor got this event next.
    Skipped(u64, u64),
    /// A reader with this cursor got a gap while the log still kept the next event.
    FalseGap(u64),
    /// A reader got this cursor as the newest, although a newer one had been returned before.
    Stale(u64, u64),
}

impl History {
    /// A client begins something.
    pub fn begin(&self) -> Moment {
        Moment(self.clock.fetch_add(1, Ordering::SeqCst))
    }

    /// A client that began at `begin` has its answer.
    pub fn end(&self, begin: Moment, did: Did) {
        let operation = Operation { begin, end: self.begin(), did };
        self.operations.lock().unwrap().push(operation);
    }

    /// How many operations are noted.
    pub fn len(&self) -> usize {
        self.operations.lock().unwrap().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a log that keeps `kept` events can have done all that.
    ///
    /// # Errors
    /// The first [`Violation`] that is found.
    pub fn check(&self, kept: u64) -> Result<(), Violation> {
        let operations = self.operations.lock().unwrap();
        let mut publications = BTreeMap::new();
        for operation in operations.iter() {
            if let Did::Publish { seq, data } = &operation.did
                && publications.insert(*seq, (operation.begin, operation.end, data.as_str())).is_some()
            {
                return Err(Violation::Twice(*seq));
            }
        }
        check_publications(&publications)?;
        // The newest sequence number that had been returned at each moment.
        let mut seen = Vec::new();
        for Operation { end, did, .. } in operations.iter() {
            match did {
                Did::Publish { seq, .. } => seen.push((*end, *seq)),
                Did::Read { events, newest, .. } => {
                    seen.extend(events.last().map(|(seq, _)| (*end, *seq)));
                    seen.extend(newest.map(|newest| (*end, newest)));
                }
            }
        }
        let seen = rising(seen);
        let begun = rising(publications.iter().map(|(seq, (begin, ..))| (*begin, *seq)).collect());
        for Operation { begin, end, did } in operations.iter() {
            let Did::Read { after, gap, events, newest } = did else { continue };
            check_events(&publications, *end, *after, *gap, events)?;
            if let (Some(after), Some(gap)) = (after, gap) {
                // The most events published by the end: they may have overwritten those after the cursor.
                let published = highest_before(&begun, *end);
                let first = match gap {
                    Missed::Events(missed) => after + missed,
                    Missed::Unknown => return Err(Violation::FalseGap(*after)),
                };
                if first + kept > published {
                    return Err(Violation::FalseGap(*after));
                }
            }
            if let Some(newest) = newest {
                let known = highest_before(&seen, *begin);
                if *newest < known {
                    return Err(Violation::Stale(*newest, known));
                }
            }
        }
        Ok(())
    }
}

/// By sequence number: when it began, when it was answered, and the data.
type Publications<'h> = BTreeMap<u64, (Moment, Moment, &'h str)>;

fn check_publications(publications: &Publications<'_>) -> Result<(), Violation> {
    for (expected, seq) in (1..).zip(publications.keys()) {
        if *seq != expected {
            return Err(Violation::Hole(expected));
        }
    }
    // From the end: the earliest answer among those that stand behind.
    let mut earliest: Option<(Moment, u64)> = None;
    for (seq, (begin, end, _)) in publications.iter().rev() {
        if let Some((_, later)) = earliest.filter(|(answered, _)| *answered < *begin) {
            return Err(Violation::Overtaken(*seq, later));
        }
        earliest = Some(earliest.map_or((*end, *seq), |earliest| earliest.min((*end, *seq))));
    }
    Ok(())
}

fn check_events(
    publications: &Publications<'_>,
    end: Moment,
    after: Option<u64>,
    gap: Option<Missed>,
    events: &[(u64, String)],
) -> Result<(), Violation> {
    let missed = if let Some(Missed::Events(missed)) = gap { missed } else { 0 };
    let mut cursor = after.map(|after| after + missed);
    for (seq, data) in events {
        if let Some(cursor) = cursor.filter(|cursor| *seq != cursor + 1) {
            return Err(Violation::Skipped(cursor, *seq));
        }
        cursor = Some(*seq);
        match publications.get(seq) {
            Some((begin, _, published)) if *begin < end => {
                if data != published {
                    return Err(Violation::Altered(*seq));
                }
            }
            _ => return Err(Violation::Invented(*seq)),
        }
    }
    Ok(())
}

/// The same by moments, each with the highest number up to then.
fn rising(mut at: Vec<(Moment, u64)>) -> Vec<(Moment, u64)> {
    at.sort_unstable();
    let mut highest = 0;
    for (_, seq) in &mut at {
        highest = highest.max(*seq);
        *seq = highest;
    }
    at
}

/// The highest number of a moment before `moment`.
fn highest_before(rising: &[(Moment, u64)], moment: Moment) -> u64 {
    let count = rising.partition_point(|(at, _)| *at < moment);
    count.checked_sub(1).map_or(0, |last| rising[last].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A history in which each operation ends before the next one begins.
    fn in_turn(operations: &[Did]) -> Result<(), Violation> {
        let history = History::default();
        for did in operations {
            let begin = history.begin();
            history.end(begin, did.clone());
        }
        assert_eq!(history.len(), operations.len());
        history.check(4)
    }

    fn publish(seq: u64) -> Did {
        Did::Publish { seq, data: seq.to_string() }
    }

    fn read(after: impl Into<Option<u64>>, events: impl IntoIterator<Item = u64>) -> Did {
        let events = events.into_iter().map(|seq| (seq, seq.to_string())).collect();
        Did::Read { after: after.into(), gap: None, events, newest: None }
    }

    fn gap(after: u64, missed: Missed, events: impl IntoIterator<Item = u64>) -> Did {
        let Did::Read { events, .. } = read(after, events) else { unreachable!() };
        Did::Read { after: Some(after), gap: Some(missed), events, newest: None }
    }

    fn poll(after: impl Into<Option<u64>>, events: impl IntoIterator<Item = u64>, newest: u64) -> Did {
        let Did::Read { after, gap, events, .. } = read(after, events) else { unreachable!() };
        Did::Read { after, gap, events, newest: Some(newest) }
    }

    #[test]
    fn a_correct_history_has_no_violation() {
        assert_eq!(in_turn(&[]), Ok(()));
        let published = [1, 2, 3, 4, 5, 6].map(publish);
        for reading in [
            read(0, []),
            read(3, [4, 5]),
            read(None, [5, 6]),
            gap(0, Missed::Events(2), [3, 4]),
            gap(1, Missed::Events(1), []),
            poll(2, [3, 4, 5, 6], 6),
            poll(None, [], 6),
        ] {
            assert_eq!(in_turn(&[&published[..], &[reading]].concat()), Ok(()));
        }
    }

    #[test]
    fn planted_violations_are_found() {
        let published = [1, 2, 3, 4, 5, 6].map(publish);
        for (planted, violation) in [
            (publish(3), Violation::Twice(3)),
            (publish(8), Violation::Hole(7)),
            (read(3, [4, 6]), Violation::Skipped(4, 6)),
            (read(3, [4, 4]), Violation::Skipped(4, 4)),
            (read(3, [5]), Violation::Skipped(3, 5)),
            (read(3, [3, 4]), Violation::Skipped(3, 3)),
            (read(6, [7]), Violation::Invented(7)),
            (gap(2, Missed::Events(1), [4]), Violation::FalseGap(2)),
            (gap(0, Missed::Events(3), [4]), Violation::FalseGap(0)),
            (gap(6, Missed::Unknown, []), Violation::FalseGap(6)),
            (gap(0, Missed::Events(2), [5]), Violation::Skipped(2, 5)),
            (poll(2, [3, 4], 4), Violation::Stale(4, 6)),
            (poll(None, [], 5), Violation::Stale(5, 6)),
            (
                Did::Read { after: Some(1), gap: None, events: vec![(2, "other".to_owned())], newest: None },
                Violation::Altered(2),
            ),
        ] {
            assert_eq!(in_turn(&[&published[..], &[planted]].concat()), Err(violation));
        }
        // Before it was published.
        assert_eq!(in_turn(&[publish(1), read(1, [2]), publish(2)]), Err(Violation::Invented(2)));
        // An event that one reader has received is there for the next, even before its publisher has the response.
        let history = History::default();
        let publishing = history.begin();
        for did in [read(0, [1]), poll(None, [], 0)] {
            let begin = history.begin();
            history.end(begin, did);
        }
        history.end(publishing, publish(1));
        assert_eq!(history.check(4), Err(Violation::Stale(0, 1)));
    }

    #[test]
    fn sequential_publishes_keep_their_order() {
        assert_eq!(in_turn(&[publish(2), publish(1)]), Err(Violation::Overtaken(1, 2)));
        // Those that overlap may stand in any order.
        let history = History::default();
        let (first, second) = (history.begin(), history.begin());
        history.end(first, publish(2));
        history.end(second, publish(1));
        assert_eq!(history.check(4), Ok(()));
    }
}
