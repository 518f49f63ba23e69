//! What the tests of all transports need: a listener and a dialer outside of any socket.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_lite::future;
use spanwire_core::option::{Address, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{ByteStream, Connection, Dialer, Handshake, Hello, Link, Listener, Transport};
use spanwire_core::{Error, ProtocolInfo, Result, Url};

pub static PUSH: Hello = Hello { protocol: &info("push", 0x50, "pull", 0x51) };
pub static PULL: Hello = Hello { protocol: &info("pull", 0x51, "push", 0x50) };
pub static PAIR: Hello = Hello { protocol: &info("pair", 0x10, "pair", 0x10) };

const fn info(name: &'static str, number: u16, peer_name: &'static str, peer: u16) -> ProtocolInfo {
    ProtocolInfo {
        name,
        peer_name,
        number,
        peer,
        raw: false,
        sends: true,
        receives: true,
        contexts: false,
        shared_recv: true,
        shared_send: true,
        returns_unsent: false,
        pipe_depth: 1,
    }
}

/// Runs a future; a hang is a failure.
#[track_caller]
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let watchdog = async {
        async_io::Timer::after(Duration::from_secs(20)).await;
        None
    };
    future::block_on(future::or(async { Some(future.await) }, watchdog)).expect("it hangs")
}

pub fn options() -> Arc<EndpointOptions> {
    Arc::default()
}

pub fn with(name: &'static str, value: impl Into<OptionValue>) -> Arc<EndpointOptions> {
    let options = EndpointOptions::default();
    options.set(name, value.into());
    Arc::new(options)
}

pub struct Bound {
    pub listener: Box<dyn Listener>,
    pub url: Url,
    pub options: Arc<EndpointOptions>,
}

impl Bound {
    /// The next connection, before its handshake.
    pub async fn next(&mut self, hello: Hello) -> Result<Handshake> {
        poll_fn(|cx| self.listener.poll_accept(cx, hello)).await
    }

    /// The next connection, after its handshake.
    pub async fn accept(&mut self, hello: Hello) -> Result<Connection> {
        self.next(hello).await?.await
    }
}

pub fn listen(transport: &dyn Transport, url: &str) -> Result<Bound> {
    listen_with(transport, url, options())
}

pub fn listen_with(transport: &dyn Transport, url: &str, options: Arc<EndpointOptions>) -> Result<Bound> {
    let mut listener = transport.listener(&Url::parse(url)?, &options)?;
    let url = run(poll_fn(|cx| listener.poll_bind(cx)))?;
    Ok(Bound { listener, url, options })
}

pub fn dialer(transport: &dyn Transport, url: &str) -> Result<Box<dyn Dialer>> {
    transport.dialer(&Url::parse(url)?, &options())
}

pub async fn dial(transport: &dyn Transport, url: &str, hello: Hello) -> Result<Connection> {
    dial_with(transport, url, hello, options()).await
}

pub async fn dial_with(
    transport: &dyn Transport,
    url: &str,
    hello: Hello,
    options: Arc<EndpointOptions>,
) -> Result<Connection> {
    let mut dialer = transport.dialer(&Url::parse(url)?, &options)?;
    poll_fn(|cx| dialer.poll_dial(cx, hello)).await
}

/// Both ends of a new connection: the dialer's and the listener's.
pub fn connected(transport: &dyn Transport, bound: &mut Bound) -> (Connection, Connection) {
    let url = bound.url.to_string();
    let (dialed, accepted) = run(future::zip(dial(transport, &url, PUSH), bound.accept(PULL)));
    (dialed.unwrap(), accepted.unwrap())
}

/// Both ends are joined: what one writes is what the other reads.
pub fn assert_joined(a: &Connection, b: &Connection) {
    for (from, to) in [(a, b), (b, a)] {
        assert_eq!(stream(from).try_write(&[std::io::IoSlice::new(b"ping")]).unwrap(), 4);
        assert_eq!(run(read(stream(to), 4)), b"ping");
    }
}

/// Reads this many bytes.
pub async fn read(stream: &dyn ByteStream, len: usize) -> Vec<u8> {
    let ready = async_io::Async::new_nonblocking(stream.fd().try_clone_to_owned().unwrap()).unwrap();
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let max = len - bytes.len();
        assert_ne!(ready.read_with(|_| stream.try_read(&mut bytes, max)).await.unwrap(), 0, "the stream ended");
    }
    bytes
}

pub fn stream(connection: &Connection) -> &dyn ByteStream {
    match &connection.link {
        Link::Stream(stream, _) => &**stream,
        Link::Local(_) | Link::Messages(..) => panic!("no stream"),
    }
}

pub fn address(connection: &Connection, name: &str) -> Address {
    match connection.options.get(name) {
        Some(OptionValue::Address(address)) => address.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

pub fn addresses(connection: &Connection) -> (Address, Address) {
    (address(connection, names::LOCAL_ADDRESS), address(connection, names::REMOTE_ADDRESS))
}

/// Polls once; `None` if it is pending.
pub fn once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    future::block_on(future::poll_once(future))
}

pub fn is_pending<T>(future: impl Future<Output = T>) -> bool {
    once(&mut pin!(future)).is_none()
}

/// The text of the error, which is of this kind.
#[track_caller]
pub fn detail<T>(result: Result<T>, kind: Error) -> String {
    let e = result.err().expect("an error");
    assert_eq!(e.code(), kind.code(), "{e}");
    e.to_string()
}

#[track_caller]
pub fn assert_names<T>(result: Result<T>, kind: Error, value: impl AsRef<str> + Debug) {
    let text = detail(result, kind);
    assert!(text.contains(value.as_ref()), "{text:?} does not name {value:?}");
}

/// A directory that goes away.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("spanwire-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn url(&self, name: &str) -> String {
        format!("ipc://{}", self.path(name).display())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}
