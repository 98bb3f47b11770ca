//! The measuring room: goldcrest against named peers, always in one run.
//!
//! Absolute figures drift from hour to hour and from machine to machine, ratios taken in the same round hardly do.
//! So every benchmark here runs all entrants in interleaved rounds, and prints medians beside the ratio to ours.
//!
//! | module | content |
//! | --- | --- |
//! | [`contest`] | interleaved rounds, medians, ratios of the same round |
//! | [`table`] | the result as Markdown, with an honest `BEHIND` |
//! | [`options`] | the options of the command line: `--quick`, `--full`, `--only NAME` |
//! | [`race`] | codecs against each other in one process |
//! | [`server`] | a server process: started, asked for its CPU time and its memory, ended |
//! | [`entrants`] | which servers there are and how each is started |
//! | [`poller`] | waiting on thousands of sockets from one thread |
//! | [`opening`] | connecting, and the HTTP exchange that opens a WebSocket or an event stream |
//! | [`frames`] | client frames built beforehand; server frames counted however they are cut |
//! | [`echo`] | the load of the echo benchmark |
//! | [`fanout`] | the load of the fan-out benchmark |
//!
//! ```
//! use goldcrest_bench::contest::Contest;
//!
//! // Two entrants, three rounds; in the second round the machine was busy, for both.
//! let times = [[10.0, 20.0], [30.0, 60.0], [10.0, 20.0]];
//! let contest = Contest::run(2, 3, |entrant, round| Some(times[round][entrant]));
//! assert_eq!(contest.median(0), Some(10.0));
//! assert_eq!(contest.ratio(0, 1), Some(0.5));
//! ```
#![forbid(unsafe_code)]

pub mod contest;
pub mod echo;
pub mod entrants;
pub mod fanout;
pub mod frames;
pub mod opening;
pub mod options;
pub mod poller;
pub mod race;
pub mod server;
pub mod table;
