//! Sockets of one machine: files, permissions, names.
#![cfg(all(unix, not(spanwire_portable), feature = "ipc"))]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::pin::pin;
use std::sync::Barrier;

use common::*;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType};
use spanwire_core::option::{Address, names};
use spanwire_core::{Error, Url};
use spanwire_transports::ipc::Ipc;

/// Leaves a socket file behind, as a process that was killed does.
fn leave_stale(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(path.exists());
}

#[test]
fn both_ends_know_the_path() {
    let dir = TempDir::new();
    for (scheme, name) in [("ipc", "a.sock"), ("unix", "b and % c.sock")] {
        let mut bound = listen(&Ipc, &dir.url(name).replace("ipc:", &format!("{scheme}:"))).unwrap();
        let (dialed, accepted) = connected(&Ipc, &mut bound);
        assert_joined(&dialed, &accepted);
        let path = Address::Ipc(dir.path(name));
        assert_eq!(addresses(&dialed), (path.clone(), path.clone()));
        assert_eq!(addresses(&accepted), (path.clone(), path));
    }
}

#[test]
fn paths_may_be_relative() {
    let name = format!("spanwire-{}.sock", std::process::id());
    let mut bound = listen(&Ipc, &format!("ipc://{name}")).unwrap();
    let (dialed, accepted) = connected(&Ipc, &mut bound);
    assert_joined(&dialed, &accepted);
    assert!(Path::new(&name).exists());
    drop(bound);
    assert!(!Path::new(&name).exists());
}

#[test]
fn a_stale_file_is_replaced() {
    let dir = TempDir::new();
    leave_stale(&dir.path("s"));
    detail(run(dial(&Ipc, &dir.url("s"), PUSH)), Error::ConnectionRefused("".into()));
    let mut bound = listen(&Ipc, &dir.url("s")).unwrap();
    connected(&Ipc, &mut bound);
}

#[test]
fn a_live_listener_is_left_alone() {
    let dir = TempDir::new();
    let mut bound = listen(&Ipc, &dir.url("s")).unwrap();
    assert_names(listen(&Ipc, &dir.url("s")), Error::AddressInUse("".into()), dir.url("s"));
    // The probe was a connection that said nothing.
    detail(run(bound.accept(PULL)), Error::ConnectionShutdown);
    connected(&Ipc, &mut bound);
}

#[test]
fn other_files_are_never_removed() {
    let dir = TempDir::new();
    fs::write(dir.path("file"), "precious").unwrap();
    leave_stale(&dir.path("target"));
    std::os::unix::fs::symlink(dir.path("target"), dir.path("link")).unwrap();
    fs::create_dir(dir.path("dir")).unwrap();
    for name in ["file", "link", "dir"] {
        assert_names(listen(&Ipc, &dir.url(name)), Error::AddressInUse("".into()), dir.url(name));
        assert!(dir.path(name).exists());
    }
    assert_eq!(fs::read(dir.path("file")).unwrap(), b"precious");
}

#[test]
fn one_of_many_replaces_a_stale_file() {
    let dir = TempDir::new();
    for round in 0..20 {
        let name = format!("s{round}");
        leave_stale(&dir.path(&name));
        let start = Barrier::new(4);
        let (start, url) = (&start, &dir.url(&name));
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(move || {
                        start.wait();
                        listen(&Ipc, url)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|result| result.is_ok());
        assert_eq!((won.len(), lost.len()), (1, 3), "round {round}");
        for result in lost {
            detail(result, Error::AddressInUse("".into()));
        }
        assert!(UnixStream::connect(dir.path(&name)).is_ok(), "round {round}");
    }
}

#[test]
fn permissions_do_not_depend_on_the_umask() {
    let dir = TempDir::new();
    for mode in [0o600, 0o777, 0o662] {
        let bound = listen_with(&Ipc, &dir.url("s"), with(names::IPC_PERMISSIONS, mode)).unwrap();
        let found = fs::metadata(dir.path("s")).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode as u32);
        drop(bound);
    }
}

