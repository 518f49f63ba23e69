//! A table in C as a `Transport`.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_void};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use spanwire::option::{Address, EndpointOptions, OptionMap, names};
use spanwire::transport::{Connection, Dialer, Handshake, Hello, Link, Listener, PipeRx, PipeTx, Transport};
use spanwire::{Error, Message, OptionValue, Result, Url};

use crate::abi::{self, Free, Open};
use crate::table::{Object, Table};
use crate::waker::Wake;

/// A transport that is a table of functions.
pub(crate) struct Plugin(Arc<Table>);

impl Plugin {
    pub(crate) fn new(table: Table) -> Self {
        Self(Arc::new(table))
    }

    fn open(&self, function: &str, open: Open, free: Free, url: &Url, options: &Arc<EndpointOptions>) -> Result<Place> {
        let bad = |why: &str| Error::AddressInvalid(format!("{url}: {why}").into());
        if url.as_str().len() >= abi::URL {
            return Err(bad("it is too long"));
        }
        let text = CString::new(url.as_str()).map_err(|_| bad("it has a zero byte"))?;
        let mut object = std::ptr::null_mut();
        // SAFETY: the contract of the table; the options are held for as long as the object is.
        let status = unsafe { open(self.0.arg.0, text.as_ptr(), Arc::as_ptr(options), &mut object) };
        match self.0.answered(function, status, url.as_str()) {
            Poll::Ready(answer) => answer?,
            Poll::Pending => return Err(self.0.nonsense(function, "can't wait")),
        }
        let object = Object::new(&self.0, function, object, free)?;
        Ok(Place { object, options: options.clone(), url: url.clone(), wake: Wake::new() })
    }
}

impl Transport for Plugin {
    fn schemes(&self) -> &[&'static str] {
        &self.0.schemes
    }

    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        let place = self.open("dialer_open", self.0.dialer_open, self.0.dialer_free, url, options)?;
        Ok(Box::new(CDialer(place)))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let place = self.open("listener_open", self.0.listener_open, self.0.listener_free, url, options)?;
        Ok(Box::new(CListener(place)))
    }
}

/// A dialer or listener of the transport.
struct Place {
    /// First, so that it goes first: it has a pointer to the options.
    object: Object,
    options: Arc<EndpointOptions>,
    url: Url,
    wake: Wake,
}

struct CDialer(Place);

impl Dialer for CDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Place { object, url, wake, .. } = &mut self.0;
        let table = object.table().clone();
        let (hello, mut made) = (greeting(hello), no_connection());
        // SAFETY: the contract of the table; `&mut` makes it the only call of this dialer.
        let status = unsafe { (table.dialer_dial)(object.pointer(), &hello, wake.of(cx), &mut made) };
        ready!(table.answered("dialer_dial", status, url.as_str()))?;
        Poll::Ready(connection(&table, "dialer_dial", &made))
    }
}

struct CListener(Place);

impl Listener for CListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        let Place { object, options, url, wake } = &mut self.0;
        let table = object.table().clone();
        let mut text = [0; abi::URL];
        for (to, from) in text.iter_mut().zip(url.as_str().bytes()) {
            *to = from as c_char;
        }
        // SAFETY: the contract of the table; `&mut` makes it the only call of this listener.
        let status = unsafe { (table.listener_bind)(object.pointer(), wake.of(cx), text.as_mut_ptr(), text.len()) };
        ready!(table.answered("listener_bind", status, url.as_str()))?;
        let bound =
            text_of(&text).and_then(|text| Url::parse(text).ok()).filter(|bound| bound.scheme() == url.scheme());
        let bound = bound.ok_or_else(|| table.nonsense("listener_bind", "answered no URL of its scheme"))?;
        if let Some(address) = address(bound.as_str()).filter(|address| *address != Address::Unspecified) {
            options.set(names::LOCAL_ADDRESS, OptionValue::Address(address));
        }
        Poll::Ready(Ok(bound))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let Place { object, url, wake, .. } = &mut self.0;
        let table = object.table().clone();
        let hello = greeting(hello);
        let mut handshake = std::ptr::null_mut();
        // SAFETY: the contract of the table; `&mut` makes it the only call of this listener.
        let status = unsafe { (table.listener_accept)(object.pointer(), &hello, wake.of(cx), &mut handshake) };
        ready!(table.answered("listener_accept", status, url.as_str()))?;
        let object = Object::new(&table, "listener_accept", handshake, table.handshake_free)?;
        let mut shaking = Shaking { object, url: url.clone(), wake: Wake::new() };
        Poll::Ready(Ok(Box::pin(poll_fn(move |cx| shaking.poll(cx)))))
    }
}

