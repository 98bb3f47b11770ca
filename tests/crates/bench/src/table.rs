//! The result as a Markdown table.

use crate::contest::Contest;
use std::fmt;

/// The part of an entrant in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The subject. A table has at most one row of it that counts: the first.
    Ours,
    /// A competitor.
    Peer,
    /// A bound for all: a copy, a hand-written loop. Shown, but neither beaten nor lost to.
    Bound,
}

/// Lower is better: a table of [`Contest`]s, an entrant a row, a case a column.
///
/// Each cell is the median and, in brackets, how many times ours that is (the median of the ratios of each round). Below
/// stand ours against the best peer of each column, and against the bounds.
#[derive(Debug)]
pub struct Table {
    title: String,
    unit: String,
    entrants: Vec<(Part, String)>,
    columns: Vec<(String, Contest)>,
}

impl Table {
    /// An empty table; `unit` names the figures' unit, lower being better.
    pub fn new(title: impl Into<String>, unit: impl Into<String>, entrants: Vec<(Part, String)>) -> Self {
        Self { title: title.into(), unit: unit.into(), entrants, columns: Vec::new() }
    }

    /// Adds a case. The contest's entrants are in the order of the table's.
    pub fn column(&mut self, title: impl Into<String>, contest: Contest) {
        self.columns.push((title.into(), contest));
    }

    fn ours(&self) -> Option<usize> {
        self.entrants.iter().position(|(part, _)| *part == Part::Ours)
    }

    fn cell(&self, entrant: usize, contest: &Contest) -> String {
        let Some(median) = contest.median(entrant) else { return "–".into() };
        match self.ours().filter(|ours| *ours != entrant).and_then(|ours| contest.ratio(entrant, ours)) {
            Some(ratio) => format!("{} ({})", figure(median), figure(ratio)),
            None => figure(median),
        }
    }

    /// Ours against the peer with the lowest median; "even" if this run's noise is greater than the difference.
    fn verdict(&self, contest: &Contest) -> String {
        let peers = self.entrants.iter().enumerate().filter(|(_, (part, _))| *part == Part::Peer);
        let medians = peers.filter_map(|(at, (_, name))| Some((contest.median(at)?, at, name)));
        let best = medians.min_by(|one, other| one.0.total_cmp(&other.0));
        let Some((_, best, name)) = best else { return "–".into() };
        match self.ours().and_then(|ours| contest.ratio(ours, best)) {
            Some(ratio) if self.ours().is_some_and(|ours| contest.is_even(ours, best)) => {
                format!("{} even with {name}", figure(ratio))
            }
            Some(ratio) if ratio > 1.0 => format!("**{} BEHIND** {name}", figure(ratio)),
            Some(ratio) => format!("**{}** {name}", figure(ratio)),
            None => "–".into(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n{} (× ours); lower is better\n", self.title, self.unit)?;
        let mut row = |name: &str, cells: Vec<String>| writeln!(f, "| {name} | {} |", cells.join(" | "));
        row("", self.columns.iter().map(|(title, _)| title.clone()).collect())?;
        row("---", self.columns.iter().map(|_| "---".into()).collect())?;
        for (at, (_, name)) in self.entrants.iter().enumerate() {
            row(name, self.columns.iter().map(|(_, contest)| self.cell(at, contest)).collect())?;
        }
        let Some(ours) = self.ours() else { return Ok(()) };
        if self.entrants.iter().any(|(part, _)| *part == Part::Peer) {
            row("**ours / best peer**", self.columns.iter().map(|(_, contest)| self.verdict(contest)).collect())?;
        }
        for (at, (part, name)) in self.entrants.iter().enumerate() {
            if *part == Part::Bound {
                let against = |contest: &Contest| contest.ratio(ours, at).map_or("–".into(), figure);
                row(&format!("ours / {name}"), self.columns.iter().map(|(_, contest)| against(contest)).collect())?;
            }
        }
        Ok(())
    }
}

/// Three digits that matter, without an exponent.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(ours: f64) -> String {
        let entrants = vec![
            (Part::Ours, "ours".into()),
            (Part::Peer, "slow".into()),
            (Part::Peer, "quick".into()),
            (Part::Bound, "floor".into()),
        ];
        let mut table = Table::new("A title", "ns", entrants);
        table.column("16 B", Contest::run(4, 3, |entrant, _| Some([ours, 40.0, 10.0, 4.0][entrant])));
        table.to_string()
    }

    #[test]
    fn a_lead_over_the_best_peer_is_a_ratio() {
        let seen = table(5.0);
        assert!(seen.contains("| quick | 10.0 (2.00) |"), "{seen}");
        assert!(seen.contains("| **ours / best peer** | **0.50** quick |"), "{seen}");
        assert!(seen.contains("| ours / floor | 1.25 |"), "{seen}");
        assert!(!seen.contains("BEHIND"), "{seen}");
    }

    #[test]
    fn being_behind_is_said() {
        assert!(table(12.0).contains("**1.20 BEHIND** quick"));
    }

    #[test]
    fn an_entrant_without_samples_leaves_a_gap_and_no_verdict() {
        let mut table = Table::new("", "", vec![(Part::Ours, "ours".into()), (Part::Peer, "peer".into())]);
        table.column("c", Contest::run(2, 1, |entrant, _| (entrant == 1).then_some(1.0)));
        let seen = table.to_string();
        assert!(seen.contains("| ours | – |") && seen.contains("| **ours / best peer** | – |"), "{seen}");
    }
}
