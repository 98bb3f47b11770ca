//! Two network stacks on one wire in memory, on a clock that moves when all tasks wait.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::vec::Vec;

use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_time::{Duration, MockDriver};

use super::*;

const PORT: u16 = 80;

/// Frames to one side, and the waker of its stack.
#[derive(Default)]
pub(crate) struct Line {
    frames: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
}

impl Line {
    /// Whether one of the frames satisfies `found`.
    pub(crate) fn any(&self, found: impl Fn(&[u8]) -> bool) -> bool {
        self.frames.iter().any(|frame| found(frame))
    }

    /// Discards all frames.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
    }
}

pub(crate) struct Card {
    address: u8,
    incoming: Rc<RefCell<Line>>,
    outgoing: Rc<RefCell<Line>>,
}

pub(crate) struct Frame(Vec<u8>);
pub(crate) struct Outgoing(Rc<RefCell<Line>>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(&mut self.0)
    }
}

impl TxToken for Outgoing {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = std::vec![0; len];
        let result = f(&mut frame);
        let mut line = self.0.borrow_mut();
        line.frames.push_back(frame);
        if let Some(waker) = line.waker.take() {
            waker.wake();
        }
        result
    }
}

impl Driver for Card {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Outgoing;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Frame, Outgoing)> {
        let mut line = self.incoming.borrow_mut();
        line.waker = Some(cx.waker().clone());
        line.frames.pop_front().map(|frame| (Frame(frame), Outgoing(self.outgoing.clone())))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Outgoing> {
        Some(Outgoing(self.outgoing.clone()))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1_514;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet([2, 0, 0, 0, 0, self.address])
    }
}

pub(crate) fn ip(host: u8) -> Ipv4Address {
    Ipv4Address::new(10, 0, 0, host)
}

pub(crate) fn host(
    address: u8,
    incoming: &Rc<RefCell<Line>>,
    outgoing: &Rc<RefCell<Line>>,
) -> (Stack<'static>, Runner<'static, Card>) {
    let card = Card { address, incoming: incoming.clone(), outgoing: outgoing.clone() };
    let config =
        StaticConfigV4 { address: Ipv4Cidr::new(ip(address), 24), gateway: None, dns_servers: Default::default() };
    let resources = Box::leak(Box::new(StackResources::<3>::new()));
    embassy_net::new(card, Config::ipv4_static(config), resources, u64::from(address))
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A task of an executor, polled when it was woken: each wait on a stack wakes the task of the stack.
pub(crate) struct Task<'f> {
    future: Pin<Box<dyn Future<Output = ()> + 'f>>,
    woken: Arc<Woken>,
}

impl<'f> Task<'f> {
    pub(crate) fn new(future: impl Future<Output = ()> + 'f) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    /// Whether it was woken, and its output if it is ready.
    fn turn(&mut self) -> Option<Poll<()>> {
        let awake = self.woken.0.swap(false, Ordering::AcqRel);
        let waker = Waker::from(self.woken.clone());
        awake.then(|| self.future.as_mut().poll(&mut Context::from_waker(&waker)))
    }
}

/// Runs `test` beside the stacks. The clock, which all tests share in turn, advances by a millisecond whenever no task is woken.
pub(crate) fn run(mut stacks: Vec<Task<'_>>, test: impl Future<Output = ()>) {
    static CLOCK: Mutex<()> = Mutex::new(());
    let _turn = CLOCK.lock();
    let mut test = Task::new(test);
    for _ in 0..100_000 {
        let awake = stacks.iter_mut().filter_map(Task::turn).count();
        match test.turn() {
            Some(Poll::Ready(())) => return,
            None if awake == 0 => MockDriver::get().advance(Duration::from_millis(1)),
            _ => {}
        }
    }
    panic!("it never came to an end");
}

/// A connection between a device with rings of `ring` bytes and a browser, for `test` to use.
fn connected(ring: usize, test: impl AsyncFnOnce(TcpSocket<'static>, TcpSocket<'static>)) {
    let (one, other) = (Rc::default(), Rc::default());
    let (device, device_runner) = host(1, &one, &other);
    let (browser, browser_runner) = host(2, &other, &one);
    let stacks = [device_runner, browser_runner].map(|mut runner| Task::new(async move { runner.run().await }));
    let buffer = |size: usize| -> &'static mut [u8] { Box::leak(std::vec![0; size].into_boxed_slice()) };
    run(stacks.into(), async {
        let mut device = TcpSocket::new(device, buffer(ring), buffer(ring));
        let mut browser = TcpSocket::new(browser, buffer(4_096), buffer(4_096));
        device.set_nagle_enabled(false);
        browser.set_nagle_enabled(false);
        let (accepted, connected) =
            futures_lite::future::zip(device.accept(PORT), browser.connect((ip(1), PORT))).await;
        accepted.unwrap();
        connected.unwrap();
        test(device, browser).await;
    });
}

/// A waker of a part of a task.
struct Part {
    woken: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Part {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.lock().unwrap().wake_by_ref();
    }
}

/// Polls `wait` only when its own waker was called, and not when another part of the task was woken.
async fn alone<T>(wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    let part = Arc::new(Part { woken: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) });
    let waker = Waker::from(part.clone());
    poll_fn(|cx| {
        part.task.lock().unwrap().clone_from(cx.waker());
        match part.woken.swap(false, Ordering::AcqRel) {
            true => wait.as_mut().poll(&mut Context::from_waker(&waker)),
            false => Poll::Pending,
        }
    })
    .await
}