/// A handshake of the transport.
struct Shaking {
    object: Object,
    url: Url,
    wake: Wake,
}

impl Shaking {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Connection>> {
        let table = self.object.table().clone();
        let mut made = no_connection();
        // SAFETY: the contract of the table; `&mut` makes it the only call of this handshake.
        let status = unsafe { (table.handshake_shake)(self.object.pointer(), self.wake.of(cx), &mut made) };
        ready!(table.answered("handshake_shake", status, self.url.as_str()))?;
        Poll::Ready(connection(&table, "handshake_shake", &made))
    }
}

/// A pipe of the transport: one object for both directions. No two of its functions run at a time.
struct Pipe(Mutex<Object>);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, Object> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct CTx {
    pipe: Arc<Pipe>,
    wake: Wake,
    /// Taken off the queue, and not yet by the transport.
    waiting: Messages,
}

impl PipeTx for CTx {
    fn poll_send(&mut self, cx: &mut Context<'_>, queue: &mut VecDeque<Message>) -> Poll<Result<()>> {
        self.waiting.0.extend(queue.drain(..).map(|msg| Box::into_raw(Box::new(msg))));
        let mut object = self.pipe.lock();
        let table = object.table().clone();
        loop {
            let waiting = self.waiting.0.make_contiguous();
            let given = waiting.len();
            let mut taken = 0;
            let call = table.pipe_send;
            // SAFETY: the contract of the table; the lock makes it the only call of this pipe.
            let status = unsafe { call(object.pointer(), self.wake.of(cx), waiting.as_ptr(), given, &mut taken) };
            // Those that were taken are the transport's. If it says that it took more than there were, it may have them all.
            self.waiting.0.drain(..taken.min(given));
            if taken > given {
                return Poll::Ready(Err(table.nonsense("pipe_send", format!("took {taken} of {given} messages"))));
            }
            ready!(table.answered("pipe_send", status, ""))?;
            if self.waiting.0.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if taken == 0 {
                return Poll::Ready(Err(table.nonsense("pipe_send", "succeeded, and took nothing")));
            }
        }
    }

    fn take_back(&mut self, queue: &mut VecDeque<Message>) {
        while let Some(msg) = self.waiting.take_last() {
            queue.push_front(msg);
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut object = self.pipe.lock();
        let table = object.table().clone();
        // SAFETY: the contract of the table; the lock makes it the only call of this pipe.
        let status = unsafe { (table.pipe_close)(object.pointer(), self.wake.of(cx)) };
        // Whatever is wrong, it closes.
        table.answered("pipe_close", status, "").map(drop)
    }
}

struct CRx {
    pipe: Arc<Pipe>,
    wake: Wake,
}

impl PipeRx for CRx {
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut Vec<Message>, max: usize) -> Poll<Result<usize>> {
        let mut object = self.pipe.lock();
        let table = object.table().clone();
        let mut slots = vec![std::ptr::null_mut(); max];
        let mut count = 0;
        let call = table.pipe_recv;
        // SAFETY: the contract of the table; the lock makes it the only call of this pipe.
        let status = unsafe { call(object.pointer(), self.wake.of(cx), slots.as_mut_ptr(), max, &mut count) };
        // What is there is ours now, whatever the answer is; and the same one twice is one.
        let mut found = Messages(VecDeque::new());
        for slot in slots {
            if !slot.is_null() && !found.0.contains(&slot) {
                found.0.push_back(slot);
            }
        }
        let answer = table.answered("pipe_recv", status, "");
        let said = if matches!(answer, Poll::Ready(Ok(()))) { count } else { 0 };
        if said != found.0.len() {
            let what = format!("spoke of {said} messages, and there are {}", found.0.len());
            return Poll::Ready(Err(table.nonsense("pipe_recv", what)));
        }
        ready!(answer)?;
        while let Some(msg) = found.take() {
            into.push(msg);
        }
        Poll::Ready(Ok(said))
    }
}

