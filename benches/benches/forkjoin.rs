//! One task sends to sixty actors in turn.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn forkjoin(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "forkjoin", "forkjoin/60/16B");
}

criterion_group!(benches, forkjoin);
criterion_main!(benches);
