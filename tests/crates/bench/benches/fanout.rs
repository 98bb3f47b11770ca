//! SSE fan-out of 64-byte events: server CPU-seconds a million deliveries.
use goldcrest_bench::contest::Contest;
use goldcrest_bench::entrants::{AXUM_SSE, Entrant, FLOOR_SSE, OURS_AXUM_SSE, OURS_SSE, taking_part};
use goldcrest_bench::fanout::FanoutLoad;
use goldcrest_bench::options::Options;
use goldcrest_bench::server::{Server, raise_open_files};
use goldcrest_bench::table::Table;

const ENTRANTS: [Entrant; 4] = [OURS_SSE, OURS_AXUM_SSE, AXUM_SSE, FLOOR_SSE];

/// Subscribers, events published at once; whether it is watched or only shown by `--full`.
const CASES: [(usize, usize, bool); 5] =
    [(100, 1, true), (100, 8, false), (1000, 1, true), (1000, 8, true), (5000, 1, false)];

fn main() {
    let options = Options::of_this_process();
    raise_open_files();
    let entrants = taking_part(&ENTRANTS, &options);
    let servers: Vec<Option<Server>> = entrants.iter().map(Entrant::start_or_say).collect();
    let names = entrants.iter().map(|entrant| (entrant.part, entrant.name.to_string())).collect();
    let mut table = Table::new("SSE fan-out of 64-byte events", "server CPU-seconds a million deliveries", names);
    for (subscribers, burst, watched) in CASES {
        if !watched && !options.full {
            continue;
        }
        let title = if burst == 1 { format!("{subscribers}") } else { format!("{subscribers}, bursts of {burst}") };
        eprintln!("{title}");
        let mut loads: Vec<Option<FanoutLoad>> =
            entrants.iter().zip(&servers).map(|(entrant, server)| open(entrant, server, subscribers)).collect();
        let contest = Contest::run(entrants.len(), options.rounds(7, 2) + 1, |entrant, round| {
            let (server, load) = (servers[entrant].as_ref()?, loads[entrant].as_mut()?);
            let slice = if round == 0 { options.slice(200, 50) } else { options.slice(800, 200) };
            let before = server.cpu_seconds();
            let ran = load.run(burst, slice);
            let spent = server.cpu_seconds() - before;
            let Ok(deliveries) = ran.inspect_err(|error| eprintln!("{}, {title}: {error}", entrants[entrant].name))
            else {
                loads[entrant] = None;
                return None;
            };
            (round > 0).then(|| spent / (deliveries as f64 / 1e6))
        });
        table.column(title, contest);
    }
    print!("{table}");
}

fn open(entrant: &Entrant, server: &Option<Server>, subscribers: usize) -> Option<FanoutLoad> {
    let load = FanoutLoad::open(server.as_ref()?.address(), entrant.path, subscribers);
    load.inspect_err(|error| eprintln!("{}: {error}", entrant.name)).ok()
}