/// Messages as C holds them, which are ours.
struct Messages(VecDeque<*mut Message>);

// SAFETY: each is the only pointer to a message, and messages may go from thread to thread.
unsafe impl Send for Messages {}

impl Messages {
    fn take(&mut self) -> Option<Message> {
        let msg = self.0.pop_front()?;
        // SAFETY: a message that came out of a box of ours or, by the contract, of the host's functions, and has no other owner.
        Some(*unsafe { Box::from_raw(msg) })
    }

    fn take_last(&mut self) -> Option<Message> {
        let msg = self.0.pop_back()?;
        // SAFETY: as above.
        Some(*unsafe { Box::from_raw(msg) })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}

fn greeting(hello: Hello) -> abi::Hello {
    let Hello { protocol, .. } = hello;
    abi::Hello { struct_size: size_of::<abi::Hello>(), own: protocol.number, peer: protocol.peer }
}

fn no_connection() -> abi::Connection {
    abi::Connection {
        struct_size: size_of::<abi::Connection>(),
        pipe: std::ptr::null_mut::<c_void>(),
        peer: 0,
        local: [0; abi::ADDRESS],
        remote: [0; abi::ADDRESS],
    }
}

/// What the driver takes over.
fn connection(table: &Arc<Table>, function: &str, made: &abi::Connection) -> Result<Connection> {
    let pipe = Object::new(table, function, made.pipe, table.pipe_free)?;
    let mut options = OptionMap::new();
    for (side, text) in [(names::LOCAL_ADDRESS, &made.local), (names::REMOTE_ADDRESS, &made.remote)] {
        let address = text_of(text).and_then(address);
        let address = address.ok_or_else(|| table.nonsense(function, "answered an address that is no URL"))?;
        options.set(side, OptionValue::Address(address));
    }
    let pipe = Arc::new(Pipe(Mutex::new(pipe)));
    let tx = CTx { pipe: pipe.clone(), wake: Wake::new(), waiting: Messages(VecDeque::new()) };
    let rx = CRx { pipe, wake: Wake::new() };
    Ok(Connection { peer: made.peer, link: Link::Messages(Box::new(tx), Box::new(rx)), options })
}

/// The text in a buffer, if it ends there.
fn text_of(buffer: &[c_char]) -> Option<&str> {
    // SAFETY: as many bytes as there are, and any byte is a valid one.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), buffer.len()) };
    CStr::from_bytes_until_nul(bytes).ok()?.to_str().ok()
}

/// An address that is written as a URL, of whatever scheme: Internet addresses are known by their form.
fn address(text: &str) -> Option<Address> {
    if text.is_empty() {
        return Some(Address::Unspecified);
    }
    let url = Url::parse(text).ok()?;
    Some(match url.scheme() {
        "inproc" => Address::Inproc(url.path().into_owned()),
        "ipc" | "unix" => Address::Ipc(url.file().to_owned()),
        "abstract" => Address::Abstract(url.path_bytes().to_owned()),
        _ => url.rest().parse().map_or(Address::Unspecified, Address::Inet),
    })
}
