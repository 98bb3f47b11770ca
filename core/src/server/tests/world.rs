//! A runtime whose time is a number, and an executor that polls what was woken, in turn.

use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::vec;
use std::vec::Vec;

use core::future::Future;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;

use super::client::Client;
use crate::format::Transport;
use crate::hub::{Channel, StaticHub};
use crate::hub_http::{HubMetrics, RequestMetrics};
use crate::io::{Clock, Pipe, PipeEnd, Timer};
use crate::log::EventLog;
use crate::server::{BufferKind, Disconnect, Exchange, Handler, Runtime, ServerConfig, serve};
use crate::time::Instant;

macro_rules! rings {
    ($($size:literal)*) => {
        [$(|| keep(Pipe::<$size>::new()).ends()),*]
    };
}

/// How often a connection may look at the clock in one poll before it counts as caught in a loop.
const SPIN: usize = 200_000;

pub(crate) type TestHub = StaticHub<NoopRawMutex, Vec<u8>, 2, 4>;

pub(crate) const EPOCH: u32 = 0xabc;

/// A hub of the channels `a` and `b`, for four followers, that keeps at most `events` events in `bytes` bytes.
pub(crate) fn hub(events: usize, bytes: usize) -> TestHub {
    hub_of(events, bytes, EPOCH)
}

pub(crate) fn hub_of(events: usize, bytes: usize, epoch: u32) -> TestHub {
    let log = || EventLog::new(vec![0; bytes + 4 * events], events, epoch).unwrap();
    StaticHub::new([Channel::new("a", log()), Channel::new("b", log())])
}

/// A thing that lives as long as the test.
pub(crate) fn keep<T>(thing: T) -> &'static T {
    Box::leak(Box::new(thing))
}

/// The world of connections.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) draining: Cell<bool>,
    /// Buffers that are free, and their sizes.
    pub(crate) heads: Pool,
    pub(crate) events: Pool,
    pub(crate) random: Cell<u32>,
    /// The sum of all requests' metrics.
    pub(crate) counted: Rc<Cell<Counted>>,
    tasks: RefCell<Vec<Task>>,
    /// How often tasks were polled, in all.
    pub(crate) polls: Cell<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) requests: usize,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) payload: u64,
}

struct Task {
    future: Option<Pin<Box<dyn Future<Output = Disconnect>>>>,
    flag: Arc<Flag>,
    ended: Option<Disconnect>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) struct Pool {
    free: Rc<Cell<usize>>,
    /// Somebody was refused since one was last given back.
    short: Rc<Cell<bool>>,
    pub(crate) size: Cell<usize>,
}

impl Pool {
    fn new(count: usize, size: usize) -> Self {
        Self { free: Rc::new(Cell::new(count)), short: Rc::default(), size: Cell::new(size) }
    }

    pub(crate) fn free(&self) -> usize {
        self.free.get()
    }

    pub(crate) fn set_free(&self, count: usize) {
        self.free.set(count);
    }

    fn take(&self) -> Option<Buffer> {
        let Some(left) = self.free.get().checked_sub(1) else {
            self.short.set(true);
            return None;
        };
        self.free.set(left);
        Some(Buffer { bytes: vec![0; self.size.get()], free: Rc::clone(&self.free), short: Rc::clone(&self.short) })
    }
}

pub(crate) struct Buffer {
    bytes: Vec<u8>,
    free: Rc<Cell<usize>>,
    short: Rc<Cell<bool>>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.free.set(self.free.get() + 1);
        self.short.set(false);
    }
}

impl World {
    pub(crate) fn new() -> &'static Self {
        keep(Self {
            clock: VirtualClock::default(),
            draining: Cell::new(false),
            heads: Pool::new(100, 1024),
            events: Pool::new(100, 1024),
            random: Cell::new(12_345),
            counted: Rc::default(),
            tasks: RefCell::default(),
            polls: Cell::new(0),
        })
    }

    /// A client of a connection that `handler` serves, over rings of 512 bytes.
    pub(crate) fn connect<H: Handler>(
        &'static self,
        config: &'static ServerConfig<'static>,
        handler: &'static H,
    ) -> Client {
        self.connect_over(keep(Pipe::<512>::new()).ends(), config, handler)
    }

    pub(crate) fn connect_over<H: Handler>(
        &'static self,
        (mut device, browser): (PipeEnd<'static>, PipeEnd<'static>),
        config: &'static ServerConfig<'static>,
        handler: &'static H,
    ) -> Client {
        let task = self.spawn(async move { serve(&mut device, self, config, handler).await });
        Client::new(self, task, browser)
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = Disconnect> + 'static) -> usize {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.borrow_mut().push(Task { future: Some(Box::pin(future)), flag, ended: None });
        self.tasks.borrow().len() - 1
    }

    /// Polls the tasks that were woken, once each and in turn. Whether there were any.
    pub(crate) fn round(&self) -> bool {
        let mut any = false;
        let count = self.tasks.borrow().len();
        for at in 0..count {
            let (future, flag) = {
                let task = &mut self.tasks.borrow_mut()[at];
                if !task.flag.0.swap(false, Ordering::Relaxed) {
                    continue;
                }
                (task.future.take(), Arc::clone(&task.flag))
            };
            let Some(mut future) = future else { continue };
            any = true;
            self.polls.set(self.polls.get() + 1);
            self.clock.begin_poll();
            match future.as_mut().poll(&mut Context::from_waker(&Waker::from(flag))) {
                Poll::Ready(ended) => {
                    drop(future);
                    self.tasks.borrow_mut()[at].ended = Some(ended);
                }
                Poll::Pending => self.tasks.borrow_mut()[at].future = Some(future),
            }
        }
        any
    }

    /// Polls until nothing is woken.
    pub(crate) fn run(&self) {
        let mut rounds = 0;
        while self.round() {
            rounds += 1;
            assert!(rounds < 100_000, "the tasks wake one another for ever");
        }
    }

    /// Lets time pass, from alarm to alarm.
    pub(crate) fn pass(&self, time: Duration) {
        let end = self.clock.moment() + time;
        self.run();
        while let Some(next) = self.clock.next_alarm().filter(|next| *next <= end) {
            self.clock.go_to(next);
            self.run();
        }
        self.clock.go_to(end);
        self.run();
    }

    /// Makes it any time, earlier ones too.
    pub(super) fn jump(&self, to: Instant) {
        self.clock.go_to(to);
        self.wake_all();
        self.run();
    }

    pub(crate) fn ended(&self, task: usize) -> Option<Disconnect> {
        self.tasks.borrow()[task].ended
    }

    /// The server is to shut down; every task is woken, as a runtime has to.
    pub(crate) fn drain(&self) {
        self.draining.set(true);
        self.wake_all();
        self.run();
    }

    pub(crate) fn wake_all(&self) {
        for task in self.tasks.borrow().iter() {
            task.flag.0.store(true, Ordering::Relaxed);
        }
    }

    /// How many tasks are under way.
    pub(crate) fn alive(&self) -> usize {
        self.tasks.borrow().iter().filter(|task| task.ended.is_none()).count()
    }

    /// Drops a task, as a runtime that is shut down does.
    pub(crate) fn kill(&self, task: usize) {
        let future = self.tasks.borrow_mut()[task].future.take();
        drop(future);
    }
}

