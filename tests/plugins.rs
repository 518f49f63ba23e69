//! Transports that somebody has plugged in, and that break the rules: an error and a closed pipe, and nothing else disturbed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use spanwire::option::{EndpointOptions, OptionMap};
use spanwire::transport::{self, Connection, Dialer, Handshake, Hello, Link, Listener, PipeRx, PipeTx, Transport};
use spanwire::{Error, Message, Pull, Push, Req, Result, Socket, Url};
use spanwire_conformance::common::wait_for;

const LONG: Duration = Duration::from_secs(10);

/// `odd://CASE` breaks that rule. Connections need no other side: what is sent vanishes, and nothing comes.
struct Odd;

impl Transport for Odd {
    fn schemes(&self) -> &[&'static str] {
        &["odd"]
    }

    fn dialer(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        Ok(Box::new(Place(url.clone())))
    }

    fn listener(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        Ok(Box::new(Place(url.clone())))
    }
}

struct Place(Url);

impl Place {
    fn is(&self, case: &str) -> bool {
        self.0.host() == Some(case)
    }

    fn connection(&self, hello: Hello) -> Connection {
        let case = self.0.host().unwrap_or_default().to_owned();
        let link = match &*case {
            #[cfg(unix)]
            "framing-panics" => framed::link(),
            _ => Link::Messages(Box::new(Tx(case.clone(), None)), Box::new(Rx(case))),
        };
        Connection { peer: hello.protocol.peer, link, options: OptionMap::new() }
    }
}

impl Dialer for Place {
    fn poll_dial(&mut self, _: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        assert!(!self.is("dial-panics"), "on purpose");
        Poll::Ready(Ok(self.connection(hello)))
    }
}

impl Listener for Place {
    fn poll_bind(&mut self, _: &mut Context<'_>) -> Poll<Result<Url>> {
        assert!(!self.is("bind-panics"), "on purpose");
        Poll::Ready(Ok(self.0.clone()))
    }

    fn poll_accept(&mut self, _: &mut Context<'_>, _: Hello) -> Poll<Result<Handshake>> {
        assert!(!self.is("accept-panics"), "on purpose");
        Poll::Ready(Ok(Box::pin(async { panic!("on purpose") })))
    }
}

/// A stream of bytes that leads nowhere, with a framing that panics at two bytes.
#[cfg(unix)]
mod framed {
    use std::io::{self, IoSlice};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    use spanwire::Result;
    use spanwire::transport::{ByteStream, Codec, Frame, Link};

    pub(crate) fn link() -> Link {
        let (near, far) = UnixStream::pair().unwrap();
        Link::Stream(Box::new(Nowhere(near, far)), Box::new(Panics))
    }

    struct Nowhere(UnixStream, #[expect(dead_code, reason = "its end would be the connection's")] UnixStream);

    impl ByteStream for Nowhere {
        fn try_read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            Ok(bufs.iter().map(|buf| buf.len()).sum())
        }

        fn shutdown(&self) {
            let _ = self.0.shutdown(std::net::Shutdown::Both);
        }

        fn fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    struct Panics;

    impl Codec for Panics {
        fn encode_prefix(&self, len: usize, out: &mut Vec<u8>) {
            assert!(len != 2, "on purpose");
            out.push(len as u8);
        }

        fn decode_prefix(&self, _: &[u8]) -> Result<Option<Frame>> {
            Ok(None)
        }
    }
}

/// The sending side. `held` holds what it took until it is let go.
struct Tx(String, Option<Message>);

/// What has been sent by the transports that fail, and by the one that does not.
static SENT: Mutex<Vec<Message>> = Mutex::new(Vec::new());
static KEPT: Mutex<Vec<Message>> = Mutex::new(Vec::new());
/// The failing ones fail.
static OVER: Flag = Flag(Mutex::new((false, Vec::new())));

struct Flag(Mutex<(bool, Vec<Waker>)>);

impl Flag {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let (set, wakers) = &mut *self.0.lock().unwrap();
        wakers.push(cx.waker().clone());
        if *set { Poll::Ready(()) } else { Poll::Pending }
    }

    fn set(&self, set: bool) {
        let (now, wakers) = &mut *self.0.lock().unwrap();
        *now = set;
        wakers.drain(..).for_each(Waker::wake);
    }
}

static TRIED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static DROPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HELD: Mutex<Vec<Message>> = Mutex::new(Vec::new());
static WAITS: Mutex<Option<Waker>> = Mutex::new(None);
static LET_GO: AtomicBool = AtomicBool::new(false);

