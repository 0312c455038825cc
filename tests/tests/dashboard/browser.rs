//! A real browser: Debian's chromium without a window, driven by the DevTools protocol over its websocket.
//!
//! Source: <https://chromedevtools.github.io/devtools-protocol/>.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostraca_tests::runs::missing;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// What the browser is waited for, at most, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page. It is ended, and its profile removed, when the test lets go of it.
pub(crate) struct Browser {
    child: Child,
    _profile: TempDir,
    link: RefCell<Link>,
    session: String,
}

/// The websocket, and what it has said unasked.
struct Link {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    events: Vec<Value>,
}

impl Browser {
    /// Starts it. `None`, and a line about `what` is not run, where there is no chromium.
    pub(crate) fn start(what: &str) -> Option<Self> {
        if Command::new("chromium").arg("--version").output().is_err() {
            missing(what, "chromium");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromium")
            .args(["--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"])
            // Root, as in a container, has no other way; it opens nothing but the test's own page.
            .arg("--no-sandbox")
            // It asks no other host for anything.
            .args(["--disable-background-networking", "--disable-component-update", "--no-proxy-server"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Its many processes form a group, to be ended together.
            .process_group(0)
            .spawn()
            .unwrap();
        let url = listening_on(&mut child);
        let (socket, _) = tungstenite::connect(url).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        let link = RefCell::new(Link { socket, last_id: 0, events: Vec::new() });
        let mut browser = Browser { child, _profile: profile, link, session: String::new() };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, json!({}));
        }
        // As if its window were the one in front.
        browser.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
        Some(browser)
    }

    /// Calls a method and waits for its result.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&self, method: &str, params: Value) -> Result<Value, Value> {
        let mut link = self.link.borrow_mut();
        link.last_id += 1;
        let id = link.last_id;
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        link.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let message = link.read();
            if message["id"] == json!(id) {
                let error = message["error"].clone();
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(error) };
            }
            link.events.push(message);
        }
    }

    /// Opens an address and waits until it is loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        let opened = self.call("Page.navigate", json!({"url": url}));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        self.until("document.readyState === 'complete'");
    }

    /// The value of an expression, or of the promise that it is.
    #[track_caller]
    pub(crate) fn eval(&self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let done = self.call("Runtime.evaluate", params);
        assert!(done["exceptionDetails"].is_null(), "{expression}: {}", done["exceptionDetails"]);
        done["result"]["value"].clone()
    }

    /// Waits until an expression is true, looked at with every frame that the page draws; how long that took.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) -> Duration {
        self.within(PATIENCE / 2, expression)
    }

    /// As [`until`](Self::until), and fails when it takes longer than this.
    #[track_caller]
    pub(crate) fn within(&self, limit: Duration, expression: &str) -> Duration {
        let limit_ms = limit.as_millis();
        let look = format!(
            "new Promise((resolve) => {{
                const begun = performance.now();
                const look = () => {{
                    const took = performance.now() - begun;
                    if ({expression}) resolve(took);
                    else if (took > {limit_ms}) resolve(null);
                    else setTimeout(look, 10);
                }};
                look();
            }})"
        );
        let params = json!({"expression": look, "awaitPromise": true, "returnByValue": true});
        let done = match self.try_call("Runtime.evaluate", params.clone()) {
            // A page that gives way to the next takes its promises along: once more, there.
            Err(error) if error["message"].as_str().is_some_and(|text| text.contains("navigated")) => {
                self.call("Runtime.evaluate", params)
            }
            done => done.unwrap_or_else(|error| panic!("{expression}: {error}")),
        };
        assert!(done["exceptionDetails"].is_null(), "{expression}: {}", done["exceptionDetails"]);
        let took = &done["result"]["value"];
        let Some(took) = took.as_f64() else { panic!("not within {limit:?}: {expression}") };
        Duration::from_secs_f64(took / 1e3)
    }

    /// The text of the first element that this finds.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({})?.innerText", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// Waits so long on the page's clock: for what is seen only over time, such as a line of seconds.
    pub(crate) fn pass(&self, time: Duration) {
        self.eval(&format!("new Promise((resolve) => setTimeout(resolve, {}))", time.as_millis()));
    }

    /// Presses and releases a key, as `KeyboardEvent.key` names it.
    #[track_caller]
    pub(crate) fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            letter => u32::from(letter.to_ascii_uppercase().as_bytes()[0]),
        };
        let text = match key {
            "Enter" => "\r",
            one if one.len() == 1 => one,
            _ => "",
        };
        let down = json!({"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// The size of the window in its own pixels, whether it is a telephone, and the colours that the system wants.
    #[track_caller]
    pub(crate) fn look(&self, (width, height): (u32, u32), is_mobile: bool, theme: &str) {
        let scale = if is_mobile { 2 } else { 1 };
        let size = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_mobile});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{"name": "prefers-color-scheme", "value": theme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// A picture of the whole page, or of what of it is in the window, as PNG.
    #[track_caller]
    pub(crate) fn picture(&self, file: &Path, is_whole: bool) {
        let params = json!({"format": "png", "captureBeyondViewport": is_whole});
        let picture = self.call("Page.captureScreenshot", params);
        std::fs::write(file, BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What went wrong in the page up to now: exceptions, errors and warnings of the console, of the network, of the
    /// content policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        // What was said before this call is read by it.
        self.call("Runtime.evaluate", json!({"expression": "0"}));
        let link = self.link.borrow();
        let complaint = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Log.entryAdded" if params["entry"]["level"] != "info" => Some(params["entry"].to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "warning" => {
                    Some(params["args"].to_string())
                }
                _ => None,
            }
        };
        link.events.iter().filter_map(complaint).collect()
    }

    /// The addresses that the page has asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        let link = self.link.borrow();
        let sent = link.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }
}

impl Link {
    fn read(&mut self) -> Value {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return serde_json::from_str(text.as_str()).unwrap(),
                Ok(Message::Close(_)) => panic!("the browser has gone"),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the browser does not go on speaking: {error}"),
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group, by the number of its first process, which this has started: a process that is killed leaves its
        // children to themselves.
        // If it is gone already, so much the better.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The websocket that it says it listens on.
fn listening_on(child: &mut Child) -> String {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (told, url) = mpsc::channel();
    // Reads on to the end, so that the browser never waits for its stderr to be read.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if let Some((_, url)) = line.split_once("DevTools listening on ") {
                // The test may have given up.
                let _ = told.send(url.to_owned());
            }
        }
    });
    url.recv_timeout(PATIENCE).expect("chromium says where it listens")
}
