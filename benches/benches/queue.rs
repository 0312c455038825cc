//! Queues alone: 1, 2 and 4 producers.

mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ostraca_benches::queues;

fn queue(criterion: &mut Criterion) {
    let group = queues::group();
    shared::bench(criterion, &group, "queue/1p", "queue/1p/16B");
    shared::bench(criterion, &group, "queue/2p", "queue/2p/16B");
    shared::bench(criterion, &group, "queue/4p", "queue/4p/16B");
}

criterion_group!(benches, queue);
criterion_main!(benches);
