//! What an open page costs the service.

use std::time::Duration;

use ostraca::http::Dashboard;
use ostraca_tests::runs::number;

use crate::browser::Browser;
use crate::service::{Greeter, Service};
use crate::{DESKTOP, runtime};

/// Actors beside the service's own: a large system.
const ACTORS: usize = 10_000;
const ROUNDS: usize = 3;

/// The processor time of this process so far: the service is in it, and the browser is not.
fn processor_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
    let nanos = threads.filter_map(|thread| {
        // A thread may have ended meanwhile; none of the service's does.
        let stat = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// With `OSTRACA_DASHBOARD_SECONDS` so long at a time, and held to 1 % of a core; else two seconds, to see that it works.
#[test]
fn an_open_page_costs_little() {
    let Some(browser) = Browser::start("the cost of an open dashboard") else { return };
    let seconds = number("OSTRACA_DASHBOARD_SECONDS");
    let span = Duration::from_secs(seconds.unwrap_or(2));
    let runtime = runtime();
    let mut service = runtime.block_on(Service::start(Dashboard::default()));
    let actors: Vec<_> =
        (0..ACTORS).map(|_| runtime.block_on(service.system.spawn::<Greeter>(())).unwrap()).collect();
    runtime.block_on(service.rest());
    browser.look(DESKTOP, false, "light");
    let part = |is_open: bool| {
        if is_open {
            browser.open(&service.url("/_ostraca"));
            browser.until("document.querySelector('#live.is-live')");
        } else {
            browser.open("about:blank");
        }
        // The first second has the history, which is asked for once.
        browser.pass(Duration::from_secs(2));
        let before = processor_time();
        browser.pass(span);
        processor_time().saturating_sub(before).as_secs_f64() / span.as_secs_f64()
    };
    let mut differences: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (closed, open) = (part(false), part(true));
            println!("of a core: closed {:.3} %, open {:.3} %", closed * 100.0, open * 100.0);
            open - closed
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    let median = differences[ROUNDS / 2] * 100.0;
    println!("an open page costs {median:.3} % of a core, with {ACTORS} actors, over {ROUNDS} x {span:?}");
    assert!(seconds.is_none() || median <= 1.0, "{median:.3} % of a core");
    drop((browser, actors));
    runtime.block_on(service.stop());
}
