//! The service from outside: the built program, its sockets, its database file, its exit codes.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use support::{Client, PATIENCE, Service, replay, storefront};

#[test]
fn a_made_up_trace_of_full_size_loses_nothing() {
    let (status, report, stderr) = replay(&["--trace", "zipf:1", "--shards", "8"]);
    assert!(status.success(), "{report:#}\n{stderr}");
    assert_eq!(report["requests"], 76_118);
    assert!((3_700..5_000).contains(&report["writes"].as_u64().unwrap()), "{report:#}");
    for zero in ["errors", "lost", "duplicated", "restarts"] {
        assert_eq!(report[zero], 0, "{report:#}");
    }
    assert_eq!(report["shards"], 8);
    let memory = &report["cache"]["memory"];
    assert!(memory["misses"].as_u64().unwrap() >= 20_484, "every page is read once: {report:#}");
    assert!(memory["hits"].as_u64().unwrap() > 50_000, "{report:#}");
    assert!(report["batches"]["count"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["batches"]["mean_len"].as_f64().unwrap() >= 1.0, "{report:#}");
    assert!(report["requests_per_second"].as_f64().unwrap() > 0.0, "{report:#}");
    let [p50, p99, p999] = ["p50", "p99", "p999"].map(|key| report["latency_us"][key].as_u64().unwrap());
    assert!(0 < p50 && p50 <= p99 && p99 <= p999, "{report:#}");
}

#[test]
fn a_panic_in_a_thousand_messages_costs_those_requests_and_nothing_else() {
    let (status, report, stderr) = replay(&["--trace", "zipf:2", "--chaos", "panic=0.001"]);
    assert!(status.success(), "{report:#}\n{stderr}");
    assert_eq!(report["requests"], 76_118);
    assert!(report["errors"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["errors"], report["errors_by_kind"]["panicked"], "{report:#}");
    let [restarts, strikes] = ["restarts", "chaos_strikes"].map(|key| report[key].as_u64().unwrap());
    // An actor that was struck by the last requests may still wait for its restart when it is counted.
    assert!(strikes > 0 && restarts <= strikes && strikes - restarts <= 2, "{report:#}");
    for zero in ["lost", "duplicated", "unread_customers"] {
        assert_eq!(report[zero], 0, "{report:#}");
    }
}

#[test]
fn without_its_redis_it_serves_from_memory_and_disk_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    let service = Service::start(folder.path(), &["--redis", "redis://127.0.0.1:1"]);
    let mut client = service.client();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        for product in 1..20 {
            assert_eq!(client.get(&format!("/products/{product}")).status, 200);
        }
    }
    let ready = client.get("/ready");
    assert_eq!(ready.status, 200, "{ready:?}");
    let without = ready.json()["without"][0].as_str().unwrap().to_owned();
    assert!(without.starts_with("redis: out of reach: 127.0.0.1:1"), "{without}");
    service.terminate();
    let (status, stderr) = service.wait();
    assert!(status.success(), "{stderr}");
    let lines = stderr.lines().filter(|line| line.contains("caches go on without it")).count();
    assert_eq!(lines, 1, "one a minute: {stderr}");
}

#[test]
fn downloads_lead_to_the_file_lane_which_serves_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &[]);
    let led = service.client().get("/downloads/catalog.csv?x=1");
    assert_eq!(led.status, 307, "{led:?}");
    let there = led.headers.split("location: http://shop:").nth(1).unwrap().lines().next().unwrap();
    let (port, path) = there.split_once('/').unwrap();
    assert_eq!(path, "downloads/catalog.csv?x=1");
    let mut lane = Service::client_at(([127, 0, 0, 1], port.parse().unwrap()).into());
    let catalog = lane.get("/downloads/catalog.csv");
    assert_eq!(catalog.status, 200, "{catalog:?}");
    assert!(catalog.headers.contains("content-type: text/csv"), "{catalog:?}");
    let mut lines = catalog.body.lines();
    assert_eq!(lines.next(), Some("id,name,cents"));
    assert!(lines.clone().any(|line| line.starts_with("107,\"")), "{catalog:?}");
    assert!(lines.count() > 400, "{catalog:?}");
    for path in ["/downloads/none", "/downloads/../shop.db", "/catalog.csv"] {
        assert!([400, 404].contains(&lane.get(path).status), "{path}");
    }
    service.terminate();
    let (status, stderr) = service.wait();
    assert!(status.success(), "{stderr}");
}

