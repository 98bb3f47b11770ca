//! When to ping, and when to give a silent peer up: policy as data, time passed in.
//!
//! ```
//! use core::time::Duration;
//! use goldcrest_core::time::Instant;
//! use goldcrest_core::ws::keep_alive::{KeepAliveConfig, KeepAliveAction, KeepAlive};
//!
//! let policy = KeepAliveConfig { ping_interval: Duration::from_secs(25), pong_deadline: Duration::from_secs(20) };
//! let second = |seconds: u64| Instant::from_millis(seconds * 1_000);
//! let mut pulse = KeepAlive::new(policy, second(0));
//! assert_eq!(pulse.deadline(), second(25));
//!
//! let KeepAliveAction::Ping(payload) = pulse.tick(second(25)) else { panic!("25 s of silence") };
//! assert_eq!(pulse.deadline(), second(45));
//! assert_eq!(pulse.pong(payload, second(26)), Some(Duration::from_secs(1))); // the round trip
//! assert_eq!(pulse.deadline(), second(51));
//!
//! assert!(matches!(pulse.tick(second(51)), KeepAliveAction::Ping(_)));
//! assert_eq!(pulse.tick(second(71)), KeepAliveAction::TimedOut);
//! ```

use core::time::Duration;

use super::connection::PingPayload;
use crate::time::Instant;

/// How long a peer may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAliveConfig {
    /// Silence of the peer after which it is pinged. [`Duration::MAX`] never pings.
    pub ping_interval: Duration,
    /// Silence after that ping which says that the peer is gone.
    pub pong_deadline: Duration,
}

impl KeepAliveConfig {
    /// A ping every 25 seconds, since many proxies close a connection that is idle for 30, and 20 seconds for the pong.
    pub const DEFAULT: Self = Self { ping_interval: Duration::from_secs(25), pong_deadline: Duration::from_secs(20) };
}

impl Default for KeepAliveConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The next action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum KeepAliveAction {
    /// Nothing before [`KeepAlive::deadline`].
    Wait,
    /// Send a ping with this payload ([`Connection::ping`](super::connection::Connection::ping)).
    Ping(PingPayload),
    /// The peer is gone: abort the connection. Said again at each tick.
    TimedOut,
}

/// The heartbeat of one connection.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// The policy in milliseconds, since every connection has one; [`u32::MAX`] is never.
    ping_interval: u32,
    pong_deadline: u32,
    received: Instant,
    /// When the last ping left.
    sent: Instant,
    /// Which ping that was.
    number: u32,
    /// Nothing was heard after it.
    waiting: bool,
}

impl KeepAlive {
    /// Begins at `now`, when the connection opened.
    pub const fn new(policy: KeepAliveConfig, now: Instant) -> Self {
        Self {
            ping_interval: millis(policy.ping_interval),
            pong_deadline: millis(policy.pong_deadline),
            received: now,
            sent: now,
            number: 0,
            waiting: false,
        }
    }

    /// The peer sent bytes of any kind, so it is alive.
    pub fn heard(&mut self, now: Instant) {
        self.received = now;
        self.waiting = false;
    }

    /// A pong came: how long its ping was under way, if it answers our last one.
    pub fn pong(&mut self, payload: PingPayload, now: Instant) -> Option<Duration> {
        self.heard(now);
        (self.number > 0 && payload == self.payload()).then(|| now.since(self.sent))
    }

    /// The action at `now`. Call it at [`Self::deadline`]; earlier calls have no effect.
    pub fn tick(&mut self, now: Instant) -> KeepAliveAction {
        // A clock that was set back is no reason to wait for longer.
        (self.received, self.sent) = (self.received.min(now), self.sent.min(now));
        if now < self.deadline() {
            return KeepAliveAction::Wait;
        }
        if self.waiting {
            return KeepAliveAction::TimedOut;
        }
        self.waiting = true;
        self.sent = now;
        self.number = self.number.wrapping_add(1).max(1);
        KeepAliveAction::Ping(self.payload())
    }

    /// When [`Self::tick`] has to be called next. Later each time something is heard.
    pub fn deadline(&self) -> Instant {
        let (since, time) =
            if self.waiting { (self.sent, self.pong_deadline) } else { (self.received, self.ping_interval) };
        if time == u32::MAX { Instant::MAX } else { since.after(time.into()) }
    }

    fn payload(&self) -> PingPayload {
        PingPayload::new(&self.number.to_be_bytes())
    }
}

