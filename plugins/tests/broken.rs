//! Plugins that break the rules: an error and a closed pipe, nothing else disturbed, and nothing left behind.
#![cfg(target_os = "linux")]

mod common;

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use libloading::Library;
use spanwire::{Error, Pair0, Pull, Push, Result, Socket};
use spanwire_conformance::common::wait_for;

const LONG: Duration = Duration::from_secs(10);

fn broken(flags: &[&str]) -> PathBuf {
    common::compile(&common::root().join("plugins/tests/broken.c"), flags)
}

/// Registers `broken://`. Answers how many objects of it there are.
fn load() -> impl Fn() -> i32 {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let path = broken(&[]);
        spanwire_plugins::load(&path).unwrap();
        // SAFETY: it is loaded already.
        unsafe { Library::new(path) }.unwrap()
    });
    move || {
        // SAFETY: that is its type.
        let live = unsafe { library.get::<unsafe extern "C" fn() -> i32>("broken_live") }.unwrap();
        // SAFETY: it may be called at any time.
        unsafe { live() }
    }
}

fn dial(case: &str) -> Result<Socket<Push>> {
    let socket = Socket::<Push>::new();
    socket.set_linger(Some(Duration::ZERO))?;
    socket.dial(format!("broken://{case}")).wait().map(|_| socket)
}

fn number(socket: &impl std::ops::Deref<Target = spanwire::SocketBase>, path: [&str; 2]) -> u64 {
    socket.stats().number(&path).unwrap_or_default()
}

/// All in one, since the last thing it looks at is that no object is left.
#[test]
fn whatever_a_plugin_answers() {
    let live = load();

    // Making a dialer or a listener.
    for case in ["open-status", "open-pending", "open-null"] {
        assert!(
            matches!(dial(case).err(), Some(Error::Internal(text)) if text.as_str().contains("dialer_open")),
            "{case}"
        );
        let listened = Socket::<Pull>::new().listen(format!("broken://{case}")).wait().map(drop);
        assert!(matches!(listened, Err(Error::Internal(text)) if text.as_str().contains("listener_open")), "{case}");
    }

    // Dialing.
    for case in ["dial-status", "dial-null", "dial-address"] {
        assert!(
            matches!(dial(case).err(), Some(Error::Internal(text)) if text.as_str().contains("dialer_dial")),
            "{case}"
        );
    }
    assert_eq!(dial("dial-error").err(), Some(Error::ConnectionRefused("broken://dial-error".into())));
    assert_eq!(dial("dial-own-error").err(), Some(Error::Transport(5)));
    assert!(matches!(dial("dial-peer").err(), Some(Error::Protocol(_))));
    let first = dial("dial-same").unwrap();
    assert!(matches!(dial("dial-same").err(), Some(Error::Internal(text)) if text.as_str().contains("in use")));
    assert_eq!(first.pipes().len(), 1);
    drop(first);
    let waiting = Socket::<Push>::new();
    waiting.dial_in_background("broken://dial-never").unwrap();
    waiting.close().wait().unwrap();

    // Listening.
    for case in ["bind-endless", "bind-foreign", "bind-status"] {
        let listened = Socket::<Pull>::new().listen(format!("broken://{case}")).wait().map(drop);
        assert!(matches!(listened, Err(Error::Internal(text)) if text.as_str().contains("listener_bind")), "{case}");
    }
    for (case, counter) in [
        ("accept-status", "other"),
        ("accept-null", "other"),
        ("accept-self", "other"),
        ("shake-null", "other"),
        ("shake-status", "other"),
        ("shake-protocol", "proto"),
    ] {
        let pull = Socket::<Pull>::new();
        pull.listen(format!("broken://{case}")).wait().unwrap();
        wait_for(|| number(&pull, ["listener", counter]) > 0);
        assert!(pull.pipes().is_empty(), "{case}");
    }

    // Sending: the pipe closes, and the dialer comes back.
    for case in ["send-status", "send-nothing", "send-too-many"] {
        let push = dial(case).unwrap();
        let pipe = push.pipes()[0].clone();
        push.send("a message").timeout(LONG).wait().unwrap();
        wait_for(|| pipe.is_closed());
        wait_for(|| number(&push, ["dialer", "other"]) > 0);
    }

    // Receiving.
    for (case, counter) in [
        ("recv-status", "other"),
        ("recv-too-many", "other"),
        ("recv-null", "other"),
        ("recv-same", "other"),
        ("recv-too-few", "other"),
        ("recv-pending", "other"),
        ("recv-large", "too_large"),
    ] {
        let pull = Socket::<Pull>::new();
        pull.set_recv_max(1000).unwrap();
        pull.dial_in_background(format!("broken://{case}")).unwrap();
        wait_for(|| number(&pull, ["dialer", counter]) > 0);
        wait_for(|| number(&pull, ["dialer", "disconnect"]) > 0);
        assert_eq!(pull.recv().timeout(Duration::ZERO).wait(), Err(Error::TryAgain), "{case}");
    }
    // The end of a connection is no fault, however often it is told.
    let pull = Socket::<Pull>::new();
    pull.dial_in_background("broken://recv-end").unwrap();
    wait_for(|| number(&pull, ["dialer", "disconnect"]) > 1);
    assert_eq!(number(&pull, ["dialer", "other"]), 0);
    drop(pull);

    // Who never takes a message, or never closes, holds up nobody.
    for case in ["send-never", "close-never", "close-status"] {
        let push = dial(case).unwrap();
        push.send("a message").timeout(LONG).wait().unwrap();
        let pipe = push.pipes()[0].clone();
        pipe.close();
        assert!(pipe.is_closed());
        push.close().wait().unwrap();
    }

    // Wakes of all kinds.
    let pair = Socket::<Pair0>::new();
    pair.dial("broken://wakes").wait().unwrap();
    for _ in 0..1000 {
        pair.send("swallowed").timeout(LONG).wait().unwrap();
    }
    assert_eq!(pair.pipes().len(), 1);
    drop(pair);

    wait_for(|| live() == 0);
}

