//! Which transport is to be tried next.
//!
//! The transports are the rungs of a ladder, the preferred one on top. One that fails before anything came gives way to
//! the next; from the last it goes back to the top. One that has worked is stayed with, and the top is tried again later,
//! rarer each time that it was in vain.

/// Where on the ladder a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransportFallback {
    rungs: usize,
    at: usize,
    /// This round began at the top, and nothing that failed in it may come right by waiting.
    hopeless: bool,
    /// Connections in a row that were opened and then brought nothing.
    mute: u8,
    /// Climbs since the top one last brought anything, up to [`LONGEST`].
    climbs: u8,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// The network's or the server's: another transport would not fare better.
    Network,
    /// The transport's, perhaps.
    Transport {
        /// Waiting will not help.
        hopeless: bool,
    },
}

/// What is to be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Try this one again after a delay.
    Stay,
    /// Try the next one at once.
    Next,
    /// Begin at the top after a delay.
    Around,
    /// Every one of them was refused for good.
    Over,
}

/// So many mute connections in a row are taken as a failure of the transport.
const MUTE: u8 = 2;
/// So often the time until the next climb doubles: up to sixteen times as long.
const LONGEST: u8 = 4;

impl TransportFallback {
    pub(super) const fn new(rungs: usize) -> Self {
        Self { rungs, at: 0, hopeless: true, mute: 0, climbs: 0 }
    }

    /// The rung to try.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// An attempt came to nothing.
    pub(super) fn failed(&mut self, blame: FailureCause) -> Move {
        let FailureCause::Transport { hopeless } = blame else {
            self.hopeless = false;
            return Move::Stay;
        };
        self.mute = 0;
        self.hopeless &= hopeless;
        self.at = self.at.saturating_add(1);
        if self.at < self.rungs {
            return Move::Next;
        }
        self.at = 0;
        let over = core::mem::replace(&mut self.hopeless, true);
        if over { Move::Over } else { Move::Around }
    }

    /// A transport answered as it should.
    pub(super) fn opened(&mut self) {
        self.hopeless = false;
    }

    /// What was open is lost; `mute` where nothing ever came over it.
    pub(super) fn lost(&mut self, mute: bool) -> Move {
        self.mute = if mute { self.mute.saturating_add(1) } else { 0 };
        if !mute && self.at == 0 {
            self.climbs = 0;
        }
        if self.mute < MUTE { Move::Stay } else { self.failed(FailureCause::Transport { hopeless: false }) }
    }

    /// Whether there are better ones than the present.
    pub(super) const fn can_retry_better(&self) -> bool {
        self.at > 0
    }

    /// Begins at the top again.
    pub(super) fn retry_better(&mut self) {
        (self.at, self.mute) = (0, 0);
        self.climbs = self.climbs.saturating_add(1).min(LONGEST);
    }

    /// How many times as long as the first climb the next one is waited for.
    pub(super) const fn patience(&self) -> u32 {
        // At most LONGEST, which a checked shift does not know.
        1_u32.wrapping_shl(self.climbs as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: FailureCause = FailureCause::Transport { hopeless: true };
    const BROKEN: FailureCause = FailureCause::Transport { hopeless: false };

    #[test]
    fn each_is_tried_in_turn_and_refusals_all_round_are_the_end() {
        let mut ladder = TransportFallback::new(3);
        assert_eq!([(); 3].map(|()| ladder.failed(REFUSED)), [Move::Next, Move::Next, Move::Over]);
        let mut ladder = TransportFallback::new(3);
        assert_eq!([REFUSED, BROKEN, REFUSED].map(|b| ladder.failed(b)), [Move::Next, Move::Next, Move::Around]);
        // The next round is judged by itself.
        assert_eq!([(); 3].map(|()| ladder.failed(REFUSED)), [Move::Next, Move::Next, Move::Over]);
    }

    #[test]
    fn the_network_is_no_reason_to_try_another() {
        let mut ladder = TransportFallback::new(2);
        assert_eq!(ladder.failed(FailureCause::Network), Move::Stay);
        assert_eq!(ladder.at(), 0);
        // Nor is a round with a network failure in it hopeless.
        assert_eq!([(); 2].map(|()| ladder.failed(REFUSED)), [Move::Next, Move::Around]);
    }

    #[test]
    fn what_has_worked_is_stayed_with_until_it_is_mute_twice() {
        let mut ladder = TransportFallback::new(2);
        ladder.opened();
        assert_eq!(ladder.lost(true), Move::Stay);
        assert_eq!(ladder.lost(false), Move::Stay);
        assert_eq!(ladder.lost(true), Move::Stay);
        assert_eq!(ladder.lost(true), Move::Next);
        assert!(ladder.can_retry_better());
        ladder.retry_better();
        assert_eq!((ladder.at(), ladder.can_retry_better()), (0, false));
    }

    #[test]
    fn climbs_are_waited_for_twice_as_long_each_time_until_one_is_worth_it() {
        let mut ladder = TransportFallback::new(2);
        for patience in [1, 2, 4, 8, 16, 16] {
            assert_eq!(ladder.patience(), patience);
            let _ = ladder.failed(REFUSED);
            ladder.retry_better();
        }
        // Open is not enough: what is between may let the answer pass and nothing after it.
        ladder.opened();
        assert_eq!(ladder.patience(), 16);
        assert_eq!((ladder.lost(true), ladder.patience()), (Move::Stay, 16));
        assert_eq!((ladder.lost(false), ladder.patience()), (Move::Stay, 1));
    }

    #[test]
    fn a_round_that_began_below_the_top_is_never_the_end() {
        let mut ladder = TransportFallback::new(2);
        let _ = ladder.failed(REFUSED);
        ladder.opened();
        assert_eq!(ladder.failed(REFUSED), Move::Around);
        assert_eq!([(); 2].map(|()| ladder.failed(REFUSED)), [Move::Next, Move::Over]);
    }
}
