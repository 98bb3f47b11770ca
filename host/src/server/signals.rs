//! Signals of the process, for all servers that they shut down.
//!
//! A process has one watcher, however many servers run. So a second signal means the same for each of them, and the handlers of one
//! server do not replace those of another.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use super::ShutdownHandle;

static WATCHER: Mutex<Watcher> = Mutex::new(Watcher { servers: Vec::new(), started: false });

struct Watcher {
    /// The running servers that signals shut down.
    servers: Vec<ShutdownHandle>,
    /// Its threads run. They never end.
    started: bool,
}

/// A server that signals shut down, until this is dropped.
pub(super) struct SignalWatch {
    server: ShutdownHandle,
}

impl SignalWatch {
    /// Shuts `server` down at the first SIGINT, SIGTERM or SIGQUIT. The next one ends the process if all watched servers shut down
    /// already. SIGHUP shuts down a server of a terminal, which has hung up. Otherwise it is ignored, as SIGUSR1 and SIGUSR2 are:
    /// their default would end the process without a response to its readers. Without a watched server, each signal has its
    /// default effect.
    pub(super) fn new(server: &ShutdownHandle) -> io::Result<Self> {
        let mut watcher = watcher();
        if !watcher.started {
            start()?;
            watcher.started = true;
        }
        watcher.servers.push(server.clone());
        Ok(Self { server: server.clone() })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        let servers = &mut watcher().servers;
        if let Some(index) = servers.iter().position(|server| server.is_same(&self.server)) {
            servers.swap_remove(index);
        }
    }
}

fn watcher() -> MutexGuard<'static, Watcher> {
    WATCHER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the threads of the watcher.
fn start() -> io::Result<()> {
    // A terminal that has hung up is none any more, so it is looked for now.
    let has_terminal = io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP])?;
    // A second thread: a blocked log may delay the thread that ignores signals, never the one that shuts down.
    let mut ignored = Signals::new([SIGHUP, SIGUSR1, SIGUSR2])?;
    thread::Builder::new().name("goldcrest-signals".into()).spawn(move || {
        for signal in signals.forever() {
            shut_down(signal, has_terminal);
        }
    })?;
    thread::Builder::new().name("goldcrest-ignored".into()).spawn(move || {
        for signal in ignored.forever() {
            ignore(signal, has_terminal);
        }
    })?;
    Ok(())
}

fn shut_down(signal: i32, has_terminal: bool) {
    let servers = watcher().servers.clone();
    if servers.is_empty() {
        let _ = emulate_default_handler(signal);
        return;
    }
    let all_shut_down = servers.iter().all(ShutdownHandle::is_shutting_down);
    // The shell may repeat SIGHUP. A shutdown that began with it is orderly.
    if signal == SIGHUP && (!has_terminal || all_shut_down) {
        return;
    }
    if all_shut_down {
        std::process::exit(128 + signal);
    }
    // Act first, log second: a blocked log must not delay the shutdown.
    for server in servers {
        server.shut_down();
    }
    tracing::info!("shutting down; send the signal again to end at once");
}

fn ignore(signal: i32, has_terminal: bool) {
    if watcher().servers.is_empty() {
        let _ = emulate_default_handler(signal);
    } else if signal != SIGHUP || !has_terminal {
        let signal = signal_name(signal).unwrap_or_default();
        tracing::info!("{signal} is ignored: there is nothing to reload; SIGTERM, SIGINT or SIGQUIT shut down");
    }
}
