//! A headless Chromium, spoken to over two pipes in the DevTools protocol: <https://chromedevtools.github.io/devtools-protocol/>.

use crate::checkpoints::Temporary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The browser to test with: `GRADUS_CHROMIUM`, or the first on the path.
pub(super) fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("GRADUS_CHROMIUM") {
        return Some(named.into());
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"];
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let files = names.into_iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}

pub(super) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<String>,
    calls: u32,
    session: String,
    /// What it told by itself since the last page was opened.
    pub(super) events: Vec<String>,
    _profile: Temporary,
}

impl Browser {
    /// Starts it; `None` if it does not answer.
    pub(super) fn start(path: &Path) -> Option<Self> {
        let profile = Temporary::new();
        // The protocol is spoken over the descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"])
            .arg(path)
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--hide-scrollbars", "--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (to, answers) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&message).into_owned()).is_err() {
                    break;
                }
            }
        });
        let (session, events) = (String::new(), Vec::new());
        let mut browser = Self { child, to, from, calls: 0, session, events, _profile: profile };
        let target = browser.try_call("Target.createTarget", r#"{"url":"about:blank"}"#)?;
        let target = format!(r#"{{"targetId":"{}","flatten":true}}"#, field(&target, "targetId")?);
        let session = browser.try_call("Target.attachToTarget", &target)?;
        browser.session = field(&session, "sessionId")?;
        for domain in ["Page", "Network", "Log", "Runtime"] {
            browser.try_call(&format!("{domain}.enable"), "{}")?;
        }
        Some(browser)
    }

    /// Calls a method, and returns the answer as it is written.
    pub(super) fn call(&mut self, method: &str, parameters: &str) -> String {
        let answer = self.try_call(method, parameters).unwrap_or_else(|| panic!("{method}: no answer"));
        assert!(!answer.contains("\"error\":{\"code\""), "{method} {parameters}: {answer}");
        answer
    }

    fn try_call(&mut self, method: &str, parameters: &str) -> Option<String> {
        self.calls += 1;
        let id = self.calls;
        let session =
            if self.session.is_empty() { String::new() } else { format!(r#""sessionId":"{}","#, self.session) };
        let call = format!("{{\"id\":{id},{session}\"method\":\"{method}\",\"params\":{parameters}}}\0");
        self.to.write_all(call.as_bytes()).and_then(|()| self.to.flush()).ok()?;
        self.until(|message| message.starts_with(&format!("{{\"id\":{id},")))
    }

    /// The first message of a kind; those before it are kept as events.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            let message = self.from.recv_timeout(Duration::from_secs(60)).ok()?;
            if wanted(&message) {
                return Some(message);
            }
            self.events.push(message);
        }
    }

    /// Opens a page on a screen so wide, and waits until it is there.
    pub(super) fn open(&mut self, page: &Path, width: u32, dark: bool) {
        self.events.clear();
        let phone = width < 500;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &format!(r#"{{"width":{width},"height":800,"deviceScaleFactor":1,"mobile":{phone}}}"#),
        );
        let scheme = if dark { "dark" } else { "light" };
        let media = format!(r#"{{"features":[{{"name":"prefers-color-scheme","value":"{scheme}"}}]}}"#);
        self.call("Emulation.setEmulatedMedia", &media);
        let address = format!(r#"{{"url":"file://{}"}}"#, page.display());
        self.call("Page.navigate", &address);
        let is_loaded = |message: &str| message.contains("\"Page.loadEventFired\"");
        if !self.events.iter().any(|event| is_loaded(event)) {
            self.until(is_loaded).expect("the page is never loaded");
        }
    }

    /// The text that a piece of script, without quotation marks, gives.
    pub(super) fn evaluate(&mut self, script: &str) -> String {
        assert!(!script.contains(['"', '\\']));
        let script = script.replace('\n', " ");
        let answer = self.call("Runtime.evaluate", &format!(r#"{{"expression":"{script}","returnByValue":true}}"#));
        field(&answer, "value").unwrap_or_else(|| panic!("{script}: {answer}"))
    }

    /// A picture of the whole page, however long.
    pub(super) fn screenshot(&mut self, file: &Path, width: u32) {
        let height = self.evaluate("String(document.documentElement.scrollHeight)");
        let clip = format!(r#"{{"x":0,"y":0,"width":{width},"height":{height},"scale":1}}"#);
        let answer = self.call("Page.captureScreenshot", &format!(r#"{{"captureBeyondViewport":true,"clip":{clip}}}"#));
        let png = STANDARD.decode(field(&answer, "data").unwrap()).unwrap();
        std::fs::write(file, png).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(format!("{{\"id\":{},\"method\":\"Browser.close\"}}\0", self.calls + 1).as_bytes());
        let _ = self.to.flush();
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text of a message in JSON, as it is written there.
pub(super) fn field(message: &str, name: &str) -> Option<String> {
    let start = message.find(&format!("\"{name}\":\""))? + name.len() + 4;
    let mut escaped = false;
    let end = message[start..].find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(message[start..start + end].to_owned())
}
