//! The HTTP heads that open a WebSocket: what is asked, what is answered, and what is refused with which status. Pure.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

use std::fmt::Write;

use spanwire_core::{Error, Result};
use tungstenite::handshake::derive_accept_key;

/// Headers in their order, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// From lines such as `Name: value`. What the handshake itself sets can't be set.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], which names the line.
    pub(crate) fn from_lines(text: &str) -> Result<Self> {
        let mut headers = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Error::InvalidArgument(format!("header {line:?}: no \":\"").into()))?;
            headers.push(name.trim(), value.trim())?;
        }
        Ok(headers)
    }

    /// Adds one, in place of any of that name.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    pub(crate) fn push(&mut self, name: &str, value: &str) -> Result<()> {
        let bad = |why| Error::InvalidArgument(format!("header {name:?}: {why}").into());
        if !is_token(name) {
            return Err(bad("this is no name"));
        }
        if !value.chars().all(|c| c == '\t' || !c.is_control()) {
            return Err(bad("its value has control characters"));
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("sec-websocket-") || OWN.contains(&&*lower) {
            return Err(bad("the handshake sets it"));
        }
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// The value of the first header of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// As lines, the way they are sent.
    pub(crate) fn to_lines(&self) -> String {
        self.iter().fold(String::new(), |mut text, (name, value)| {
            // Writing to a string can't fail.
            let _ = write!(text, "{name}: {value}\r\n");
            text
        })
    }

    /// The words of a list, of one or several headers.
    fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).flat_map(|(_, value)| words(value))
    }

    /// Whether a list has this word.
    fn lists(&self, name: &str, word: &str) -> bool {
        self.list(name).any(|found| found.eq_ignore_ascii_case(word))
    }
}

/// The words of a list.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// The value of the first header of this name, in lines as [`Headers::to_lines`] makes them.
pub(crate) fn find<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = lines.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The lines with the headers in a head of ours.
pub(crate) fn lines_of(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let (_, lines) = text.split_once("\r\n").unwrap_or_default();
    lines.strip_suffix("\r\n").unwrap_or(lines).to_owned()
}

/// A subprotocol, or a list of them, as an option has it. `None`: nothing is in it.
///
/// # Errors
/// [`Error::InvalidArgument`] for what can't stand in a header.
pub(crate) fn subprotocols(list: &str) -> Result<Option<String>> {
    if let Some(bad) = words(list).find(|word| !is_token(word)) {
        return Err(Error::InvalidArgument(format!("{bad:?} can't be a subprotocol").into()));
    }
    let words: Vec<_> = words(list).collect();
    Ok((!words.is_empty()).then(|| words.join(", ")))
}

/// Whether this may be the name of a header or of a subprotocol.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl From<&mut [httparse::Header<'_>]> for Headers {
    fn from(headers: &mut [httparse::Header<'_>]) -> Self {
        let text = |header: &mut httparse::Header<'_>| {
            (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned())
        };
        Self(headers.iter_mut().map(text).collect())
    }
}

/// A request as it came: a GET of HTTP/1.1.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The path and what follows it.
    pub(crate) target: String,
    pub(crate) headers: Headers,
}

