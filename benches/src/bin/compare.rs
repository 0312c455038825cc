//! The same work on Ostraca and each rival, interleaved: see `benches/README.md`.

use std::env::args;
use std::process::ExitCode;

use ostraca_benches::compare::{self, Options};
use ostraca_benches::{
    actors, batching, buffers, caches, capacity, files, orders, overhead, pools, queues, shards,
};

fn main() -> ExitCode {
    let groups = [
        queues::group(),
        actors::group(),
        orders::group(),
        batching::group(),
        pools::group(),
        caches::group(),
        overhead::group(),
        capacity::group(),
        buffers::group(),
        shards::group(),
        files::group(),
    ];
    let args: Vec<String> = args().skip(1).collect();
    let done = match args.as_slice() {
        [one, work, peer, variant, ops @ ..] if one == "--one" => {
            compare::run_one(&groups, [work, peer, variant], ops.first().and_then(|ops| ops.parse().ok()))
        }
        _ => Options::from_args(args).and_then(|options| compare::compare(&groups, &options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
