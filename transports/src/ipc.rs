//! Sockets of one machine: `ipc:///path`, `unix:///path`, and `abstract://name` on Linux.
//!
//! - A socket file that a dead process left behind is found by connecting to it, and removed. One that somebody listens at is
//!   [`Error::AddressInUse`], and so is any other file, which is never removed. Processes that start at the same moment can't
//!   remove each other's files: a lock on the directory keeps them apart.
//! - The file is removed when the listener closes, if it still is the listener's own and not that of a parent process.
//! - `ipc:permissions` holds before anybody can connect.
//! - `abstract://` with an empty name lets the kernel choose; the URL that is answered tells the name.
//! - Pipes have `local-address`, `remote-address` and on Linux `ipc:peer-uid`, `ipc:peer-gid` and `ipc:peer-pid`.

use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, process, thread};

use async_io::Timer;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketAddrUnix};
use spanwire_core::option::{Address, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{Connection, Dialer, Handshake, Hello, Listener, Transport};
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::codec::Typed;
use crate::offload::unblock;
use crate::pending::{Attempt, Binding, error_at};
use crate::stream::{self, FdStream};
use crate::sys::{Acceptor, BACKLOG, connect, stream_socket};

/// The transport of `ipc://`, `unix://` and `abstract://`.
#[derive(Debug)]
pub struct Ipc;

impl Transport for Ipc {
    fn schemes(&self) -> &[&'static str] {
        match cfg!(target_os = "linux") {
            true => &["ipc", "unix", "abstract"],
            false => &["ipc", "unix"],
        }
    }

    fn dialer(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        Ok(Box::new(IpcDialer { place: Place::to_dial(url)?, attempt: Attempt::default() }))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let place = Place::to_listen(url)?;
        Ok(Box::new(IpcListener { place, options: options.clone(), binding: Binding::Unbound }))
    }
}

struct IpcDialer {
    place: Place,
    attempt: Attempt,
}

impl Dialer for IpcDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Self { place, attempt } = self;
        attempt.poll(cx, || Box::pin(dial(place.clone(), hello)))
    }
}

struct IpcListener {
    place: Place,
    options: Arc<EndpointOptions>,
    binding: Binding<Bound>,
}

/// The file goes before the socket closes, so that its inode can't be another's yet.
pub(crate) struct Bound {
    _file: Option<SocketFile>,
    acceptor: Acceptor,
    address: Address,
}

impl Bound {
    /// The next connection before its handshake, with the options that it has.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(FdStream, OptionMap)>> {
        let stream = ready!(self.acceptor.poll_accept(cx))?;
        let options = pipe_options(&stream, &self.address);
        Poll::Ready(Ok((stream, options)))
    }
}

impl Listener for IpcListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        let Self { place, options, binding } = self;
        binding.poll(cx, || bind(place.clone(), options.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let accepted = ready!(self.binding.bound()?.poll_accept(cx));
        let (stream, options) = accepted.map_err(|e| error_at(&self.place.url, e))?;
        Poll::Ready(Ok(Box::pin(stream::connect(stream, Typed, hello, options))))
    }
}

async fn dial(place: Place, hello: Hello) -> Result<Connection> {
    let (stream, options) = open(&place).await?;
    stream::connect(stream, Typed, hello, options).await
}

/// A connection before its handshake, with the options that it has.
pub(crate) async fn open(place: &Place) -> Result<(FdStream, OptionMap)> {
    let failed = |e: io::Error| error_at(&place.url, e);
    let addr = place.sockaddr()?;
    let mut pause = Duration::from_millis(1);
    let fd = loop {
        let fd = stream_socket(AddressFamily::UNIX).map_err(failed)?;
        match connect(fd, &addr).await {
            // The listener's queue is full, and nothing tells when it no longer is.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                Timer::after(pause).await;
                pause = PAUSE_MAX.min(pause * 2);
            }
            other => break other.map_err(failed)?,
        }
    };
    let stream = FdStream::local(fd).map_err(failed)?;
    let options = pipe_options(&stream, &place.address);
    Ok((stream, options))
}

pub(crate) async fn bind(place: Place, options: Arc<EndpointOptions>) -> Result<(Bound, Url)> {
    let mode = options.int(names::IPC_PERMISSIONS).and_then(|mode| u32::try_from(mode).ok());
    let (fd, file, place) = unblock(move || place.bind(mode)).await??;
    let acceptor = Acceptor::new(fd).map_err(|e| error_at(&place.url, e))?;
    options.set(names::LOCAL_ADDRESS, OptionValue::Address(place.address.clone()));
    Ok((Bound { _file: file, acceptor, address: place.address }, place.url))
}

/// What a URL names.
#[derive(Clone)]
pub(crate) struct Place {
    url: Url,
    address: Address,
}

impl Place {
    pub(crate) fn to_dial(url: &Url) -> Result<Self> {
        let place = Self::to_listen(url)?;
        match &place.address {
            Address::Abstract(name) if name.is_empty() => {
                Err(Error::AddressInvalid(format!("{url}: a name is needed to dial").into()))
            }
            _ => Ok(place),
        }
    }

    pub(crate) fn to_listen(url: &Url) -> Result<Self> {
        let place = Self::of(url);
        place.sockaddr()?;
        Ok(place)
    }

