//! The socket as this command uses it: blocking calls with deadlines.

use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use spanwire::core::driver::{self, Limit, Operation, Pipe, PipeChange};
use spanwire::core::option::names;
use spanwire::core::{ContextId, Error, Message, OptionValue, Result, Url};

use crate::exit::{Doing, Exit};

/// A socket whose protocol was chosen at run time.
#[derive(Clone, Debug)]
pub(crate) struct Socket(driver::Socket);

impl Socket {
    /// Opens a socket in its usual form.
    pub(crate) fn open(protocol: &str) -> Self {
        Self(spanwire::open(protocol, false))
    }

    /// Opens a raw socket, as devices need it.
    pub(crate) fn open_raw(protocol: &str) -> Self {
        Self(spanwire::open(protocol, true))
    }

    /// Sets an option.
    pub(crate) fn set(&self, name: &str, value: impl Into<OptionValue>) -> Result<(), Exit> {
        self.0.set_option(ContextId::SOCKET, name, value.into()).doing(|| format!("can't set {name}"))
    }

    /// Limits both directions; `None` is no limit.
    pub(crate) fn set_timeouts(&self, send: Option<Duration>, recv: Option<Duration>) -> Result<(), Exit> {
        self.set(names::SEND_TIMEOUT, send)?;
        self.set(names::RECV_TIMEOUT, recv)
    }

    /// Listens, and answers the URL with the port that was chosen.
    pub(crate) fn listen(&self, url: &Url) -> Result<Url> {
        let listener = self.0.listener(url)?;
        block_on(listener.start())?;
        Ok(listener.url())
    }

    /// Dials; fails if the first attempt does.
    pub(crate) fn dial(&self, url: &Url) -> Result<()> {
        block_on(self.0.dialer(url)?.start())
    }

    /// Dials for as long as it takes, without waiting.
    pub(crate) fn dial_in_background(&self, url: &Url) -> Result<()> {
        self.0.dialer(url)?.start_in_background()
    }

    /// Sends, within the time of `send-timeout`.
    pub(crate) fn send(&self, msg: impl Into<Message>) -> Result<()> {
        Ok(self.0.send(ContextId::SOCKET, msg.into()).wait(Limit::Options)?)
    }

    /// Receives, within the time of `recv-timeout`.
    pub(crate) fn recv(&self) -> Result<Message> {
        self.0.recv(ContextId::SOCKET).wait(Limit::Options)
    }

    /// Receives until then.
    pub(crate) fn recv_until(&self, end: Option<Instant>) -> Result<Message> {
        self.0.recv(ContextId::SOCKET).wait(end.map_or(Limit::Options, Limit::At))
    }

    /// Receives what is there.
    pub(crate) fn try_recv(&self) -> Result<Option<Message>> {
        match self.0.recv(ContextId::SOCKET).try_now() {
            Err(Error::TryAgain) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Calls back for each pipe event.
    pub(crate) fn on_pipe(&self, callback: impl Fn(PipeChange, &Pipe) + Send + Sync + 'static) {
        self.0.on_pipe(callback);
    }

    /// A counter from its statistics; 0 if there is none of this name.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.0.stats().number(&[name]).unwrap_or(0)
    }

    /// Closes it, once what was sent has been handed to the kernel.
    pub(crate) fn close(self) {
        let _ = self.0.close().wait(Limit::Options);
    }

    /// Forwards between two raw sockets, or back where it came from, until one fails.
    pub(crate) fn forward(&self, other: Option<&Self>) -> Result<()> {
        block_on(driver::device(&self.0, other.map(|other| &other.0)))
    }
}
