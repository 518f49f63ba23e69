//! How to reach the sockets of each transport.

use futures_lite::future::block_on;
use spanwire_core::driver::{Dialer, Listener, Pipe, Socket};
use spanwire_core::{Result, Url};

use crate::common;
use crate::peer::Peer;

/// A transport under test.
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    pub scheme: &'static str,
    /// Registers the transport and makes addresses to listen at, if it is none of the library.
    plugin: Option<Plugin>,
}

#[derive(Clone, Copy, Debug)]
struct Plugin {
    register: fn(),
    address: fn() -> String,
}

/// The second end of a connection between two of our sockets.
#[derive(Debug)]
pub enum End {
    Dialer(Dialer),
    Listener(Listener),
}

impl Kit {
    /// One of the library's own transports.
    pub const fn library(scheme: &'static str) -> Self {
        Self { scheme, plugin: None }
    }

    /// A transport of somebody else. `register` is called before each case; `address` answers an address to listen at that nobody
    /// else uses, and that can be dialed as the listener's URL tells it.
    pub const fn plugin(scheme: &'static str, register: fn(), address: fn() -> String) -> Self {
        Self { scheme, plugin: Some(Plugin { register, address }) }
    }

    /// Before a case.
    pub fn begin(&self) {
        // Before, so that a plugin may replace what the library has.
        spanwire_transports::register_all();
        if let Some(plugin) = self.plugin {
            (plugin.register)();
        }
    }

    /// An address to listen at that nobody else uses.
    pub fn address(&self) -> String {
        if let Some(plugin) = self.plugin {
            return (plugin.address)();
        }
        match self.scheme {
            "tcp6" => "tcp6://[::1]:0".into(),
            "ws6" => "ws6://[::1]:0/test".into(),
            "socket" => "socket://".into(),
            scheme => common::address(scheme),
        }
    }

    /// An address at which nobody listens, and which stays free.
    pub fn vacant(&self) -> (Url, Box<dyn std::any::Any>) {
        let address = Url::parse(&self.address()).unwrap();
        match address.port() {
            Some(_) => {
                // Connections from a port that is bound and not listened at are refused; while it is connected nobody gets it.
                let host = if address.host() == Some("::1") { "[::1]" } else { "127.0.0.1" };
                let listener = std::net::TcpListener::bind(format!("{host}:0")).unwrap();
                let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let url = format!("{}://{host}:{}", self.scheme, client.local_addr().unwrap().port());
                (Url::parse(&url).unwrap(), Box::new((listener, client)))
            }
            None => (address, Box::new(())),
        }
    }

    pub fn is_plugin(&self) -> bool {
        self.plugin.is_some()
    }

    pub fn is_inproc(&self) -> bool {
        self.scheme == "inproc"
    }

    pub fn is_tcp(&self) -> bool {
        self.scheme.trim_start_matches("tls+").starts_with("tcp") || self.is_ws()
    }

    /// Peers of another protocol are refused before there is a pipe.
    pub fn is_ws(&self) -> bool {
        self.scheme.starts_with("ws")
    }

    /// This machine, as the transport knows it.
    pub fn host(&self) -> &str {
        if self.scheme.ends_with('6') { "[::1]" } else { "127.0.0.1" }
    }

    /// A listener, started.
    pub fn listen(&self, socket: &Socket) -> Listener {
        common::listen(socket, &self.address())
    }

    /// Joins two sockets, without waiting for the connection.
    pub fn join(&self, listening: &Socket, other: &Socket) -> (Listener, End) {
        let listener = self.listen(listening);
        #[cfg(all(unix, not(spanwire_portable)))]
        if self.scheme == "socket" {
            let second = self.listen(other);
            let (a, b) = spanwire_transports::socket::pair().unwrap();
            listener.endpoint_options().fd_inbox().put(a).unwrap();
            second.endpoint_options().fd_inbox().put(b).unwrap();
            return (listener, End::Listener(second));
        }
        let dialer = other.dialer(&listener.url()).unwrap();
        dialer.start_in_background().unwrap();
        (listener, End::Dialer(dialer))
    }

    /// Joins two sockets and waits until both have the connection.
    pub fn connect(&self, listening: &Socket, other: &Socket) -> (Listener, End) {
        let (a, b) = (listening.pipes(), other.pipes());
        let ends = self.join(listening, other);
        common::wait_for(|| has_another(listening, &a) && has_another(other, &b));
        ends
    }

    /// Two sockets, connected.
    pub fn pair(&self, listening: &str, other: &str) -> (Socket, Socket) {
        let (a, b) = (common::open(listening), common::open(other));
        self.connect(&a, &b);
        (a, b)
    }

    /// A scripted peer, connected to the listener, that has said nothing yet.
    pub fn peer(&self, listener: &Listener) -> Peer {
        #[cfg(unix)]
        if self.scheme == "socket" {
            let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            listener.endpoint_options().fd_inbox().put(ours.into()).unwrap();
            return Peer::new(theirs, crate::peer::Framing::Length);
        }
        Peer::dial(&listener.url())
    }

    /// A scripted peer that has shaken hands, and is a pipe of the socket.
    pub fn member(&self, socket: &Socket, listener: &Listener, number: u16) -> Peer {
        let before = socket.pipes();
        let mut peer = self.peer(listener);
        peer.shake_hands(number);
        common::wait_for(|| has_another(socket, &before));
        peer
    }
}

impl End {
    pub fn close(&self) -> Result<()> {
        match self {
            Self::Dialer(dialer) => dialer.close(),
            Self::Listener(listener) => listener.close(),
        }
    }
}

/// Whether there is a pipe that was not there before. Some of those may have gone meanwhile.
fn has_another(socket: &Socket, before: &[Pipe]) -> bool {
    socket.pipes().iter().any(|pipe| !before.contains(pipe))
}

/// Dials and waits for the first attempt.
pub fn dial(socket: &Socket, url: &Url) -> Result<Dialer> {
    let dialer = socket.dialer(url)?;
    block_on(dialer.start())?;
    Ok(dialer)
}

/// The number under this path in the statistics of the only listener.
pub fn counted(socket: &Socket, path: &[&str]) -> u64 {
    socket.stats().number(path).unwrap_or_else(|| panic!("no statistic {path:?} in\n{}", socket.stats()))
}
