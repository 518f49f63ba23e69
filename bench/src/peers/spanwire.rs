//! Spanwire, blocking and through futures.

use futures_lite::future::block_on;
use spanwire::{AnyContext, AnySocket, Error, Message};

use super::{Got, Pattern, Peer, Res, Setup};

pub(crate) struct Span {
    socket: AnySocket,
    contexts: Vec<AnyContext>,
    again: Option<Message>,
}

/// Every operation is a future, run by `block_on`.
pub(crate) struct SpanAsync(Span);

impl Peer for Span {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self> {
        let socket = AnySocket::open(match pattern {
            Pattern::Req | Pattern::Client => "req",
            Pattern::Rep | Pattern::Server => "rep",
            Pattern::Push => "push",
            Pattern::Pull => "pull",
            Pattern::Pub => "pub",
            Pattern::Sub => "sub",
        })?;
        let slots = if pattern == Pattern::Client { setup.slots } else { 0 };
        let contexts = (0..slots).map(|_| socket.context()).collect::<Result<_, _>>()?;
        Ok(Self { socket, contexts, again: None })
    }

    fn listen(&mut self, url: &str) -> Res {
        self.socket.listen(url).wait()?;
        Ok(())
    }

    fn dial(&mut self, url: &str) -> Res {
        self.socket.dial_in_background(url)?;
        Ok(())
    }

    #[inline]
    fn send(&mut self, body: &[u8]) -> Res {
        Ok(self.socket.send(body).wait()?)
    }

    #[inline]
    fn send_again(&mut self, body: &[u8]) -> Res {
        if body.len() < SHARED {
            return self.send(body);
        }
        let message = self.again.get_or_insert_with(|| Message::from(bytes::Bytes::copy_from_slice(body)));
        Ok(self.socket.send(message.clone()).wait()?)
    }

    #[inline]
    fn try_send(&mut self, body: &[u8]) -> Res<bool> {
        match self.socket.try_send(body) {
            Ok(()) => Ok(true),
            Err(e) if e.error == Error::TryAgain => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    #[inline]
    fn recv(&mut self) -> Res<Got> {
        Ok(Got::of(self.socket.recv().wait()?.body()))
    }

    #[inline]
    fn echo(&mut self) -> Res {
        let message = self.socket.recv().wait()?;
        Ok(self.socket.send(message).wait()?)
    }

    #[inline]
    fn submit(&mut self, slot: usize, body: &[u8]) -> Res {
        Ok(self.contexts[slot].send(body).wait()?)
    }

    #[inline]
    fn complete(&mut self, slot: usize) -> Res {
        self.contexts[slot].recv().wait()?;
        Ok(())
    }

    fn subscribe(&mut self, topic: &[u8]) -> Res {
        Ok(self.socket.set_option("sub:subscribe", topic.to_vec())?)
    }

    fn share(&mut self) -> Res<Self> {
        Ok(Self { socket: self.socket.clone(), contexts: Vec::new(), again: None })
    }

    fn connections(&mut self) -> Res<usize> {
        Ok(self.socket.pipes().len())
    }
}

impl Peer for SpanAsync {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self> {
        Span::open(pattern, setup).map(Self)
    }

    fn listen(&mut self, url: &str) -> Res {
        self.0.listen(url)
    }

    fn dial(&mut self, url: &str) -> Res {
        self.0.dial(url)
    }

    fn send(&mut self, body: &[u8]) -> Res {
        Ok(block_on(self.0.socket.send(body))?)
    }

    fn recv(&mut self) -> Res<Got> {
        Ok(Got::of(block_on(self.0.socket.recv())?.body()))
    }

    fn echo(&mut self) -> Res {
        let socket = &self.0.socket;
        block_on(async {
            let message: Message = socket.recv().await?;
            Ok(socket.send(message).await?)
        })
    }
}

/// Bodies from here on are worth sharing: a clone of the message is a reference to the same bytes.
const SHARED: usize = 16 * 1024;
