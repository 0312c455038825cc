//! Who may see the page, over real connections.

use ostraca::http::Dashboard;
use ostraca_tests::http;

use crate::browser::Browser;
use crate::service::Service;
use crate::{DESKTOP, runtime};

const TOKEN: &str = "long enough a secret";

const DATA: [&str; 4] = ["/_ostraca", "/_ostraca/snapshot", "/_ostraca/events", "/_ostraca/history"];

#[test]
fn by_default_only_requests_for_this_machine_are_answered() {
    let runtime = runtime();
    let service = runtime.block_on(Service::start(Dashboard::default()));
    for path in DATA {
        let elsewhere = http::get(service.address, path, &[("host", "shop.example")]);
        assert_eq!(elsewhere.status, 403, "{path}");
        let proxied =
            http::get(service.address, path, &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]);
        assert_eq!(proxied.status, 403, "{path}");
        assert!(proxied.body.contains("this machine alone"), "{}", proxied.body);
    }
    let here = http::get(service.address, "/_ostraca/snapshot", &[("host", "localhost")]);
    assert_eq!(here.status, 200);
    assert!(here.head.contains("cache-control: no-store"), "{}", here.head);
    let snapshot: serde_json::Value = serde_json::from_str(&here.body).unwrap();
    assert_eq!(snapshot["system"], "bank");
    let slash = http::get(service.address, "/_ostraca/", &[("host", "localhost")]);
    assert_eq!(slash.status, 308);
    for (path, status) in
        [("/_ostraca/nothing.js", 404), ("/_ostraca/history?step=7", 400), ("/_ostraca/../metrics", 404)]
    {
        assert_eq!(http::get(service.address, path, &[("host", "localhost")]).status, status, "{path}");
    }
    runtime.block_on(service.stop());
}

#[test]
fn with_a_token_everybody_needs_it() {
    let runtime = runtime();
    let service = runtime.block_on(Service::start(Dashboard::with_token(TOKEN).unwrap()));
    for path in DATA {
        assert_eq!(http::get(service.address, path, &[("host", "localhost")]).status, 401, "{path}");
        let wrong = [("host", "localhost"), ("authorization", "Bearer long enough a secres")];
        assert_eq!(http::get(service.address, path, &wrong).status, 401, "{path}");
    }
    let right = [("host", "shop.example"), ("authorization", "Bearer long enough a secret")];
    assert_eq!(http::get(service.address, "/_ostraca/snapshot", &right).status, 200);

    let form = [("host", "shop.example"), ("content-type", "application/x-www-form-urlencoded")];
    let refused = http::send(service.address, "POST", "/_ostraca", &form, "token=nonsense");
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("That is not the token"));
    let let_in = http::send(service.address, "POST", "/_ostraca", &form, "token=long+enough+a+secret");
    assert_eq!(let_in.status, 303);
    let cookie = let_in.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let (cookie, flags) = cookie.split_once(';').unwrap();
    assert!(flags.contains("httponly") && flags.contains("samesite=strict"), "{flags}");
    let shown =
        http::get(service.address, "/_ostraca/snapshot", &[("host", "shop.example"), ("cookie", cookie)]);
    assert_eq!(shown.status, 200);
    runtime.block_on(service.stop());
}

#[test]
fn what_is_off_is_not_there() {
    let runtime = runtime();
    let service = runtime.block_on(Service::start(Dashboard::off()));
    for path in DATA.iter().chain(&["/_ostraca/main.js"]) {
        assert_eq!(http::get(service.address, path, &[("host", "localhost")]).status, 404, "{path}");
    }
    runtime.block_on(service.stop());
}

#[test]
fn a_person_gives_the_token_once() {
    let Some(browser) = Browser::start("the dashboard's token in a real browser") else { return };
    let runtime = runtime();
    let service = runtime.block_on(Service::start(Dashboard::with_token(TOKEN).unwrap()));
    browser.look(DESKTOP, false, "dark");
    browser.open(&service.url("/_ostraca"));
    assert!(browser.text("form").contains("behind a token"));
    browser.picture(&crate::pictures().join("door-dark.png"), false);
    browser.eval(&format!(
        "document.querySelector('#token').value = '{TOKEN}'; document.querySelector('button').click()"
    ));
    browser.until("document.querySelectorAll('#actors tbody tr').length > 3");
    // The stream and the history are let in by the cookie, too.
    browser.until("document.querySelector('#live.is-live')");
    drop(browser);
    runtime.block_on(service.stop());
}
