//! The service over PostgreSQL, which the test starts itself: a replay that loses nothing, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test and its helpers")]
#![allow(dead_code, reason = "of what the tests share")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use postgres::{Postgres, note_missing};
use support::{Service, replay, storefront};
use tempfile::TempDir;

#[test]
fn a_replay_over_postgresql_loses_nothing_and_a_second_service_is_kept_out() {
    let Some(server) = Postgres::start(&std::env::temp_dir()) else {
        return note_missing(
            "postgres::a_replay_over_postgresql_loses_nothing_and_a_second_service_is_kept_out",
        );
    };
    let url = server.url();
    let folder = TempDir::new().unwrap();
    let cache = ["--cache-dir", folder.path().to_str().unwrap()];
    let trace = ["--trace", "zipf:1", "--shards", "4", "--database", &url, cache[0], cache[1]];
    let (status, report, stderr) = replay(&trace);
    assert!(status.success(), "{report:#}\n{stderr}");
    assert_eq!(report["requests"], 76_118);
    for zero in ["errors", "lost", "duplicated", "restarts"] {
        assert_eq!(report[zero], 0, "{report:#}");
    }
    assert!(report["batches"]["count"].as_u64().unwrap() > 0, "{report:#}");

    let service = Service::start_at(url.clone().into(), &cache);
    let mut client = service.client();
    let add = client.send("POST", "/carts/7/items", r#"{"id": "a", "product": 107, "quantity": 2}"#);
    assert!(add.status < 300, "{add:?}");
    let order = client.send("POST", "/carts/7/checkout", r#"{"id": "mine"}"#);
    assert!(order.status < 300, "{order:?}");
    let again = client.send("POST", "/carts/7/checkout", r#"{"id": "mine"}"#);
    assert_eq!(again.body, order.body, "the same order");
    let second = storefront(["--listen", "127.0.0.1:0", "--database", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("in use by another storefront") && !second.status.success(), "{said}");
    service.kill();

    // What was acknowledged is there after a kill.
    let service = Service::start_at(url.into(), &cache);
    let found = service.client().get("/orders/mine");
    assert_eq!(found.body, order.body);
    service.terminate();
    assert!(service.wait().0.success());
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let output =
        storefront(["--listen", "127.0.0.1:0", "--database", "postgres://shop:secret@127.0.0.1:9/shop"])
            .output()
            .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("postgres://127.0.0.1:9/shop: the database failed"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