impl Request {
    /// The request at the front of these bytes, and its length. `None`: it is not complete.
    ///
    /// # Errors
    /// The answer that it gets instead.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Refusal> {
        // NNG's way to ask for a URL without a path.
        if let Some(rest) = bytes.strip_prefix(b"GET  ") {
            let found = Self::parse(&[b"GET / ", rest].concat())?;
            return Ok(found.map(|(request, len)| (request, len - 1)));
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let len = match request.parse(bytes) {
            Ok(httparse::Status::Complete(len)) if len <= HEAD_MAX => len,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
            Ok(_) => return Err(Refusal::new(431, "the request's head is too large")),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::new(431, "too many headers")),
            Err(e) => return Err(Refusal::new(400, format!("no HTTP request: {e}"))),
        };
        match (request.method, request.path, request.version) {
            (_, _, Some(version)) if version != 1 => Err(Refusal::new(505, "HTTP/1.1 is needed")),
            (Some("GET"), Some(target), _) => {
                if path_of(target).is_none() {
                    return Err(Refusal::new(400, format!("request target {target:?}")));
                }
                Ok(Some((Self { target: target.to_owned(), headers: request.headers.into() }, len)))
            }
            (method, _, _) => Err(Refusal::new(405, format!("method {:?}", method.unwrap_or("")))),
        }
    }

    /// The path, in the form in which [`Url::encoded_path`](spanwire_core::Url::encoded_path) has it.
    pub(crate) fn path(&self) -> String {
        canonical_path(path_of(&self.target).unwrap_or(""))
    }

    /// Whether it opens a WebSocket of one of these subprotocols, or of none; its key, and the subprotocol.
    ///
    /// # Errors
    /// The answer that it gets instead.
    pub(crate) fn judge(&self, served: Option<&str>) -> Result<(&str, Option<&str>), Refusal> {
        let headers = &self.headers;
        if !headers.lists("upgrade", "websocket") || !headers.lists("connection", "upgrade") {
            return Err(Refusal::new(426, "this is a WebSocket"));
        }
        if headers.get("sec-websocket-version") != Some("13") {
            return Err(Refusal::new(426, "version 13 of the WebSocket protocol is needed"));
        }
        // 16 bytes in base64.
        let key = headers.get("sec-websocket-key").unwrap_or("");
        if key.len() != 24 || !key.ends_with("==") {
            return Err(Refusal::new(400, "Sec-WebSocket-Key is missing or wrong"));
        }
        let mut asked = headers.list("sec-websocket-protocol").peekable();
        let Some(served) = served else {
            return match asked.peek() {
                None => Ok((key, None)),
                Some(asked) => Err(Refusal::new(400, format!("subprotocol {asked:?}, none is served here"))),
            };
        };
        match asked.find(|asked| words(served).any(|served| served.eq_ignore_ascii_case(asked))) {
            Some(agreed) => Ok((key, Some(agreed))),
            None => {
                let asked = headers.get("sec-websocket-protocol").unwrap_or("");
                Err(Refusal::new(400, format!("subprotocol {asked:?}, {served:?} is served here")))
            }
        }
    }
}

/// The answer to a request that opens no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) why: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }

    /// The response, after which the connection closes.
    pub(crate) fn response(&self) -> Vec<u8> {
        let reason = match self.status {
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            503 => "Service Unavailable",
            _ => "HTTP Version Not Supported",
        };
        let extra = match self.status {
            405 => "Allow: GET\r\n",
            426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        };
        let (status, why) = (self.status, &self.why);
        let (upgrade, len) = (if status == 426 { "Upgrade, " } else { "" }, why.len() + 1);
        format!(
            "HTTP/1.1 {status} {reason}\r\n{extra}Connection: {upgrade}close\r\nContent-Type: text/plain\r\n\
             Content-Length: {len}\r\n\r\n{why}\n"
        )
        .into_bytes()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Protocol(format!("answered {}: {}", refusal.status, refusal.why).into())
    }
}

/// The header that names subprotocols.
fn protocol_line(subprotocol: Option<&str>) -> String {
    subprotocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"))
}

/// The response that opens the WebSocket.
pub(crate) fn acceptance(key: &str, subprotocol: Option<&str>, extra: &Headers) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{}{}\r\n",
        derive_accept_key(key.as_bytes()),
        protocol_line(subprotocol),
        extra.to_lines()
    )
    .into_bytes()
}

/// The request that asks for a WebSocket, of one of these subprotocols.
pub(crate) fn request(host: &str, target: &str, key: &str, subprotocols: Option<&str>, extra: &Headers) -> Vec<u8> {
    let host = if extra.get("host").is_some() { String::new() } else { format!("Host: {host}\r\n") };
    format!(
        "GET {target} HTTP/1.1\r\n{host}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\n{}{}\r\n",
        protocol_line(subprotocols),
        extra.to_lines()
    )
    .into_bytes()
}

