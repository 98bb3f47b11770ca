//! The order in which a subscription tries its transports.
//!
//! The first transport is the preferred one. A transport that fails before any event gives way to the next one, and
//! the last to the first. A transport that has worked is kept, and better ones are retried later, at intervals that
//! double after each failure.

/// The state of the fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TransportFallback {
    transports: usize,
    at: usize,
    /// This round began at the first transport, and all failures in it were permanent.
    all_permanent: bool,
    /// Connections in a row that were opened and then stayed silent.
    silent_connections: u8,
    /// Retries of better transports since the first one last worked, up to [`MAX_DOUBLINGS`].
    retries: u8,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureCause {
    /// The network or the server: another transport would fail as well.
    Network,
    /// Perhaps the transport.
    Transport {
        /// Waiting does not help.
        permanent: bool,
    },
}

/// The attempt that follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextAttempt {
    /// The same transport, after a delay.
    Same,
    /// The next transport, at once.
    Next,
    /// The first transport, after a delay.
    First,
    /// None: each transport failed permanently.
    GiveUp,
}

/// So many silent connections in a row count as a failure of the transport.
const MAX_SILENT_CONNECTIONS: u8 = 2;
/// So often the interval doubles: up to sixteen times the first one.
const MAX_DOUBLINGS: u8 = 4;

impl TransportFallback {
    pub(super) const fn new(transports: usize) -> Self {
        Self { transports, at: 0, all_permanent: true, silent_connections: 0, retries: 0 }
    }

    /// The index of the transport to try.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// An attempt has failed.
    pub(super) fn failed(&mut self, cause: FailureCause) -> NextAttempt {
        let FailureCause::Transport { permanent } = cause else {
            self.all_permanent = false;
            return NextAttempt::Same;
        };
        self.silent_connections = 0;
        self.all_permanent &= permanent;
        self.at = self.at.saturating_add(1);
        if self.at < self.transports {
            return NextAttempt::Next;
        }
        self.at = 0;
        let give_up = core::mem::replace(&mut self.all_permanent, true);
        if give_up { NextAttempt::GiveUp } else { NextAttempt::First }
    }

    /// A transport was opened.
    pub(super) fn opened(&mut self) {
        self.all_permanent = false;
    }

    /// The connection is lost; `silent` if no byte arrived on it.
    pub(super) fn lost(&mut self, silent: bool) -> NextAttempt {
        self.silent_connections = if silent { self.silent_connections.saturating_add(1) } else { 0 };
        if !silent && self.at == 0 {
            self.retries = 0;
        }
        if self.silent_connections < MAX_SILENT_CONNECTIONS {
            NextAttempt::Same
        } else {
            self.failed(FailureCause::Transport { permanent: false })
        }
    }

    /// Whether a better transport than the current one exists.
    pub(super) const fn can_retry_better(&self) -> bool {
        self.at > 0
    }

    /// Starts again at the first transport.
    pub(super) fn retry_better(&mut self) {
        (self.at, self.silent_connections) = (0, 0);
        self.retries = self.retries.saturating_add(1).min(MAX_DOUBLINGS);
    }

    /// The factor of the interval until the next retry.
    pub(super) const fn backoff_factor(&self) -> u32 {
        // At most MAX_DOUBLINGS, which the compiler cannot prove for a checked shift.
        1_u32.wrapping_shl(self.retries as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: FailureCause = FailureCause::Transport { permanent: true };
    const BROKEN: FailureCause = FailureCause::Transport { permanent: false };

    #[test]
    fn each_transport_is_tried_until_all_failed_permanently() {
        let mut fallback = TransportFallback::new(3);
        assert_eq!(
            [(); 3].map(|()| fallback.failed(REFUSED)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::GiveUp]
        );
        let mut fallback = TransportFallback::new(3);
        assert_eq!(
            [REFUSED, BROKEN, REFUSED].map(|b| fallback.failed(b)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::First]
        );
        // The next round starts anew.
        assert_eq!(
            [(); 3].map(|()| fallback.failed(REFUSED)),
            [NextAttempt::Next, NextAttempt::Next, NextAttempt::GiveUp]
        );
    }

    #[test]
    fn a_network_failure_keeps_the_transport() {
        let mut fallback = TransportFallback::new(2);
        assert_eq!(fallback.failed(FailureCause::Network), NextAttempt::Same);
        assert_eq!(fallback.at(), 0);
        // A round with a network failure in it is not permanent.
        assert_eq!([(); 2].map(|()| fallback.failed(REFUSED)), [NextAttempt::Next, NextAttempt::First]);
    }

    #[test]
    fn two_silent_connections_change_the_transport() {
        let mut fallback = TransportFallback::new(2);
        fallback.opened();
        assert_eq!(fallback.lost(true), NextAttempt::Same);
        assert_eq!(fallback.lost(false), NextAttempt::Same);
        assert_eq!(fallback.lost(true), NextAttempt::Same);
        assert_eq!(fallback.lost(true), NextAttempt::Next);
        assert!(fallback.can_retry_better());
        fallback.retry_better();
        assert_eq!((fallback.at(), fallback.can_retry_better()), (0, false));
    }

    #[test]
    fn the_retry_factor_doubles_until_the_first_transport_works() {
        let mut fallback = TransportFallback::new(2);
        for factor in [1, 2, 4, 8, 16, 16] {
            assert_eq!(fallback.backoff_factor(), factor);
            let _ = fallback.failed(REFUSED);
            fallback.retry_better();
        }
        // Open is not enough: a proxy may pass the response's head and no events.
        fallback.opened();
        assert_eq!(fallback.backoff_factor(), 16);
        assert_eq!((fallback.lost(true), fallback.backoff_factor()), (NextAttempt::Same, 16));
        assert_eq!((fallback.lost(false), fallback.backoff_factor()), (NextAttempt::Same, 1));
    }

    #[test]
    fn a_round_from_a_later_transport_does_not_give_up() {
        let mut fallback = TransportFallback::new(2);
        let _ = fallback.failed(REFUSED);
        fallback.opened();
        assert_eq!(fallback.failed(REFUSED), NextAttempt::First);
        assert_eq!([(); 2].map(|()| fallback.failed(REFUSED)), [NextAttempt::Next, NextAttempt::GiveUp]);
    }
}
