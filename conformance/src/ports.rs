//! Cases for transports with ports.

use futures_lite::future::block_on;
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue, Url};

use crate::common::{listen, open, wait_for};
use crate::kit::{Kit, dial};

/// The URL and the option tell which port it became.
pub fn the_system_chooses_a_port(kit: &Kit) {
    let socket = open("pair");
    let listener = socket.listener(&Url::parse(&kit.address()).unwrap()).unwrap();
    assert!(matches!(listener.option(names::TCP_BOUND_PORT), Err(Error::State(_))));
    block_on(listener.start()).unwrap();
    let port = listener.url().port().unwrap();
    assert_ne!(port, 0);
    assert_eq!(listener.option(names::TCP_BOUND_PORT), Ok(OptionValue::Int(port.into())));
    let other = open("pair");
    dial(&other, &listener.url()).unwrap();
    wait_for(|| socket.pipes().len() == 1);
}

pub fn ports_are_exclusive(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let (first, second) = (kit.listen(&a), kit.listen(&b));
    assert_ne!(first.url().port(), second.url().port());
}

/// All addresses of this machine can be listened at.
pub fn wildcards(kit: &Kit) {
    let (a, b) = (open("pull"), open("push"));
    let listener = listen(&a, &format!("{}://*:0", kit.scheme));
    let port = listener.url().port().unwrap();
    let hosts = match kit.scheme {
        "tcp" | "tls+tcp" | "ws" | "wss" => &["127.0.0.1", "[::1]", "localhost"][..],
        _ => &[kit.host()],
    };
    for host in hosts {
        dial(&b, &Url::parse(&format!("{}://{host}:{port}", kit.scheme)).unwrap()).unwrap();
    }
    wait_for(|| a.pipes().len() == b.pipes().len());
}
