//! A browser, driven over W3C WebDriver: as much of the protocol as the page's tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Keys as WebDriver writes them (§17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// The name under which elements are referred to (§12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Longer than any step takes on a busy machine; a browser that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running chromedriver.
pub(crate) struct Driver {
    child: Child,
    port: u16,
}

/// The system chooses its port for IPv4, and it gives up if somebody has the same one for IPv6.
const MOST_LAUNCHES: usize = 5;

impl Driver {
    /// Starts one, or `None` where browser or driver are absent; in CI they must not be.
    pub(crate) fn start() -> Option<Self> {
        let there = |tool: &str| {
            Command::new(tool)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        if !(there("chromedriver") && there("chromium")) {
            assert!(
                std::env::var_os("CI").is_none(),
                "chromium and chromedriver must be installed in CI"
            );
            eprintln!("SKIPPED: chromium or chromedriver is not installed");
            return None;
        }
        Some(
            std::iter::repeat_with(Self::launch)
                .take(MOST_LAUNCHES)
                .flatten()
                .next()
                .expect("chromedriver says its port"),
        )
    }

    /// `None` if it ends without having said its port.
    fn launch() -> Option<Self> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let Some(port) = port else {
            let _ = child.wait();
            return None;
        };
        // It goes on talking, and would stop if nobody read.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port })
    }

    /// Opens a browser with settings of its own and nothing kept of any other.
    pub(crate) async fn open(&self, look: &Look<'_>) -> Browser<'_> {
        let mut options = json!({
            "binary": "/usr/bin/chromium",
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
                format!("--accept-lang={}", look.languages),
            ],
        });
        if let Some((width, height)) = look.phone {
            options["mobileEmulation"] = json!({"deviceMetrics": {
                "width": width, "height": height, "pixelRatio": 2.0, "touch": true,
            }});
        }
        if !look.script {
            options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": options,
        }}});
        let opened = ask(self.port, Method::POST, "/session", Some(&wanted)).await;
        let id = opened["sessionId"].as_str().expect("a session").to_owned();
        Browser { driver: self, id }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to end, it ends its browsers first, also those of a test that failed.
        if let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = socket.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = socket.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            let _ = socket.read(&mut [0; 1024]);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a browser is set up.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// What it sends as `Accept-Language`.
    pub(crate) languages: &'a str,
    /// A small screen, in CSS pixels.
    pub(crate) phone: Option<(u32, u32)>,
    /// Whether pages may run scripts.
    pub(crate) script: bool,
}

impl Default for Look<'_> {
    fn default() -> Self {
        Self {
            languages: "en",
            phone: None,
            script: true,
        }
    }
}

/// One browser.
pub(crate) struct Browser<'d> {
    driver: &'d Driver,
    id: String,
}

impl Browser<'_> {
    pub(crate) async fn go(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    pub(crate) async fn url(&self) -> String {
        text(&self.get("/url").await)
    }

    pub(crate) async fn title(&self) -> String {
        text(&self.get("/title").await)
    }

    /// The elements that a CSS selector finds.
    pub(crate) async fn all(&self, selector: &str) -> Vec<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.post("/elements", wanted).await;
        let found = found.as_array().expect("elements");
        found.iter().map(|found| text(&found[ELEMENT])).collect()
    }

    /// The one element that a CSS selector finds.
    pub(crate) async fn one(&self, selector: &str) -> String {
        let mut found = self.all(selector).await;
        assert_eq!(found.len(), 1, "{selector}");
        found.remove(0)
    }

    /// Clicks the one element that a selector finds; a page that follows has loaded on return.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.one(selector).await;
        self.post(&format!("/element/{element}/click"), json!({}))
            .await;
    }

    /// What a person reads in the one element.
    pub(crate) async fn read(&self, selector: &str) -> String {
        let element = self.one(selector).await;
        text(&self.get(&format!("/element/{element}/text")).await)
    }

    /// The same, or `None` while pages change.
    pub(crate) async fn try_read(&self, selector: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": selector});
        let path = format!("/session/{}/element", self.id);
        let found = try_ask(self.driver.port, Method::POST, &path, Some(&wanted)).await;
        let element = found.ok()?[ELEMENT].as_str()?.to_owned();
        let path = format!("/session/{}/element/{element}/text", self.id);
        let read = try_ask(self.driver.port, Method::GET, &path, None).await;
        read.ok()?.as_str().map(str::to_owned)
    }

    pub(crate) async fn attribute(&self, element: &str, name: &str) -> Option<String> {
        let path = format!("/element/{element}/attribute/{name}");
        self.get(&path).await.as_str().map(str::to_owned)
    }

    /// The element that the keyboard is at.
    pub(crate) async fn focused(&self) -> String {
        text(&self.get("/element/active").await[ELEMENT])
    }

    /// The accessible name of an element, as a screen reader says it.
    pub(crate) async fn label(&self, element: &str) -> String {
        let path = format!("/element/{element}/computedlabel");
        text(&self.get(&path).await)
    }

    /// Presses and releases a key.
    pub(crate) async fn press(&self, key: &str) {
        let keys = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": keys}]});
        self.post("/actions", actions).await;
    }

    /// The value of a JavaScript expression.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return {expression}"), "args": []});
        self.post("/execute/sync", script).await
    }

    /// Plays the device's preference for light or dark.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": feature}});
        self.post("/goog/cdp/execute", command).await;
    }

    /// The cookie of a name, of the page's own host.
    pub(crate) async fn cookie(&self, name: &str) -> Option<Value> {
        let all = self.get("/cookie").await;
        let all = all.as_array().expect("cookies");
        all.iter().find(|cookie| cookie["name"] == name).cloned()
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        let path = format!("/session/{}", self.id);
        ask(self.driver.port, Method::DELETE, &path, None).await;
    }

    async fn get(&self, path: &str) -> Value {
        let path = format!("/session/{}{path}", self.id);
        ask(self.driver.port, Method::GET, &path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let path = format!("/session/{}{path}", self.id);
        ask(self.driver.port, Method::POST, &path, Some(&body)).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// One command, which must succeed.
async fn ask(port: u16, method: Method, path: &str, body: Option<&Value>) -> Value {
    let said = format!("{method} {path}");
    let answer = try_ask(port, method, path, body).await;
    answer.unwrap_or_else(|error| panic!("{said}: {error}"))
}

/// One command; `Err` is what the browser objects to it.
async fn try_ask(
    port: u16,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Value> {
    let asking = async {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "127.0.0.1")
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(std::io::Error::other)?;
        let body = answer.into_body().collect().await;
        Ok::<_, std::io::Error>(body.map_err(std::io::Error::other)?.to_bytes())
    };
    let body = tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("the browser answers")
        .expect("the driver answers");
    let mut answer: Value = serde_json::from_slice(&body).expect("JSON");
    let value = answer["value"].take();
    if value["error"].is_null() {
        Ok(value)
    } else {
        Err(value)
    }
}
