//! Our side: a socket in this process.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::driver::{Limit, Operation, PipeChange, Socket};
use spanwire_core::option::names;
use spanwire_core::{ContextId, Error, Message, OptionValue, Url};

use crate::peer::{Address, Fallible, PATIENCE, Role, pattern};

pub const S: ContextId = ContextId::SOCKET;

/// A socket that knows its pipe events.
pub struct Ours {
    pub socket: Socket,
    events: Receiver<PipeChange>,
}

impl Ours {
    /// "rep/raw" is the raw form.
    pub fn open(protocol: &str) -> Fallible<Self> {
        spanwire_transports::register_all();
        let (name, raw) = match protocol.strip_suffix("/raw") {
            Some(name) => (name, true),
            None => (protocol, false),
        };
        let entry = spanwire_protocols::find(name, raw).ok_or_else(|| format!("no protocol {protocol}"))?;
        let socket = Socket::open((entry.new)(fastrand::u64(..))).map_err(|e| e.to_string())?;
        let (tell, events) = mpsc::channel();
        socket.on_pipe(move |change, _| {
            let _ = tell.send(change);
        });
        let ours = Self { socket, events };
        ours.set(names::RECONNECT_TIME_MIN, Duration::from_millis(10))?;
        ours.set(names::RECONNECT_TIME_MAX, Duration::from_millis(100))?;
        ours.set(names::LINGER, Duration::ZERO)?;
        match protocol {
            "sub" => ours.set(names::SUB_SUBSCRIBE, Vec::new())?,
            "surveyor" => ours.set(names::SURVEYOR_SURVEY_TIME, PATIENCE)?,
            _ => {}
        }
        Ok(ours)
    }

    pub fn set(&self, name: &str, value: impl Into<OptionValue>) -> Fallible<()> {
        self.socket.set_option(S, name, value.into()).map_err(|e| format!("{name}: {e}"))
    }

    /// Listens or dials; says where.
    pub fn start(&self, role: Role, address: &Address) -> Fallible<()> {
        let url = Url::parse(&address.0).map_err(|e| e.to_string())?;
        let started = match role {
            Role::Listen => self.socket.listener(&url).and_then(|listener| block_on(listener.start())),
            Role::Dial => self.socket.dialer(&url).and_then(|dialer| dialer.start_in_background()),
        };
        started.map_err(|e| format!("{role} {url}: {e}"))
    }

    /// Waits for the next pipe.
    pub fn connected(&self) -> Fallible<()> {
        self.event(PipeChange::AfterAdd)
    }

    /// Waits for this, and passes over other events.
    pub fn event(&self, wanted: PipeChange) -> Fallible<()> {
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            if event.map_err(|e| format!("no {wanted:?} for {:?}: {e}", self.socket))? == wanted {
                return Ok(());
            }
        }
    }

    pub fn send(&self, n: usize) -> Fallible<()> {
        self.send_message(Message::from(pattern(n)))
    }

    pub fn send_message(&self, msg: impl Into<Message>) -> Fallible<()> {
        self.send_on(S, msg)
    }

    pub fn send_on(&self, ctx: ContextId, msg: impl Into<Message>) -> Fallible<()> {
        let sent = self.socket.send(ctx, msg.into()).wait(Limit::after(PATIENCE));
        sent.map_err(|e| format!("{:?}: send: {}", self.socket, e.error))
    }

    /// The next message has these bytes.
    pub fn recv(&self, n: usize) -> Fallible<Message> {
        self.recv_on(S, n)
    }

    pub fn recv_on(&self, ctx: ContextId, n: usize) -> Fallible<Message> {
        let msg = self.recv_any(ctx)?;
        match msg.body() == pattern(n) {
            true => Ok(msg),
            false => Err(format!("{:?}: got {} bytes and not {n}: {:?}..", self.socket, msg.len(), head(&msg))),
        }
    }

    pub fn recv_any(&self, ctx: ContextId) -> Fallible<Message> {
        self.socket.recv(ctx).wait(Limit::after(PATIENCE)).map_err(|e| format!("{:?}: receive: {e}", self.socket))
    }

    /// Whether something comes within a short time.
    pub fn polled(&self) -> Fallible<Option<Message>> {
        match self.socket.recv(S).wait(Limit::after(Duration::from_millis(100))) {
            Ok(msg) => Ok(Some(msg)),
            Err(Error::TimedOut) => Ok(None),
            Err(e) => Err(format!("{:?}: receive: {e}", self.socket)),
        }
    }
}

fn head(msg: &Message) -> &[u8] {
    &msg.body()[..msg.len().min(16)]
}