/// The headers of the response at the front of these bytes, and its length. `None`: it is not complete.
///
/// # Errors
/// [`Error::Protocol`] if it opens no WebSocket of this key and one of the subprotocols that were asked for; [`Error::PermissionDenied`] and
/// [`Error::ConnectionRefused`] for what the server said.
pub(crate) fn check_response(bytes: &[u8], key: &str, asked: Option<&str>) -> Result<Option<(Headers, usize)>> {
    let bad = |why: &str| Err(Error::Protocol(format!("the server's answer: {why}").into()));
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let len = match response.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len <= HEAD_MAX => len,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
        Ok(_) => return bad("its head is too large"),
        Err(e) => return bad(&format!("no HTTP: {e}")),
    };
    let (status, reason) = (response.code.unwrap_or(0), response.reason.unwrap_or("").to_owned());
    let said = format!("the server answered {status} {reason}");
    match status {
        101 => {}
        401 | 403 => return Err(Error::PermissionDenied(said.into())),
        404 | 405 => return Err(Error::ConnectionRefused(said.into())),
        _ => return Err(Error::Protocol(said.into())),
    }
    let headers = Headers::from(response.headers);
    if !headers.lists("upgrade", "websocket") || !headers.lists("connection", "upgrade") {
        return bad("it upgrades to something else");
    }
    if headers.get("sec-websocket-accept").map(str::trim) != Some(&derive_accept_key(key.as_bytes())) {
        return bad("Sec-WebSocket-Accept does not fit");
    }
    // NNG's servers answer a list with the list.
    let asked_for = |word: &str| words(asked.unwrap_or("")).any(|asked| asked == word);
    if !headers.list("sec-websocket-protocol").all(asked_for) {
        return bad("it has a subprotocol that was not asked for");
    }
    if let (Some(asked), None) = (asked, headers.list("sec-websocket-protocol").next()) {
        return bad(&format!("it does not speak {asked:?}"));
    }
    if headers.get("sec-websocket-extensions").is_some() {
        return bad("it has extensions that were not asked for");
    }
    Ok(Some((headers, len)))
}

/// The path in a request's target, which starts with it, or is in a proxy's form: with scheme and host. `None`: it is no target.
fn path_of(target: &str) -> Option<&str> {
    let target = if target.starts_with('/') {
        target
    } else {
        let (scheme, rest) = target.split_once("://")?;
        if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return None;
        }
        rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or("")
    };
    target.split(['?', '#']).next()
}

/// As a URL's path is made canonical; as it stands where it can't be one.
fn canonical_path(path: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    match spanwire_core::Url::parse(&format!("ws://host{path}")) {
        Ok(url) if !url.encoded_path().is_empty() => url.encoded_path().to_owned(),
        Ok(_) => "/".into(),
        Err(_) => path.to_owned(),
    }
}

/// What [`Headers::push`] refuses, besides `Sec-WebSocket-..`.
const OWN: [&str; 5] = ["connection", "content-length", "transfer-encoding", "upgrade", "trailer"];

