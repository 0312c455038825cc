//! Actors that are spawned, told once and asked once.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn spawn(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "spawn", "spawn/16B");
}

criterion_group!(benches, spawn);
criterion_main!(benches);
