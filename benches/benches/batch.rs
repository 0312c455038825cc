//! A batched handler that sums, against a plain one.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn batch(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "batch", "batch/16B");
}

criterion_group!(benches, batch);
criterion_main!(benches);
