//! Sockets, addresses and waiting, for tests.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use spanwire_core::driver::{Limit, Listener, Operation, Socket};
use spanwire_core::{ContextId, Message, Result, Url};

pub const S: ContextId = ContextId::SOCKET;

pub fn open(name: &str) -> Socket {
    open_form(name, false)
}

pub fn open_form(name: &str, raw: bool) -> Socket {
    spanwire_transports::register_all();
    let entry = spanwire_protocols::find(name, raw).unwrap_or_else(|| panic!("no protocol {name}"));
    let socket = Socket::open((entry.new)(fastrand::u64(..))).unwrap();
    #[cfg(feature = "tls")]
    crate::tls::equip(&socket);
    socket
}

/// An address nobody else uses.
pub fn address(scheme: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    match scheme {
        "inproc" => format!("inproc://test-{pid}-{n}"),
        "ipc" | "unix" => format!("{scheme}://{}/spanwire-{pid}-{n}.ipc", std::env::temp_dir().display()),
        "abstract" => format!("abstract://spanwire-{pid}-{n}"),
        ws if ws.starts_with("ws") => format!("{ws}://127.0.0.1:0/test"),
        tcp => format!("{tcp}://127.0.0.1:0"),
    }
}

pub fn listen(socket: &Socket, url: &str) -> Listener {
    let listener = socket.listener(&Url::parse(url).unwrap()).unwrap();
    futures_lite::future::block_on(listener.start()).unwrap();
    listener
}

pub fn dial(socket: &Socket, url: &Url) {
    let dialer = socket.dialer(url).unwrap();
    futures_lite::future::block_on(dialer.start()).unwrap();
}

/// Two sockets, connected.
pub fn connected(a: &str, b: &str, scheme: &str) -> (Socket, Socket) {
    let (a, b) = (open(a), open(b));
    let listener = listen(&a, &address(scheme));
    dial(&b, &listener.url());
    wait_for(|| !a.pipes().is_empty() && !b.pipes().is_empty());
    (a, b)
}

pub fn send(socket: &Socket, msg: impl Into<Message>, limit: Duration) -> Result<()> {
    socket.send(S, msg.into()).wait(Limit::after(limit)).map_err(|e| e.error)
}

pub fn recv(socket: &Socket, limit: Duration) -> Result<Message> {
    socket.recv(S).wait(Limit::after(limit))
}

/// Waits for something that no event tells of. Fails after 10 s.
#[track_caller]
pub fn wait_for(mut what: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if what() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not happen within 10 s");
}

/// Runs something in a thread and fails if it does not end in time.
pub fn within<T: Send + 'static>(limit: Duration, what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = tell.send(f());
    });
    match told.recv_timeout(limit) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} did not end within {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!(),
        },
    }
}
