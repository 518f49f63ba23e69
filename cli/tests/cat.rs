//! Every protocol against itself, by hand.

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{run, spanwire, start, start_command};

/// An address of each transport, for both ends.
fn addresses(dir: &tempfile::TempDir) -> [String; 2] {
    ["tcp://127.0.0.1:0".into(), format!("ipc://{}", dir.path().join("socket").display())]
}

#[test]
fn a_request_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    for url in addresses(&dir) {
        let mut rep = start(&format!("rep --listen {url} --data pong --count 1 --verbose"));
        let url = rep.url();
        run(&format!("req --dial {url} --data ping")).printed("\"pong\"\n");
        rep.end().printed("\"ping\"\n");
    }
}

#[test]
fn pushed_messages_are_printed_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    let data = b"a\"b\\c\n\r\t\x00\x7f\xc3\xa9 z";
    fs::write(&file, data).unwrap();
    let quoted = &b"\"a\\\"b\\\\c\\n\\r\\t\\x00\\x7f\\xc3\\xa9 z\"\n"[..];
    let hex = &b"\"\\x61\\x22\\x62\\x5c\\x63\\x0a\\x0d\\x09\\x00\\x7f\\xc3\\xa9\\x20\\x7a\"\n"[..];
    let msgpack = [b"\xc4\x0e", &data[..]].concat();
    for (format, printed) in [
        ("", quoted),
        ("--format no", b""),
        ("--format ascii", b"a\"b\\c....... z"),
        ("--ascii", b"a\"b\\c....... z"),
        ("-A", b"a\"b\\c....... z"),
        ("--format quoted", quoted),
        ("-Q", quoted),
        ("--format hex", hex),
        ("--hex", hex),
        ("--format msgpack", &msgpack),
        ("--msgpack", &msgpack),
        ("--format raw", data),
        ("--raw", data),
    ] {
        let mut pull = start(&format!("pull --listen tcp://127.0.0.1:0 --count 1 -v {format}"));
        run(&format!("push --dial {} --file {}", pull.url(), file.display())).printed("");
        pull.end().printed(printed);
    }
}

#[test]
fn subscribers_get_their_topics() {
    let dir = tempfile::tempdir().unwrap();
    for url in addresses(&dir) {
        // Published until somebody was there to hear it.
        let mut publisher = start(&format!("pub --listen {url} --data news/1 --interval 0.005 -v"));
        let url = publisher.url();
        run(&format!("sub --dial {url} --count 2")).printed("\"news/1\"\n\"news/1\"\n");
        run(&format!("sub --dial {url} --count 1 --subscribe sport/ --subscribe news/ -A")).printed("news/1");
        run(&format!("sub --dial {url} --recv-timeout 0.1 --subscribe sport/")).printed("");
    }
}

#[test]
fn all_responses_are_printed_until_the_survey_ends() {
    let dir = tempfile::tempdir().unwrap();
    for protocol in ["surveyor", "survey"] {
        let mut respondents: Vec<_> = (addresses(&dir).iter().enumerate())
            .map(|(i, url)| start(&format!("respond --listen {url} --data me{i} --count 1 -v")))
            .collect();
        let dials: Vec<_> = respondents.iter_mut().map(|respondent| format!("--dial {}", respondent.url())).collect();
        let ended = run(&format!("{protocol} {} --data who --time 0.5", dials.join(" ")));
        let mut lines: Vec<_> = ended.out.split_inclusive(|&b| b == b'\n').collect();
        lines.sort_unstable();
        assert_eq!((ended.code, lines), (Some(0), vec![&b"\"me0\"\n"[..], b"\"me1\"\n"]), "{}", ended.err);
        respondents.into_iter().for_each(|respondent| respondent.end().printed("\"who\"\n"));
    }
}

#[test]
fn pairs_talk() {
    let dir = tempfile::tempdir().unwrap();
    for protocol in ["pair", "pair0", "pair1"] {
        for url in addresses(&dir) {
            let mut a = start(&format!("{protocol} --listen {url} --data a --count 2 -v"));
            run(&format!("{protocol} --dial {} --data b --count 2", a.url())).printed("\"a\"\n\"a\"\n");
            a.end().printed("\"b\"\n\"b\"\n");
        }
    }
}

#[test]
fn neighbours_on_a_bus_hear_each_other() {
    let dir = tempfile::tempdir().unwrap();
    for url in addresses(&dir) {
        let mut a = start(&format!("bus --listen {url} --count 1 -v"));
        let b = start(&format!("bus --dial {} --data b --interval 0.01", a.url()));
        a.end().printed("\"b\"\n");
        drop(b);
    }
}

