//! The chip as the runtime of the core's connections.

use core::cell::Cell;
use core::marker::PhantomData;

use embassy_net::tcp::TcpSocket;
use goldcrest_core::io::EmbassyClock;
use goldcrest_core::server::{BufferKind, Runtime};
use static_cell::{ConstStaticCell, StaticCell};

use crate::pool::{Buffer, Pool};
use crate::sizes::{EVENT, EVENTS, HEAD, HEADS};

static HEAD_BUFFERS: ConstStaticCell<[[u8; HEAD]; HEADS]> = ConstStaticCell::new([[0; HEAD]; HEADS]);
static EVENT_BUFFERS: ConstStaticCell<[[u8; EVENT]; EVENTS]> = ConstStaticCell::new([[0; EVENT]; EVENTS]);
static CHIP: StaticCell<Chip> = StaticCell::new();

/// The state that all connections share.
pub(crate) struct Chip {
    heads: Pool,
    events: Pool,
    random: Cell<u32>,
}

impl Chip {
    /// Initializes the only instance.
    ///
    /// # Panics
    /// If it is called twice.
    pub(crate) fn take(seed: u64) -> &'static Self {
        let random = Cell::new((seed as u32).max(1)); // 0 would stay 0
        CHIP.init(Self { heads: Pool::new(HEAD_BUFFERS.take()), events: Pool::new(EVENT_BUFFERS.take()), random })
    }
}

impl Chip {
    fn pool(&'static self, purpose: BufferKind) -> &'static Pool {
        match purpose {
            BufferKind::Head => &self.heads,
            BufferKind::Event => &self.events,
        }
    }
}

/// The chip, for a socket that lives for `'s`.
#[derive(Clone, Copy)]
pub(crate) struct World<'s> {
    chip: &'static Chip,
    socket: PhantomData<TcpSocket<'s>>,
}

impl World<'_> {
    pub(crate) fn new(chip: &'static Chip) -> Self {
        Self { chip, socket: PhantomData }
    }
}

impl<'s> Runtime for World<'s> {
    type Socket = TcpSocket<'s>;
    type Clock = EmbassyClock;
    type Buffer = Buffer;

    fn clock(&self) -> &EmbassyClock {
        &EmbassyClock
    }

    fn buffer(&self, purpose: BufferKind) -> Option<Buffer> {
        self.chip.pool(purpose).lend()
    }

    fn is_exhausted(&self, purpose: BufferKind) -> bool {
        self.chip.pool(purpose).is_short()
    }

    /// Marsaglia's xorshift: predictable, which is enough for the jitter of reconnects.
    fn random(&self) -> u32 {
        let mut random = self.chip.random.get();
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.chip.random.set(random);
        random
    }

    /// A chip serves until it is powered off.
    fn is_shutting_down(&self) -> bool {
        false
    }
}
