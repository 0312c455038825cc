//! Asks of one actor by 1 and by 64 callers.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn ask(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "ask/1", "ask/1/16B");
    shared::bench(criterion, &group, "ask/64", "ask/64/16B");
}

criterion_group!(benches, ask);
criterion_main!(benches);