/// The same under valgrind: nothing of ours is read, written or freed that should not be, and nothing is lost.
#[test]
fn valgrind_finds_nothing() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "valgrind is missing");
        eprintln!("SKIPPED: there is no valgrind");
        return;
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    valgrind.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
    valgrind.arg(env::current_exe().unwrap()).args(["--exact", "whatever_a_plugin_answers"]);
    let done = valgrind.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&done.stderr));
}

/// What is wrong with a file is said, and names it.
#[test]
fn files_that_are_no_plugins() {
    let text = tempfile::NamedTempFile::with_suffix(".so").unwrap();
    std::fs::write(text.path(), "not a shared object").unwrap();
    let cases: [(&str, PathBuf, &str); 10] = [
        ("not supported", text.path().to_owned(), ""),
        ("not supported", broken(&["-DNO_VERSION"]), "spanwire_plugin_abi"),
        ("not supported", broken(&["-DVERSION=7"]), "version 7"),
        ("not supported", broken(&["-DUNWILLING"]), "does not want"),
        ("invalid argument", broken(&["-DSIZE=0"]), "struct_size is 0"),
        ("invalid argument", broken(&["-DSIZE=100"]), "struct_size is 100"),
        ("invalid argument", broken(&["-DSIZE=(size_t)-1"]), "struct_size is"),
        ("invalid argument", broken(&["-DSEND=NULL"]), "pipe_send"),
        ("invalid argument", broken(&["-DSCHEMES=NULL"]), "no scheme"),
        ("invalid argument", broken(&["-DSCHEMES=\"Bad Scheme\",NULL"]), "Bad Scheme"),
    ];
    for (kind, path, says) in cases {
        let error = spanwire_plugins::load(&path).unwrap_err();
        let (text, shown) = (error.to_string(), path.display().to_string());
        assert!(text.to_lowercase().starts_with(kind) && text.contains(&shown) && text.contains(says), "{text}");
    }
    assert!(matches!(spanwire_plugins::load("/no/such/plugin.so"), Err(Error::NotFound(_))));
    // A table from a later version, which has more.
    spanwire_plugins::load(broken(&["-DSIZE=sizeof(transport)+64", "-DSCHEMES=\"later\",NULL"])).unwrap();
    // SAFETY: null is allowed.
    assert!(matches!(unsafe { spanwire_plugins::register(std::ptr::null()) }, Err(Error::InvalidArgument(_))));
}