impl Runtime for World {
    type Socket = PipeEnd<'static>;
    type Clock = VirtualClock;
    type Buffer = Buffer;

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    fn buffer(&self, purpose: BufferKind) -> Option<Buffer> {
        match purpose {
            BufferKind::Head => self.heads.take(),
            BufferKind::Event => self.events.take(),
        }
    }

    fn is_exhausted(&self, purpose: BufferKind) -> bool {
        match purpose {
            BufferKind::Head => self.heads.short.get(),
            BufferKind::Event => self.events.short.get(),
        }
    }

    fn random(&self) -> u32 {
        self.random.get()
    }

    fn is_shutting_down(&self) -> bool {
        self.draining.get()
    }
}

impl HubMetrics for World {
    type Request = TestRequestMetrics;

    fn begin<R: Runtime>(&self, _exchange: &Exchange<'_, '_, R>, _transport: Transport) -> TestRequestMetrics {
        let counted = Counted { requests: self.counted.get().requests + 1, ..self.counted.get() };
        self.counted.set(counted);
        TestRequestMetrics { counted: Rc::clone(&self.counted) }
    }
}

pub(crate) struct TestRequestMetrics {
    counted: Rc<Cell<Counted>>,
}

impl RequestMetrics for TestRequestMetrics {
    fn received(&mut self, bytes: u64) {
        let counted = self.counted.get();
        self.counted.set(Counted { received: counted.received + bytes, ..counted });
    }

    fn sent(&mut self, bytes: u64, payload: u64) {
        let counted = self.counted.get();
        self.counted.set(Counted { sent: counted.sent + bytes, payload: counted.payload + payload, ..counted });
    }
}

/// A clock that stands still until it is told the time.
#[derive(Default)]
pub(crate) struct VirtualClock {
    state: Rc<RefCell<Alarms>>,
    looks: Cell<usize>,
}

#[derive(Default)]
struct Alarms {
    now: Instant,
    set: Vec<Option<(Instant, Waker)>>,
}

impl VirtualClock {
    pub(crate) fn moment(&self) -> Instant {
        self.state.borrow().now
    }

    /// Counts anew how often a task looks at it.
    pub(crate) fn begin_poll(&self) {
        self.looks.set(0);
    }

    fn next_alarm(&self) -> Option<Instant> {
        self.state.borrow().set.iter().flatten().map(|(at, _)| *at).min()
    }

    /// Makes it `now`, and wakes whose alarm has come.
    fn go_to(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        state.now = now;
        for alarm in &mut state.set {
            if alarm.as_ref().is_some_and(|(at, _)| *at <= now)
                && let Some((_, waker)) = alarm.take()
            {
                waker.wake();
            }
        }
    }
}

impl Clock for VirtualClock {
    type Timer = Alarm;

    fn now(&self) -> Instant {
        self.looks.set(self.looks.get() + 1);
        assert!(self.looks.get() < SPIN, "a task goes round in one poll");
        self.moment()
    }

    fn timer(&self) -> Alarm {
        self.state.borrow_mut().set.push(None);
        Alarm { state: Rc::clone(&self.state), at: self.state.borrow().set.len() - 1 }
    }
}

/// An alarm of a [`VirtualClock`].
pub(crate) struct Alarm {
    state: Rc<RefCell<Alarms>>,
    at: usize,
}

impl Timer for Alarm {
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let mut state = self.state.borrow_mut();
        if deadline <= state.now {
            state.set[self.at] = None;
            return Poll::Ready(());
        }
        state.set[self.at] = (deadline < Instant::MAX).then(|| (deadline, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.state.borrow_mut().set[self.at] = None;
    }
}

/// The sizes that rings are tried in: each from 1 byte on, past every seam that matters, and some that are larger.
pub(crate) const RINGS: [fn() -> (PipeEnd<'static>, PipeEnd<'static>); 76] = rings!(
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41
    42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 127 128 129 130 131 1072
);
