//! Codecs in memory, on one core: masking, decoding frames, writing and reading event streams.

mod decode;
mod endless;
mod mask;
mod sse_encode;
mod sse_parse;

use goldcrest_bench::options::Options;

fn main() {
    let options = Options::of_this_process();
    for table in [mask::race, decode::race, sse_encode::race, sse_parse::race] {
        if let Some(table) = table(&options) {
            print!("{table}");
        }
    }
}