/// Polls `future` once: its output, if it is ready.
fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    futures_lite::future::block_on(futures_lite::future::poll_once(future))
}

/// Reads until the end; waits as a connection does.
async fn read_to_end(socket: &mut impl Socket<Error = Error>) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    loop {
        match socket.try_read_with(|bytes| {
            assert!(!bytes.is_empty(), "a slice is not empty");
            all.extend_from_slice(bytes);
            (bytes.len(), ())
        })? {
            TryIo::Done(()) => {}
            TryIo::WouldBlock => alone(socket.wait(Interest::READ)).await?,
            TryIo::Eof => return Ok(all),
        }
    }
}

async fn write_all(socket: &mut impl Socket<Error = Error>, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        match socket.try_write_with(|room| {
            assert!(!room.is_empty(), "a slice is not empty");
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            (count, count)
        })? {
            TryIo::Done(count) => bytes = &bytes[count..],
            _ => alone(socket.wait(Interest::WRITE)).await?,
        }
    }
    Ok(())
}

fn sample(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 256) as u8).collect()
}

#[test]
fn the_address_of_the_peer_is_known_while_it_is_connected() {
    connected(512, async |device, browser| {
        assert_eq!(Socket::peer_address(&browser), Some((ip(1), PORT).into()));
        let peer = Socket::peer_address(&device).unwrap();
        assert_eq!(peer.ip(), ip(2));
        assert_eq!(Some(peer.port()), browser.local_endpoint().map(|local| local.port));
    });
}

#[test]
fn bytes_and_the_fin_arrive_through_a_small_ring() {
    connected(300, async |mut device, mut browser| {
        let sent = sample(5_000);
        let (read, ()) = futures_lite::future::zip(read_to_end(&mut browser), async {
            write_all(&mut device, &sent).await.unwrap();
            Socket::close(&mut device);
        })
        .await;
        assert_eq!(read.unwrap(), sent);
    });
}

#[test]
fn bytes_that_are_not_consumed_are_passed_again() {
    connected(512, async |mut device, mut browser| {
        write_all(&mut browser, b"abc").await.unwrap();
        alone(device.wait(Interest::READ)).await.unwrap();
        assert_eq!(device.try_read_with(|bytes| (0, bytes.to_vec())), Ok(TryIo::Done(b"abc".to_vec())));
        assert_eq!(device.try_read_with(|bytes| (1, bytes.to_vec())), Ok(TryIo::Done(b"abc".to_vec())));
        assert_eq!(device.try_read_with(|bytes| (2, bytes.to_vec())), Ok(TryIo::Done(b"bc".to_vec())));
        assert_eq!(device.try_read_with(|_| (0, ())), Ok(TryIo::WouldBlock));
    });
}

