//! The page in `examples/browser`, in headless Chromium. With `SPANWIRE_RECORD=1` its screenshot goes to `docs/browser.png`.
//!
//! `cargo xtask test` installs Chromium on Debian. Without it this test says so and does nothing, except under CI.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tungstenite::{Message, WebSocket};

#[path = "../../examples/browser/server.rs"]
mod server;

/// The browser, killed at the end of the test, and its files.
struct Browser(Child, std::path::PathBuf);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_dir_all(&self.1);
    }
}

#[test]
fn the_page_in_chromium() {
    if !Path::new(CHROMIUM).exists() {
        assert!(std::env::var_os("CI").is_none(), "no {CHROMIUM}");
        println!("SKIPPED: there is no {CHROMIUM} (Debian: apt-get install chromium)");
        return;
    }
    let (tell, told) = mpsc::channel();
    let address = server::serve("127.0.0.1:0", move |report| {
        let _ = tell.send(report.to_owned());
    })
    .unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/browser/index.html");
    let files = std::env::temp_dir().join(format!("spanwire-browser-{}", std::process::id()));
    let mut command = Command::new(CHROMIUM);
    // The sandbox is not to be had as root, and this page is ours.
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=900,560"]);
    command.args(["--remote-debugging-port=0".to_owned(), format!("--user-data-dir={}", files.display())]);
    command.arg(format!("file://{}?server={address}&count=10000", page.display()));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut browser = Browser(child, files);
    let stderr = BufReader::new(browser.0.stderr.take().unwrap());
    let (say, said) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            eprintln!("{line}");
            if let Some(url) = line.strip_prefix("DevTools listening on ") {
                let _ = say.send(url.to_owned());
            }
        }
    });
    let report = told.recv_timeout(Duration::from_secs(120)).expect("a report of the page");
    assert_eq!(report, "sub 10000 req 10000 pair 10000 wrong 0");
    if std::env::var_os("SPANWIRE_RECORD").is_some() {
        let image = screenshot(&said.recv_timeout(Duration::from_secs(10)).unwrap());
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/browser.png"), image).unwrap();
    }
}

/// Asks the browser for a picture of its page.
fn screenshot(devtools: &str) -> Vec<u8> {
    let at = devtools.trim_start_matches("ws://").split('/').next().unwrap();
    let (mut ws, _) = tungstenite::client(devtools, TcpStream::connect(at).unwrap()).unwrap();
    let targets = ask(&mut ws, r#"{"id":1,"method":"Target.getTargets"}"#);
    let page = targets.split("\"targetId\":\"").skip(1).find(|target| target.contains("\"type\":\"page\"")).unwrap();
    let page = page.split('"').next().unwrap();
    let attached = ask(
        &mut ws,
        &format!(r#"{{"id":2,"method":"Target.attachToTarget","params":{{"targetId":"{page}","flatten":true}}}}"#),
    );
    let session = attached.split("\"sessionId\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let image = ask(&mut ws, &format!(r#"{{"id":3,"method":"Page.captureScreenshot","sessionId":"{session}"}}"#));
    base64(image.split("\"data\":\"").nth(1).unwrap().split('"').next().unwrap())
}

/// The answer to this question, past all events.
fn ask(ws: &mut WebSocket<TcpStream>, question: &str) -> String {
    let id = question.split(',').next().unwrap().to_owned();
    ws.send(Message::text(question)).unwrap();
    loop {
        if let Message::Text(answer) = ws.read().unwrap()
            && answer.starts_with(&id)
        {
            return answer.to_string();
        }
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut have, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        bits = bits << 6 | digits.iter().position(|digit| *digit == byte).unwrap() as u32;
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    bytes
}

const CHROMIUM: &str = "/usr/bin/chromium";