/// Whole milliseconds, at most 49 days. A longer time counts as never.
const fn millis(time: Duration) -> u32 {
    let millis = crate::time::millis(time);
    if millis < u32::MAX as u64 { millis as u32 } else { u32::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: KeepAliveConfig =
        KeepAliveConfig { ping_interval: Duration::from_millis(100), pong_deadline: Duration::from_millis(30) };

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn anything_heard_is_life() {
        let mut pulse = KeepAlive::new(POLICY, at(0));
        pulse.heard(at(60));
        assert_eq!(pulse.tick(at(100)), KeepAliveAction::Wait);
        assert!(matches!(pulse.tick(at(160)), KeepAliveAction::Ping(_)));
        pulse.heard(at(189)); // data, not a pong
        assert_eq!(pulse.tick(at(190)), KeepAliveAction::Wait);
        assert_eq!(pulse.deadline(), at(289));
    }

    #[test]
    fn one_ping_a_silence_and_then_the_end() {
        let mut pulse = KeepAlive::new(POLICY, at(0));
        assert!(matches!(pulse.tick(at(100)), KeepAliveAction::Ping(_)));
        assert_eq!(pulse.tick(at(129)), KeepAliveAction::Wait);
        assert_eq!(pulse.tick(at(130)), KeepAliveAction::TimedOut);
        assert_eq!(pulse.tick(at(131)), KeepAliveAction::TimedOut);
    }

    #[test]
    fn a_late_tick_gives_the_peer_its_whole_time() {
        let mut pulse = KeepAlive::new(POLICY, at(0));
        assert!(matches!(pulse.tick(at(5_000)), KeepAliveAction::Ping(_)));
        assert_eq!(pulse.deadline(), at(5_030));
    }

    #[test]
    fn each_ping_differs_from_the_previous_one() {
        let mut pulse = KeepAlive::new(POLICY, at(0));
        let KeepAliveAction::Ping(first) = pulse.tick(at(100)) else { panic!() };
        pulse.heard(at(101));
        let KeepAliveAction::Ping(second) = pulse.tick(at(201)) else { panic!() };
        assert_ne!(first, second);
        assert_eq!(pulse.pong(first, at(205)), None);
        assert_eq!(pulse.pong(second, at(206)), Some(Duration::from_millis(5)));
        assert_eq!(KeepAlive::new(POLICY, at(0)).pong(PingPayload::new(&[0; 4]), at(9)), None);
    }

    #[test]
    fn a_clock_that_jumps_back_extends_no_deadline() {
        let mut pulse = KeepAlive::new(POLICY, at(1_000_000));
        assert_eq!(pulse.tick(at(5)), KeepAliveAction::Wait);
        assert_eq!(pulse.deadline(), at(105));
        assert!(matches!(pulse.tick(at(105)), KeepAliveAction::Ping(_)));
        assert_eq!(pulse.tick(at(1)), KeepAliveAction::Wait);
        assert_eq!(pulse.deadline(), at(31));
        assert_eq!(pulse.tick(at(31)), KeepAliveAction::TimedOut);
    }

    #[test]
    fn a_clock_that_is_set_forward_pings_before_it_gives_up() {
        let mut pulse = KeepAlive::new(POLICY, at(0));
        let KeepAliveAction::Ping(ping) = pulse.tick(at(1 << 60)) else { panic!() };
        assert_eq!(pulse.tick(at((1 << 60) + 29)), KeepAliveAction::Wait);
        assert_eq!(pulse.pong(ping, at(7)), Some(Duration::ZERO), "an answer from before its question");
    }

    #[test]
    fn near_the_last_instant_no_peer_times_out() {
        let mut pulse = KeepAlive::new(POLICY, at(u64::MAX - 50));
        assert_eq!(pulse.deadline(), Instant::MAX);
        assert_eq!(pulse.tick(at(u64::MAX - 1)), KeepAliveAction::Wait);
    }

    #[test]
    fn the_number_of_a_ping_starts_over_without_a_zero() {
        let mut pulse = KeepAlive { number: u32::MAX, ..KeepAlive::new(POLICY, at(0)) };
        assert_eq!(pulse.tick(at(100)), KeepAliveAction::Ping(PingPayload::new(&[0, 0, 0, 1])));
    }

    #[test]
    fn an_interval_without_end_never_pings() {
        let policy = KeepAliveConfig { ping_interval: Duration::MAX, ..POLICY };
        let mut pulse = KeepAlive::new(policy, at(7));
        assert_eq!(pulse.deadline(), Instant::MAX);
        assert_eq!(pulse.tick(at(u64::MAX - 1)), KeepAliveAction::Wait);
    }
}
