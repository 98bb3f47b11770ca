//! A listener for each thread on the same address.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::Limits;

/// Connections that wait to be accepted, for each listener.
const BACKLOG: i32 = 1024;

/// Binds each address once for each thread: the kernel spreads connections over them. Returns the addresses with the
/// ports that were chosen, and each thread's listeners.
pub(super) fn bind(
    addresses: &[SocketAddr],
    threads: usize,
    limits: &Limits,
    write_timeout: Duration,
) -> io::Result<(Vec<SocketAddr>, Vec<Vec<TcpListener>>)> {
    let mut bound = Vec::new();
    let mut by_thread: Vec<Vec<TcpListener>> = (0..threads).map(|_| Vec::new()).collect();
    for address in addresses {
        let only_v6 = !is_dual_stack(*address, addresses);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
        let mut address = *address;
        // A listener without SO_REUSEPORT detects an address that another process uses: shared listeners would share it.
        if address.port() != 0 {
            drop(listener(address, false, only_v6, limits, write_timeout).map_err(named)?);
        }
        for listeners in &mut by_thread {
            let listener = listener(address, true, only_v6, limits, write_timeout).map_err(named)?;
            address = listener.local_addr()?;
            listeners.push(listener);
        }
        bound.push(address);
    }
    Ok((bound, by_thread))
}

/// Whether a listener on `address`, one of `all`, takes IPv4 connections too: one on `[::]`, unless IPv4 has its own.
pub fn is_dual_stack(address: SocketAddr, all: &[SocketAddr]) -> bool {
    let takes_ipv4 = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
    address.is_ipv6() && address.ip().is_unspecified() && !all.iter().any(takes_ipv4)
}

fn listener(
    address: SocketAddr,
    shared: bool,
    only_v6: bool,
    limits: &Limits,
    write_timeout: Duration,
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_nonblocking(true)?;
    // A connection inherits these from its listener. No delay by Nagle's algorithm, and a bounded send buffer for a slow
    // reader.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(limits.send_buffer)?;
    #[cfg(target_os = "linux")]
    {
        bound_unsent(&socket, limits.unsent)?;
        bound_unacknowledged(&socket, write_timeout)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// `TCP_NOTSENT_LOWAT`: the socket has room only while less than this waits unsent.
#[cfg(target_os = "linux")]
fn bound_unsent(socket: &Socket, bytes: usize) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// `TCP_USER_TIMEOUT`: the kernel drops unacknowledged data of a vanished peer after the same time as this server does.
/// Its default would be about 15 minutes.
#[cfg(target_os = "linux")]
fn bound_unacknowledged(socket: &Socket, time: Duration) -> io::Result<()> {
    // 0 would be the kernel's own idea.
    socket.set_tcp_user_timeout(Some(time.max(Duration::from_millis(1))))
}
