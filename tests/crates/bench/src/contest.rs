//! Interleaved rounds, medians, and ratios taken in the same round.

/// The samples of one cell of a table: so many entrants, so many rounds.
#[derive(Clone, Debug)]
pub struct Contest {
    /// By round, then by entrant; `None` where the entrant could not be measured.
    rounds: Vec<Vec<Option<f64>>>,
}

impl Contest {
    /// Calls `measure(entrant, round)` for each entrant in each of the rounds, a round at a time.
    ///
    /// Each round begins with another entrant, so that none always follows the same neighbour. `None` says that there is
    /// no sample, which leaves a gap in the table.
    pub fn run(entrants: usize, rounds: usize, mut measure: impl FnMut(usize, usize) -> Option<f64>) -> Self {
        let one_round = |round| {
            let mut samples = vec![None; entrants];
            for turn in 0..entrants {
                let entrant = (turn + round) % entrants;
                samples[entrant] = measure(entrant, round);
            }
            samples
        };
        Self { rounds: (0..rounds).map(one_round).collect() }
    }

    /// The median of an entrant's samples.
    pub fn median(&self, entrant: usize) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| *round.get(entrant)?).collect())
    }

    /// The median, over the rounds, of one entrant's sample divided by another's of the same round.
    pub fn ratio(&self, above: usize, below: usize) -> Option<f64> {
        median(self.ratios(above, below))
    }

    /// Whether the middle half of these ratios has 1 in it: a difference that the noise of this run does not prove.
    pub fn is_even(&self, above: usize, below: usize) -> bool {
        let mut ratios = self.ratios(above, below);
        ratios.sort_by(f64::total_cmp);
        let quarter = ratios.len() / 4;
        let middle = ratios.get(quarter..ratios.len() - quarter).unwrap_or_default();
        middle.first().is_some_and(|least| *least <= 1.0) && middle.last().is_some_and(|most| *most >= 1.0)
    }

    fn ratios(&self, above: usize, below: usize) -> Vec<f64> {
        let ratios = self.rounds.iter().filter_map(|round| Some((*round.get(above)?)? / (*round.get(below)?)?));
        ratios.filter(|ratio| ratio.is_finite()).collect()
    }
}

fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    match samples.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(samples[middle]),
        _ => Some((samples[middle - 1] + samples[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entrant_runs_once_a_round_and_leads_in_turn() {
        let mut order = Vec::new();
        Contest::run(3, 3, |entrant, round| {
            order.push((round, entrant));
            None
        });
        assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 0), (2, 2), (2, 0), (2, 1)]);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let contest = Contest::run(1, 4, |_, round| Some([4.0, 1.0, 3.0, 2.0][round]));
        assert_eq!(contest.median(0), Some(2.5));
    }

    #[test]
    fn ratios_pair_the_samples_of_one_round() {
        // The second entrant is always twice as slow, though the medians over all rounds say otherwise.
        let drift = [1.0, 100.0, 10.0];
        let contest = Contest::run(2, 3, |entrant, round| Some(drift[round] * (entrant + 1) as f64));
        assert_eq!(contest.ratio(1, 0), Some(2.0));
    }

    #[test]
    fn ratios_on_both_sides_of_one_are_even_and_outliers_do_not_make_them_so() {
        let even = [0.9, 1.02, 1.05, 0.97, 1.1];
        let behind = [0.5, 1.02, 1.05, 1.03, 1.1];
        let contest = |ratios: [f64; 5]| Contest::run(2, 5, move |entrant, round| Some([ratios[round], 1.0][entrant]));
        assert!(contest(even).is_even(0, 1));
        assert!(!contest(behind).is_even(0, 1));
    }

    #[test]
    fn an_entrant_that_could_not_be_measured_has_neither_median_nor_ratio() {
        let contest = Contest::run(2, 3, |entrant, _| (entrant == 0).then_some(1.0));
        assert_eq!((contest.median(1), contest.ratio(0, 1)), (None, None));
    }
}
