//! How to reach the sockets of each transport.

use futures_lite::future::block_on;
use spanwire_core::driver::{Dialer, Listener, Socket};
use spanwire_core::{Result, Url};

use super::peer::Peer;
use crate::common;

/// A transport under test.
#[derive(Clone, Copy, Debug)]
pub struct Kit {
    pub scheme: &'static str,
}

/// The second end of a connection between two of our sockets.
#[derive(Debug)]
pub enum End {
    Dialer(Dialer),
    Listener(Listener),
}

impl Kit {
    /// An address to listen at that nobody else uses.
    pub fn address(&self) -> String {
        match self.scheme {
            "tcp6" => "tcp6://[::1]:0".into(),
            "ws6" => "ws6://[::1]:0/test".into(),
            "socket" => "socket://".into(),
            scheme => common::address(scheme),
        }
    }

    /// An address at which nobody listens, and which stays free.
    pub fn vacant(&self) -> (Url, Box<dyn std::any::Any>) {
        match self.scheme {
            _ if self.is_tcp() => {
                // Connections from a port that is bound and not listened at are refused; while it is connected nobody gets it.
                let host = self.host();
                let listener = std::net::TcpListener::bind(format!("{host}:0")).unwrap();
                let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let url = format!("{}://{host}:{}", self.scheme, client.local_addr().unwrap().port());
                (Url::parse(&url).unwrap(), Box::new((listener, client)))
            }
            _ => (Url::parse(&self.address()).unwrap(), Box::new(())),
        }
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
        let (a, b) = (listening.pipes().len(), other.pipes().len());
        let ends = self.join(listening, other);
        common::wait_for(|| listening.pipes().len() > a && other.pipes().len() > b);
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
            return Peer::new(theirs, super::peer::Framing::Length);
        }
        Peer::dial(&listener.url())
    }

    /// A scripted peer that has shaken hands, and is a pipe of the socket.
    pub fn member(&self, socket: &Socket, listener: &Listener, number: u16) -> Peer {
        let before = socket.pipes().len();
        let mut peer = self.peer(listener);
        peer.shake_hands(number);
        common::wait_for(|| socket.pipes().len() > before);
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
