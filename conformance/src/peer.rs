//! A peer that says what the test tells it to, byte by byte, and reads what our sockets say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use spanwire_core::Url;

/// What stands before each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Eight bytes of length.
    Length,
    /// The byte 1, then the length.
    Typed,
}

/// One connection of the scripted peer.
pub struct Peer {
    stream: Box<dyn Stream>,
    pub framing: Framing,
}

impl Peer {
    pub fn new(stream: impl Stream + 'static, framing: Framing) -> Self {
        stream.limit(PATIENCE);
        Self { stream: Box::new(stream), framing }
    }

    /// Connects and says nothing.
    pub fn dial(url: &Url) -> Self {
        match url.scheme() {
            #[cfg(unix)]
            "ipc" | "unix" => Self::new(UnixStream::connect(url.file()).unwrap(), Framing::Typed),
            #[cfg(target_os = "linux")]
            "abstract" => {
                use std::os::linux::net::SocketAddrExt;
                let addr = std::os::unix::net::SocketAddr::from_abstract_name(url.path_bytes()).unwrap();
                Self::new(UnixStream::connect_addr(&addr).unwrap(), Framing::Typed)
            }
            _ => {
                let stream = TcpStream::connect((url.host().unwrap(), url.port().unwrap())).unwrap();
                stream.set_nodelay(true).unwrap();
                #[cfg(feature = "tls")]
                if url.scheme() == "tls+tcp" {
                    return Self::new(crate::tls::client(stream), Framing::Length);
                }
                Self::new(stream, Framing::Length)
            }
        }
    }

    /// Connects and shakes hands as this protocol.
    pub fn join(url: &Url, number: u16) -> Self {
        let mut peer = Self::dial(url);
        peer.shake_hands(number);
        peer
    }

    /// Sends the handshake and answers what the other side sent.
    pub fn shake_hands(&mut self, number: u16) -> [u8; 8] {
        self.write(&hello(number));
        self.read(8).try_into().unwrap()
    }

    /// These very bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// These bytes, if the other side still takes them.
    pub fn try_write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next `n` bytes.
    pub fn read(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// What stands before a message of this length.
    pub fn prefix(&self, len: u64) -> Vec<u8> {
        let kind: &[u8] = if self.framing == Framing::Typed { &[1] } else { &[] };
        [kind, &len.to_be_bytes()].concat()
    }

    /// One message.
    pub fn send(&mut self, message: &[u8]) {
        let frame = [&self.prefix(message.len() as u64), message].concat();
        self.write(&frame);
    }

    /// The next message.
    pub fn recv(&mut self) -> Vec<u8> {
        let prefix = self.read(if self.framing == Framing::Typed { 9 } else { 8 });
        let len = u64::from_be_bytes(prefix[prefix.len() - 8..].try_into().unwrap());
        assert_eq!(prefix, self.prefix(len));
        self.read(len as usize)
    }

    /// Nothing comes for this long, and the connection stands.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.stream.limit(time);
        let result = self.stream.read(&mut [0]);
        self.stream.limit(PATIENCE);
        matches!(result, Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Reads until the other side closes. Fails if it does not.
    pub fn ended(&mut self) {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return,
                Err(e) => panic!("the other side did not close: {e}"),
            }
        }
    }

    /// Ends this side's sending.
    pub fn finish(&self) {
        self.stream.shut(Shutdown::Write);
    }
}

/// The handshake of this protocol number.
pub fn hello(number: u16) -> [u8; 8] {
    let [high, low] = number.to_be_bytes();
    [0, b'S', b'P', 0, high, low, 0, 0]
}

/// A listener whose connections are scripted.
pub enum Host {
    Tcp(TcpListener),
    #[cfg(feature = "tls")]
    Tls(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Host {
    /// At this address, and the URL to dial.
    pub fn listen(address: &str) -> (Self, Url) {
        let url = Url::parse(address).unwrap();
        match url.scheme() {
            #[cfg(unix)]
            "ipc" | "unix" => (Self::Unix(UnixListener::bind(url.file()).unwrap()), url),
            #[cfg(target_os = "linux")]
            "abstract" => {
                use std::os::linux::net::SocketAddrExt;
                let addr = std::os::unix::net::SocketAddr::from_abstract_name(url.path_bytes()).unwrap();
                (Self::Unix(UnixListener::bind_addr(&addr).unwrap()), url)
            }
            _ => {
                let listener = TcpListener::bind((url.host().unwrap(), url.port().unwrap())).unwrap();
                let url = url.with_port(listener.local_addr().unwrap().port());
                #[cfg(feature = "tls")]
                if url.scheme() == "tls+tcp" {
                    return (Self::Tls(listener), url);
                }
                (Self::Tcp(listener), url)
            }
        }
    }

    pub fn accept(&self) -> Peer {
        match self {
            Self::Tcp(listener) => {
                let stream = listener.accept().unwrap().0;
                stream.set_nodelay(true).unwrap();
                Peer::new(stream, Framing::Length)
            }
            #[cfg(feature = "tls")]
            Self::Tls(listener) => Peer::new(crate::tls::server(listener.accept().unwrap().0), Framing::Length),
            #[cfg(unix)]
            Self::Unix(listener) => Peer::new(listener.accept().unwrap().0, Framing::Typed),
        }
    }
}

pub trait Stream: Read + Write + Send {
    fn shut(&self, how: Shutdown);
    fn limit(&self, time: Duration);
}

impl Stream for TcpStream {
    fn shut(&self, how: Shutdown) {
        self.shutdown(how).unwrap();
    }

    fn limit(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }
}

#[cfg(feature = "tls")]
impl Stream for crate::tls::Scripted {
    fn shut(&self, how: Shutdown) {
        self.shut(how);
    }

    fn limit(&self, time: Duration) {
        self.tcp().set_read_timeout(Some(time)).unwrap();
    }
}

#[cfg(unix)]
impl Stream for UnixStream {
    fn shut(&self, how: Shutdown) {
        self.shutdown(how).unwrap();
    }

    fn limit(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }
}

/// A test fails rather than waiting longer.
const PATIENCE: Duration = Duration::from_secs(10);
