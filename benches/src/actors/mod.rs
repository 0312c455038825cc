//! Works of actors: [`Ostraca`] and its rivals.

pub mod host;
pub mod logic;
pub mod memory;
pub mod pages;
pub mod peers;
pub mod views;
pub mod works;

use peers::{Actix, Batched, ByHand, ByHandBounded, Kameo, Ostraca, OstracaUnbounded, Ractor};
use works::Producers::{Bursts, Tasks, Threads};

use crate::work::{BY_HAND, Bar, FRAMEWORKS, Group, Work};

const ACTIX_1: Actix = Actix { two: false };
const ACTIX_2: Actix = Actix { two: true };
const KAMEO: Kameo = Kameo { bounded: false };
const KAMEO_BOUNDED: Kameo = Kameo { bounded: true };
const RECV: ByHand = ByHand { many: false };
const RECV_MANY: ByHand = ByHand { many: true };
const RECV_BOUNDED: ByHandBounded = ByHandBounded { many: false };
const RECV_MANY_BOUNDED: ByHandBounded = ByHandBounded { many: true };

/// The group `actors`.
pub fn group() -> Group {
    let works = vec![
        tell_1p(),
        tell_4p(),
        tell_bursts(),
        tell_bounded_1p(),
        tell_bounded_4p(),
        ask_1(),
        ask_64(),
        ask_cross(),
        ask_cross_busy(),
        pingpong(),
        ring(),
        fork_join(),
        big(),
        spawn(),
        memory(),
        batch(),
        view(),
        view_struct(),
        view_writer(),
        view_struct_writer(),
        counter_2t(),
        http(),
    ];
    Group { name: "actors", works }
}

fn tell_1p() -> Work {
    let bars = [Bar::AtLeast { times: 3.0, of: BY_HAND }, Bar::AtLeast { times: 8.0, of: FRAMEWORKS }];
    const N: u64 = 1_000_000;
    Work::new("tell/1p", &bars)
        .by("ostraca", "tasks", N, |n| works::tell(OstracaUnbounded, n, 1, Tasks))
        .by("ostraca", "threads", N, |n| works::tell(OstracaUnbounded, n, 1, Threads))
        .by("tokio", "recv_many, tasks", N, |n| works::tell(RECV_MANY, n, 1, Tasks))
        .by("tokio", "recv, tasks", N, |n| works::tell(RECV, n, 1, Tasks))
        .by("tokio", "recv, threads", N, |n| works::tell(RECV, n, 1, Threads))
        .by("tokio", "recv_many, threads", N, |n| works::tell(RECV_MANY, n, 1, Threads))
        .by("kameo", "tasks", N, |n| works::tell(KAMEO, n, 1, Tasks))
        .by("kameo", "threads", N, |n| works::tell(KAMEO, n, 1, Threads))
        .by("ractor", "tasks", N, |n| works::tell(Ractor, n, 1, Tasks))
        .by("ractor", "threads", N, |n| works::tell(Ractor, n, 1, Threads))
        .by("actix", "one arbiter, tasks", N, |n| works::tell(ACTIX_1, n, 1, Tasks))
        .by("actix", "two arbiters, tasks", N, |n| works::tell(ACTIX_2, n, 1, Tasks))
        .by("actix", "one arbiter, threads", N, |n| works::tell(ACTIX_1, n, 1, Threads))
}

fn tell_4p() -> Work {
    let bars = [Bar::AtLeast { times: 3.0, of: BY_HAND }, Bar::AtLeast { times: 4.0, of: FRAMEWORKS }];
    const N: u64 = 1_000_000;
    Work::new("tell/4p", &bars)
        .by("ostraca", "tasks", N, |n| works::tell(OstracaUnbounded, n, 4, Tasks))
        .by("ostraca", "threads", N, |n| works::tell(OstracaUnbounded, n, 4, Threads))
        .by("tokio", "recv, tasks", N, |n| works::tell(RECV, n, 4, Tasks))
        .by("tokio", "recv, threads", N, |n| works::tell(RECV, n, 4, Threads))
        .by("tokio", "recv_many, tasks", N, |n| works::tell(RECV_MANY, n, 4, Tasks))
        .by("tokio", "recv_many, threads", N, |n| works::tell(RECV_MANY, n, 4, Threads))
        .by("kameo", "tasks", N, |n| works::tell(KAMEO, n, 4, Tasks))
        .by("kameo", "threads", N, |n| works::tell(KAMEO, n, 4, Threads))
        .by("ractor", "tasks", N, |n| works::tell(Ractor, n, 4, Tasks))
        .by("ractor", "threads", N, |n| works::tell(Ractor, n, 4, Threads))
        .by("actix", "one arbiter, tasks", N, |n| works::tell(ACTIX_1, n, 4, Tasks))
        .by("actix", "two arbiters, tasks", N, |n| works::tell(ACTIX_2, n, 4, Tasks))
        .by("actix", "one arbiter, threads", N, |n| works::tell(ACTIX_1, n, 4, Threads))
}