/// The longest head, as with the common web servers.
pub(crate) const HEAD_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const REP: Option<&str> = Some("rep.sp.nanomsg.org");

    fn ask(change: impl Fn(&str) -> String) -> String {
        let request = String::from_utf8(request("host:80", "/chat?room=1", KEY, REP, &Headers::default())).unwrap();
        change(&request)
    }

    fn answer(request: &str) -> u16 {
        match Request::parse(request.as_bytes()) {
            Ok(Some((request, _))) => request.judge(REP).map_or_else(|refusal| refusal.status, |_| 101),
            Ok(None) => 0,
            Err(refusal) => refusal.status,
        }
    }

    #[test]
    fn requests_byte_for_byte() {
        let mut extra = Headers::from_lines("X-Token: a b\r\n\nOrigin:http://here\n").unwrap();
        extra.push("x-token", "c").unwrap();
        assert_eq!(
            String::from_utf8(request("[::1]:8080", "/a%20b?c", KEY, REP, &extra)).unwrap(),
            "GET /a%20b?c HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\nOrigin: http://here\r\nx-token: c\r\n\r\n"
        );
    }

    #[test]
    fn the_answer_fits_the_request() {
        let bytes = acceptance(KEY, REP, &Headers::from_lines("X-Server: me").unwrap());
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {ACCEPT}\r\nSec-WebSocket-Protocol: rep.sp.nanomsg.org\r\nX-Server: me\r\n\r\n"
            )
        );
        let (headers, len) = check_response(&[&bytes, &b"more"[..]].concat(), KEY, REP).unwrap().unwrap();
        assert_eq!((len, headers.get("x-server")), (bytes.len(), Some("me")));
        for cut in 0..bytes.len() {
            assert_eq!(check_response(&bytes[..cut], KEY, REP).unwrap(), None);
        }
        assert!(matches!(check_response(&bytes, KEY, Some("sub.sp.nanomsg.org")), Err(Error::Protocol(_))));
        assert!(matches!(check_response(&bytes, "AAAAAAAAAAAAAAAAAAAAAA==", REP), Err(Error::Protocol(_))));
    }

    #[test]
    fn each_mistake_has_its_answer() {
        assert_eq!(answer(&ask(str::to_owned)), 101);
        let replaced = |from: &str, to: &str| answer(&ask(|text| text.replace(from, to)));
        assert_eq!(replaced("rep.sp", "sub.sp.nanomsg.org, rep.sp"), 101);
        assert_eq!(replaced("Upgrade: websocket", "upgrade: WebSocket"), 101);
        assert_eq!(replaced("Connection: Upgrade", "Connection: keep-alive, Upgrade"), 101);
        assert_eq!(replaced("/chat?room=1", ""), 101);
        for target in ["foo", ":9/chat", "@h/chat", "ftp://h/chat", "*", "?/chat"] {
            assert_eq!(replaced("/chat?room=1", target), 400, "{target}");
        }
        assert_eq!(replaced("/chat?room=1", "/public?u=http://x/admin"), 101);
        assert_eq!(replaced("rep.sp", "sub.sp"), 400);
        assert_eq!(replaced("Sec-WebSocket-Protocol: rep.sp.nanomsg.org\r\n", ""), 400);
        assert_eq!(replaced("Upgrade: websocket\r\n", ""), 426);
        assert_eq!(replaced("Connection: Upgrade\r\n", ""), 426);
        assert_eq!(replaced("Version: 13", "Version: 8"), 426);
        assert_eq!(replaced(KEY, "short"), 400);
        assert_eq!(replaced("GET", "POST"), 405);
        assert_eq!(replaced("HTTP/1.1", "HTTP/1.0"), 505);
        assert_eq!(answer("\0SP\0\0\x50\0\0"), 400);
        assert_eq!(answer(&ask(|text| text.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "x".repeat(9000))))), 431);
        assert_eq!(answer(&ask(|text| text.replace("\r\n\r\n", &format!("\r\n{}\r\n", "X: x\r\n".repeat(70))))), 431);
        assert_eq!(answer(&format!("GET /{}", "x".repeat(9000))), 431);
    }

    #[test]
    fn subprotocols_are_lists_or_nothing() {
        let asked = |asked: Option<&str>| {
            let bytes = request("host", "/", KEY, asked, &Headers::default());
            Request::parse(&bytes).unwrap().unwrap().0
        };
        let judged = |client: Option<&str>, served: Option<&str>| {
            let request = asked(client);
            match request.judge(served) {
                Ok((_, agreed)) => {
                    let bytes = acceptance(KEY, agreed, &Headers::default());
                    assert!(check_response(&bytes, KEY, client).is_ok(), "{client:?} {served:?}");
                    Ok(agreed.map(str::to_owned))
                }
                Err(refusal) => Err(refusal.status),
            }
        };
        assert_eq!(judged(None, None), Ok(None));
        assert_eq!(judged(None, Some("a")), Err(400));
        assert_eq!(judged(Some("a"), None), Err(400));
        assert_eq!(judged(Some("b"), Some("a, b")), Ok(Some("b".into())));
        assert_eq!(judged(Some("c, b, a"), Some("a, b")), Ok(Some("b".into())));
        assert_eq!(judged(Some("a"), Some("ab")), Err(400));

        let answered = |asked, agreed| check_response(&acceptance(KEY, agreed, &Headers::default()), KEY, asked);
        assert!(answered(Some("a, b"), Some("a, b")).is_ok());
        for (asked, agreed) in [(None, Some("a")), (Some("a"), None), (Some("a, b"), Some("c"))] {
            assert!(matches!(answered(asked, agreed), Err(Error::Protocol(_))), "{asked:?} {agreed:?}");
        }

        assert_eq!(subprotocols(" , "), Ok(None));
        assert_eq!(subprotocols("a,\r\n b"), Ok(Some("a, b".into())));
        for bad in ["a b", "a\r\nX: y", "\u{e4}"] {
            assert!(matches!(subprotocols(bad), Err(Error::InvalidArgument(_))), "{bad:?}");
        }
    }

    #[test]
    fn heads_come_back_as_lines() {
        let head = acceptance(KEY, None, &Headers::from_lines("X-Server: me").unwrap());
        let lines = lines_of(&head);
        assert!(lines.starts_with("Upgrade: websocket\r\n") && lines.ends_with("\r\nX-Server: me\r\n"), "{lines:?}");
        assert_eq!((find(&lines, "x-server"), find(&lines, "x")), (Some("me"), None));
        let (headers, _) = check_response(&head, KEY, None).unwrap().unwrap();
        assert_eq!(headers.to_lines(), lines);
    }

    #[test]
    fn what_servers_say_is_told() {
        let said = |status: &str| {
            check_response(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes(), KEY, REP).unwrap_err()
        };
        assert!(
            matches!(said("403 Forbidden"), Error::PermissionDenied(why) if why.as_str().contains("403 Forbidden"))
        );
        assert!(matches!(said("404 Not Found"), Error::ConnectionRefused(_)));
        assert!(matches!(said("400 Bad Request"), Error::Protocol(_)));
        assert!(matches!(said("200 OK"), Error::Protocol(_)));
        let refusal = Refusal::new(426, "why");
        assert!(matches!(check_response(&refusal.response(), KEY, REP), Err(Error::Protocol(_))));
    }

    #[test]
    fn paths_are_compared_in_one_form() {
        let path = |target: &str| Request { target: target.into(), headers: Headers::default() }.path();
        assert_eq!(path("/chat?room=1"), "/chat");
        assert_eq!(path("/a/../chat"), "/chat");
        assert_eq!(path("http://host/chat"), "/chat");
        assert_eq!(path("http://host"), "/");
        assert_eq!(path("/"), "/");
        assert_eq!(path("HTTPS://host:1?x=/y"), "/");
        // What a query holds is no host.
        assert_eq!(path("/public?u=http://x/admin"), "/public");
        assert_eq!(path("/public#http://x/admin"), "/public");
    }

    #[test]
    fn headers_of_the_handshake_are_its_own() {
        for line in ["no colon", ": x", "a b: c", "Upgrade: x", "Sec-WebSocket-Key: x", "X: a\u{1}b"] {
            match Headers::from_lines(line) {
                Err(Error::InvalidArgument(_)) => {}
                other => panic!("{line:?}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some((request, len))) = Request::parse(&bytes) {
                prop_assert!(len <= bytes.len());
                let _ = (request.judge(REP), request.path());
            }
            let _ = check_response(&bytes, KEY, REP);
        }

        #[test]
        fn cut_requests_are_waited_for(cut in 0_usize..100) {
            let text = ask(str::to_owned);
            prop_assert!(Request::parse(&text.as_bytes()[..cut]).unwrap().is_none());
        }
    }
}
