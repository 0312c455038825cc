//! A hundred actors pass a token round.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn ring(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "ring", "ring/100/16B");
}

criterion_group!(benches, ring);
criterion_main!(benches);
