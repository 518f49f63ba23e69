//! What goes wrong is said in one line, with the right exit code.

mod common;

use common::{run, start};

#[test]
fn a_senseless_command_line_is_code_2() {
    for (line, text) in [
        ("frobnicate", "frobnicate"),
        ("pull", "--dial"),
        ("req", "--data"),
        ("req --dial tcp://127.0.0.1:1", "--data"),
        ("req --frob", "--frob"),
        ("req --dial nowhere --data x", "nowhere"),
        ("req --dial tcp://127.0.0.1 --data x", "port"),
        ("push --dial tcp://127.0.0.1:1 --data x --file y", "--file"),
        ("pull --dial tcp://127.0.0.1:1 --data x", "--data"),
        ("pull --dial tcp://127.0.0.1:1 --interval 1", "--interval"),
        ("pull --dial tcp://127.0.0.1:1 --format xml", "xml"),
        ("pull --dial tcp://127.0.0.1:1 --hex --raw", "--raw"),
        ("pull --dial tcp://127.0.0.1:1 --recv-timeout never", "never"),
        ("pull --dial tcp://127.0.0.1:1 --count many", "many"),
        ("pull --bind-local 65536", "65536"),
        ("rep --dial tcp://127.0.0.1:1 --subscribe x", "--subscribe"),
        ("bus --dial tcp://127.0.0.1:1 --interval 1", "--interval"),
        ("pair1 --compat --dial tcp://127.0.0.1:1", "--compat"),
        ("pull --compat --count 1 --dial tcp://127.0.0.1:1", "--count"),
        ("--req --rep --dial tcp://127.0.0.1:1", "--rep"),
        ("--dial tcp://127.0.0.1:1", "protocol"),
        ("device tcp://127.0.0.1:0 tcp://127.0.0.1:0", "--protocol"),
        ("device --protocol req tcp://127.0.0.1:0", "BACK"),
        ("device --protocol req nowhere tcp://127.0.0.1:0", "nowhere"),
        ("monitor teapot --dial tcp://127.0.0.1:1", "teapot"),
        ("monitor req", "--dial"),
        ("demo --size 1 file", "--size"),
        ("demo --workers 0", "0"),
        ("perf lat", "URL"),
        ("perf frob", "frob"),
        ("perf serve", "URL"),
        ("perf serve inproc://here", "--local"),
        ("perf serve socket://", "socket://"),
        ("perf serve tcp://127.0.0.1:0 --ports 9-8", "9-8"),
        ("perf lat inproc://here", "--local"),
        ("perf thr nowhere", "nowhere"),
        ("perf thr tcp://127.0.0.1:1 --size 1.5", "1.5"),
        ("perf thr tcp://127.0.0.1:1 --size 64,", "size"),
        ("perf thr tcp://127.0.0.1:1 --size 99999999999GiB", "99999999999GiB"),
        ("perf lat tcp://127.0.0.1:1 --count 0", "--count"),
        ("perf lat tcp://127.0.0.1:1 --time 0", "--time"),
        ("perf lat tcp://127.0.0.1:1 --count 3 --time 3", "--time"),
        ("perf lat tcp://127.0.0.1:1 --count 3 --threads 4", "--count 3"),
        ("perf lat tcp://127.0.0.1:1 --threads 0", "--threads"),
        ("perf lat tcp://127.0.0.1:1 --in-flight 0", "--in-flight"),
        ("perf thr tcp://127.0.0.1:1 --direction left", "left"),
    ] {
        let ended = run(line);
        ended.failed(2, text);
        assert_eq!((ended.err.lines().count(), &ended.out[..]), (1, &b""[..]), "{line}: {}", ended.err);
    }
}

#[test]
fn what_fails_is_code_1() {
    let mut taken = start("pull --listen tcp://127.0.0.1:0 -v");
    let url = taken.url();
    for (line, text) in [
        ("push --dial tcp://127.0.0.1:1 --data x".to_owned(), "tcp://127.0.0.1:1"),
        ("push --dial ipc:///nonexistent/socket --data x".to_owned(), "/nonexistent/socket"),
        ("push --dial carrier-pigeon://home --data x".to_owned(), "carrier-pigeon"),
        ("push --dial tcp://127.0.0.1:1 --file /nonexistent/data".to_owned(), "/nonexistent/data"),
        (format!("push --listen {url} --data x"), "in use"),
        ("demo /nonexistent/file".to_owned(), "/nonexistent/file"),
        ("perf lat tcp://127.0.0.1:1".to_owned(), "is \"spanwire perf serve\" running there?"),
        ("perf thr ipc:///nonexistent/socket".to_owned(), "/nonexistent/socket"),
        ("perf lat carrier-pigeon://home".to_owned(), "carrier-pigeon"),
        (format!("perf serve {url}"), "in use"),
        ("device --protocol push --ttl 3 tcp://127.0.0.1:0 tcp://127.0.0.1:0".to_owned(), "--ttl"),
    ] {
        let ended = run(&line);
        ended.failed(1, text);
        assert_eq!((ended.err.lines().count(), &ended.out[..]), (1, &b""[..]), "{line}: {}", ended.err);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let version = run("--version");
    version.printed(format!("spanwire {}\n", env!("CARGO_PKG_VERSION")));
    for line in [
        "--help",
        "-h",
        "req --help",
        "pull -h",
        "device --help",
        "monitor --help",
        "demo --help",
        "perf --help",
        "perf serve --help",
        "perf lat -h",
        "perf thr --help",
        "--req --help",
    ] {
        let ended = run(line);
        assert_eq!((ended.code, &ended.err[..]), (Some(0), ""), "{line}");
        let help = String::from_utf8(ended.out).unwrap();
        assert!(help.contains("Usage:") && help.contains("xample"), "{line}: {help}");
    }
    let pull = String::from_utf8(run("pull --help").out).unwrap();
    assert!(!pull.contains("--data") && pull.contains("--hex"), "{pull}");
}
