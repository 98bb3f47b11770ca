//! WebSocket echo over loopback: server CPU-seconds a million messages.
use goldcrest_bench::contest::Contest;
use goldcrest_bench::echo::{EchoLoad, Messages};
use goldcrest_bench::entrants::{
    ASYNC_TUNGSTENITE, Entrant, FASTWEBSOCKETS, FLOOR_ECHO, OURS_ECHO, TOKIO_TUNGSTENITE, TOKIO_TUNGSTENITE_FORWARD,
    taking_part,
};
use goldcrest_bench::options::Options;
use goldcrest_bench::server::{Server, raise_open_files};
use goldcrest_bench::table::Table;

const ENTRANTS: [Entrant; 6] =
    [OURS_ECHO, FASTWEBSOCKETS, TOKIO_TUNGSTENITE, TOKIO_TUNGSTENITE_FORWARD, ASYNC_TUNGSTENITE, FLOOR_ECHO];

/// Connections, messages in flight on each, payload bytes; whether it is watched or only shown by `--full`.
const CASES: [(usize, usize, usize, bool); 20] = [
    (1, 1, 20, true),
    (1, 1, 125, false),
    (1, 1, 1024, false),
    (1, 1, 16384, false),
    (1, 16, 20, true),
    (1, 16, 1024, false),
    (1, 16, 16384, false),
    (64, 1, 20, true),
    (64, 1, 125, true),
    (64, 1, 1024, true),
    (64, 1, 16384, true),
    (64, 16, 20, true),
    (64, 16, 125, true),
    (64, 16, 1024, true),
    (64, 16, 16384, true),
    (1000, 1, 20, true),
    (1000, 1, 1024, false),
    (1000, 1, 16384, false),
    (1000, 16, 20, true),
    (1000, 16, 1024, false),
];

fn main() {
    let options = Options::of_this_process();
    raise_open_files();
    let entrants = taking_part(&ENTRANTS, &options);
    let servers: Vec<Option<Server>> = entrants.iter().map(Entrant::start_or_say).collect();
    let names = || entrants.iter().map(|entrant| (entrant.part, entrant.name.to_string())).collect();
    let mut cpu = Table::new("WebSocket echo: CPU", "server CPU-seconds a million messages", names());
    let mut wall =
        Table::new("WebSocket echo: time", "seconds a million messages, the load generator's share included", names());
    for connections in [1, 64, 1000] {
        let mut loads: Vec<Option<EchoLoad>> =
            entrants.iter().zip(&servers).map(|(entrant, server)| open(entrant, server, connections)).collect();
        for (_, in_flight, payload, _) in
            CASES.into_iter().filter(|case| case.0 == connections && (case.3 || options.full))
        {
            let title = format!("c{connections} k{in_flight} {}", bytes(payload));
            eprintln!("{title}");
            let messages = Messages::new(payload, in_flight);
            let mut took = vec![Vec::new(); entrants.len()];
            let rounds = options.rounds(5, 2);
            // Round 0 warms buffers and branch predictors and does not count.
            let contest = Contest::run(entrants.len(), rounds + 1, |entrant, round| {
                let (server, load) = (servers[entrant].as_ref()?, loads[entrant].as_mut()?);
                let slice = if round == 0 { options.slice(100, 30) } else { options.slice(400, 100) };
                let before = server.cpu_seconds();
                let ran = load.run(&messages, slice);
                let spent = server.cpu_seconds() - before;
                let Ok(ran) = ran.inspect_err(|error| eprintln!("{}, {title}: {error}", entrants[entrant].name)) else {
                    loads[entrant] = None;
                    return None;
                };
                let million = ran.messages as f64 / 1e6;
                took[entrant].push((round > 0).then(|| ran.took.as_secs_f64() / million));
                (round > 0).then(|| spent / million)
            });
            cpu.column(&title, contest);
            wall.column(&title, Contest::run(entrants.len(), rounds + 1, |entrant, round| *took[entrant].get(round)?));
        }
    }
    print!("{cpu}{wall}");
}

fn open(entrant: &Entrant, server: &Option<Server>, connections: usize) -> Option<EchoLoad> {
    let load = EchoLoad::open(server.as_ref()?.address(), entrant.path, connections);
    load.inspect_err(|error| eprintln!("{}: {error}", entrant.name)).ok()
}

fn bytes(payload: usize) -> String {
    if payload < 1024 { format!("{payload} B") } else { format!("{} KiB", payload / 1024) }
}
