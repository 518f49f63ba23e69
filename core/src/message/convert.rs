//! What a message is made from and turned into, and how it compares and is shown.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::Message;
use super::body::{Body, Heap, INLINE_BODY};

impl PartialEq for Message {
    /// Compares header and body, not the pipe.
    fn eq(&self, other: &Self) -> bool {
        self.header() == other.header() && self.body() == other.body()
    }
}

impl Eq for Message {}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self.body()
    }
}

impl std::ops::Deref for Message {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.body()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 64;
        let mut out = f.debug_struct("Message");
        if !self.header().is_empty() {
            out.field("header", &format_args!("{:02x?}", self.header()));
        }
        if let Some(pipe) = self.pipe {
            out.field("pipe", &pipe.get());
        }
        out.field("len", &self.len());
        out.field(
            "body",
            &format_args!("\"{}\"", self.body().iter().take(SHOWN).copied().collect::<Vec<_>>().escape_ascii()),
        );
        out.finish()
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        let body = if bytes.len() <= INLINE_BODY { Body::copy_from(&bytes) } else { Body::Heap(Heap::Shared(bytes)) };
        Self { body, ..Self::default() }
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() <= INLINE_BODY { Self::copy_from(&bytes) } else { Self::from(Bytes::from(bytes)) }
    }
}

impl From<BytesMut> for Message {
    fn from(bytes: BytesMut) -> Self {
        Self { body: Body::from_owned(bytes), ..Self::default() }
    }
}

impl From<Box<[u8]>> for Message {
    fn from(bytes: Box<[u8]>) -> Self {
        Self::from(bytes.into_vec())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&[u8]> for Message {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(bytes: [u8; N]) -> Self {
        Self::copy_from(&bytes)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<&Vec<u8>> for Message {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<&String> for Message {
    fn from(text: &String) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<Message> for Bytes {
    fn from(msg: Message) -> Self {
        msg.into_bytes()
    }
}

impl From<Message> for Vec<u8> {
    fn from(msg: Message) -> Self {
        match msg.body {
            Body::Inline(inline) => inline.as_slice().to_vec(),
            Body::Heap(Heap::Shared(bytes)) => bytes.into(),
            Body::Heap(Heap::Owned(bytes)) => bytes.into(),
        }
    }
}

impl Extend<u8> for Message {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, iter: T) {
        self.body.owned(0).extend(iter);
    }
}
