//! Which transport is to be tried next.
//!
//! The transports are the rungs of a ladder, the preferred one on top. One that fails before anything came gives way to
//! the next; from the last it goes back to the top. One that has worked is stayed with, and the top is tried again later,
//! rarer each time that it was in vain.

/// Where on the ladder a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransportFallback {
    transports: usize,
    at: usize,
    /// This round began at the top, and nothing that failed in it may come right by waiting.
    all_permanent: bool,
    /// Connections in a row that were opened and then brought nothing.
    silent_connections: u8,
    /// Climbs since the top one last brought anything, up to [`LONGEST`].
    retries: u8,
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
pub(super) enum NextAttempt {
    /// Try this one again after a delay.
    Same,
    /// Try the next one at once.
    Next,
    /// Begin at the top after a delay.
    First,
    /// Every one of them was refused for good.
    GiveUp,
}

/// So many mute connections in a row are taken as a failure of the transport.
const MAX_SILENT_CONNECTIONS: u8 = 2;
/// So often the time until the next climb doubles: up to sixteen times as long.
const MAX_DOUBLINGS: u8 = 4;

impl TransportFallback {
    pub(super) const fn new(transports: usize) -> Self {
        Self { transports, at: 0, all_permanent: true, silent_connections: 0, retries: 0 }
    }

    /// The rung to try.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// An attempt came to nothing.
    pub(super) fn failed(&mut self, blame: FailureCause) -> NextAttempt {
        let FailureCause::Transport { hopeless } = blame else {
            self.all_permanent = false;
            return NextAttempt::Same;
        };
        self.silent_connections = 0;
        self.all_permanent &= hopeless;
        self.at = self.at.saturating_add(1);
        if self.at < self.transports {
            return NextAttempt::Next;
        }
        self.at = 0;
        let over = core::mem::replace(&mut self.all_permanent, true);
        if over { NextAttempt::GiveUp } else { NextAttempt::First }
    }

    /// A transport answered as it should.
    pub(super) fn opened(&mut self) {
        self.all_permanent = false;
    }

    /// What was open is lost; `mute` where nothing ever came over it.
    pub(super) fn lost(&mut self, mute: bool) -> NextAttempt {
        self.silent_connections = if mute { self.silent_connections.saturating_add(1) } else { 0 };
        if !mute && self.at == 0 {
            self.retries = 0;
        }
        if self.silent_connections < MAX_SILENT_CONNECTIONS {
            NextAttempt::Same
        } else {
            self.failed(FailureCause::Transport { hopeless: false })
        }
    }

    /// Whether there are better ones than the present.
    pub(super) const fn can_retry_better(&self) -> bool {
        self.at > 0
    }

    /// Begins at the top again.
    pub(super) fn retry_better(&mut self) {
        (self.at, self.silent_connections) = (0, 0);
        self.retries = self.retries.saturating_add(1).min(MAX_DOUBLINGS);
    }

    /// How many times as long as the first climb the next one is waited for.
    pub(super) const fn backoff_factor(&self) -> u32 {
        // At most LONGEST, which a checked shift does not know.
        1_u32.wrapping_shl(self.retries as u32)
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
        assert_eq!(
            [(); 3].map(|()| ladder.failed(REFUSED)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::GiveUp]
        );
        let mut ladder = TransportFallback::new(3);
        assert_eq!(
            [REFUSED, BROKEN, REFUSED].map(|b| ladder.failed(b)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::First]
        );
        // The next round is judged by itself.
        assert_eq!(
            [(); 3].map(|()| ladder.failed(REFUSED)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::GiveUp]
        );
    }

    #[test]
    fn the_network_is_no_reason_to_try_another() {
        let mut ladder = TransportFallback::new(2);
        assert_eq!(ladder.failed(FailureCause::Network), NextAttempt::Same);
        assert_eq!(ladder.at(), 0);
        // Nor is a round with a network failure in it hopeless.
        assert_eq!([(); 2].map(|()| ladder.failed(REFUSED)), [NextAttempt::Next, NextAttempt::First]);
    }

    #[test]
    fn what_has_worked_is_stayed_with_until_it_is_mute_twice() {
        let mut ladder = TransportFallback::new(2);
        ladder.opened();
        assert_eq!(ladder.lost(true), NextAttempt::Same);
        assert_eq!(ladder.lost(false), NextAttempt::Same);
        assert_eq!(ladder.lost(true), NextAttempt::Same);
        assert_eq!(ladder.lost(true), NextAttempt::Next);
        assert!(ladder.can_retry_better());
        ladder.retry_better();
        assert_eq!((ladder.at(), ladder.can_retry_better()), (0, false));
    }

    #[test]
    fn climbs_are_waited_for_twice_as_long_each_time_until_one_is_worth_it() {
        let mut ladder = TransportFallback::new(2);
        for patience in [1, 2, 4, 8, 16, 16] {
            assert_eq!(ladder.backoff_factor(), patience);
            let _ = ladder.failed(REFUSED);
            ladder.retry_better();
        }
        // Open is not enough: what is between may let the answer pass and nothing after it.
        ladder.opened();
        assert_eq!(ladder.backoff_factor(), 16);
        assert_eq!((ladder.lost(true), ladder.backoff_factor()), (NextAttempt::Same, 16));
        assert_eq!((ladder.lost(false), ladder.backoff_factor()), (NextAttempt::Same, 1));
    }

    #[test]
    fn a_round_that_began_below_the_top_is_never_the_end() {
        let mut ladder = TransportFallback::new(2);
        let _ = ladder.failed(REFUSED);
        ladder.opened();
        assert_eq!(ladder.failed(REFUSED), NextAttempt::First);
        assert_eq!([(); 2].map(|()| ladder.failed(REFUSED)), [NextAttempt::Next, NextAttempt::GiveUp]);
    }
}
