//! Connections that the application made: `socket://`.
//!
//! A listener at `socket://` takes over connected stream sockets, such as one end of a socket pair whose other end a child
//! process has inherited, or what a supervisor handed in. Descriptors are put into the
//! [`FdInbox`](spanwire_core::option::FdInbox) of the listener's options, which is what the option `socket:fd` stands for.
//! Each becomes a pipe: handshake, then TCP's framing. Dialing is not possible.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use spanwire_core::option::{Address, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{Dialer, Handshake, Hello, Listener, Transport};
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::codec::Length;
use crate::stream::{FdStream, connect};

/// Two connected descriptors, for a `socket://` listener each, in this process or in another one.
///
/// Both are closed in programs that this process starts, unless that is changed.
///
/// # Errors
/// When files or memory have run out.
///
/// ```
/// let (mine, theirs) = spanwire_transports::socket::pair()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (a, b) = UnixStream::pair()?;
    Ok((a.into(), b.into()))
}

/// The transport of `socket://`.
#[derive(Debug)]
pub struct SocketFd;

impl Transport for SocketFd {
    fn schemes(&self) -> &[&'static str] {
        &["socket"]
    }

    fn dialer(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        Err(Error::NotSupported(format!("{url}: socket:// can't be dialed, only listened at").into()))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        if !url.rest().is_empty() {
            return Err(Error::AddressInvalid(format!("{url}: nothing belongs behind \"socket://\"").into()));
        }
        options.fd_inbox().open();
        Ok(Box::new(SocketListener { url: url.clone(), options: options.clone(), inbox: Inbox::Shared }))
    }
}

struct SocketListener {
    url: Url,
    options: Arc<EndpointOptions>,
    inbox: Inbox,
}

/// `Shared ─bind→ Owned`: a listener that was only made to check its address leaves the inbox to the one that is started.
#[derive(PartialEq, Eq)]
enum Inbox {
    Shared,
    Owned,
}

impl Listener for SocketListener {
    fn poll_bind(&mut self, _: &mut Context<'_>) -> Poll<Result<Url>> {
        self.inbox = Inbox::Owned;
        Poll::Ready(Ok(self.url.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let fd = ready!(self.options.fd_inbox().poll_take(cx))?;
        Poll::Ready(Ok(Box::pin(async move {
            let stream = FdStream::new(fd)?;
            let mut options = OptionMap::new();
            stream.tell_peer(&mut options);
            for (side, addr) in
                [(names::LOCAL_ADDRESS, stream.local_addr()), (names::REMOTE_ADDRESS, stream.peer_addr())]
            {
                let addr = addr.map_or(Address::Unspecified, Address::Inet);
                options.set(side, OptionValue::Address(addr));
            }
            connect(stream, Length, hello, options).await
        })))
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        if self.inbox == Inbox::Owned {
            self.options.fd_inbox().close();
        }
    }
}
