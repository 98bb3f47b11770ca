//! The runtime of the connections of one executor.

use core::cell::Cell;
use core::marker::PhantomData;

use embassy_net::tcp::TcpSocket;

use super::pool::{Buffer, Pool};
use super::shutdown::Shutdown;
use crate::io::EmbassyClock;
use crate::server::{BufferKind, Runtime};

/// The state that the connections of one executor share: buffers, random numbers, and the count of listening sockets.
///
/// | parameter | RAM | if exceeded |
/// | --- | --- | --- |
/// | `HEAD` × `HEADS` | the product, and 4 bytes for each buffer | a longer request head gets 431, its target 414 |
/// | `EVENT` × `EVENTS` | the product, and 4 bytes for each buffer | a longer publication gets 413, or close code 1009 |
/// | `S` | nothing; two words for each task with [`ShutdownSignal`](super::ShutdownSignal) | – |
///
/// - A head buffer is in use from the first byte of a request until its response begins, not while events are followed. A browser
///   sends some 700 bytes. A request that finds none free waits up to
///   [`buffer_timeout`](crate::server::ServerConfig::buffer_timeout), takes the buffer of a head that has been arriving for half a
///   second, and else gets 503 with `Retry-After`.
/// - An event buffer is in use while a publication is received.
#[derive(Debug)]
pub struct Device<const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize, S = ()> {
    heads: Pool<HEAD, HEADS>,
    events: Pool<EVENT, EVENTS>,
    random: Cell<u32>,
    pub(super) sockets: Sockets,
    shutdown: S,
}

/// How many tasks of a device listen or serve.
#[derive(Debug)]
pub(super) struct Sockets {
    /// Tasks within [`Device::listen`].
    pub(super) tasks: Cell<usize>,
    /// Those of them that wait for a client. With none, the network stack resets new connections.
    pub(super) listening: Cell<usize>,
}

/// A [`Device`] without random numbers: the content of a static cell.
///
/// ```
/// use goldcrest_core::embassy::{Device, Unseeded};
///
/// // On a chip: `static DEVICE: ConstStaticCell<Unseeded<Web>> = ConstStaticCell::new(Web::unseeded());`
/// type Web = Device<1024, 2, 512, 1>;
/// let mut memory: Unseeded<Web> = Web::unseeded();
/// let device: &Web = memory.seed(0x5eed_cafe);
/// ```
#[derive(Debug)]
pub struct Unseeded<D>(D);

impl<const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize>
    Device<HEAD, HEADS, EVENT, EVENTS>
{
    /// A device that serves until it is powered off. It is a constant, so that the buffers of a `static` never lie on the stack.
    pub const fn unseeded() -> Unseeded<Self> {
        Self::with_shutdown(())
    }
}

impl<const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize, S>
    Device<HEAD, HEADS, EVENT, EVENTS, S>
{
    /// A device that serves until `shutdown` begins.
    pub const fn with_shutdown(shutdown: S) -> Unseeded<Self> {
        let sockets = Sockets { tasks: Cell::new(0), listening: Cell::new(0) };
        Unseeded(Self { heads: Pool::new(), events: Pool::new(), random: Cell::new(0), sockets, shutdown })
    }

    /// The shutdown of the device.
    pub fn shutdown(&self) -> &S {
        &self.shutdown
    }

    /// The number of tasks within [`Device::listen`], which is 0 once a shutdown is complete.
    pub fn listeners(&self) -> usize {
        self.sockets.tasks.get()
    }
}

impl<const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize, S>
    Unseeded<Device<HEAD, HEADS, EVENT, EVENTS, S>>
{
    /// The device. `seed` comes from the random source of the chip, or counts the boots; it spreads the reconnections of clients and
    /// need not be secret.
    pub fn seed(&mut self, seed: u64) -> &Device<HEAD, HEADS, EVENT, EVENTS, S> {
        let bits = (seed ^ (seed >> 32)) as u32;
        self.0.random.set(bits.max(1)); // 0 would stay 0
        &self.0
    }
}

/// The device, for a socket that lives for `'s`.
pub(super) struct ConnectionRuntime<'d, 's, D> {
    device: &'d D,
    socket: PhantomData<TcpSocket<'s>>,
}

impl<'d, D> ConnectionRuntime<'d, '_, D> {
    pub(super) fn new(device: &'d D) -> Self {
        Self { device, socket: PhantomData }
    }
}

impl<'d, 's, const HEAD: usize, const HEADS: usize, const EVENT: usize, const EVENTS: usize, S: Shutdown> Runtime
    for ConnectionRuntime<'d, 's, Device<HEAD, HEADS, EVENT, EVENTS, S>>
{
    type Socket = TcpSocket<'s>;
    type Clock = EmbassyClock;
    type Buffer = Buffer<'d>;

    fn clock(&self) -> &EmbassyClock {
        &EmbassyClock
    }

    fn buffer(&self, purpose: BufferKind) -> Option<Buffer<'d>> {
        match purpose {
            BufferKind::Head => self.device.heads.lend(),
            BufferKind::Event => self.device.events.lend(),
        }
    }

    fn is_exhausted(&self, purpose: BufferKind) -> bool {
        match purpose {
            BufferKind::Head => self.device.heads.is_exhausted(),
            BufferKind::Event => self.device.events.is_exhausted(),
        }
    }

    /// Marsaglia's xorshift: predictable, which is enough for the jitter of reconnections.
    fn random(&self) -> u32 {
        let mut random = self.device.random.get();
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.device.random.set(random);
        random
    }

    fn is_shutting_down(&self) -> bool {
        self.device.shutdown.is_shutting_down()
    }
}
