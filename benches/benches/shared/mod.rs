//! Gives criterion the works of `compare`, so that nothing is written twice.

use std::time::Duration;

use criterion::{Criterion, SamplingMode};
use ostraca_benches::work::Group;

/// The fewest operations that a work with many actors can share out.
const OPS_MIN: u64 = 12_000;

/// One benchmark a peer, with the ids `{id}/{peer}`. Of a peer's variants it takes the first, which was its best
/// where the table was written; `compare` tries them all.
pub(crate) fn bench(criterion: &mut Criterion, group: &Group, work: &str, id: &str) {
    let work = group.works.iter().find(|candidate| candidate.name() == work);
    let work = work.unwrap_or_else(|| panic!("{id}: there is no such work in {}", group.name));
    let mut benches = criterion.benchmark_group(id);
    // Each sample makes and drops its runtime: few and flat ones.
    benches.sampling_mode(SamplingMode::Flat).sample_size(10);
    benches.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut seen = Vec::new();
    for entry in &work.entries {
        if seen.contains(&entry.peer) {
            continue;
        }
        seen.push(entry.peer);
        benches.bench_function(entry.peer, |bencher| {
            bencher.iter_custom(|iters| (entry.run)(iters.max(OPS_MIN)).took(iters));
        });
    }
    benches.finish();
}
