//! Sockets as descriptors.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use async_io::Async;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::addr::SocketAddrArg;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, sockopt};
use spanwire_core::option::{OptionValue, names};
use spanwire_core::transport::ByteStream;
use spanwire_core::{Error, OptionMap, Result};

use crate::pending::error_at;

/// A connected stream socket, non-blocking.
#[derive(Debug)]
pub struct FdStream {
    fd: OwnedFd,
    family: Family,
}

impl FdStream {
    /// Takes over a connected stream socket and makes it non-blocking.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it is no connected stream socket.
    pub fn new(fd: OwnedFd) -> Result<Self> {
        let bad = |why: &dyn std::fmt::Display| Error::InvalidArgument(format!("descriptor: {why}").into());
        match sockopt::socket_type(&fd) {
            Ok(SocketType::STREAM) => {}
            Ok(other) => return Err(bad(&format!("socket of type {}, a stream is needed", other.as_raw()))),
            Err(e) => return Err(bad(&e)),
        }
        net::getpeername(&fd).map_err(|e| bad(&e))?;
        let local = net::getsockname(&fd).map_err(|e| bad(&e))?;
        rustix::io::ioctl_fionbio(&fd, true).map_err(|e| error_at("descriptor", e))?;
        Ok(Self::connected(fd, Family::of(local.address_family()))?)
    }

    /// A connected non-blocking stream of this family.
    fn connected(fd: OwnedFd, family: Family) -> io::Result<Self> {
        no_sigpipe(&fd)?;
        Ok(Self { fd, family })
    }

    /// A connected non-blocking stream between two processes of this machine, not by TCP.
    pub(crate) fn local(fd: OwnedFd) -> io::Result<Self> {
        let stream = Self::connected(fd, Family::Other)?;
        stream.stays_here();
        Ok(stream)
    }

    /// Both ends are on this machine. Linux' own choice of the send buffer is 208 KiB for a Unix socket, which would hold up a sender of large messages
    /// several times in each, and grows to 4 MiB for TCP, which are out of the processor's cache before they are read.
    pub(crate) fn stays_here(&self) {
        // The system cuts it to what it allows, and without it only time is lost.
        let _ = sockopt::set_socket_send_buffer_size(&self.fd, LOCAL_BUFFER);
    }

    /// This side's address, if it is an Internet socket.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(net::getsockname(&self.fd)?.try_into()?)
    }

    /// The peer's address, if it is an Internet socket.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = net::getpeername(&self.fd)?.ok_or(Errno::NOTCONN)?;
        Ok(peer.try_into()?)
    }

    /// Ends one direction. An end of reading makes the descriptor readable.
    pub(crate) fn end(&self, how: std::net::Shutdown) {
        let how = match how {
            std::net::Shutdown::Read => net::Shutdown::Read,
            std::net::Shutdown::Write => net::Shutdown::Write,
            std::net::Shutdown::Both => net::Shutdown::Both,
        };
        // It fails only if the peer was faster.
        let _ = net::shutdown(&self.fd, how);
    }

    /// Sets the options that say who the peer is, if the system knows.
    pub(crate) fn tell_peer(&self, options: &mut OptionMap) {
        #[cfg(target_os = "linux")]
        if let (Family::Other, Ok(peer)) = (&self.family, sockopt::socket_peercred(&self.fd)) {
            options.set(names::IPC_PEER_UID, OptionValue::U64(peer.uid.as_raw().into()));
            options.set(names::IPC_PEER_GID, OptionValue::U64(peer.gid.as_raw().into()));
            options.set(names::IPC_PEER_PID, OptionValue::U64(peer.pid.as_raw_nonzero().get().unsigned_abs().into()));
        }
        let _ = options;
    }

    fn check_tcp(&self, name: &str) -> Result<()> {
        match self.family {
            Family::Tcp => Ok(()),
            Family::Other => Err(Error::NotSupported(format!("{name} of a connection that is not TCP").into())),
        }
    }
}

impl ByteStream for FdStream {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let len = into.len();
        let spare = into.capacity() - len;
        if spare <= max {
            return Ok(retry_on_intr(|| net::recv(&self.fd, spare_capacity(into), RecvFlags::empty()))?.0);
        }
        // Only a part of the spare capacity may be used, which without unsafe code costs filling it with zeros first.
        into.resize(len + max, 0);
        let read = match into.get_mut(len..) {
            Some(part) => retry_on_intr(|| net::recv(&self.fd, &mut *part, RecvFlags::empty())).map(|(n, _)| n),
            None => Ok(0),
        };
        into.truncate(len + *read.as_ref().unwrap_or(&0));
        Ok(read?)
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // The peer may be gone, and a library must not let SIGPIPE end its process.
        let sent = match bufs {
            [] => return Ok(0),
            [one] => retry_on_intr(|| net::send(&self.fd, one, SEND_FLAGS)),
            many => {
                let many = many.get(..IOV_MAX).unwrap_or(many);
                retry_on_intr(|| net::sendmsg(&self.fd, many, &mut Default::default(), SEND_FLAGS))
            }
        };
        Ok(sent?)
    }

    fn shutdown(&self) {
        self.end(std::net::Shutdown::Both);
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn set_option(&self, name: &str, value: &OptionValue) -> Result<()> {
        let set = match (name, value) {
            (names::TCP_NODELAY, OptionValue::Bool(on)) => {
                self.check_tcp(name).map(|()| sockopt::set_tcp_nodelay(self, *on))
            }
            (names::TCP_KEEPALIVE, OptionValue::Bool(on)) => {
                self.check_tcp(name).map(|()| sockopt::set_socket_keepalive(self, *on))
            }
            (names::TCP_NODELAY | names::TCP_KEEPALIVE, other) => {
                return Err(Error::BadType(format!("{name} is of type Bool, not {:?}", other.kind()).into()));
            }
            (_, _) => return Err(Error::NotSupported(format!("option {name} of a pipe").into())),
        };
        set?.map_err(|e| error_at(name, e))
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        let value = match name {
            names::TCP_NODELAY => self.check_tcp(name).map(|()| sockopt::tcp_nodelay(self)),
            names::TCP_KEEPALIVE => self.check_tcp(name).map(|()| sockopt::socket_keepalive(self)),
            _ => return Err(Error::NotSupported(format!("option {name} of a pipe").into())),
        };
        value?.map(OptionValue::Bool).map_err(|e| error_at(name, e))
    }
}

