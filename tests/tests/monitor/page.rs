//! `/metrics`: what Prometheus' own tool says of it, and the book's page of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use actix_web::{App, test as web};
use ostraca::__internals::families;
use ostraca::files::{Folder, LaneSpec, Network};
use ostraca::http;
use ostraca::monitor::{BufferNumbers, BufferSource};
use ostraca::prelude::*;
use ostraca_tests::runs::missing;

use crate::shop::{Fate, Many, Shop};

/// A set of buffers with a number of everything.
struct Buffers;

impl BufferSource for Buffers {
    fn numbers(&self) -> BufferNumbers {
        let mut numbers = BufferNumbers::named("replies");
        (numbers.bytes_max, numbers.refused) = (Some(1 << 20), Some(3));
        numbers
    }
}

/// The page of a system that has something of everything that can be had here.
async fn page() -> String {
    let system = System::start().unwrap();
    let buffers: Arc<dyn BufferSource> = Arc::new(Buffers);
    system.monitor().add_buffers(Arc::downgrade(&buffers));
    let folder = Folder::open(env!("CARGO_MANIFEST_DIR")).unwrap();
    let lane = LaneSpec::listen("127.0.0.1:0", Network::default(), folder).unwrap();
    system.serve_files(lane).await.unwrap();
    let shops = system.shards::<Shop>(2, ()).await.unwrap();
    let pool = system.pool::<Shop>(()).start().await.unwrap();
    for _ in 0..200 {
        for shard in 0..2 {
            shops.shard(shard).slow(Fate::Accept).await.unwrap();
            shops.shard(shard).plain(Fate::Refuse).await.unwrap_err();
            shops.shard(shard).many(Many { fate: Fate::Accept }).await.unwrap();
        }
    }
    shops.shard(0).plain(Fate::Panic).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    shops.shard(0).slow(Fate::Accept).await.unwrap();
    let app = web::init_service(App::new().configure(http::routes(&system))).await;
    let request = web::TestRequest::get().uri("/metrics").to_request();
    let body = web::call_and_read_body(&app, request).await;
    drop((pool, buffers));
    String::from_utf8(body.to_vec()).unwrap()
}

fn families_of(page: &str) -> BTreeSet<&str> {
    page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[tokio::test(start_paused = true)]
async fn promtool_has_nothing_to_say_about_the_page() {
    let page = page().await;
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match tool {
        Ok(tool) => tool,
        Err(_) => return missing("promtool on the page", "prometheus"),
    };
    tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = tool.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.status.success() && text.trim().is_empty(), "{text}\n{page}");
}

#[tokio::test(start_paused = true)]
async fn the_page_has_what_there_is_and_nothing_that_is_not_in_the_table() {
    let page = page().await;
    let known: BTreeSet<_> = families().map(|family| family.name).collect();
    let said = families_of(&page);
    assert!(said.is_subset(&known), "{:?}", said.difference(&known));
    // Of caches there is none here, and of containers only where there is one.
    let absent = |name: &&str| !name.starts_with("ostraca_cache") && !name.starts_with("ostraca_container");
    let missing: Vec<_> = known.difference(&said).filter(|name| absent(name)).collect();
    let may_be_missing =
        ["process_max_fds", "ostraca_pressure_stalled_ratio", "ostraca_pressure_stalled_seconds_total"];
    assert!(missing.iter().all(|name| may_be_missing.contains(name)), "{missing:?}");
    assert!(page.contains("ostraca_handler_refused_total{actor=\"Shop\",handler=\"plain\"} 400\n"), "{page}");
    assert!(page.contains("ostraca_handler_failed_total{actor=\"Shop\",handler=\"plain\"} 1\n"));
    assert!(
        page.contains("ostraca_shard_messages_handled_total{actor=\"Shop\",shard=\"1\"} 600\n"),
        "{page}"
    );
}

/// The table of the book's page, as the code has it.
fn table() -> String {
    let mut table = String::from("| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n");
    for family in families() {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, unit, help) = (family.name, family.kind.name(), family.unit, family.help);
        writeln!(table, "| `{name}` | {kind} | {} | {unit} | {help} |", labels.join(", ")).unwrap();
    }
    table
}

/// `OSTRACA_WRITE_METRICS=1` writes the table instead.
#[test]
fn the_books_page_names_every_metric_as_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/metrics.md");
    let page = fs::read_to_string(&path).unwrap();
    let begins = page.find("| name |").expect("the page has the table");
    let ends = page[begins..].find("\n\n").map_or(page.len(), |len| begins + len + 1);
    if env::var_os("OSTRACA_WRITE_METRICS").is_some() {
        fs::write(&path, [&page[..begins], &table(), &page[ends..]].concat()).unwrap();
        return;
    }
    for (said, is) in page[begins..ends].lines().zip(table().lines()) {
        assert_eq!(said, is);
    }
    assert_eq!(&page[begins..ends], table());
}