#[test]
fn the_file_goes_with_its_listener() {
    let dir = TempDir::new();
    let bound = listen(&Ipc, &dir.url("s")).unwrap();
    assert!(dir.path("s").exists());
    drop(bound);
    assert!(!dir.path("s").exists());
}

#[test]
fn the_file_of_a_successor_stays() {
    let dir = TempDir::new();
    let bound = listen(&Ipc, &dir.url("s")).unwrap();
    fs::remove_file(dir.path("s")).unwrap();
    let _successor = UnixListener::bind(dir.path("s")).unwrap();
    drop(bound);
    assert!(dir.path("s").exists());
}

#[test]
fn missing_paths() {
    let dir = TempDir::new();
    assert_names(run(dial(&Ipc, &dir.url("s"), PUSH)), Error::ConnectionRefused("".into()), dir.url("s"));
    assert_names(listen(&Ipc, &dir.url("no/such/dir")), Error::NotFound("".into()), dir.url("no/such/dir"));
    let long = format!("ipc:///tmp/{}", "x".repeat(110));
    assert_names(listen(&Ipc, &long), Error::AddressInvalid("".into()), &long);
}

#[test]
fn a_full_queue_is_waited_for() {
    let dir = TempDir::new();
    let fd = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    net::bind(&fd, &SocketAddrUnix::new(dir.path("s")).unwrap()).unwrap();
    net::listen(&fd, 0).unwrap();
    let listener = UnixListener::from(fd);
    let _first = UnixStream::connect(dir.path("s")).unwrap();
    let url = dir.url("s");
    let mut dialed = pin!(dial(&Ipc, &url, PUSH));
    assert!(once(&mut dialed).is_none());
    listener.accept().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"\0SP\0\0\x51\0\0").unwrap();
        // Closing here would race with the dialer's own handshake.
        stream
    });
    run(dialed).unwrap();
    server.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_peer_is_known() {
    use spanwire_core::OptionValue;
    let dir = TempDir::new();
    let mut bound = listen(&Ipc, &dir.url("s")).unwrap();
    let (dialed, accepted) = connected(&Ipc, &mut bound);
    for end in [dialed, accepted] {
        let uid = rustix::process::getuid().as_raw();
        let gid = rustix::process::getgid().as_raw();
        assert_eq!(end.options.get(names::IPC_PEER_UID), Some(&OptionValue::U64(uid.into())));
        assert_eq!(end.options.get(names::IPC_PEER_GID), Some(&OptionValue::U64(gid.into())));
        assert_eq!(end.options.get(names::IPC_PEER_PID), Some(&OptionValue::U64(std::process::id().into())));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn abstract_names() {
    let name = format!("spanwire {}\0ä", std::process::id());
    let url = Url::from_abstract_name(name.as_bytes()).unwrap();
    let mut bound = listen(&Ipc, url.as_str()).unwrap();
    assert_eq!(bound.url, url);
    let (dialed, accepted) = connected(&Ipc, &mut bound);
    assert_joined(&dialed, &accepted);
    assert_eq!(addresses(&dialed).1, Address::Abstract(name.into_bytes()));
    assert_names(listen(&Ipc, url.as_str()), Error::AddressInUse("".into()), url.as_str());
    drop(bound);
    assert_names(run(dial(&Ipc, url.as_str(), PUSH)), Error::ConnectionRefused("".into()), url.as_str());
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_chooses_an_abstract_name() {
    let mut bound = listen(&Ipc, "abstract://").unwrap();
    let mut other = listen(&Ipc, "abstract://").unwrap();
    assert_ne!(bound.url.path_bytes(), b"");
    assert_ne!(bound.url, other.url);
    connected(&Ipc, &mut bound);
    connected(&Ipc, &mut other);
    detail(dialer(&Ipc, "abstract://"), Error::AddressInvalid("".into()));
}