#[test]
fn past_the_restart_limit_it_says_so_and_answers_503() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["--chaos", "panic=0.5", "--shards", "2"]);
    let mut client = service.client();
    assert_eq!(client.get("/ready").status, 200);
    let begun = Instant::now();
    let mut customer = 0;
    while client.get("/ready").status == 200 {
        let answer = client.get(&format!("/carts/{customer}"));
        assert!(matches!(answer.status, 200 | 500 | 503), "{answer:?}");
        assert!(begun.elapsed() < PATIENCE, "{customer} carts were read and it is still ready");
        customer += 1;
    }
    let ready = client.get("/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("Carts"), "{ready:?}");
    let gone = (0..64).map(|customer| client.get(&format!("/carts/{customer}"))).find(|a| a.status == 503);
    let gone = gone.expect("a shard that was given up answers 503");
    assert!(!gone.error().is_empty());
    assert_eq!(client.get("/health").status, 200, "the process is well");
    service.terminate();
    let (status, stderr) = service.wait();
    assert!(status.success(), "{stderr}");
    assert!(stderr.contains("the system is not ready"), "{stderr}");
}

#[test]
fn a_replay_past_the_restart_limit_is_answered_to_the_end() {
    let (status, report, stderr) = replay(&["--trace", "zipf:3", "--chaos", "panic=0.5", "--shards", "2"]);
    assert!(status.success(), "{report:#}\n{stderr}");
    assert_eq!(report["requests"], 76_118);
    let kinds: BTreeSet<&str> =
        report["errors_by_kind"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(kinds, BTreeSet::from(["panicked", "unavailable"]), "{report:#}");
    assert_eq!((&report["lost"], &report["duplicated"]), (&json!(0), &json!(0)), "{report:#}");
}

#[test]
fn a_stop_under_load_drops_no_request_it_took_and_keeps_every_acknowledged_order() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["--stop-deadline", "10"]);
    let load = Load::default();
    std::thread::scope(|scope| {
        for visitor in 0..8 {
            let (client, load) = (service.client(), &load);
            scope.spawn(move || load.shop_until_it_closes(client, visitor));
        }
        let begun = Instant::now();
        while load.orders.load(Ordering::SeqCst) < 200 {
            assert!(begun.elapsed() < PATIENCE, "only {:?} orders", load.orders);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        load.stopping.store(true, Ordering::SeqCst);
        service.terminate();
    });
    let database = service.database.clone();
    let (status, stderr) = service.wait();
    assert!(status.success(), "{status}: {stderr}");
    let database = rusqlite::Connection::open(database).unwrap();
    let mut select = database
        .prepare("SELECT id FROM orders UNION SELECT id FROM cart_lines UNION SELECT id FROM order_lines")
        .unwrap();
    let stored: BTreeSet<String> =
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let acknowledged = load.acknowledged.into_inner().unwrap();
    let lost: Vec<&String> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and not in the database: {lost:?}");
    let unanswered = load.unanswered.into_inner().unwrap();
    let dropped: Vec<&String> = unanswered.intersection(&stored).collect();
    assert!(dropped.is_empty(), "carried out and not answered: {dropped:?}");
}

/// What eight visitors did.
#[derive(Default)]
struct Load {
    acknowledged: Mutex<BTreeSet<String>>,
    /// Sent on a connection that closed without a word.
    unanswered: Mutex<BTreeSet<String>>,
    orders: AtomicUsize,
    stopping: AtomicBool,
}

