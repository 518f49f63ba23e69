//! libzmq, with its defaults.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::{Got, Pattern, Peer, Res, Setup, unsupported};

/// libzmq's sockets belong to one thread at a time: several threads share one behind a mutex.
pub(crate) struct Libzmq {
    inner: Inner,
    pattern: Pattern,
    message: zmq::Message,
    monitor: Option<(zmq::Socket, usize)>,
    dialed: usize,
}

enum Inner {
    Own(zmq::Socket),
    Shared(Arc<Mutex<zmq::Socket>>),
    Moving,
}

impl Peer for Libzmq {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self> {
        let socket = CONTEXT.socket(match pattern {
            Pattern::Req => zmq::REQ,
            Pattern::Rep => zmq::REP,
            Pattern::Push => zmq::PUSH,
            Pattern::Pull => zmq::PULL,
            Pattern::Pub => zmq::PUB,
            Pattern::Sub => zmq::SUB,
            Pattern::Client => zmq::DEALER,
            Pattern::Server => zmq::ROUTER,
        })?;
        socket.set_linger(0)?;
        if setup.many_topics {
            // Subscriptions travel as messages, and get lost above the high-water mark.
            match pattern {
                Pattern::Sub => socket.set_sndhwm(0)?,
                _ => socket.set_rcvhwm(0)?,
            }
        }
        let mut monitor = None;
        if setup.watch {
            socket.set_backlog(i32::try_from(setup.peers.max(100))?)?;
            socket.monitor("inproc://monitor", i32::from(zmq::SocketEvent::HANDSHAKE_SUCCEEDED.to_raw()))?;
            let events = CONTEXT.socket(zmq::PAIR)?;
            events.set_rcvhwm(0)?;
            events.connect("inproc://monitor")?;
            monitor = Some((events, 0));
        }
        Ok(Self { inner: Inner::Own(socket), pattern, message: zmq::Message::new(), monitor, dialed: 0 })
    }

    fn listen(&mut self, url: &str) -> Res {
        self.with(|socket| socket.bind(url))
    }

    fn dial(&mut self, url: &str) -> Res {
        let n = self.dialed;
        self.dialed += 1;
        if n == 0 {
            return self.with(|socket| socket.connect(url));
        }
        // A second connection from one socket to the same address is ignored: each has a source address of its own.
        let Some(address) = url.strip_prefix("tcp://") else {
            return unsupported("connections of one socket over ipc");
        };
        let url = format!("tcp://127.0.{}.{}:0;{address}", n >> 8, n & 0xff);
        self.with(|socket| socket.connect(&url))
    }

    #[inline]
    fn send(&mut self, body: &[u8]) -> Res {
        self.with(|socket| socket.send(body, 0))
    }

    fn try_send(&mut self, body: &[u8]) -> Res<bool> {
        match self.with(|socket| Ok(socket.send(body, zmq::DONTWAIT)))? {
            Ok(()) => Ok(true),
            Err(zmq::Error::EAGAIN) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    #[inline]
    fn recv(&mut self) -> Res<Got> {
        let Inner::Own(socket) = &self.inner else { return unsupported("receiving on a shared socket") };
        socket.recv(&mut self.message, 0)?;
        Ok(Got::of(&self.message))
    }

    #[inline]
    fn echo(&mut self) -> Res {
        let Inner::Own(socket) = &self.inner else { return unsupported("receiving on a shared socket") };
        if self.pattern == Pattern::Server {
            let peer = socket.recv_msg(0)?;
            let body = socket.recv_msg(0)?;
            socket.send(peer, zmq::SNDMORE)?;
            return Ok(socket.send(body, 0)?);
        }
        Ok(socket.send(socket.recv_msg(0)?, 0)?)
    }

    #[inline]
    fn submit(&mut self, _slot: usize, body: &[u8]) -> Res {
        self.send(body)
    }

    #[inline]
    fn complete(&mut self, _slot: usize) -> Res {
        self.recv().map(drop)
    }

    fn subscribe(&mut self, topic: &[u8]) -> Res {
        self.with(|socket| socket.set_subscribe(topic))
    }

    fn share(&mut self) -> Res<Self> {
        self.inner = match std::mem::replace(&mut self.inner, Inner::Moving) {
            Inner::Own(socket) => Inner::Shared(Arc::new(Mutex::new(socket))),
            other => other,
        };
        let Inner::Shared(socket) = &self.inner else { return unsupported("sharing") };
        let inner = Inner::Shared(socket.clone());
        Ok(Self { inner, pattern: self.pattern, message: zmq::Message::new(), monitor: None, dialed: 0 })
    }

    fn connections(&mut self) -> Res<usize> {
        let Some((events, count)) = &mut self.monitor else { return unsupported("counting without watch") };
        while events.recv_multipart(zmq::DONTWAIT).is_ok() {
            *count += 1;
        }
        Ok(*count)
    }
}

impl Libzmq {
    #[inline]
    fn with<T>(&self, work: impl FnOnce(&zmq::Socket) -> zmq::Result<T>) -> Res<T> {
        match &self.inner {
            Inner::Own(socket) => Ok(work(socket)?),
            Inner::Shared(socket) => Ok(work(&socket.lock().unwrap_or_else(PoisonError::into_inner))?),
            Inner::Moving => unsupported("a socket that is being shared"),
        }
    }
}

static CONTEXT: LazyLock<zmq::Context> = LazyLock::new(zmq::Context::new);
