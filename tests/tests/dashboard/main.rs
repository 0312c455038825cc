//! The dashboard in a real browser, under load.
#![allow(clippy::unwrap_used, reason = "tests")]

mod access;
mod browser;
mod cost;
mod keys;
mod metrics;
mod page;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ostraca::http::Dashboard;
use ostraca_tests::runs::number;
use tokio::runtime::{Builder, Runtime};

use browser::Browser;
use service::Service;

const DESKTOP: (u32, u32) = (1440, 1000);
const TELEPHONE: (u32, u32) = (390, 844);

/// A service under load, and a browser that shows its dashboard.
struct Watched {
    browser: Browser,
    service: Service,
    runtime: Runtime,
}

impl Watched {
    /// `None` where there is no browser: what is not run is then said.
    fn start(what: &str) -> Option<Self> {
        let browser = Browser::start(what)?;
        let runtime = runtime();
        let service = runtime.block_on(Service::start(Dashboard::default()));
        browser.look(DESKTOP, false, "light");
        browser.open(&service.url("/_ostraca"));
        browser.until("document.querySelectorAll('#handlers tbody tr').length >= 4");
        Some(Watched { browser, service, runtime })
    }

    /// The page had nothing to complain of, and the service stops in order.
    fn end(self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
        drop(self.browser);
        self.runtime.block_on(self.service.stop());
    }
}

/// The service runs on threads of its own: the browser is waited for on the test's.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Where pictures of the page are left to be looked at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// How long the pictures' service has run: longer shows more of a line.
fn seconds() -> Duration {
    Duration::from_secs(number("OSTRACA_LOOK_SECONDS").unwrap_or(3))
}
