//! A coarse clock, and alarms.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use goldcrest_core::io::{Clock, Timer};
use goldcrest_core::time::Instant;

/// The alarms of a thread, and the time of its turn: the system's clock is read once a turn.
#[derive(Clone)]
pub(crate) struct Alarms(Rc<Inner>);

struct Inner {
    start: std::time::Instant,
    now: Cell<Instant>,
    armed: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next_number: Cell<u64>,
}

impl Alarms {
    pub(super) fn new() -> Self {
        let start = std::time::Instant::now();
        let inner = Inner {
            start,
            now: Cell::new(Instant::from_millis(0)),
            armed: RefCell::default(),
            next_number: Cell::new(0),
        };
        Self(Rc::new(inner))
    }

    /// How long until the next alarm is due.
    pub(super) fn next(&self) -> Option<Duration> {
        let armed = self.0.armed.borrow();
        let ((deadline, _), _) = armed.first_key_value()?;
        self.read_clock();
        Some(deadline.since(self.0.now.get()))
    }

    /// Reads the clock, and wakes the tasks of expired deadlines.
    pub(super) fn tick(&self) {
        self.read_clock();
        let due = (self.0.now.get(), u64::MAX);
        loop {
            let mut armed = self.0.armed.borrow_mut();
            let Some(entry) = armed.first_entry().filter(|entry| *entry.key() <= due) else { break };
            let waker = entry.remove();
            drop(armed);
            waker.wake();
        }
    }

    pub(super) fn wake_all(&self) {
        for waker in self.0.armed.borrow().values() {
            waker.wake_by_ref();
        }
    }

    fn read_clock(&self) {
        let millis = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.now.set(Instant::from_millis(millis));
    }
}

/// The clock of a thread.
#[derive(Clone)]
pub struct CoarseClock(pub(crate) Alarms);

impl Clock for CoarseClock {
    type Timer = Alarm;

    fn now(&self) -> Instant {
        self.0.0.now.get()
    }

    fn timer(&self) -> Alarm {
        Alarm { alarms: self.0.clone(), armed: None }
    }
}

/// An alarm. A deadline that moves later leaves it armed as it was: it rings early once, and is armed anew.
pub struct Alarm {
    alarms: Alarms,
    armed: Option<(Instant, u64)>,
}

impl Alarm {
    fn disarm(&mut self) {
        if let Some(key) = self.armed.take() {
            self.alarms.0.armed.borrow_mut().remove(&key);
        }
    }
}

impl Timer for Alarm {
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let alarms = Rc::clone(&self.alarms.0);
        if alarms.now.get() >= deadline {
            return Poll::Ready(());
        }
        let mut armed = alarms.armed.borrow_mut();
        if let Some(key) = self.armed.filter(|(at, _)| *at <= deadline)
            && let Some(waker) = armed.get_mut(&key)
        {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        drop(armed);
        self.disarm();
        if deadline < Instant::MAX {
            let key = (deadline, alarms.next_number.get());
            alarms.next_number.set(key.1.wrapping_add(1));
            alarms.armed.borrow_mut().insert(key, cx.waker().clone());
            self.armed = Some(key);
        }
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.disarm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_at_the_last_instant_is_armed_and_a_later_one_is_not() {
        let clock = CoarseClock(Alarms::new());
        let mut cx = Context::from_waker(Waker::noop());
        let mut never = clock.timer();
        assert!(never.poll_until(&mut cx, clock.now() + Duration::MAX).is_pending());
        assert!(clock.0.next().is_none());
        let mut last = clock.timer();
        assert!(last.poll_until(&mut cx, Instant::from_millis(u64::MAX - 1)).is_pending());
        assert!(clock.0.next().unwrap() > Duration::from_millis(u64::MAX / 2));
        clock.0.tick();
        assert_eq!(clock.0.0.armed.borrow().len(), 1);
        // The one that was armed before it moves to never.
        assert!(last.poll_until(&mut cx, Instant::MAX).is_pending());
        assert!(last.poll_until(&mut cx, clock.now()).is_ready());
    }

    #[test]
    fn timers_of_one_instant_all_expire_when_numbers_wrap() {
        struct Rung(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Rung {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let clock = CoarseClock(Alarms::new());
        clock.0.0.next_number.set(u64::MAX);
        let rung = std::sync::Arc::new(Rung(Default::default()));
        let waker = Waker::from(std::sync::Arc::clone(&rung));
        let soon = clock.now() + Duration::from_millis(1);
        let mut alarms: Vec<_> = (0..3).map(|_| clock.timer()).collect();
        for alarm in &mut alarms {
            assert!(alarm.poll_until(&mut Context::from_waker(&waker), soon).is_pending());
        }
        while clock.now() < soon {
            clock.0.tick();
        }
        assert_eq!(rung.0.load(std::sync::atomic::Ordering::Relaxed), 3);
    }

    #[test]
    fn a_postponed_timer_is_armed_once_and_expires_in_time() {
        let clock = CoarseClock(Alarms::new());
        let mut alarm = clock.timer();
        let mut cx = Context::from_waker(Waker::noop());
        let now = clock.now();
        let first = now + Duration::from_millis(40);
        assert!(alarm.poll_until(&mut cx, first).is_pending());
        assert!(alarm.poll_until(&mut cx, now + Duration::from_secs(9)).is_pending());
        assert_eq!(clock.0.0.armed.borrow().len(), 1);
        assert_eq!(clock.0.0.armed.borrow().first_key_value().unwrap().0.0, first);
        // A deadline that moves earlier is armed anew.
        assert!(alarm.poll_until(&mut cx, now + Duration::from_millis(20)).is_pending());
        assert_eq!(clock.0.0.armed.borrow().len(), 1);
        assert!(clock.0.next().unwrap() <= Duration::from_millis(20));
        assert!(alarm.poll_until(&mut cx, now).is_ready());
        drop(alarm);
        assert!(clock.0.next().is_none());
    }
}
