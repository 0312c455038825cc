//! What is logged: a span for each message with its cause, the lives of actors, a panic once.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ostraca::prelude::*;
use tracing::{Instrument, Level};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }

    /// The one line that says `what`.
    #[track_caller]
    fn line(&self, what: &str) -> String {
        let lines = self.lines();
        let found: Vec<_> = lines.iter().filter(|line| line.contains(what)).collect();
        assert_eq!(found.len(), 1, "{what:?} in {lines:#?}");
        found[0].clone()
    }
}

/// Runs on this thread, with what is logged from `level` on.
fn logged<F: Future<Output = ()>>(level: Level, run: impl FnOnce() -> F) -> Log {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(subscriber, || tokio.block_on(run()));
    log
}

struct Stock {
    left: u32,
}

#[actor(restart(max = 1, within = "10s", backoff = "40ms..40ms"))]
impl Stock {
    #[start]
    fn start() -> Self {
        Stock { left: 10 }
    }

    #[handler]
    async fn take(&mut self) -> u32 {
        tracing::info!("counts");
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.left -= 1;
        tracing::info!("has counted");
        self.left
    }

    #[handler]
    fn warn(&mut self) {
        tracing::info!("warns");
    }

    #[handler]
    fn fall(&mut self) {
        panic!("fell over");
    }
}

struct Shop {
    stock: ActorRef<Stock>,
}

#[actor(inline = always)]
impl Shop {
    #[start]
    fn start(stock: ActorRef<Stock>) -> Self {
        Shop { stock }
    }

    #[handler]
    async fn buy(&mut self) -> u32 {
        self.stock.warn().tell().unwrap();
        let left = self.stock.take().await.unwrap();
        tracing::info!("bought");
        left
    }

    #[handler]
    fn look(&mut self) {
        tracing::info!("looks");
    }
}

