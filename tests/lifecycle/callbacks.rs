//! Callbacks for pipe events are the application's, and may do anything.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use spanwire_core::driver::PipeChange;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::common::{address, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(10);

/// A callback that panics is logged. Those behind it run, for this event and all others, and the pipe is added.
#[test]
fn a_panic_ends_nothing() {
    let errors = Arc::new(Mutex::new(String::new()));
    tracing::subscriber::set_global_default(Errors(errors.clone())).unwrap();
    let (a, b) = (open("pair"), open("pair"));
    let (tell, told) = mpsc::channel();
    a.on_pipe(|change, _| panic!("a test panics in {change:?}"));
    a.on_pipe(move |change, _| tell.send(change).unwrap());
    let listener = listen(&a, &address("tcp"));
    crate::common::dial(&b, &listener.url());
    let next = || told.recv_timeout(LONG).unwrap();
    assert_eq!([next(), next()], [PipeChange::BeforeAdd, PipeChange::AfterAdd]);
    wait_for(|| a.pipes().len() == 1);
    send(&b, "on", LONG).unwrap();
    assert_eq!(recv(&a, LONG).unwrap().body(), b"on");
    drop(b);
    assert_eq!(next(), PipeChange::Removed);
    wait_for(|| errors.lock().unwrap().matches("callback panicked").count() == 3);
}

/// While a callback decides about a pipe, others are added and messages flow.
#[test]
fn a_slow_callback_of_one_socket_holds_up_no_message() {
    let (slow, fast, peer) = (open("pull"), open("pull"), open("push"));
    let listener = listen(&fast, &address("tcp"));
    crate::common::dial(&peer, &listener.url());
    let (release, wait) = mpsc::channel::<()>();
    let (began, begun) = mpsc::channel();
    let wait = Mutex::new(wait);
    slow.on_pipe(move |_, _| {
        let _ = began.send(());
        let _ = wait.lock().unwrap().recv();
    });
    let slow_listener = listen(&slow, &address("tcp"));
    let other = open("push");
    other.dialer(&slow_listener.url()).unwrap().start_in_background().unwrap();
    begun.recv_timeout(LONG).unwrap();
    send(&peer, "flows", LONG).unwrap();
    assert_eq!(recv(&fast, LONG).unwrap().body(), b"flows");
    assert!(slow.pipes().is_empty());
    drop(release);
    wait_for(|| slow.pipes().len() == 1);
}

/// Whoever is told of a pipe before it is added can use it as soon as that callback has returned: no other thread has to run first.
#[test]
fn a_pipe_that_was_told_of_is_added_next() {
    for scheme in ["inproc", "ipc", "tcp"] {
        let (a, b) = (open("bus"), open("bus"));
        let (tell, told) = mpsc::channel();
        let socket = a.clone();
        a.on_pipe(move |change, _| {
            if change == PipeChange::BeforeAdd {
                let (tell, same) = (tell.clone(), socket.clone());
                socket.after_callbacks(move || tell.send(same.pipes().len()).unwrap());
            }
        });
        let listener = listen(&a, &address(scheme));
        crate::common::dial(&b, &listener.url());
        assert_eq!(told.recv_timeout(LONG).unwrap(), 1, "{scheme}");
    }
}

/// Collects what is logged as an error.
struct Errors(Arc<Mutex<String>>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text<'a>(&'a mut String);
        impl Visit for Text<'_> {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                let _ = writeln!(self.0, "{field}={value:?}");
            }
        }
        event.record(&mut Text(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