#[test]
fn a_fin_wakes_the_reader_and_leaves_writing_open() {
    connected(512, async |mut device, mut browser| {
        let (read, ()) = futures_lite::future::zip(read_to_end(&mut device), async {
            write_all(&mut browser, b"last words").await.unwrap();
            Socket::close(&mut browser);
        })
        .await;
        assert_eq!(read.unwrap(), b"last words");
        alone(device.wait(Interest::READ)).await.unwrap(); // it does not hang at the end
        write_all(&mut device, b"answer").await.unwrap();
        Socket::close(&mut device);
        assert_eq!(read_to_end(&mut browser).await.unwrap(), b"answer");
    });
}

#[test]
fn a_reset_ends_all_waits_in_both_directions() {
    for want in [Interest::READ, Interest::WRITE, Interest { read: true, ..Interest::WRITE }] {
        connected(300, async |mut device, mut browser| {
            // The browser reads nothing: both rings fill up, so that a wait for free space is pending.
            write_all(&mut device, &sample(4_096 + 300)).await.unwrap();
            let (waited, ()) = futures_lite::future::zip(alone(device.wait(want)), async {
                Socket::abort(&mut browser);
                browser.flush().await.unwrap();
            })
            .await;
            assert_eq!(waited, Ok(()));
            assert_eq!(device.try_read_with(|_| (0, ())), Err(Error::ConnectionReset));
            assert_eq!(device.try_write_with(|_| (0, ())), Err(Error::ConnectionReset));
        });
    }
}

#[test]
fn send_free_counts_both_slices_and_send_queue_is_zero() {
    connected(300, async |mut device, mut browser| {
        assert_eq!(Socket::send_free(&device), 300);
        write_all(&mut device, &sample(200)).await.unwrap();
        assert_eq!((Socket::send_free(&device), Socket::send_queue(&device)), (100, 0));
        Socket::close(&mut device);
        assert_eq!(device.try_write_with(|_| (0, ())), Err(Error::ConnectionReset), "our direction is closed");
        assert_eq!(read_to_end(&mut browser).await.unwrap().len(), 200);
        alone(device.wait(Interest::FLUSHED)).await.unwrap();
    });
}

#[test]
fn a_wait_for_free_bytes_completes_only_at_their_number() {
    connected(300, async |mut device, mut browser| {
        write_all(&mut device, &sample(4_096 + 300)).await.unwrap(); // both rings are full
        for enough in [1, 100, 250, 300, 5_000] {
            let reads_slowly = async {
                loop {
                    browser.try_read_with(|bytes| (bytes.len().min(64), ())).unwrap();
                    embassy_time::Timer::after_millis(20).await;
                }
            };
            let want = Interest { writable_bytes: enough, ..Interest::NONE };
            assert_eq!(futures_lite::future::or(alone(device.wait(want)), reads_slowly).await, Ok(()));
            let room = Socket::send_free(&device);
            assert!(room >= enough.min(300), "{room} for {enough}");
            write_all(&mut device, &sample(room)).await.unwrap();
            assert!(once(device.wait(want)).is_none(), "there are too few");
        }
    });
}

#[test]
fn a_dropped_wait_loses_no_byte() {
    connected(512, async |mut device, mut browser| {
        for _ in 0..3 {
            assert!(once(device.wait(Interest::READ)).is_none());
        }
        write_all(&mut browser, b"x").await.unwrap();
        alone(device.wait(Interest::READ)).await.unwrap();
        drop(device.wait(Interest::READ));
        assert_eq!(device.try_read_with(|bytes| (1, bytes.to_vec())), Ok(TryIo::Done(b"x".to_vec())));
    });
}

#[test]
fn a_timer_expires_at_its_deadline_and_never_at_the_last_instant() {
    run(Vec::new(), async {
        let clock = EmbassyClock;
        let mut timer = clock.timer();
        let deadline = clock.now() + core::time::Duration::from_millis(20);
        poll_fn(|cx| {
            assert!(timer.poll_until(cx, Instant::MAX).is_pending());
            assert!(timer.poll_until(cx, Instant::from_millis(u64::MAX - 1)).is_pending());
            timer.poll_until(cx, deadline)
        })
        .await;
        assert!(clock.now() >= deadline);
        assert!(
            once(poll_fn(|cx| timer.poll_until(cx, Instant::default()))).is_some(),
            "a deadline in the past is ready"
        );
    });
}