impl AsFd for FdStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A bound socket that takes connections.
pub(crate) struct Acceptor {
    fd: Async<OwnedFd>,
    family: Family,
}

impl Acceptor {
    /// Over a listening, non-blocking socket.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let family = Family::of(net::getsockname(&fd)?.address_family());
        Ok(Self { fd: Async::new_nonblocking(fd)?, family })
    }

    /// The address that it is bound to.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(net::getsockname(&self.fd)?.try_into()?)
    }

    fn stream(&self, fd: OwnedFd) -> io::Result<FdStream> {
        match self.family {
            Family::Tcp => FdStream::connected(fd, self.family),
            Family::Other => FdStream::local(fd),
        }
    }

    /// The next connection.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<FdStream>> {
        loop {
            match accept(&self.fd) {
                Ok(fd) => return Poll::Ready(self.stream(fd)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready!(self.fd.poll_readable(cx))?,
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
    }
}

/// A connection to this address, from this local one if there is one.
pub(crate) async fn tcp_connect(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<FdStream> {
    let fd = stream_socket(inet(to))?;
    if let Some(from) = from {
        // A fixed local port is in TIME_WAIT when the dialer comes back.
        sockopt::set_socket_reuseaddr(&fd, true)?;
        net::bind(&fd, &from)?;
    }
    let stream = FdStream::connected(connect(fd, &to).await?, Family::Tcp)?;
    // The system may have chosen the very port that nobody listens at, and then a socket connects to itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(Errno::CONNREFUSED.into());
    }
    Ok(stream)
}

/// Listens at this address. `v6_only`: whether an IPv6 socket refuses IPv4; `None`: as the system does by default.
pub(crate) fn tcp_listen(at: SocketAddr, v6_only: Option<bool>) -> io::Result<Acceptor> {
    let fd = stream_socket(inet(at))?;
    if let (Some(v6_only), SocketAddr::V6(_)) = (v6_only, at) {
        sockopt::set_ipv6_v6only(&fd, v6_only)?;
    }
    sockopt::set_socket_reuseaddr(&fd, true)?;
    net::bind(&fd, &at)?;
    net::listen(&fd, BACKLOG)?;
    Acceptor::new(fd)
}

/// Connects a non-blocking socket.
pub(crate) async fn connect(fd: OwnedFd, to: &impl SocketAddrArg) -> io::Result<OwnedFd> {
    match net::connect(&fd, to) {
        Ok(()) => return Ok(fd),
        // An interrupted connect goes on by itself.
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let fd = Async::new_nonblocking(fd)?;
    loop {
        fd.writable().await?;
        sockopt::socket_error(&fd)??;
        match net::getpeername(&fd) {
            Err(Errno::NOTCONN) => {}
            Ok(_) => return fd.into_inner(),
            Err(e) => return Err(e.into()),
        }
    }
}

/// A new stream socket: non-blocking, and closed in programs that this process starts.
pub(crate) fn stream_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    let fd = net::socket_with(family, SocketType::STREAM, SOCKET_FLAGS, None)?;
    #[cfg(target_vendor = "apple")]
    let fd = prepared(net::socket(family, SocketType::STREAM, None)?)?;
    Ok(fd)
}

#[cfg(not(target_vendor = "apple"))]
fn accept(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    net::accept_with(fd, SOCKET_FLAGS)
}

#[cfg(target_vendor = "apple")]
fn accept(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    prepared(net::accept(fd)?)
}

#[cfg(target_vendor = "apple")]
fn prepared(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    Ok(fd)
}

fn no_sigpipe(fd: &OwnedFd) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    sockopt::set_socket_nosigpipe(fd, true)?;
    let _ = fd;
    Ok(())
}

fn inet(addr: SocketAddr) -> AddressFamily {
    match addr {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Tcp,
    Other,
}

impl Family {
    fn of(family: AddressFamily) -> Self {
        match family {
            AddressFamily::INET | AddressFamily::INET6 => Self::Tcp,
            _ => Self::Other,
        }
    }
}

/// The send buffer of a stream between two processes of this machine; Linux counts twice as much.
const LOCAL_BUFFER: usize = 512 * 1024;

/// How many connections may wait to be accepted. Large, because whole fleets reconnect at once; the system cuts it to its own
/// limit, 4096 on Linux by default.
pub(crate) const BACKLOG: i32 = 4096;

#[cfg(not(target_vendor = "apple"))]
const SOCKET_FLAGS: net::SocketFlags = net::SocketFlags::CLOEXEC.union(net::SocketFlags::NONBLOCK);

#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::empty();

/// More slices than this are an error on every Unix.
const IOV_MAX: usize = 1024;
