//! Tells of one actor, without waiting and with.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::actors;

fn tell(criterion: &mut Criterion) {
    let group = actors::group();
    shared::bench(criterion, &group, "tell/1p", "tell/1p/16B");
    shared::bench(criterion, &group, "tell/4p", "tell/4p/16B");
    shared::bench(criterion, &group, "tell-bounded/1p", "tell-bounded/1p/16B");
    shared::bench(criterion, &group, "tell-bounded/4p", "tell-bounded/4p/16B");
}

criterion_group!(benches, tell);
criterion_main!(benches);
