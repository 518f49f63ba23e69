//! Clients that stop talking in the middle of setting a connection up: the time limit of the handshake ends them, wherever they stop.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use spanwire_core::driver::{Listener, Socket};

use crate::common::tls::client;
use crate::common::{listen, open, wait_for};

/// Much longer than the limit.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", listener.url().port().unwrap())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn who_says_nothing_more_is_closed() {
    let sockets: Vec<_> = SCHEMES.iter().map(|scheme| (*scheme, open("pull"))).collect();
    let mut silent: Vec<Box<dyn Read>> = Vec::new();
    for (scheme, pull) in &sockets {
        let listener = listen(pull, &format!("{scheme}://127.0.0.1:0"));
        // From the very start.
        silent.push(Box::new(connect(&listener)));
        let mut begun = connect(&listener);
        match *scheme {
            "tcp" => begun.write_all(b"\0SP\0").unwrap(),
            "ws" => begun.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n").unwrap(),
            // In the middle of TLS, and behind it.
            _ => {
                begun.write_all(&[22, 3, 1, 0, 200, 1]).unwrap();
                let mut shaken = client(connect(&listener));
                shaken.write_all(b"").unwrap();
                silent.push(Box::new(shaken));
            }
        }
        silent.push(Box::new(begun));
    }
    let count = silent.len() as u64;
    for mut client in silent {
        // What the other side says before it closes: its own handshake, an alert.
        match client.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
        }
    }
    let timeouts = |socket: &Socket| socket.stats().number(&["listener", "timeout"]).unwrap();
    wait_for(|| sockets.iter().map(|(_, socket)| timeouts(socket)).sum::<u64>() == count);
    assert!(sockets.iter().all(|(_, socket)| socket.pipes().is_empty()));
}

#[cfg(all(unix, feature = "ws"))]
const SCHEMES: &[&str] = &["tcp", "tls+tcp", "ws", "wss"];
#[cfg(not(all(unix, feature = "ws")))]
const SCHEMES: &[&str] = &["tcp", "tls+tcp"];