#[test]
fn each_message_has_a_span_with_its_cause() {
    let log = logged(Level::DEBUG, async || {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        let shop = system.spawn::<Shop>(stock).await.unwrap();
        let request = tracing::info_span!("request", path = "/buy");
        assert_eq!(shop.buy().into_future().instrument(request.clone()).await, Ok(9));
        shop.look().into_future().instrument(request).await.unwrap();
        shop.look().await.unwrap();
        system.stop().await;
    });
    let buy = r#"message{actor=Shop#2 handler="buy" cause="request"}"#;
    assert!(log.line("bought").contains(buy), "{}", log.line("bought"));
    let told = r#"message{actor=Stock#1 handler="warn" cause="Shop#2.buy"}"#;
    assert!(log.line("warns").contains(told), "{}", log.line("warns"));
    let asked = r#"message{actor=Stock#1 handler="take" cause="Shop#2.buy"}"#;
    assert!(log.line(" counts").contains(asked), "{}", log.line(" counts"));
    assert!(log.line("has counted").contains(asked), "after an await: {}", log.line("has counted"));
    let looks: Vec<_> = log.lines().into_iter().filter(|line| line.contains("looks")).collect();
    let on_the_askers_thread = r#"request{path="/buy"}:message{actor=Shop#2 handler="look" cause="request"}"#;
    assert!(looks[0].contains(on_the_askers_thread), "{looks:#?}");
    assert!(looks[1].contains(r#" message{actor=Shop#2 handler="look"}"#), "no cause: {looks:#?}");
}

#[test]
fn a_handler_that_panics_leaves_its_span() {
    let log = logged(Level::DEBUG, async || {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        let shop = system.spawn::<Shop>(stock.clone()).await.unwrap();
        stock.fall().await.unwrap_err();
        shop.look().await.unwrap();
        assert!(tracing::Span::current().is_none());
    });
    let line = log.line("looks");
    assert!(line.contains(r#"message{actor=Shop#2 handler="look"}"#), "nobody's message caused it: {line}");
    assert!(!line.contains("Stock"), "{line}");
}

#[test]
fn without_debug_there_is_no_span() {
    let log = logged(Level::INFO, async || {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        let shop = system.spawn::<Shop>(stock).await.unwrap();
        shop.buy().await.unwrap();
    });
    assert!(!log.line("bought").contains("message{"), "{}", log.line("bought"));
}

#[test]
fn the_life_of_an_actor_reads_from_start_to_end() {
    let log = logged(Level::INFO, async || {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        stock.fall().await.unwrap_err();
        stock.take().await.unwrap();
        stock.fall().await.unwrap_err();
        ActorRef::wait_stopped(&stock).await;
    });
    let lines = log.lines();
    let of_actor = lines.iter().filter_map(|line| line.split_once("ostraca::actor: "));
    let lines: Vec<_> = of_actor
        .map(|(_, line)| line.split(" actor=Stock#1").next().unwrap())
        // The backoff's random part.
        .map(|line| line.split_inclusive("starts again in ").next().unwrap())
        .collect();
    let expected = [
        "started",
        "panicked in fall: fell over",
        "starts again in ",
        "restarted",
        "panicked in fall: fell over",
        "given up after too many failures, the last: panicked in fall: fell over",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn an_ask_that_fails_names_its_actor_and_its_message() {
    let log = logged(Level::DEBUG, async || {
        let system = System::start().unwrap();
        let stock = system.spawn_named::<Stock>("stock", ()).await.unwrap();
        let late = stock.take().within(Duration::from_micros(10)).await;
        assert_eq!(late, Err(AskError::Deadline));
    });
    let line = log.line("ostraca::ask");
    assert!(line.contains("no answer before the deadline"), "{line}");
    assert!(line.contains("actor=stock: Stock#1") && line.contains("asked=\"Take\""), "{line}");
}

#[test]
fn shards_start_and_stop_in_one_line_and_a_shard_that_falls_has_its_own() {
    let log = logged(Level::INFO, async || {
        let system = System::start().unwrap();
        let shards = system.shards::<Stock>(3, ()).await.unwrap();
        shards.shard(1).fall().await.unwrap_err();
        shards.shard(1).take().await.unwrap();
        system.stop().await;
    });
    let line = log.line("all shards started");
    assert!(line.contains("actor=\"Stock\"") && line.contains("shards=3"), "{line}");
    let lines = log.lines();
    let of_shards: Vec<_> = lines.iter().filter(|line| line.contains("actor=Stock/")).collect();
    assert_eq!(of_shards.len(), 3, "its panic, its backoff, its restart: {of_shards:#?}");
    assert!(of_shards.iter().all(|line| line.contains("Stock/1#2")), "{of_shards:#?}");
    assert!(lines.iter().any(|line| line.contains("stopped system=ostraca")), "{lines:#?}");
}

#[test]
fn a_panic_is_shown_once_with_its_place_and_others_go_to_the_hook_before() {
    static BEFORE: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|_| {
        BEFORE.fetch_add(1, Ordering::SeqCst);
    }));
    ostraca::log_panics();
    let log = logged(Level::WARN, async || {
        let system = System::start().unwrap();
        let stock = system.spawn::<Stock>(()).await.unwrap();
        stock.fall().await.unwrap_err();
    });
    assert_eq!(BEFORE.load(Ordering::SeqCst), 0, "std says nothing of it");
    let line = log.line("fell over");
    let place = "panicked in fall: fell over actor=Stock#1 place=tests/tests/tracing/main.rs:";
    assert!(line.contains(place), "{line}");
    if std::env::var("RUST_BACKTRACE").is_ok_and(|value| value != "0") {
        assert!(line.ends_with(" backtrace="), "{line}");
        assert!(log.lines().iter().any(|line| line.contains("Stock::fall")), "the handler's frame");
    }
    assert!(std::panic::catch_unwind(|| panic!("nobody's actor")).is_err());
    assert_eq!(BEFORE.load(Ordering::SeqCst), 1);
}
