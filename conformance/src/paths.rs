//! Cases for transports whose addresses have a path behind the port.

use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::{Error, Url};

use super::kit::{Kit, counted, dial};
use crate::common::{listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(10);

/// The same host and port with another path.
fn beside(url: &Url, path: &str) -> Url {
    let (host, _) = url.as_str().rsplit_once('/').unwrap();
    Url::parse(&format!("{host}/{path}")).unwrap()
}

/// Listeners of one socket and of others, of several protocols, at one port: each gets what is meant for it.
pub fn paths_share_a_port(kit: &Kit) {
    let (pull, rep) = (open("pull"), open("rep"));
    let first = kit.listen(&pull).url();
    let urls = [first.clone(), beside(&first, "second"), beside(&first, "a%20b"), beside(&first, "rep")];
    for url in &urls[1..3] {
        assert_eq!(listen(&pull, url.as_str()).url().port(), first.port());
    }
    listen(&rep, urls[3].as_str());
    for n in 0..10 {
        let pushes = [0, 1, 2].map(|i| (open("push"), &urls[i]));
        for (push, url) in &pushes {
            dial(push, url).unwrap();
            send(push, url.as_str(), LONG).unwrap();
            let msg = recv(&pull, LONG).unwrap();
            assert_eq!(msg.to_str(), Ok(url.as_str()));
            let pipe = pull.pipes().into_iter().find(|pipe| Some(pipe.id()) == msg.pipe()).unwrap();
            assert_eq!(pipe.option("url").unwrap(), url.as_str().into());
        }
        let req = open("req");
        dial(&req, &urls[3]).unwrap();
        send(&req, n.to_string(), LONG).unwrap();
        assert_eq!(recv(&rep, LONG).unwrap().to_str(), Ok(&*n.to_string()));
    }
    for listener in pull.listeners().iter().chain(&rep.listeners()) {
        let stats = listener.url();
        assert_eq!(stats.port(), first.port());
    }
    // A connection that was handed over is nobody's failure.
    assert_eq!(counted(&rep, &["listener", "other"]) + counted(&rep, &["listener", "canceled"]), 0);
}

pub fn a_path_has_one_listener(kit: &Kit) {
    let (a, b) = (open("pull"), open("pull"));
    let first = kit.listen(&a).url();
    let other = listen(&b, beside(&first, "other").as_str());
    for url in [first.clone(), other.url()] {
        match block_on(b.listener(&url).unwrap().start()) {
            Err(Error::AddressInUse(text)) => assert!(text.as_str().contains(url.rest()), "{text:?}"),
            other => panic!("{other:?}"),
        }
    }
    // One path goes, the others stay, and it can be taken again.
    other.close().unwrap();
    dial(&open("push"), &first).unwrap();
    assert!(matches!(dial(&open("push"), &other.url()), Err(Error::ConnectionRefused(_))));
    listen(&b, other.url().as_str());
    dial(&open("push"), &other.url()).unwrap();
}

pub fn the_port_is_free_after_the_last(kit: &Kit) {
    let (a, b) = (open("pull"), open("pull"));
    let first = kit.listen(&a);
    let second = listen(&b, beside(&first.url(), "second").as_str());
    let at = (kit.host().trim_matches(['[', ']']), first.url().port().unwrap());
    // Whoever listened first may go first.
    first.close().unwrap();
    dial(&open("push"), &second.url()).unwrap();
    wait_for(|| b.pipes().is_empty());
    second.close().unwrap();
    // With SO_REUSEADDR, as std does it.
    drop(std::net::TcpListener::bind(at).unwrap());
}

/// A path that nobody has is refused, and counted where the connection came in.
pub fn other_paths_are_not_found(kit: &Kit) {
    let (pull, push) = (open("pull"), open("push"));
    let listener = kit.listen(&pull);
    let url = beside(&listener.url(), "nobody");
    match dial(&push, &url) {
        Err(Error::ConnectionRefused(text)) => assert!(text.as_str().contains("404"), "{text:?}"),
        other => panic!("{other:?}"),
    }
    wait_for(|| counted(&pull, &["listener", "proto"]) == 1);
    dial(&push, &listener.url()).unwrap();
}
