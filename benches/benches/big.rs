//! A hundred and twenty actors ping random others.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn big(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "big", "big/120");
}

criterion_group!(benches, big);
criterion_main!(benches);
