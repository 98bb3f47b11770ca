//! Idle connections: KiB of the server's own memory for each.
use goldcrest_bench::contest::Contest;
use goldcrest_bench::echo::{EchoLoad, Messages};
use goldcrest_bench::entrants::{
    ASYNC_TUNGSTENITE, AXUM_SSE, Entrant, FASTWEBSOCKETS, FLOOR_ECHO, FLOOR_SSE, OURS_ECHO, OURS_HUB, OURS_SSE,
    TOKIO_TUNGSTENITE, taking_part,
};
use goldcrest_bench::fanout::FanoutLoad;
use goldcrest_bench::options::Options;
use goldcrest_bench::server::{Server, raise_open_files};
use goldcrest_bench::table::Table;
use std::io;
use std::time::Duration;

const SSE: [Entrant; 3] = [OURS_SSE, AXUM_SSE, FLOOR_SSE];
const WEBSOCKET: [Entrant; 6] = [OURS_ECHO, OURS_HUB, FASTWEBSOCKETS, TOKIO_TUNGSTENITE, ASYNC_TUNGSTENITE, FLOOR_ECHO];

/// Growth while the connections are idle, and after each has transferred one message of 20 bytes or one event of 64 bytes.
type Growth = (Option<f64>, Option<f64>);

fn main() {
    let options = Options::of_this_process();
    let connections = if options.quick { 1000 } else { 10_000 };
    let files = raise_open_files();
    assert!(files > connections as u64 + 100, "{files} open files are too few for {connections} connections");
    for (title, entrants, measure) in [
        ("Idle event streams", SSE.as_slice(), event_streams as fn(&Entrant, usize) -> io::Result<Growth>),
        ("Idle WebSockets", &WEBSOCKET, websockets),
    ] {
        let entrants = taking_part(entrants, &options);
        let names = entrants.iter().map(|entrant| (entrant.part, entrant.name.to_string())).collect();
        let mut table =
            Table::new(format!("{title}, {connections} held"), "KiB of the server's own memory for each", names);
        // One server at a time, so that they don't share the machine's memory.
        let growth = entrants.iter().map(|entrant| {
            eprintln!("{title}: {}", entrant.name);
            measure(entrant, connections)
                .inspect_err(|error| eprintln!("{}: {error}", entrant.name))
                .unwrap_or_default()
        });
        let growth: Vec<Growth> = growth.collect();
        table.column("since they opened", Contest::run(entrants.len(), 1, |entrant, _| growth[entrant].0));
        table.column("after a message each", Contest::run(entrants.len(), 1, |entrant, _| growth[entrant].1));
        print!("{table}");
    }
}

fn event_streams(entrant: &Entrant, connections: usize) -> io::Result<Growth> {
    let server = entrant.start()?;
    // The cost of the first connection and the first event is the server's, not each connection's.
    FanoutLoad::open(server.address(), entrant.path, 1)?.publish(1)?;
    let before = server.memory_kib();
    let mut load = FanoutLoad::open(server.address(), entrant.path, connections)?;
    let idle = growth(&server, before, connections);
    load.publish(1)?;
    Ok((idle, growth(&server, before, connections)))
}

fn websockets(entrant: &Entrant, connections: usize) -> io::Result<Growth> {
    let server = entrant.start()?;
    let one = Messages::new(20, 1);
    // The hub sends a message to every connection: there only the idle connection compares.
    let echoes = *entrant != OURS_HUB;
    let mut first = EchoLoad::open(server.address(), entrant.path, 1)?;
    if echoes {
        first.run(&one, Duration::ZERO)?;
    }
    drop(first);
    let before = server.memory_kib();
    let mut load = EchoLoad::open(server.address(), entrant.path, connections)?;
    let idle = growth(&server, before, connections);
    if !echoes {
        return Ok((idle, None));
    }
    load.run(&one, Duration::ZERO)?;
    Ok((idle, growth(&server, before, connections)))
}

/// KiB for each connection; nothing where the kernel does not report it.
fn growth(server: &Server, before: f64, connections: usize) -> Option<f64> {
    let each = (server.memory_kib() - before) / connections as f64;
    each.is_finite().then_some(each.max(0.0))
}
