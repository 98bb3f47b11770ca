//! Which servers there are, and how each is started.
//!
//! All run on one thread, with `TCP_NODELAY`, each in the form that its own documentation shows, so that CPU time is
//! compared and not the number of processors.

use crate::options::Options;
use crate::server::Server;
use crate::table::Part;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrant {
    /// Its name in the tables.
    pub name: &'static str,
    /// Its part in the comparison.
    pub part: Part,
    /// The URL of the measured service.
    pub path: &'static str,
    /// Its program, beside this one's folder.
    program: &'static str,
    /// Its arguments; the address to listen on is the next.
    arguments: &'static [&'static str],
}

/// goldcrest's hub takes every connection of these benchmarks from one address, so its limits are lifted.
const HUB: &[&str] = &["--threads", "1", "--max-connections", "20000", "--max-per-address", "20000", LISTEN];

const LISTEN: &str = "--listen";

/// `goldcrest`, subscribed to as an event stream.
pub const OURS_SSE: Entrant =
    Entrant { name: "goldcrest", part: Part::Ours, path: "/events/bench", program: "goldcrest", arguments: HUB };
/// `goldcrest`, the hub, subscribed to as a WebSocket.
pub const OURS_HUB: Entrant = Entrant { name: "goldcrest hub", ..OURS_SSE };
/// goldcrest's example `echo`. Its threads are as many as the processors that it may use: one.
pub const OURS_ECHO: Entrant =
    Entrant { name: "goldcrest", part: Part::Ours, path: "/echo", program: "examples/echo", arguments: &[] };
/// The same channels in an axum server, by goldcrest-axum.
pub const OURS_AXUM_SSE: Entrant = Entrant {
    name: "goldcrest-axum",
    part: Part::Ours,
    path: "/events/bench",
    program: "goldcrest-axum-sse",
    arguments: &[LISTEN],
};
/// axum's SSE over tokio's broadcast channel.
pub const AXUM_SSE: Entrant = Entrant {
    name: "axum + broadcast",
    part: Part::Peer,
    path: "/events/bench",
    program: "peer-axum-sse",
    arguments: &[LISTEN],
};
/// fastwebsockets behind hyper's upgrade.
pub const FASTWEBSOCKETS: Entrant = Entrant {
    name: "fastwebsockets",
    part: Part::Peer,
    path: "/echo",
    program: "peer-fastwebsockets",
    arguments: &[LISTEN],
};
/// tokio-tungstenite, an answer sent as soon as a message is read.
pub const TOKIO_TUNGSTENITE: Entrant = Entrant {
    name: "tokio-tungstenite",
    part: Part::Peer,
    path: "/echo",
    program: "peer-tokio-tungstenite",
    arguments: &[LISTEN],
};
/// tokio-tungstenite, its stream forwarded to its sink, which flushes when nothing is left to read.
pub const TOKIO_TUNGSTENITE_FORWARD: Entrant =
    Entrant { name: "tokio-tungstenite, `forward`", arguments: &["--forward", LISTEN], ..TOKIO_TUNGSTENITE };
/// async-tungstenite on smol.
pub const ASYNC_TUNGSTENITE: Entrant = Entrant {
    name: "async-tungstenite on smol",
    part: Part::Peer,
    path: "/echo",
    program: "peer-async-tungstenite-smol",
    arguments: &[LISTEN],
};
/// A WebSocket echo written by hand on epoll.
pub const FLOOR_ECHO: Entrant =
    Entrant { name: "raw epoll", part: Part::Bound, path: "/echo", program: "floor-epoll", arguments: &[LISTEN] };
/// An SSE fan-out written by hand on epoll: a send to each subscriber for each event.
pub const FLOOR_SSE: Entrant = Entrant { path: "/events/bench", ..FLOOR_ECHO };

impl Entrant {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// If it can't be started, or does not listen.
    pub fn start(&self) -> io::Result<Server> {
        let program = release_folder()?.join(self.program);
        let mut command = Command::new(program);
        command.args(self.arguments);
        Server::start(command)
    }

    /// Starts it, or says on the terminal why it takes no part.
    pub fn start_or_say(&self) -> Option<Server> {
        self.start().inspect_err(|error| eprintln!("without {}: {error}", self.name)).ok()
    }
}

/// Those of `entrants` that the options ask for, goldcrest's own built anew.
///
/// If they don't build, they take no part: no stale program is measured.
pub fn taking_part(entrants: &[Entrant], options: &Options) -> Vec<Entrant> {
    let built = build_ours();
    if !built {
        eprintln!("without goldcrest: it does not build");
    }
    let takes_part = |entrant: &&Entrant| options.wants(entrant.name) && (built || entrant.part != Part::Ours);
    entrants.iter().filter(takes_part).copied().collect()
}

fn build_ours() -> bool {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--release", "--quiet", "-p", "goldcrest-cli", "--bins"]);
    command.args(["-p", "goldcrest-host", "--examples"]);
    command.current_dir(workspace).status().is_ok_and(|status| status.success())
}

/// `target/release`, from a program in it or in its `deps`.
fn release_folder() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_path_buf())
}