impl Load {
    /// Adds and checks out until the service takes no more.
    fn shop_until_it_closes(&self, mut client: Client, visitor: usize) {
        for number in 0.. {
            let (line, order) = (format!("line-{visitor}-{number}"), format!("order-{visitor}-{number}"));
            let item = json!({ "id": line, "product": number % 100, "quantity": 1 }).to_string();
            for (what, id, body) in
                [("items", &line, item), ("checkout", &order, json!({ "id": order }).to_string())]
            {
                let is_stopping = || self.stopping.load(Ordering::SeqCst);
                match client.try_send("POST", &format!("/carts/{visitor}/{what}"), &body) {
                    Ok(answer) if answer.status == 200 => {
                        self.acknowledged.lock().unwrap().insert(id.clone())
                    }
                    Ok(answer) => {
                        assert!(answer.status == 503 && is_stopping(), "{what} {id}: {answer:?}");
                        return;
                    }
                    Err(error) => {
                        assert!(is_stopping(), "{what} {id}: {error}");
                        self.unanswered.lock().unwrap().insert(id.clone());
                        return;
                    }
                };
            }
            self.orders.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &["--shards", "4"]);
    let mut client = service.client();
    for customer in 0..20 {
        let line = json!({ "id": "line", "product": customer, "quantity": 2 }).to_string();
        assert_eq!(client.send("POST", &format!("/carts/{customer}/items"), &line).status, 200);
    }
    let order = client.send("POST", "/carts/3/checkout", r#"{"id": "third"}"#).json();
    service.kill();

    let service = Service::start(folder.path(), &["--shards", "7"]);
    let mut client = service.client();
    for customer in (0..20).filter(|customer| *customer != 3) {
        let cart = client.get(&format!("/carts/{customer}")).json();
        assert_eq!(cart["lines"], json!([{ "id": "line", "product": customer, "quantity": 2 }]));
    }
    assert_eq!(client.get("/carts/3").json()["lines"], json!([]));
    assert_eq!(client.get("/orders/third").json(), order);
}

#[test]
fn a_visit() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &[]);
    let mut client = service.client();
    let product = client.get("/products/107").json();
    assert_eq!(product["id"], 107);
    let alike = client.get("/products/107/recommendations").json();
    assert_eq!(alike.as_array().unwrap().len(), 4, "{alike}");
    assert!(alike.as_array().unwrap().iter().all(|other| other["id"] != 107));
    assert_eq!(client.get("/products/4000000000/recommendations").status, 404);
    let metrics = client.get("/metrics").body;
    let picks = r#"ostraca_pool_picks_total{pool="recommenders",type="Recommender"} 2"#;
    assert!(metrics.contains(picks), "{metrics}");
    let repriced = client.send("PUT", "/products/107/price", r#"{"cents": 1250}"#).json();
    assert_eq!((&repriced["cents"], &repriced["name"]), (&json!(1250), &product["name"]));
    assert_eq!(client.get("/products/107").json()["cents"], 1250, "the cached price is gone");

    let add = |client: &mut Client, id: &str, product: u32| {
        let line = json!({ "id": id, "product": product, "quantity": 2 }).to_string();
        client.send("POST", "/carts/5/items", &line)
    };
    add(&mut client, "a", 107);
    add(&mut client, "b", 108);
    let cart = add(&mut client, "a", 107).json();
    assert_eq!(cart["lines"].as_array().unwrap().len(), 2, "the same addition counts once");
    let cart = client.send("DELETE", "/carts/5/items/108", "").json();
    assert_eq!(cart["lines"], json!([{ "id": "a", "product": 107, "quantity": 2 }]));
    assert_eq!(client.get("/orders/mine").status, 404);
    let order = client.send("POST", "/carts/5/checkout", r#"{"id": "mine"}"#).json();
    assert_eq!(order["cents"], 2500);
    assert_eq!(client.get("/orders/mine").json(), order, "the cached absence is gone");
    assert_eq!(client.send("POST", "/carts/5/checkout", r#"{"id": "mine"}"#).json(), order);
    let empty = client.send("POST", "/carts/5/checkout", r#"{"id": "next"}"#);
    assert_eq!((empty.status, empty.error().as_str()), (409, "the cart is empty"));
    let taken = client.send("POST", "/carts/6/checkout", r#"{"id": "mine"}"#);
    assert_eq!(taken.status, 409, "{taken:?}");

    let head = client.send("HEAD", "/orders/mine", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));

    assert_eq!(client.get("/health").status, 200);
    assert_eq!(client.get("/ready").status, 200);
    let metrics = client.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("# TYPE "), "{}", metrics.body);
}

#[test]
fn bad_requests_are_told_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), &[]);
    let mut client = service.client();
    let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(20_000));
    for (method, path, body, status, said) in [
        ("GET", "/products/99999999", "", 404, "no product 99999999"),
        ("GET", "/products/-1", "", 404, "/products/-1"),
        ("GET", "/products/many", "", 404, "/products/many"),
        ("PUT", "/products/99999999/price", r#"{"cents": 1}"#, 404, "no product 99999999"),
        ("PUT", "/products/1/price", r#"{"cents": -1}"#, 400, "cents"),
        ("PUT", "/products/1/price", r#"{"cents": "much"}"#, 400, "cents"),
        ("GET", "/orders/none", "", 404, "no order none"),
        ("GET", "/nowhere", "", 404, "/nowhere"),
        ("DELETE", "/products/1", "", 405, "/products/1 takes GET, HEAD, not DELETE"),
        (
            "POST",
            "/carts/1/items",
            r#"{"id": "a", "product": 99999999, "quantity": 1}"#,
            404,
            "no product 99999999",
        ),
        ("POST", "/carts/1/items", r#"{"id": "a", "product": 1, "quantity": 0}"#, 400, "quantity"),
        ("POST", "/carts/1/items", r#"{"id": "", "product": 1, "quantity": 1}"#, 400, "id"),
        ("POST", "/carts/1/items", r#"{"id": "a", "product": "x", "quantity": 1}"#, 400, "product: "),
        ("POST", "/carts/1/items", r#"{"id": "a", "product": 1}"#, 400, "quantity"),
        ("POST", "/carts/1/items", r#"{"id": "a", "#, 400, "line 1"),
        ("POST", "/carts/1/items", "", 400, "line 1"),
        ("POST", "/carts/1/checkout", &long, 413, "16384 bytes"),
    ] {
        let answer = service.client().send(method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {answer:?}");
        assert!(answer.error().contains(said), "{method} {path} {answer:?}");
    }
    assert_eq!(client.get("/carts/1").json()["lines"], json!([]));
    let refused = client.send("GET", "/carts/1/items", "");
    assert!(refused.headers.contains("\r\nallow: post\r\n"), "{refused:?}");
}

#[test]
fn a_bad_trace_or_setting_is_one_line_and_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let (odd, negative) =
        (file("odd.trace", &[0; 71]), file("negative.trace", &[0, 0, 0, 1, 255, 255, 255, 255]));
    let (empty, text) = (file("empty.trace", &[]), file("shop.db", &[b'x'; 4096]));
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    let service = Service::start(&open, &[]);
    let in_use = service.database.to_str().unwrap().to_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, said) in [
        (
            &["--trace", &odd][..],
            "odd.trace: 3 bytes after record 17: a trace is big-endian 32-bit page numbers",
        ),
        (&["--trace", &negative], "negative.trace: record 2 is -1: "),
        (&["--trace", &empty], "empty.trace: empty: "),
        (&["--trace", "no/such.trace"], "no/such.trace: "),
        (&["--database", &text], "shop.db: the database failed: "),
        (&["--database", "no/such/folder/shop.db"], "no/such/folder/shop.db: "),
        (&["--database", &in_use], "shop.db: in use by another storefront"),
        (&["--listen", &taken], &taken),
        (&["--listen", "everywhere"], "--listen"),
        (&["--chaos", "panic=2"], "panic=2"),
        (&["--shards", "0"], "--shards"),
        (&["--exit"], "--trace"),
    ] {
        let database = folder.path().join("unused.db");
        let mut command =
            storefront(["--listen", "127.0.0.1:0"].iter().filter(|_| !args.contains(&"--listen")));
        if !args.contains(&"--database") {
            command.arg("--database").arg(database);
        }
        let output = command.args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with("storefront: ") && stderr.contains(said), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
