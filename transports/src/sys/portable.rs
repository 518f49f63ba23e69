//! Sockets as `std` has them, for systems that are no Unix.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::task::{Context, Poll, ready};

use async_io::Async;
use spanwire_core::option::{OptionValue, names};
use spanwire_core::transport::ByteStream;
use spanwire_core::{Error, Result};

use crate::pending::error_at;

/// A connected TCP socket, non-blocking.
#[derive(Debug)]
pub struct FdStream(TcpStream);

impl FdStream {
    /// Takes over a connected socket and makes it non-blocking.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it is not connected.
    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.peer_addr().map_err(|e| Error::InvalidArgument(format!("socket: {e}").into()))?;
        stream.set_nonblocking(true)?;
        Ok(Self(stream))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Both ends are on this machine. The buffers are left to the system.
    pub(crate) fn stays_here(&self) {}

    /// Ends one direction. An end of reading makes the socket readable.
    pub(crate) fn end(&self, how: std::net::Shutdown) {
        // It fails only if the peer was faster.
        let _ = self.0.shutdown(how);
    }
}

impl ByteStream for FdStream {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let len = into.len();
        into.resize(len + max.min(into.capacity() - len), 0);
        let read = match into.get_mut(len..) {
            Some(part) => retry(|| (&self.0).read(part)),
            None => Ok(0),
        };
        into.truncate(len + *read.as_ref().unwrap_or(&0));
        read
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| (&self.0).write_vectored(bufs))
    }

    fn shutdown(&self) {
        self.end(std::net::Shutdown::Both);
    }

    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.0)
    }

    fn set_option(&self, name: &str, value: &OptionValue) -> Result<()> {
        match (name, value) {
            (names::TCP_NODELAY, OptionValue::Bool(on)) => self.0.set_nodelay(*on).map_err(|e| error_at(name, e)),
            (names::TCP_NODELAY, other) => {
                Err(Error::BadType(format!("{name} is of type Bool, not {:?}", other.kind()).into()))
            }
            (_, _) => Err(Error::NotSupported(format!("option {name} of a pipe").into())),
        }
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        match name {
            names::TCP_NODELAY => self.0.nodelay().map(OptionValue::Bool).map_err(|e| error_at(name, e)),
            _ => Err(Error::NotSupported(format!("option {name} of a pipe").into())),
        }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for FdStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for FdStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.0.as_socket()
    }
}

/// A bound socket that takes connections.
pub(crate) struct Acceptor(Async<TcpListener>);

impl Acceptor {
    /// The address that it is bound to.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The next connection.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<FdStream>> {
        loop {
            match self.0.get_ref().accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    return Poll::Ready(Ok(FdStream(stream)));
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(self.0.poll_readable(cx))?,
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

/// A connection to this address. The local address can't be chosen with `std`.
pub(crate) async fn tcp_connect(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<FdStream> {
    if from.is_some() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "local-address on this platform"));
    }
    let stream = FdStream(Async::<TcpStream>::connect(to).await?.into_inner()?);
    // The system may have chosen the very port that nobody listens at, and then a socket connects to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Listens at this address. An IPv6 socket takes IPv4 or not as the system does by default.
pub(crate) fn tcp_listen(at: SocketAddr, v6_only: Option<bool>) -> io::Result<Acceptor> {
    // `std` can't make a socket for both versions of IP, and IPv4 is what a wildcard is expected to serve.
    if v6_only == Some(false) && at.ip().is_unspecified() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(Acceptor(Async::<TcpListener>::bind(at)?))
}

fn retry<T>(mut op: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match op() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
