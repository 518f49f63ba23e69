//! The upgrade from HTTP, over a connected stream and without blocking. There is no time limit here: that is the driver's.

use std::io::{ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};

use async_io::Async;
use spanwire_core::option::names;
use spanwire_core::transport::ByteStream;
use spanwire_core::{Error, OptionValue, Result, Url};
use tungstenite::handshake::client::generate_key;

use super::http::{self, HEAD_MAX, Headers, Refusal, Request};

/// A stream whose upgrade is under way.
pub(super) struct Half {
    stream: Async<Held>,
    /// Read, and not used.
    read: Vec<u8>,
}

/// What the reactor can wait for.
struct Held(Box<dyn ByteStream>);

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }
}

/// What was said before the first frame, the headers as lines.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    pub(super) target: String,
    pub(super) request: String,
    pub(super) response: String,
}

impl Agreed {
    /// What an option tells of it; `None` if that tells of something else.
    pub(super) fn option(&self, name: &str) -> Option<Result<OptionValue>> {
        let Self { target, request, response } = self;
        match name {
            names::WS_REQUEST_URI => return Some(Ok(target.clone().into())),
            names::WS_REQUEST_HEADERS => return Some(Ok(request.clone().into())),
            names::WS_RESPONSE_HEADERS => return Some(Ok(response.clone().into())),
            _ => {}
        }
        let single = [(names::WS_REQUEST_HEADER, request), (names::WS_RESPONSE_HEADER, response)];
        let (header, lines) = single.iter().find_map(|(prefix, lines)| Some((name.strip_prefix(prefix)?, lines)))?;
        let missing = || Error::NotFound(format!("option {name:?}: there is no such header").into());
        Some(http::find(lines, header).map(OptionValue::from).ok_or_else(missing))
    }
}

/// A stream after its upgrade, and what was read behind it.
pub(super) type Upgraded = (Box<dyn ByteStream>, Vec<u8>, Agreed);

impl Half {
    pub(super) fn new(stream: Box<dyn ByteStream>) -> Result<Self> {
        Ok(Self { stream: Async::new_nonblocking(Held(stream))?, read: Vec::new() })
    }

    /// Asks the server at this URL for a WebSocket, of one of these subprotocols.
    pub(super) async fn ask(mut self, url: &Url, subprotocols: Option<&str>, extra: &Headers) -> Result<Upgraded> {
        let (key, target) = (generate_key(), target(url));
        let request = http::request(&host(url), &target, &key, subprotocols, extra);
        self.write(&request).await?;
        let response = self.read_head(|bytes| http::check_response(bytes, &key, subprotocols)).await?;
        self.end(Agreed { target, request: http::lines_of(&request), response: response.to_lines() })
    }

    /// The client's request. What is none is answered.
    pub(super) async fn request(&mut self) -> Result<Request> {
        match self.read_head(|bytes| Request::parse(bytes).map_err(Fault::Refused)).await {
            Ok(request) => Ok(request),
            Err(Fault::Refused(refusal)) => Err(self.refuse(refusal).await),
            Err(Fault::Broken(e)) => Err(e),
        }
    }

    /// Answers a request, and opens the WebSocket if it may be.
    pub(super) async fn answer(
        mut self,
        request: Request,
        subprotocols: Option<&str>,
        extra: &Headers,
    ) -> Result<Upgraded> {
        let response = match request.judge(subprotocols) {
            Ok((key, subprotocol)) => http::acceptance(key, subprotocol, extra),
            Err(refusal) => return Err(self.refuse(refusal).await),
        };
        self.write(&response).await?;
        let Request { target, headers } = request;
        self.end(Agreed { target, request: headers.to_lines(), response: http::lines_of(&response) })
    }

    /// Says what is wrong, and closes.
    pub(super) async fn refuse(&mut self, refusal: Refusal) -> Error {
        if let Err(e) = self.write(&refusal.response()).await {
            return e;
        }
        let stream = &self.stream.get_ref().0;
        stream.shutdown();
        // What is unread would make the system send a reset, which destroys the answer on its way.
        for _ in 0..DISCARDS {
            self.read.clear();
            self.read.reserve(HEAD_MAX);
            if !matches!(stream.try_read(&mut self.read, HEAD_MAX), Ok(n) if n > 0) {
                break;
            }
        }
        refusal.into()
    }

    /// Reads until this finds what it looks for at the front.
    async fn read_head<T, E: From<Error>>(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Option<(T, usize)>, E>,
    ) -> Result<T, E> {
        loop {
            if !self.read.is_empty()
                && let Some((head, len)) = parse(&self.read)?
            {
                self.read.drain(..len);
                return Ok(head);
            }
            self.read.reserve(READ);
            match self.stream.get_ref().0.try_read(&mut self.read, READ) {
                Ok(0) => return Err(Error::ConnectionShutdown.into()),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    self.stream.readable().await.map_err(Error::from)?;
                }
                Err(e) => return Err(Error::from(e).into()),
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.get_ref().0.try_write(&[IoSlice::new(bytes)]) {
                Ok(0) => return Err(Error::ConnectionShutdown),
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn end(self, agreed: Agreed) -> Result<Upgraded> {
        let Self { stream, read } = self;
        // As much memory as there are bytes, which is usually none.
        Ok((stream.into_inner()?.0, read.into_boxed_slice().into_vec(), agreed))
    }
}

enum Fault {
    Refused(Refusal),
    Broken(Error),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Broken(e)
    }
}

/// The path and query, as requests carry them.
fn target(url: &Url) -> String {
    let path = if url.encoded_path().is_empty() { "/" } else { url.encoded_path() };
    match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// The host, and the port unless it is the usual one.
fn host(url: &Url) -> String {
    let host = url.host().unwrap_or("");
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let usual = if url.scheme().starts_with("wss") { 443 } else { 80 };
    match url.port() {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host,
    }
}

/// One read of a head.
const READ: usize = 1024;
/// How much of what follows a bad request is read, in heads.
const DISCARDS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_targets() {
        let of = |text: &str| {
            let url = Url::parse(text).unwrap();
            (host(&url), target(&url))
        };
        assert_eq!(of("ws://Host:80"), ("host".into(), "/".into()));
        assert_eq!(of("ws://host:443/a/../b?c=d"), ("host:443".into(), "/b?c=d".into()));
        assert_eq!(of("wss://[::1]:443/x"), ("[::1]".into(), "/x".into()));
        assert_eq!(of("wss://[::1]:80/x"), ("[::1]:80".into(), "/x".into()));
    }
}
