//! Two actors pass a token to and fro.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn pingpong(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "pingpong", "pingpong/16B");
}

criterion_group!(benches, pingpong);
criterion_main!(benches);
