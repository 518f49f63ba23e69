//! The crate `zeromq` on tokio's multi-threaded runtime, which is what its documentation shows.

use std::sync::LazyLock;

use tokio::runtime::Runtime;
use zeromq::prelude::*;
use zeromq::{PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SubSocket, ZmqMessage};

use super::{Got, Pattern, Peer, Res, Setup, unsupported};

pub(crate) enum ZeromqRs {
    Req(ReqSocket),
    Rep(RepSocket),
    Push(PushSocket),
    Pull(PullSocket),
    Pub(PubSocket),
    Sub(SubSocket),
}

macro_rules! each {
    ($self:expr, $socket:ident => $work:expr) => {
        match $self {
            ZeromqRs::Req($socket) => $work,
            ZeromqRs::Rep($socket) => $work,
            ZeromqRs::Push($socket) => $work,
            ZeromqRs::Pull($socket) => $work,
            ZeromqRs::Pub($socket) => $work,
            ZeromqRs::Sub($socket) => $work,
        }
    };
}

impl Peer for ZeromqRs {
    fn open(pattern: Pattern, _setup: Setup) -> Res<Self> {
        let _in_runtime = RUNTIME.enter();
        Ok(match pattern {
            Pattern::Req => Self::Req(ReqSocket::new()),
            Pattern::Rep => Self::Rep(RepSocket::new()),
            Pattern::Push => Self::Push(PushSocket::new()),
            Pattern::Pull => Self::Pull(PullSocket::new()),
            Pattern::Pub => Self::Pub(PubSocket::new()),
            Pattern::Sub => Self::Sub(SubSocket::new()),
            Pattern::Client | Pattern::Server => return unsupported("requests in flight"),
        })
    }

    fn listen(&mut self, url: &str) -> Res {
        RUNTIME.block_on(async { each!(self, socket => socket.bind(url).await.map(drop)) })?;
        Ok(())
    }

    fn dial(&mut self, url: &str) -> Res {
        RUNTIME.block_on(async { each!(self, socket => socket.connect(url).await) })?;
        Ok(())
    }

    fn send(&mut self, body: &[u8]) -> Res {
        let message = ZmqMessage::from(body.to_vec());
        RUNTIME.block_on(async {
            match self {
                Self::Req(socket) => socket.send(message).await,
                Self::Rep(socket) => socket.send(message).await,
                Self::Push(socket) => socket.send(message).await,
                Self::Pub(socket) => socket.send(message).await,
                Self::Pull(_) | Self::Sub(_) => Ok(()),
            }
        })?;
        Ok(())
    }

    fn recv(&mut self) -> Res<Got> {
        let message = self.receive()?;
        Ok(message.get(0).map(|body| Got::of(body)).unwrap_or_default())
    }

    fn echo(&mut self) -> Res {
        let Self::Rep(socket) = self else { return unsupported("echo") };
        RUNTIME.block_on(async {
            let message = socket.recv().await?;
            socket.send(message).await
        })?;
        Ok(())
    }

    fn subscribe(&mut self, topic: &[u8]) -> Res {
        let Self::Sub(socket) = self else { return unsupported("subscriptions") };
        RUNTIME.block_on(socket.subscribe(std::str::from_utf8(topic)?))?;
        Ok(())
    }
}

impl ZeromqRs {
    fn receive(&mut self) -> Res<ZmqMessage> {
        Ok(RUNTIME.block_on(async {
            match self {
                Self::Req(socket) => socket.recv().await,
                Self::Rep(socket) => socket.recv().await,
                Self::Pull(socket) => socket.recv().await,
                Self::Sub(socket) => socket.recv().await,
                Self::Push(_) | Self::Pub(_) => std::future::pending().await,
            }
        })?)
    }
}

#[expect(clippy::expect_used, reason = "nothing can be measured without it")]
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a tokio runtime"));
