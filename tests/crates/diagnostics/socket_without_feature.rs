//! A runtime with the socket of embassy-net, without the feature that makes it a `Socket`.
//# TcpSocket<'static>` is not a `Socket` of goldcrest-core
//# with the feature `embassy-net` of goldcrest-core; the type of another version of embassy-net is another type
use goldcrest_core::server::{BufferKind, Runtime};

struct Chip;

impl Runtime for Chip {
    type Socket = embassy_net::tcp::TcpSocket<'static>;
    type Clock = goldcrest_core::testing::VirtualClock;
    type Buffer = [u8; 512];

    fn clock(&self) -> &Self::Clock {
        loop {}
    }

    fn buffer(&self, _: BufferKind) -> Option<[u8; 512]> {
        None
    }

    fn random(&self) -> u32 {
        4
    }

    fn is_shutting_down(&self) -> bool {
        false
    }
}

fn main() {}
