//! A child process that answers by itself, and bad addresses.

use std::time::Duration;

use spanwire::{Error, Rep, Req, Socket};

const LONG: Duration = Duration::from_secs(10);

#[test]
fn a_child_answers() {
    exec_transport::register();
    let req = Socket::<Req>::new();
    req.dial(format!("exec://{}", env!("CARGO_BIN_EXE_exec-shout"))).wait().unwrap();
    for text in ["quiet", "still quiet"] {
        let reply = req.request(text).timeout(LONG).wait().unwrap();
        assert_eq!(reply.body(), text.to_uppercase().as_bytes());
    }
}

#[test]
fn a_program_that_does_not_shake_hands_refuses() {
    exec_transport::register();
    for (program, says) in [("/bin/true", "exit status: 0"), ("/bin/false", "exit status: 1")] {
        match Socket::<Req>::new().dial(format!("exec://{program}")).wait() {
            Err(Error::ConnectionRefused(text)) => assert!(text.as_str().contains(says), "{text:?}"),
            other => panic!("{other:?}"),
        }
    }
    let error = Socket::<Req>::new().dial("exec:///bin/echo?arg=HTTP/1.1&arg=200").wait().unwrap_err();
    assert!(matches!(error, Error::Protocol(_)), "{error}");
    let error = Socket::<Req>::new().dial("exec:///no/such/program").wait().unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}

#[test]
fn bad_addresses_are_named() {
    exec_transport::register();
    for url in ["exec://host/program", "exec://", "exec:///program?frob=1"] {
        for error in [
            Socket::<Req>::new().dial(url).wait().unwrap_err(),
            Socket::<Rep>::new().listen(url).wait().map(|_| ()).unwrap_err(),
        ] {
            assert!(matches!(&error, Error::AddressInvalid(text) if text.as_str().contains(url)), "{url}: {error}");
        }
    }
    assert!(matches!(Socket::<Req>::new().dial("exec://-").wait(), Err(Error::AddressInvalid(_))));
    assert!(matches!(Socket::<Rep>::new().listen("exec:///bin/cat").wait(), Err(Error::AddressInvalid(_))));
}