    fn of(url: &Url) -> Self {
        let address = match url.scheme() {
            "abstract" => Address::Abstract(url.path_bytes().to_vec()),
            _ => Address::Ipc(url.file().to_owned()),
        };
        Self { url: url.clone(), address }
    }

    fn sockaddr(&self) -> Result<SocketAddrUnix> {
        let addr = match &self.address {
            Address::Ipc(path) => SocketAddrUnix::new(path),
            #[cfg(target_os = "linux")]
            Address::Abstract(name) if name.is_empty() => Ok(SocketAddrUnix::new_unnamed()),
            #[cfg(target_os = "linux")]
            Address::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
            _ => Err(Errno::AFNOSUPPORT),
        };
        addr.map_err(|e| Error::AddressInvalid(format!("{}: {e}", self.url).into()))
    }

    /// Binds and listens. Touches the file system, so it may take a while.
    fn bind(self, mode: Option<u32>) -> Result<(OwnedFd, Option<SocketFile>, Self)> {
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Error::NotFound(format!("{}: {e}", self.url).into())
            }
            _ => error_at(&self.url, e),
        };
        let addr = self.sockaddr()?;
        let fd = stream_socket(AddressFamily::UNIX).map_err(failed)?;
        let Address::Ipc(path) = &self.address else {
            net::bind(&fd, &addr).and_then(|()| net::listen(&fd, BACKLOG)).map_err(|e| failed(e.into()))?;
            let place = self.chosen(&fd)?;
            return Ok((fd, None, place));
        };
        let _lock = DirectoryLock::take(path);
        if let Err(e) = net::bind(&fd, &addr) {
            if e != Errno::ADDRINUSE {
                return Err(failed(e.into()));
            }
            self.remove_stale(path, &addr)?;
            net::bind(&fd, &addr).map_err(|e| failed(e.into()))?;
        }
        let file = SocketFile::of(path).map_err(failed)?;
        if let Some(mode) = mode {
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        }
        net::listen(&fd, BACKLOG).map_err(|e| failed(e.into()))?;
        Ok((fd, Some(file), self))
    }

    /// With the abstract name that the kernel chose.
    fn chosen(self, fd: &OwnedFd) -> Result<Self> {
        #[cfg(target_os = "linux")]
        if let Address::Abstract(name) = &self.address
            && name.is_empty()
        {
            let bound = net::getsockname(fd).and_then(SocketAddrUnix::try_from).map_err(io::Error::from)?;
            return Ok(Self::of(&Url::from_abstract_name(bound.abstract_name().unwrap_or_default())?));
        }
        let _ = fd;
        Ok(self)
    }

    /// Removes the file if it is a socket at which nobody listens.
    fn remove_stale(&self, path: &Path, addr: &SocketAddrUnix) -> Result<()> {
        let in_use = |why| Err(Error::AddressInUse(format!("{}: {why}", self.url).into()));
        match fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(error_at(&self.url, e)),
            Ok(found) if !found.file_type().is_socket() => return in_use("there is a file that is not a socket"),
            Ok(_) => {}
        }
        let probe = stream_socket(AddressFamily::UNIX).map_err(|e| error_at(&self.url, e))?;
        match net::connect(&probe, addr) {
            Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(|e| error_at(&self.url, e)),
            Err(Errno::NOENT) => Ok(()),
            Ok(()) | Err(_) => in_use("somebody listens there"),
        }
    }
}

/// The socket file of a listener; removed when this is dropped.
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    process: u32,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        // The process may change its directory before the listener closes.
        Ok(Self { path: std::path::absolute(path)?, device: found.dev(), inode: found.ino(), process: process::id() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = |found: fs::Metadata| found.dev() == self.device && found.ino() == self.inode;
        if self.process == process::id() && fs::symlink_metadata(&self.path).is_ok_and(ours) {
            // Somebody may have removed it just now, or the directory may have become read-only: then it is stale, and found to be so.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Keeps other processes from judging a socket file that is bound and not yet listened at, or from removing it.
struct DirectoryLock {
    _directory: Option<File>,
}

impl DirectoryLock {
    /// Takes the lock. Where that is not possible, or somebody else keeps it for a second, it is done without.
    fn take(path: &Path) -> Self {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            Some(_) | None => Path::new("."),
        };
        let Ok(directory) = File::open(directory) else { return Self { _directory: None } };
        for _ in 0..LOCK_ATTEMPTS {
            match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Self { _directory: Some(directory) },
                Err(Errno::WOULDBLOCK) => thread::sleep(LOCK_PAUSE),
                Err(_) => break,
            }
        }
        Self { _directory: None }
    }
}

fn pipe_options(stream: &FdStream, address: &Address) -> OptionMap {
    let mut options = OptionMap::new();
    // Clients have no address of their own.
    options.set(names::LOCAL_ADDRESS, OptionValue::Address(address.clone()));
    options.set(names::REMOTE_ADDRESS, OptionValue::Address(address.clone()));
    stream.tell_peer(&mut options);
    options
}

/// The longest pause between two attempts at a listener whose queue is full.
const PAUSE_MAX: Duration = Duration::from_millis(20);

const LOCK_ATTEMPTS: u32 = 1000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);
