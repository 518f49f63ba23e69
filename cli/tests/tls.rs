//! TLS on the command line.

mod common;

use std::fs;
use std::path::Path;

use common::{run, spanwire, start, start_command};

/// A certificate for 127.0.0.1 and its key, in files of a folder.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    write(dir.path(), "cert.pem", &certificate);
    write(dir.path(), "key.pem", &key);
    write(dir.path(), "both.pem", &format!("{certificate}{key}"));
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

#[test]
fn a_request_over_tls() {
    let dir = files();
    let dir = dir.path().display();
    let mut rep = start(&format!(
        "rep --listen tls+tcp://127.0.0.1:0 --cert {dir}/cert.pem --key {dir}/key.pem --data pong --count 2 -v"
    ));
    let url = rep.url();
    for trust in [format!("--cacert {dir}/cert.pem"), "--insecure".into()] {
        let ended = run(&format!("req --dial {url} {trust} --data ping --raw"));
        assert_eq!((ended.code, &ended.out[..]), (Some(0), &b"pong"[..]), "{}", ended.err);
    }
    assert_eq!(rep.end().code, Some(0));
}

/// Who names no authority trusts the system's, which the variable says where to find.
#[test]
fn the_system_s_authorities() {
    let dir = files();
    let dir = dir.path().display();
    let mut rep = start(&format!("rep --listen tls+tcp://127.0.0.1:0 -E {dir}/both.pem --data pong --count 1 -v"));
    let url = rep.url();
    let ask = |store: &str| {
        let mut command = spanwire(&format!("req --dial {url} --data ping --raw"));
        command.env("SSL_CERT_FILE", store).env_remove("SSL_CERT_DIR");
        start_command(command).end()
    };
    ask("/dev/null").failed(1, "self-signed");
    let ended = ask(&format!("{dir}/cert.pem"));
    assert_eq!((ended.code, &ended.out[..]), (Some(0), &b"pong"[..]), "{}", ended.err);
    assert_eq!(rep.end().code, Some(0));
}

#[test]
fn what_is_wrong_is_said() {
    let dir = files();
    let dir = dir.path().display();
    let mut pull = start(&format!("pull --listen tls+tcp://127.0.0.1:0 -E {dir}/both.pem -v"));
    let url = pull.url();
    for (options, text) in [
        ("", "self-signed"),
        (&*format!("--cacert {dir}/cert.pem --tls-server-name example.org"), "example.org"),
        (&*format!("--cacert {dir}/key.pem"), "PEM"),
        ("--cacert /no/such/file", "/no/such/file"),
        (&*format!("--cert {dir}/cert.pem"), "no private key"),
        ("--insecure --tls-min 1.3 --tls-max 1.2", "version"),
    ] {
        run(&format!("push --dial {url} --data x {options}")).failed(1, text);
    }
    run(&format!("push --dial {url} --data x --key {dir}/key.pem")).failed(2, "--cert");
    run(&format!("push --dial {url} --data x --tls-min 1.1")).failed(2, "1.1");
    run("pull --listen tls+tcp://127.0.0.1:0").failed(1, "certificate");
}

#[test]
fn both_sides_prove_who_they_are() {
    let dir = files();
    let dir = dir.path().display();
    let mut pull = start(&format!(
        "pull --listen tls+tcp://127.0.0.1:0 --cert {dir}/both.pem --cacert {dir}/cert.pem --tls-auth required --count 1 --raw -v"
    ));
    let url = pull.url();
    run(&format!("push --dial {url} --cacert {dir}/cert.pem --data x")).failed(1, "requires a certificate");
    let ended = run(&format!("push --dial {url} --cacert {dir}/cert.pem --cert {dir}/both.pem --data x"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(pull.end().out, b"x");
}

#[test]
fn the_other_subcommands() {
    let dir = files();
    let dir = dir.path().display();
    let ended = run(&format!(
        "perf thr tls+tcp://127.0.0.1:0 --local --count 1000 --cert {dir}/both.pem --cacert {dir}/cert.pem --json"
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut monitor = start(&format!("monitor pull --listen tls+tcp://127.0.0.1:0 --cert {dir}/both.pem --count 1 -v"));
    let url = monitor.url();
    assert_eq!(run(&format!("push --dial {url} -k --data x")).code, Some(0));
    assert_eq!(monitor.end().code, Some(0));
    let mut device = start(&format!("device --protocol pair0 tls+tcp://127.0.0.1:0 --cert {dir}/both.pem -v"));
    let url = device.url();
    let ended = run(&format!("pair --dial {url} --cacert {dir}/cert.pem --data echo --count 1 --raw"));
    assert_eq!((ended.code, &ended.out[..]), (Some(0), &b"echo"[..]), "{}", ended.err);
}