#[test]
fn counts_and_intervals_are_kept() {
    let mut rep = start("rep --listen tcp://127.0.0.1:0 --data r --count 6 -v");
    let url = rep.url();
    run(&format!("req --dial {url} --data 1 --count 3")).printed("\"r\"\n\"r\"\n\"r\"\n");
    run(&format!("req --dial {url} --data 2 --count 3 --interval 0.01")).printed("\"r\"\n\"r\"\n\"r\"\n");
    rep.end().printed("\"1\"\n\"1\"\n\"1\"\n\"2\"\n\"2\"\n\"2\"\n");

    let mut pull = start("pull --listen tcp://127.0.0.1:0 --count 5 -v");
    let url = pull.url();
    run(&format!("push --dial {url} --data x --count 2")).printed("");
    run(&format!("push --dial {url} --data x --count 2 -i 0.01")).printed("");
    run(&format!("push --dial {url} --data x")).printed("");
    pull.end().printed("\"x\"\n".repeat(5));
}

#[test]
fn nngcats_calling_style_prints_what_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let path = path.display();
    for (format, printed) in [("", ""), ("-A", "hello"), ("-Q", "\"hello\"\n"), ("--format=raw", "hello")] {
        let mut pull = start(&format!("--pull0 -X {path} -C 1 -v {format}"));
        assert_eq!(pull.url(), format!("ipc://{path}"));
        run(&format!("--push -x {path} -Dhello")).printed("");
        pull.end().printed(printed);
    }
    let mut rep = start("--rep --bind tcp://127.0.0.1:0 --data pong -vA --count 1");
    run(&format!("--req --connect {} --data ping -A", rep.url())).printed("pong");
    rep.end().printed("ping");
}

#[test]
fn the_local_options_mean_this_host() {
    let mut pull = start("pull --bind-local 0 --count 1 --verbose");
    let url = pull.url();
    let port = url.strip_prefix("tcp://127.0.0.1:").unwrap();
    run(&format!("push --connect-local {port} --data x")).printed("");
    pull.end().printed("\"x\"\n");
}

#[test]
fn data_comes_from_standard_input() {
    let mut pull = start("pull --listen tcp://127.0.0.1:0 --raw --count 1 -v");
    let mut push = spanwire(&format!("push --dial {} --file -", pull.url()));
    let mut push = push.stdin(Stdio::piped()).spawn().unwrap();
    let data = b"line\n".repeat(100_000);
    push.stdin.take().unwrap().write_all(&data).unwrap();
    assert!(push.wait().unwrap().success());
    pull.end().printed(data);
}

#[test]
fn it_ends_quietly_when_nobody_reads_its_output() {
    let mut command = spanwire("pull --listen tcp://127.0.0.1:0 --verbose");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped());
    let mut pull = command.spawn().unwrap();
    let mut err = std::io::BufReader::new(pull.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut err, &mut line).unwrap();
    run(&format!("push --dial {} --data x", line.trim().strip_prefix("listening on ").unwrap())).printed("");
    assert_eq!(pull.wait().unwrap().code(), Some(0));
    assert_eq!(std::io::read_to_string(err).unwrap(), "");
}

#[test]
fn timeouts_end_it() {
    run("pull --listen tcp://127.0.0.1:0 --recv-timeout 0.05").printed("");
    run("push --listen tcp://127.0.0.1:0 --data x --send-timeout 0.05").failed(1, "Timed out");
    let mut rep = start("rep --listen tcp://127.0.0.1:0 -v");
    let url = rep.url();
    run(&format!("req --dial {url} --data x --recv-timeout 0.05")).failed(1, "no reply");
    run(&format!("--req --dial {url} --data x --recv-timeout 0.05")).printed("");
}

#[test]
fn a_message_that_is_too_large_closes_its_connection_only() {
    let mut pull = start("pull --listen tcp://127.0.0.1:0 --recv-maxsz 4 --count 2 -v");
    let url = pull.url();
    for data in ["four", "fiver", "4444"] {
        run(&format!("push --dial {url} --data {data}")).printed("");
    }
    pull.end().printed("\"four\"\n\"4444\"\n");
}

#[test]
fn dialing_in_the_background_waits_for_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("ipc://{}", dir.path().join("s").display());
    for option in ["--async", "--compat"] {
        let mut req = start(&format!("req --dial {url} --data ping {option} -v"));
        req.says("dialing ");
        let rep = start(&format!("rep --listen {url} --data pong --count 1"));
        req.end().printed("\"pong\"\n");
        rep.end().printed("\"ping\"\n");
    }
}

#[test]
fn a_link_named_nngcat_behaves_so() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("nngcat");
    fs::hard_link(env!("CARGO_BIN_EXE_spanwire"), &link)
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_spanwire"), &link).map(|_| ()))
        .unwrap();
    let mut command = std::process::Command::new(link);
    command.args(["--pull0", "--listen", "tcp://127.0.0.1:0", "-A", "-v", "--count", "1"]);
    let mut pull = start_command(command);
    run(&format!("push --dial {} --data x", pull.url())).printed("");
    pull.end().printed("x");
}
