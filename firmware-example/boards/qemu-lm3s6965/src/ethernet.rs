//! The Stellaris Ethernet MAC as an `embassy-net-driver`.
//!
//! Frames pass through one FIFO register, a word at a time. In both directions the first word begins with a 16-bit length. So a
//! frame starts at byte 2 of the buffer, which aligns its IP header.

use core::task::Context;

use cortex_m::peripheral::NVIC;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;
use lm3s6965::{Interrupt, interrupt};

use crate::register::registers;

registers!(0x4004_8000:
    RIS_IACK = 0x00, IM = 0x04, RCTL = 0x08, TCTL = 0x0c, DATA = 0x10, IA0 = 0x14, IA1 = 0x18, NP = 0x34, TR = 0x38,
);
const RX: u32 = 1 << 0;
const TXEMP: u32 = 1 << 2;
const FOV: u32 = 1 << 3;
const EVERY_INTERRUPT: u32 = 0x7f;
const RCTL_RXEN: u32 = 1 << 0;
const RCTL_AMUL: u32 = 1 << 1;
const RCTL_BADCRC: u32 = 1 << 3;
const RCTL_RSTFIFO: u32 = 1 << 4;
const TCTL_TXEN: u32 = 1 << 0;
const TCTL_PADEN: u32 = 1 << 1;
const TCTL_CRC: u32 = 1 << 2;
const TCTL_DUPLEX: u32 = 1 << 4;
const NP_FRAMES: u32 = 0x3f;
const TR_NEWTX: u32 = 1 << 0;

registers!(0x400f_e000: RCGC2 = 0x108);
const RCGC2_MAC_AND_PHY: u32 = 1 << 28 | 1 << 30;

/// The longest frame without its CRC: an Ethernet header and 576 bytes, the size that each IPv4 host has to accept (RFC 791 §3.1).
/// Two buffers of 1,514 bytes would not be faster: the TCP window is 512 bytes.
const FRAME: usize = 590;
const LENGTH: usize = 2;
const HEADER: usize = 14;
const CRC: usize = 4;
const WORD: usize = 4;
const BUFFER: usize = (LENGTH + FRAME + CRC).next_multiple_of(WORD);

static WAKER: AtomicWaker = AtomicWaker::new();

#[interrupt]
fn ETHERNET() {
    // Acknowledged before the driver counts the frames: one that arrives in between raises the interrupt again.
    RIS_IACK.write(RIS_IACK.read());
    WAKER.wake();
}

/// The MAC, with a buffer for a frame each way.
pub(crate) struct Ethernet {
    received: [u8; BUFFER],
    sent: [u8; BUFFER],
    address: [u8; 6],
}

impl Ethernet {
    /// Before [`start`](Self::start).
    pub(crate) const fn new() -> Self {
        Self { received: [0; BUFFER], sent: [0; BUFFER], address: [0; 6] }
    }

    /// Starts the MAC with the address in its registers.
    pub(crate) fn start(&mut self) {
        RCGC2.set(RCGC2_MAC_AND_PHY);
        let [a, b, c, d] = IA0.read().to_le_bytes();
        let [e, f, ..] = IA1.read().to_le_bytes();
        self.address = [a, b, c, d, e, f];
        IM.write(0);
        RCTL.write(RCTL_RSTFIFO);
        RCTL.write(RCTL_RXEN | RCTL_AMUL | RCTL_BADCRC);
        TCTL.write(TCTL_TXEN | TCTL_PADEN | TCTL_CRC | TCTL_DUPLEX);
        RIS_IACK.write(EVERY_INTERRUPT);
        IM.write(RX | TXEMP | FOV);
        // SAFETY: its handler is above, and shares nothing but an atomic waker.
        unsafe { NVIC::unmask(Interrupt::ETHERNET) };
    }

    fn sending() -> bool {
        TR.read() & TR_NEWTX != 0
    }
}

impl Driver for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, ToSend<'_>)> {
        WAKER.register(cx.waker());
        let ready = NP.read() & NP_FRAMES != 0 && !Self::sending();
        ready.then_some((Received(&mut self.received), ToSend(&mut self.sent)))
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<ToSend<'_>> {
        WAKER.register(cx.waker());
        (!Self::sending()).then_some(ToSend(&mut self.sent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up // there is no PHY to ask
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        // No `max_burst_size`: a burst of one frame would have the stack announce a window of one segment, which waits for
        // the delayed acknowledgement of each.
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame in the FIFO.
pub(crate) struct Received<'a>(&'a mut [u8; BUFFER]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let end = receive(self.0);
        f(self.0.get_mut(LENGTH..end).unwrap_or_default())
    }
}

/// The buffer for a frame to send.
pub(crate) struct ToSend<'a>(&'a mut [u8; BUFFER]);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let end = LENGTH + length.min(FRAME);
        let result = f(self.0.get_mut(LENGTH..end).unwrap_or_default());
        transmit(self.0, length.min(FRAME));
        result
    }
}

// Not inlined into the tokens, which the network stack consumes in many places.

/// Reads the received frame; returns its end in `buffer`.
#[inline(never)]
fn receive(buffer: &mut [u8; BUFFER]) -> usize {
    let (words, _) = buffer.as_chunks_mut::<WORD>();
    let first = DATA.read();
    let length = usize::from(first as u16); // of itself, the frame and the CRC
    // The whole frame is read from the FIFO, even if it does not fit.
    for at in 0..length.div_ceil(WORD).max(1) {
        let word = if at == 0 { first } else { DATA.read() };
        if let Some(into) = words.get_mut(at) {
            *into = word.to_le_bytes();
        }
    }
    length.saturating_sub(CRC).clamp(LENGTH, BUFFER)
}

/// Sends the frame of this length in `buffer`.
#[inline(never)]
fn transmit(buffer: &mut [u8; BUFFER], length: usize) {
    // The length is that of the payload, without the header.
    let payload = length.saturating_sub(HEADER) as u16;
    let (words, _) = buffer.as_chunks_mut::<WORD>();
    for (at, word) in words.iter_mut().take((LENGTH + length).div_ceil(WORD)).enumerate() {
        if at == 0 {
            let [low, high] = payload.to_le_bytes();
            word[0] = low;
            word[1] = high;
        }
        DATA.write(u32::from_le_bytes(*word));
    }
    TR.write(TR_NEWTX);
}
