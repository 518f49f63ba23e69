//! Where the fuzz targets come in. Nothing here is for applications.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Mutex;

use spanwire_core::Error;
use spanwire_core::transport::ByteStream;

use super::http::{Headers, Request, acceptance, check_response, request};
use super::rx::{Reply, Rx};
use super::stream::{Content, Terms};
use super::tx::Tx;

/// A server's judgement of these bytes: the status of its answer and the length of the request; `None` if it waits for more.
pub fn judge_request(bytes: &[u8], subprotocol: &str) -> Option<(u16, usize)> {
    match Request::parse(bytes) {
        Ok(Some((request, len))) => {
            assert!(request.path().starts_with('/'), "{request:?}");
            let status = request.judge(Some(subprotocol)).map_or_else(|refusal| refusal.status, |_| 101);
            Some((status, len))
        }
        Ok(None) => None,
        Err(refusal) => {
            let said = check_response(&refusal.response(), "", Some(subprotocol));
            assert!(said.is_err(), "{refusal:?} is an answer that opens a WebSocket");
            Some((refusal.status, bytes.len()))
        }
    }
}

/// A client's judgement of these bytes: the length of the response that opens the WebSocket.
///
/// # Errors
/// It does not.
pub fn judge_response(bytes: &[u8], key: &str, subprotocol: &str) -> Result<Option<usize>, Error> {
    Ok(check_response(bytes, key, Some(subprotocol))?.map(|(_, len)| len))
}

/// A request with these header lines, and the response to it; `None` if the lines can't be headers.
pub fn heads(lines: &str, key: &str, subprotocol: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let extra = Headers::from_lines(lines).ok()?;
    let subprotocol = Some(subprotocol);
    Some((request("host", "/path", key, subprotocol, &extra), acceptance(key, subprotocol, &extra)))
}

/// What became of bytes that were received.
#[derive(Debug, PartialEq)]
pub struct Received {
    /// What the engine was given: each message behind its length.
    pub given: Vec<u8>,
    /// The pings that were answered.
    pub pongs: Vec<Vec<u8>>,
    /// The close frames that were sent; 0 for one without a code.
    pub closed: Vec<u16>,
    /// Why nothing more is received. `None`: there may be more.
    pub ended: Option<Result<(), Error>>,
}

/// Receives bytes that arrive in these pieces, at most `max` at a time.
pub fn receive(masked: bool, pieces: &[&[u8]], message_max: usize, frame_max: usize, max: usize) -> Received {
    receive_as(&Terms { message_max, frame_max, ..Terms::of(!masked, Content::Messages) }, pieces, max)
}

/// The same of a byte stream: what is given has no lengths in it.
pub fn receive_bytes(masked: bool, pieces: &[&[u8]], recv_text: bool, frame_max: usize, max: usize) -> Received {
    let content = Content::Bytes { send_text: false, recv_text };
    receive_as(&Terms { frame_max, ..Terms::of(!masked, content) }, pieces, max)
}

fn receive_as(terms: &Terms, pieces: &[&[u8]], max: usize) -> Received {
    let mut rx = Rx::new(Vec::new(), terms);
    let mut received = Received { given: Vec::new(), pongs: Vec::new(), closed: Vec::new(), ended: None };
    for piece in pieces {
        let wire = Wire(Mutex::new(piece.iter().copied().collect()));
        while received.ended.is_none() {
            let mut into = Vec::with_capacity(max);
            let read = rx.read(&wire, &mut into, max, |reply| match reply {
                Reply::Pongs(payloads) => received.pongs.extend(payloads),
                Reply::Close(code) => received.closed.push(code.map_or(0, u16::from)),
            });
            received.given.extend(into);
            match read {
                Ok(0) => received.ended = Some(Ok(())),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // After a short read the engine waits, as it does here.
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => received.ended = Some(Err(e.into())),
            }
        }
    }
    received
}

/// The frames for these bytes of the engine.
pub fn send(client: bool, frame_max: usize, bytes: &[u8]) -> Vec<u8> {
    let wire = Wire(Mutex::default());
    let (mut tx, mut sent) =
        (Tx::new(&Terms { fragment: frame_max.max(1), ..Terms::of(client, Content::Messages) }), 0);
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match tx.write(&wire, &[IoSlice::new(rest)]) {
            Ok(n) => sent += n,
            Err(_) => break,
        }
    }
    wire.0.into_inner().unwrap_or_default().into()
}

/// Bytes on their way.
struct Wire(Mutex<VecDeque<u8>>);

impl ByteStream for Wire {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let Ok(mut bytes) = self.0.lock() else { return Ok(0) };
        let n = bytes.len().min(max);
        into.extend(bytes.drain(..n));
        if n > 0 { Ok(n) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let Ok(mut bytes) = self.0.lock() else { return Ok(0) };
        bufs.iter().for_each(|buf| bytes.extend(&**buf));
        Ok(bufs.iter().map(|buf| buf.len()).sum())
    }

    fn shutdown(&self) {}

    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        unreachable!("nobody waits for it")
    }
}
