//! Cases for transports between processes of one machine, and for those with socket files.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use futures_lite::future::block_on;
use spanwire_core::driver::Socket;
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue, Result, Url};

use crate::common::{listen, open};
use crate::kit::{Kit, dial};

fn place(kit: &Kit) -> (Url, PathBuf) {
    let url = Url::parse(&kit.address()).unwrap();
    let path = url.file().to_owned();
    (url, path)
}

fn try_listen(socket: &Socket, url: &Url) -> Result<()> {
    block_on(socket.listener(url)?.start())
}

/// What a process that died left behind.
pub fn stale_files_are_replaced(kit: &Kit) {
    let (url, path) = place(kit);
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let socket = open("pair");
    listen(&socket, url.as_str());
    dial(&open("pair"), &url).unwrap();
}

pub fn live_files_are_not(kit: &Kit) {
    let (url, path) = place(kit);
    let live = UnixListener::bind(&path).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    let error = try_listen(&open("pair"), &url).unwrap_err();
    assert!(matches!(&error, Error::AddressInUse(text) if text.as_str().contains(url.rest())), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    drop(live);
    fs::remove_file(path).unwrap();
}

pub fn other_files_are_not(kit: &Kit) {
    let (url, path) = place(kit);
    fs::write(&path, "precious").unwrap();
    let error = try_listen(&open("pair"), &url).unwrap_err();
    assert!(matches!(&error, Error::AddressInUse(text) if text.as_str().contains(url.rest())), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let error = dial(&open("pair"), &url).unwrap_err();
    assert!(matches!(error, Error::ConnectionRefused(_)), "{error}");
    fs::remove_file(path).unwrap();
}

pub fn permissions(kit: &Kit) {
    let (url, path) = place(kit);
    let socket = open("pair");
    let listener = socket.listener(&url).unwrap();
    listener.set_option(names::IPC_PERMISSIONS, OptionValue::Int(0o640)).unwrap();
    let range = listener.set_option(names::IPC_PERMISSIONS, OptionValue::Int(0o1000));
    assert!(matches!(&range, Err(Error::InvalidArgument(text)) if text.as_str().contains("512")), "{range:?}");
    assert!(matches!(listener.option(names::IPC_PERMISSIONS), Err(Error::WriteOnly(_))));
    block_on(listener.start()).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o640);
    let late = listener.set_option(names::IPC_PERMISSIONS, OptionValue::Int(0o600));
    assert!(matches!(late, Err(Error::Busy(_))), "{late:?}");
}

pub fn the_file_goes(kit: &Kit) {
    let (url, path) = place(kit);
    let socket = open("pair");
    let listener = listen(&socket, url.as_str());
    assert!(path.exists());
    listener.close().unwrap();
    assert!(!path.exists());
    listen(&socket, url.as_str());
    assert!(path.exists());
    drop(socket);
    assert!(!path.exists());
}

pub fn missing_directories(kit: &Kit) {
    let url = Url::parse(&format!("{}:///no/such/directory/x.ipc", kit.scheme)).unwrap();
    for error in [try_listen(&open("pair"), &url).unwrap_err(), dial(&open("pair"), &url).unwrap_err()] {
        let known = matches!(error, Error::NotFound(_) | Error::ConnectionRefused(_));
        assert!(known && error.to_string().contains("/no/such/directory"), "{error}");
    }
}

/// Both ends know who the other is.
pub fn credentials(kit: &Kit) {
    let (a, b) = kit.pair("pair", "pair");
    let me = fs::metadata("/proc/self").map(|found| (found.uid(), found.gid()));
    for socket in [&a, &b] {
        let pipe = socket.pipes()[0].clone();
        let number = |name| match pipe.option(name) {
            Ok(OptionValue::U64(n)) => n,
            other => panic!("{name}: {other:?}"),
        };
        if cfg!(target_os = "linux") {
            let (uid, gid) = me.as_ref().unwrap();
            assert_eq!((number(names::IPC_PEER_UID), number(names::IPC_PEER_GID)), ((*uid).into(), (*gid).into()));
            assert_eq!(number(names::IPC_PEER_PID), std::process::id().into());
        }
    }
}