/// No bar: what it is worth to a producer to let the actor run now and then.
fn tell_bursts() -> Work {
    const N: u64 = 1_000_000;
    Work::new("tell/bursts", &[])
        .by("ostraca", "", N, |n| works::tell(OstracaUnbounded, n, 1, Bursts))
        .by("tokio", "recv", N, |n| works::tell(RECV, n, 1, Bursts))
        .by("tokio", "recv_many", N, |n| works::tell(RECV_MANY, n, 1, Bursts))
        .by("kameo", "", N, |n| works::tell(KAMEO, n, 1, Bursts))
        .by("ractor", "", N, |n| works::tell(Ractor, n, 1, Bursts))
        .by("actix", "one arbiter", N, |n| works::tell(ACTIX_1, n, 1, Bursts))
        .by("actix", "two arbiters", N, |n| works::tell(ACTIX_2, n, 1, Bursts))
}

fn tell_bounded_1p() -> Work {
    const N: u64 = 500_000;
    Work::new("tell-bounded/1p", &[Bar::AtLeast { times: 2.5, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::tell_bounded(Ostraca, n, 1))
        .by("tokio", "recv_many", N, |n| works::tell_bounded(RECV_MANY_BOUNDED, n, 1))
        .by("tokio", "recv", N, |n| works::tell_bounded(RECV_BOUNDED, n, 1))
        .by("kameo", "", N, |n| works::tell_bounded(KAMEO_BOUNDED, n, 1))
        .by("actix", "one arbiter", N, |n| works::tell_bounded(ACTIX_1, n, 1))
        .by("actix", "two arbiters", N, |n| works::tell_bounded(ACTIX_2, n, 1))
}

fn tell_bounded_4p() -> Work {
    const N: u64 = 500_000;
    Work::new("tell-bounded/4p", &[Bar::AtLeast { times: 2.5, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::tell_bounded(Ostraca, n, 4))
        .by("tokio", "recv_many", N, |n| works::tell_bounded(RECV_MANY_BOUNDED, n, 4))
        .by("tokio", "recv", N, |n| works::tell_bounded(RECV_BOUNDED, n, 4))
        .by("kameo", "", N, |n| works::tell_bounded(KAMEO_BOUNDED, n, 4))
        .by("actix", "one arbiter", N, |n| works::tell_bounded(ACTIX_1, n, 4))
        .by("actix", "two arbiters", N, |n| works::tell_bounded(ACTIX_2, n, 4))
}

fn ask_1() -> Work {
    const N: u64 = 200_000;
    Work::new("ask/1", &[Bar::AtLeast { times: 8.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::ask(Ostraca, n, 1))
        .by("tokio", "recv", N, |n| works::ask(RECV, n, 1))
        .by("tokio", "recv_many", N, |n| works::ask(RECV_MANY, n, 1))
        .by("kameo", "", N, |n| works::ask(KAMEO, n, 1))
        .by("ractor", "", N, |n| works::ask(Ractor, n, 1))
        .by("actix", "one arbiter", N, |n| works::ask(ACTIX_1, n, 1))
        .by("actix", "two arbiters", N / 10, |n| works::ask(ACTIX_2, n, 1))
}

fn ask_64() -> Work {
    const N: u64 = 500_000;
    Work::new("ask/64", &[Bar::AtLeast { times: 3.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::ask(Ostraca, n, 64))
        .by("tokio", "recv", N, |n| works::ask(RECV, n, 64))
        .by("tokio", "recv_many", N, |n| works::ask(RECV_MANY, n, 64))
        .by("kameo", "", N, |n| works::ask(KAMEO, n, 64))
        .by("ractor", "", N, |n| works::ask(Ractor, n, 64))
        .by("actix", "one arbiter", N, |n| works::ask(ACTIX_1, n, 64))
        .by("actix", "two arbiters", N, |n| works::ask(ACTIX_2, n, 64))
}

fn ask_cross() -> Work {
    let bars = [Bar::AtLeast { times: 50.0, of: BY_HAND }];
    const N: u64 = 10_000;
    Work::new("ask/cross", &bars)
        .and_row("ask/cross-p99", &bars)
        .by("ostraca", "", N, |n| works::ask_cross(Ostraca, n, 0))
        .by("tokio", "", N, |n| works::ask_cross(RECV, n, 0))
        .by("kameo", "", N, |n| works::ask_cross(KAMEO, n, 0))
        .by("ractor", "", N, |n| works::ask_cross(Ractor, n, 0))
        .by("actix", "one arbiter", N, |n| works::ask_cross(ACTIX_1, n, 0))
}

fn ask_cross_busy() -> Work {
    const N: u64 = 3_000;
    Work::new("ask/cross-busy", &[Bar::AtLeast { times: 1.3, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::ask_cross(Ostraca, n, 4))
        .by("tokio", "", N, |n| works::ask_cross(RECV, n, 4))
        .by("kameo", "", N, |n| works::ask_cross(KAMEO, n, 4))
        .by("ractor", "", N, |n| works::ask_cross(Ractor, n, 4))
        .by("actix", "one arbiter", N, |n| works::ask_cross(ACTIX_1, n, 4))
        .by("actix", "two arbiters", N, |n| works::ask_cross(ACTIX_2, n, 4))
}

fn pingpong() -> Work {
    const N: u64 = 400_000;
    Work::new("pingpong", &[Bar::AtLeast { times: 3.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::ring(Ostraca, n, 2))
        .by("tokio", "", N, |n| works::ring(RECV, n, 2))
        .by("kameo", "", N, |n| works::ring(KAMEO, n, 2))
        .by("ractor", "", N, |n| works::ring(Ractor, n, 2))
        .by("actix", "one arbiter", N, |n| works::ring(ACTIX_1, n, 2))
        .by("actix", "two arbiters", N / 10, |n| works::ring(ACTIX_2, n, 2))
}

fn ring() -> Work {
    const N: u64 = 400_000;
    Work::new("ring", &[Bar::AtLeast { times: 3.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::ring(Ostraca, n, 100))
        .by("tokio", "", N, |n| works::ring(RECV, n, 100))
        .by("kameo", "", N, |n| works::ring(KAMEO, n, 100))
        .by("ractor", "", N, |n| works::ring(Ractor, n, 100))
        .by("actix", "one arbiter", N, |n| works::ring(ACTIX_1, n, 100))
        .by("actix", "two arbiters", N / 10, |n| works::ring(ACTIX_2, n, 100))
}

fn fork_join() -> Work {
    const ACTORS: u64 = 60;
    const N: u64 = ACTORS * 40_000;
    Work::new("forkjoin", &[Bar::AtLeast { times: 5.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::fork_join(Ostraca, n, ACTORS))
        .by("tokio", "recv_many", N, |n| works::fork_join(RECV_MANY, n, ACTORS))
        .by("tokio", "recv", N, |n| works::fork_join(RECV, n, ACTORS))
        .by("kameo", "", N, |n| works::fork_join(KAMEO, n, ACTORS))
        .by("ractor", "", N, |n| works::fork_join(Ractor, n, ACTORS))
        .by("actix", "one arbiter", N, |n| works::fork_join(ACTIX_1, n, ACTORS))
        .by("actix", "two arbiters", N, |n| works::fork_join(ACTIX_2, n, ACTORS))
}

fn big() -> Work {
    const ACTORS: usize = 120;
    const N: u64 = ACTORS as u64 * 20_000;
    Work::new("big", &[Bar::AtLeast { times: 2.0, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::big(Ostraca, n, ACTORS))
        .by("tokio", "", N, |n| works::big(RECV, n, ACTORS))
        .by("kameo", "", N, |n| works::big(KAMEO, n, ACTORS))
        .by("ractor", "", N, |n| works::big(Ractor, n, ACTORS))
        .by("actix", "one arbiter", N, |n| works::big(ACTIX_1, n, ACTORS))
        .by("actix", "two arbiters", N, |n| works::big(ACTIX_2, n, ACTORS))
}

fn spawn() -> Work {
    const N: u64 = 200_000;
    Work::new("spawn", &[Bar::AtLeast { times: 2.5, of: BY_HAND }])
        .by("ostraca", "", N, |n| works::spawn(Ostraca, n))
        .by("tokio", "", N, |n| works::spawn(RECV, n))
        .by("kameo", "", N, |n| works::spawn(KAMEO, n))
        .by("ractor", "", N, |n| works::spawn(Ractor, n))
        .by("actix", "one arbiter", N, |n| works::spawn(ACTIX_1, n))
        .by("actix", "two arbiters", N, |n| works::spawn(ACTIX_2, n))
}

fn batch() -> Work {
    const N: u64 = 1_000_000;
    Work::new("batch", &[Bar::AtLeast { times: 2.0, of: &["plain"] }])
        .by("ostraca", "tasks", N, |n| works::tell(Batched, n, 1, Tasks))
        .by("ostraca", "threads", N, |n| works::tell(Batched, n, 1, Threads))
        .by("plain", "tasks", N, |n| works::tell(OstracaUnbounded, n, 1, Tasks))
        .by("plain", "threads", N, |n| works::tell(OstracaUnbounded, n, 1, Threads))
}

/// In bytes. Fewer of those that take long to spawn so many.
fn memory() -> Work {
    const MILLION: u64 = 1_000_000;
    Work::new("memory", &[Bar::AtMost(300.0)])
        .and_row("memory-messaged", &[Bar::AtMost(450.0)])
        .in_bytes()
        .rounds_max(1)
        .by("ostraca", "", MILLION, |n| memory::memory(Ostraca, n))
        .by("tokio", "", MILLION, |n| memory::memory(RECV, n))
        .by("kameo", "200,000 actors", MILLION / 5, |n| memory::memory(KAMEO, n))
        .by("ractor", "200,000 actors", MILLION / 5, |n| memory::memory(Ractor, n))
        .by("actix", "one arbiter", MILLION, |n| memory::memory(ACTIX_1, n))
}

fn view() -> Work {
    const N: u64 = 5_000_000;
    Work::new("view", &[Bar::AtMostScaled(2.0)]).by("ostraca", "", N, |n| views::word(n, false)).by(
        "mutex",
        "",
        N,
        |n| views::mutex_word(n, false),
    )
}

fn view_struct() -> Work {
    const N: u64 = 5_000_000;
    Work::new("view/struct", &[Bar::AtMostScaled(20.0)])
        .by("ostraca", "", N, |n| views::structure(n, false))
        .by("mutex", "", N, |n| views::mutex_structure(n, false))
}

fn view_writer() -> Work {
    const N: u64 = 5_000_000;
    Work::new("view+writer", &[Bar::AtMostOf { row: "view", times: 1.2 }])
        .by("ostraca", "", N, |n| views::word(n, true))
        .by("mutex", "", N, |n| views::mutex_word(n, true))
}

fn view_struct_writer() -> Work {
    const N: u64 = 5_000_000;
    Work::new("view+writer/struct", &[Bar::AtMostOf { row: "view/struct", times: 1.2 }])
        .by("ostraca", "", N, |n| views::structure(n, true))
        .by("mutex", "", N, |n| views::mutex_structure(n, true))
}

fn counter_2t() -> Work {
    const N: u64 = 1_000_000;
    Work::new("counter/2t", &[Bar::AtLeast { times: 1.0 / 2.5, of: &["mutex"] }])
        .by("ostraca", "", N, |n| works::ask_from_threads(Ostraca, n, 2))
        .by("mutex", "", 10 * N, |n| views::mutex_counter(n, 2))
        .by("tokio", "", N / 20, |n| works::ask_from_threads(RECV, n, 2))
}

fn http() -> Work {
    let bars = [Bar::AtLeast { times: 0.95, of: &["dashmap"] }, Bar::AtLeast { times: 1.05, of: &["tokio"] }];
    Work::new("http", &bars)
        .and_row("http-p50", &[Bar::AtLeast { times: 1.0 / 1.1, of: &["dashmap"] }])
        .by("ostraca", "", 1, pages::ostraca)
        .by("dashmap", "", 1, pages::dashmap)
        .by("tokio", "", 1, pages::by_hand)
}
