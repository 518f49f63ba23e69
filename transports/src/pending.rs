//! What dialers and listeners of all transports have in common: one attempt at a time, and errors that name the address.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use spanwire_core::transport::{Connection, Handshake};
use spanwire_core::{Error, Result, Url};

/// The attempt that a dialer is at, if any.
#[derive(Default)]
pub(crate) struct Attempt(Option<Handshake>);

impl Attempt {
    /// Polls the attempt, after starting it if there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, start: impl FnOnce() -> Handshake) -> Poll<Result<Connection>> {
        let result = ready!(self.0.get_or_insert_with(start).as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(result)
    }
}

/// What a listener has bound.
///
/// ```text
/// Unbound ──poll──► Pending ──ok──► Bound
///    ▲                 │
///    └─────error───────┘
/// ```
pub(crate) enum Binding<T> {
    Unbound,
    Pending(BindFuture<T>),
    Bound(T),
}

type BindFuture<T> = Pin<Box<dyn Future<Output = Result<(T, Url)>> + Send>>;

impl<T> Binding<T> {
    /// Polls the binding, after starting it if need be.
    pub(crate) fn poll<F>(&mut self, cx: &mut Context<'_>, start: impl FnOnce() -> F) -> Poll<Result<Url>>
    where
        F: Future<Output = Result<(T, Url)>> + Send + 'static,
    {
        if let Self::Unbound = self {
            *self = Self::Pending(Box::pin(start()));
        }
        let Self::Pending(future) = self else {
            return Poll::Ready(Err(Error::State("the listener is bound already".into())));
        };
        match ready!(future.as_mut().poll(cx)) {
            Ok((bound, url)) => {
                *self = Self::Bound(bound);
                Poll::Ready(Ok(url))
            }
            Err(e) => {
                *self = Self::Unbound;
                Poll::Ready(Err(e))
            }
        }
    }

    /// What is bound.
    pub(crate) fn bound(&self) -> Result<&T> {
        match self {
            Self::Bound(bound) => Ok(bound),
            Self::Unbound | Self::Pending(_) => Err(Error::State("the listener is not bound yet".into())),
        }
    }
}

/// The error of this address.
pub(crate) fn error_at(place: impl Display, e: impl Into<io::Error>) -> Error {
    let e = e.into();
    #[cfg(unix)]
    if e.raw_os_error() == Some(rustix::io::Errno::NOBUFS.raw_os_error()) {
        return Error::OutOfMemory;
    }
    let detail = format!("{place}: {e}").into();
    match Error::from(e) {
        Error::InvalidArgument(_) => Error::InvalidArgument(detail),
        Error::ConnectionRefused(_) => Error::ConnectionRefused(detail),
        Error::NotSupported(_) => Error::NotSupported(detail),
        Error::AddressInUse(_) => Error::AddressInUse(detail),
        Error::Unreachable(_) => Error::Unreachable(detail),
        Error::AddressInvalid(_) => Error::AddressInvalid(detail),
        Error::PermissionDenied(_) => Error::PermissionDenied(detail),
        other => other,
    }
}
