//! What the page shows.

use std::time::{Duration, Instant};

use ostraca_tests::http;
use serde_json::json;

use crate::browser::Browser;
use crate::metrics::{Complaints, Metrics, parse};
use crate::service::Service;
use crate::{DESKTOP, TELEPHONE, Watched, pictures, seconds};

#[test]
fn every_panel_agrees_with_the_metrics() {
    let Some(mut watched) = Watched::start("the dashboard's numbers in a real browser") else { return };
    watched.service.journal.tear().tell().unwrap();
    watched.browser.pass(Duration::from_secs(3));
    // Counts are compared when they rest.
    watched.runtime.block_on(watched.service.rest());
    // What moves by itself (a pool that grows smaller, memory) may do so between the two readings: then once more.
    let mut complaints = Vec::new();
    for _ in 0..10 {
        complaints = compare(&watched.browser, &watched.service);
        if complaints.is_empty() {
            return watched.end();
        }
        watched.browser.pass(Duration::from_millis(700));
    }
    panic!("the page and /metrics: {complaints:#?}");
}

/// The page's panels against `/metrics`.
fn compare(browser: &Browser, service: &Service) -> Vec<String> {
    let metrics = Metrics::read(service.address);
    let text = |selector: &str| browser.text(selector);
    let mut complaints = Complaints::default();
    // The monitor's own message, that of the pull, may wait.
    let waiting = parse(&text("[data-tile=mailboxes] .value"));
    if waiting > 1.0 {
        complaints.0.push(format!("{waiting} messages wait in a service at rest"));
    }
    let mut compare = |what: &str, shown: &str, measured: f64| complaints.compare(what, shown, measured);

    let total = |family: &str| metrics.sum(family, "");
    compare("actors", text("[data-tile=mailboxes] .sub").trim_start_matches("of "), total("ostraca_actors"));
    compare("restarts", &text("[data-tile=restarts] .value"), total("ostraca_actor_restarts_total"));
    compare("dead letters", &text("[data-tile=restarts] .sub"), metrics.of("ostraca_dead_letters_total"));

    for (handler, numbers) in handlers(browser) {
        let (actor, method) = handler.split_once('.').unwrap();
        let of = format!("{{actor=\"{actor}\",handler=\"{method}\"}}");
        // The monitor and the pool go on.
        if !matches!(actor, "SystemMonitor" | "PoolKeeper") {
            let families = [
                "ostraca_handler_messages_total",
                "ostraca_handler_refused_total",
                "ostraca_handler_failed_total",
            ];
            for (family, shown) in families.iter().zip(numbers) {
                compare(
                    &format!("{handler} {family}"),
                    &shown.to_string(),
                    metrics.of(&format!("{family}{of}")),
                );
            }
        }
    }

    let of_journal = |family: &str| metrics.of(&format!("{family}{{actor=\"Journal\"}}"));
    compare("panics", &text("#failures [data-note]"), of_journal("ostraca_messages_failed_total"));
    browser.eval("document.querySelector('#actors [data-value=restarts]').click()");
    let restarts = text("#actors tbody tr[data-actor^=Journal] td:last-child");
    compare("the journal's restarts", &restarts, of_journal("ostraca_actor_restarts_total"));

    let ledgers = metrics.of("ostraca_actors{actor=\"Ledger\"}");
    assert!(text("#tree").contains(&format!("Ledger × {ledgers}")), "{}", text("#tree"));
    assert_eq!(browser.eval("document.querySelectorAll('#shards .cell').length"), json!(ledgers as u64));

    let closed = |why| metrics.sum("ostraca_batches_closed_total", &format!("why=\"{why}\""));
    let bars = browser.eval("document.querySelector('#batches .parts').getAttribute('aria-label')");
    let waited = bars.as_str().unwrap().split(", ").find_map(|part| part.strip_prefix("waited ")).unwrap();
    compare("closed by waiting", waited, closed("wait") / total("ostraca_batches_closed_total"));

    let entries = metrics.of("ostraca_cache_entries{actor=\"Ledger\",cache=\"balance\"}");
    compare("entries", &text("#caches tbody tr td:nth-of-type(3)"), entries);
    compare("replicas", &text("#pools tbody tr td:nth-of-type(2)"), total("ostraca_pool_replicas"));
    compare("threads", &text("[data-fact=threads] dd"), metrics.of("process_threads"));
    // The connection over which /metrics was read has two ends here.
    let files = parse(&text("[data-fact=fds] dd")) - metrics.of("process_open_fds");
    assert!(files.abs() <= 4.0, "{files} more open files");
    let resident = parse(&text("[data-fact=resident] dd")) / metrics.of("process_resident_memory_bytes");
    assert!((0.8..1.25).contains(&resident), "memory: {resident}");
    complaints.0
}