impl PipeTx for Tx {
    fn poll_send(&mut self, cx: &mut Context<'_>, queue: &mut VecDeque<Message>) -> Poll<Result<()>> {
        TRIED.lock().unwrap().push(self.0.clone());
        match &*self.0 {
            "send-panics" => panic!("on purpose"),
            "send-lies" => return Poll::Ready(Ok(())),
            "send-stuck" => return Poll::Pending,
            "send-held" => {
                *WAITS.lock().unwrap() = Some(cx.waker().clone());
                HELD.lock().unwrap().extend(queue.drain(..));
                return if LET_GO.load(Ordering::SeqCst) { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            "keeps" => KEPT.lock().unwrap().extend(queue.drain(..)),
            // One is sent, one is taken and not begun, and the others stay where they are.
            "fails-sending" | "ends-receiving" if SENT.lock().unwrap().is_empty() => {
                SENT.lock().unwrap().extend(queue.drain(..queue.len().min(1)));
                self.1 = queue.pop_front();
                return OVER.poll(cx).map(Ok);
            }
            "fails-sending" => return OVER.poll(cx).map(|()| Err(Error::ConnectionReset)),
            "ends-receiving" => return Poll::Pending,
            _ => queue.clear(),
        }
        Poll::Ready(Ok(()))
    }

    fn take_back(&mut self, queue: &mut VecDeque<Message>) {
        if let Some(msg) = self.1.take() {
            queue.push_front(msg);
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match &*self.0 {
            "close-panics" => panic!("on purpose"),
            "close-stuck" => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        DROPPED.lock().unwrap().push(self.0.clone());
    }
}

struct Rx(String);

impl PipeRx for Rx {
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut Vec<Message>, max: usize) -> Poll<Result<usize>> {
        match &*self.0 {
            "recv-panics" => panic!("on purpose"),
            "recv-large" => {
                into.extend([Message::copy_from(&[0; 1000]), Message::copy_from(&[0; 1001])]);
                Poll::Ready(Ok(2))
            }
            "recv-end" => Poll::Ready(Ok(0)),
            "ends-receiving" => OVER.poll(cx).map(|()| Ok(0)),
            "recv-endless" => {
                into.extend((0..max).map(|_| Message::new()));
                Poll::Ready(Ok(max))
            }
            _ => Poll::Pending,
        }
    }
}

fn dial(case: &str) -> Result<Socket<Push>> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| transport::register(Arc::new(Odd)));
    let push = Socket::<Push>::new();
    push.dial(format!("odd://{case}")).wait().map(|_| push)
}

fn counted(stats: &spanwire::stats::Stat, path: [&str; 2]) -> u64 {
    stats.number(&path).unwrap_or_default()
}

#[test]
fn a_panic_is_an_error() {
    let panicked = |e: &Error| matches!(e, Error::Internal(text) if text.as_str().contains("panicked"));
    assert!(panicked(&dial("dial-panics").unwrap_err()));
    let pull = Socket::<Pull>::new();
    assert!(panicked(&pull.listen("odd://bind-panics").wait().unwrap_err()));
    for case in ["accept-panics", "shake-panics"] {
        let pull = Socket::<Pull>::new();
        pull.listen(format!("odd://{case}")).wait().unwrap();
        wait_for(|| counted(&pull.stats(), ["listener", "other"]) > 0);
    }
    for case in ["send-panics", "recv-panics", "close-panics", "send-lies"] {
        let push = dial(case).unwrap();
        let _ = push.send("x").timeout(LONG).wait();
        if case == "close-panics" {
            push.pipes().iter().for_each(|pipe| pipe.close());
        }
        wait_for(|| counted(&push.stats(), ["dialer", "other"]) > 0);
    }
    // Others go on.
    dial("fine").unwrap().send("x").timeout(LONG).wait().unwrap();
}

/// A panic of somebody's framing reaches the sender, whose thread has the socket's lock then. The socket goes on for all others.
#[cfg(unix)]
#[test]
fn a_panic_under_the_lock_holds_up_nobody_else() {
    let push = dial("framing-panics").unwrap();
    let panics = |push: Socket<Push>| thread::spawn(move || push.send("13").wait()).join().is_err();
    assert!(panics(push.clone()));
    let (tell, told) = mpsc::channel();
    let sender = push.clone();
    thread::spawn(move || {
        let sent = (0..1000).all(|_| sender.send("x").wait().is_ok());
        tell.send(sent && sender.try_send("y").is_ok() && sender.pipes().len() == 1).unwrap();
        sender.close().wait().unwrap();
        tell.send(true).unwrap();
    });
    assert_eq!([told.recv_timeout(LONG), told.recv_timeout(LONG)], [Ok(true), Ok(true)]);
}

#[test]
fn messages_above_the_limit_close_the_pipe() {
    dial("fine").unwrap();
    let pull = Socket::<Pull>::new();
    pull.set_recv_max(1000).unwrap();
    pull.dial_in_background("odd://recv-large").unwrap();
    assert_eq!(pull.recv().timeout(LONG).wait().unwrap().len(), 1000);
    wait_for(|| counted(&pull.stats(), ["dialer", "too_large"]) > 0);
    let ends = Socket::<Pull>::new();
    ends.dial_in_background("odd://recv-end").unwrap();
    wait_for(|| counted(&ends.stats(), ["dialer", "disconnect"]) > 1);
    assert_eq!(counted(&ends.stats(), ["dialer", "other"]), 0);
}

/// What a transport has not sent when it fails, or when its connection ends, goes to another pipe, in order; what it has sent is not sent again.
#[test]
fn what_a_failing_transport_has_not_sent_goes_elsewhere() {
    for case in ["fails-sending", "ends-receiving"] {
        OVER.set(false);
        SENT.lock().unwrap().clear();
        KEPT.lock().unwrap().clear();
        let push = dial(case).unwrap();
        for n in 0..100_u8 {
            push.send([n]).timeout(LONG).wait().unwrap();
        }
        wait_for(|| SENT.lock().unwrap().len() == 1);
        // A request is repeated by the protocol itself.
        let req = Socket::<Req>::new();
        req.dial(format!("odd://{case}")).wait().unwrap();
        let mut request = std::pin::pin!(req.request("question"));
        assert!(request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());

        push.dial("odd://keeps").wait().unwrap();
        req.dial("odd://keeps").wait().unwrap();
        OVER.set(true);
        let is_question = |msg: &&Message| msg.body() == b"question";
        wait_for(|| {
            let kept = KEPT.lock().unwrap();
            kept.iter().any(|msg| is_question(&msg)) && kept.iter().filter(|msg| !is_question(msg)).count() >= 99
        });
        let kept = KEPT.lock().unwrap();
        let numbers: Vec<_> = kept.iter().filter(|msg| !is_question(msg)).map(|msg| msg.body()[0]).collect();
        assert_eq!(numbers, Vec::from_iter(1..100), "{case}");
        assert_eq!(push.stats().number(&["drop_closed"]), Some(0), "{case}");
    }
}

/// A transport that takes nothing, or does not close, does not outlive its pipe for long; and what it keeps for itself is counted.
#[test]
fn a_pipe_that_is_stuck_ends() {
    for case in ["send-stuck", "close-stuck"] {
        let push = dial(case).unwrap();
        push.send("x").timeout(LONG).wait().unwrap();
        wait_for(|| TRIED.lock().unwrap().iter().any(|tried| tried == case));
        push.pipes()[0].close();
        wait_for(|| DROPPED.lock().unwrap().iter().any(|dropped| dropped == case));
        if case == "send-stuck" {
            wait_for(|| push.stats().number(&["drop_closed"]) == Some(1));
        }
        push.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A transport that always has something does not keep others from connecting, and ends with its pipe.
#[test]
fn a_transport_that_never_pauses() {
    dial("fine").unwrap();
    let pull = Socket::<Pull>::new();
    pull.dial("odd://recv-endless").wait().unwrap();
    pull.recv().timeout(LONG).wait().unwrap();
    let taking = pull.clone();
    let taker = thread::spawn(move || while taking.recv().timeout(LONG).wait().is_ok() {});
    for _ in 0..10 {
        dial("fine").unwrap();
    }
    pull.close().wait().unwrap();
    taker.join().unwrap();
    wait_for(|| DROPPED.lock().unwrap().iter().any(|dropped| dropped == "recv-endless"));
}

/// What a transport holds is on its way, and closing waits for it.
#[test]
fn closing_waits_for_what_the_transport_holds() {
    let push = dial("send-held").unwrap();
    push.set_linger(Some(LONG)).unwrap();
    push.send("precious").timeout(LONG).wait().unwrap();
    wait_for(|| HELD.lock().unwrap().len() == 1);
    let closing = thread::spawn({
        let push = push.clone();
        move || {
            push.close().wait().unwrap();
            LET_GO.load(Ordering::SeqCst)
        }
    });
    wait_for(|| push.is_closed());
    LET_GO.store(true, Ordering::SeqCst);
    WAITS.lock().unwrap().take().unwrap().wake();
    assert!(closing.join().unwrap());
}