/// Each handler of the page with its handled, refused and failed messages.
fn handlers(browser: &Browser) -> Vec<(String, [u64; 3])> {
    let rows = browser.eval(
        "[...document.querySelectorAll('#handlers tbody tr')].map((tr) => \
         [tr.dataset.handler, tr.querySelector('[data-all]').dataset.all.split(' ').map(Number)])",
    );
    serde_json::from_value(rows).unwrap()
}

#[test]
fn every_panel_has_something_of_a_busy_service() {
    let Some(watched) = Watched::start("the dashboard's panels in a real browser") else { return };
    let Watched { browser, service, .. } = &watched;
    // The median of three: a machine that does much else may hold one up.
    let mut took = [1, 2, 3].map(|number| {
        let begun = Instant::now();
        service.journal.tear().tell().unwrap();
        let shown =
            format!("document.querySelector('#failures [data-note]').textContent.startsWith('{number} ')");
        browser.until(&format!(
            "{shown} && document.querySelector('#failures .text').textContent.includes('the disk is gone')"
        ));
        begun.elapsed()
    });
    took.sort();
    println!("a panic is shown after {took:?}");
    assert!(took[1] < Duration::from_secs(2), "{took:?}");
    for (panel, something) in [
        ("overview", ".tile .stroke[d*=L]"),
        ("handlers", "tbody tr:nth-child(4)"),
        ("actors", "tbody tr:nth-child(10)"),
        ("tree", ".row:nth-child(4)"),
        ("shards", ".cell.on-2, .cell.on-3"),
        ("batches", ".parts i"),
        ("caches", "tr.sub:nth-child(3)"),
        ("pools", "tbody tr"),
        ("process", "[data-fact=threads]"),
        ("capacity", "tbody tr"),
        ("findings", ".calm:not([hidden]), .finding"),
    ] {
        browser.until(&format!("document.querySelector('#{panel} :is({something})')"));
        println!("{panel}: something");
    }
    // Where the heat map has colour it is not its ground: some pixels are opaque.
    browser.until(
        "(() => { const c = document.querySelector('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, \
         c.height).data; for (let i = 3; i < d.length; i += 4) if (d[i] > 0) return true; })()",
    );
    watched.end();
}

#[test]
fn pictures_are_taken_and_nothing_is_cut_off() {
    let Some(watched) = Watched::start("pictures of the dashboard") else { return };
    let Watched { browser, service, .. } = &watched;
    service.journal.tear().tell().unwrap();
    browser.pass(seconds());
    for (size, is_mobile, name) in [(DESKTOP, false, "desktop"), (TELEPHONE, true, "telephone")] {
        for theme in ["light", "dark"] {
            browser.look(size, is_mobile, theme);
            browser.until(&format!("document.documentElement.dataset.theme === '{theme}'"));
            browser.pass(Duration::from_millis(1_200));
            browser.picture(&pictures().join(format!("{name}-{theme}.png")), true);
            let (wide, seen) = (browser.eval("document.body.scrollWidth"), browser.eval("innerWidth"));
            assert!(wide.as_f64() <= seen.as_f64(), "{name}: {wide} wide in {seen}");
        }
    }
    // The book's.
    browser.look((1280, 900), false, "light");
    browser.pass(Duration::from_millis(1_200));
    browser.picture(&pictures().join("book.png"), false);
    println!("pictures: {}", pictures().display());
    watched.end();
}

#[test]
fn the_page_is_light_and_asks_no_other_host() {
    let Some(watched) = Watched::start("the dashboard's weight in a real browser") else { return };
    let Watched { browser, service, .. } = &watched;
    let root = service.url("/");
    let mut weight = 0;
    for url in browser.requests() {
        let path = url.strip_prefix(&root).unwrap_or_else(|| panic!("it asks {url}"));
        if ["_ostraca/events", "_ostraca/history", "_ostraca/snapshot"]
            .iter()
            .all(|data| !path.starts_with(data))
        {
            let answer = http::get(service.address, &format!("/{path}"), &[("host", "localhost")]);
            assert_eq!(answer.status, 200, "{path}");
            assert!(
                answer.head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
                "{path}"
            );
            weight += answer.body.len();
        }
    }
    println!("the page weighs {weight} bytes");
    assert!((10_000..=150_000).contains(&weight), "{weight} bytes");
    watched.end();
}

#[test]
fn a_stop_does_not_wait_for_an_open_page() {
    let Some(watched) = Watched::start("a stop with the dashboard open") else { return };
    let Watched { browser, service, runtime } = watched;
    let begun = Instant::now();
    runtime.block_on(service.stop());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    browser.until("document.querySelector('#live.is-lost')");
    browser.until("document.body.classList.contains('is-stale')");
}
