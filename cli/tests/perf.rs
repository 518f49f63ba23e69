//! `spanwire perf`: two processes measure, and their figures add up.

mod common;

use std::net::TcpListener;
use std::thread;

use common::{Ended, Running, run, start};
use serde_json::{Value, json};
use spanwire::{Message, Pull, Rep, Socket};

/// An address of each transport.
fn addresses(dir: &tempfile::TempDir) -> Vec<String> {
    let mut urls = vec!["tcp://127.0.0.1:0".into(), format!("ipc://{}", dir.path().join("socket").display())];
    if cfg!(target_os = "linux") {
        urls.push(format!("abstract://perf-test-{}", std::process::id()));
    }
    urls
}

/// A server, and its URL.
fn serve(args: &str) -> (Running, String) {
    let mut server = start(&format!("perf serve {args}"));
    let url = server.url();
    (server, url)
}

#[track_caller]
fn document(ended: &Ended) -> Value {
    assert_eq!((ended.code, &ended.err[..]), (Some(0), ""));
    serde_json::from_slice(&ended.out).unwrap()
}

#[track_caller]
fn check_lat(document: &Value, sizes: &[u64], requests: u64) {
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|result| result["size_bytes"].as_u64().unwrap()).collect::<Vec<_>>(), sizes);
    for result in results {
        assert_eq!(result["requests"], requests);
        let buckets = result["histogram"].as_array().unwrap();
        assert_eq!(buckets.iter().map(|bucket| bucket["requests"].as_u64().unwrap()).sum::<u64>(), requests);
        let quantiles = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "max_ns"];
        let times = quantiles.map(|name| result[name].as_u64().unwrap());
        assert!(times[0] > 0 && times.is_sorted(), "{result}");
        assert_eq!(buckets.last().unwrap()["up_to_ns"], result["max_ns"]);
        let mean = result["mean_ns"].as_f64().unwrap();
        assert!(times[0] as f64 * 0.99 <= mean && mean <= times[5] as f64, "{result}");
        assert!(result["requests_per_s"].as_f64().unwrap() > 0.0 && result["seconds"].as_f64().unwrap() > 0.0);
    }
}

#[track_caller]
fn check_thr(document: &Value, sizes: &[u64], messages: u64) {
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|result| result["size_bytes"].as_u64().unwrap()).collect::<Vec<_>>(), sizes);
    for result in results {
        assert_eq!([&result["sent"], &result["received"], &result["lost"]], [messages, messages, 0], "{result}");
        let number = |name: &str| result[name].as_f64().unwrap();
        assert!(number("seconds") > 0.0 && number("sender_seconds") > 0.0, "{result}");
        let rate = number("received") / number("seconds");
        assert!((number("messages_per_s") / rate - 1.0).abs() < 1e-6, "{result}");
        assert!((number("megabytes_per_s") - rate * number("size_bytes") / 1e6).abs() <= rate * 1e-6, "{result}");
    }
}

#[test]
fn what_is_measured_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    for listen in addresses(&dir) {
        let (mut server, url) = serve(&format!("{listen} --once"));
        // Only what has opened a measurement is a client.
        run(&format!("req --dial {url} --data hello --ascii"));
        let ended = run(&format!("perf lat {url} --size 0,64,70KiB --count 100 --warm-up 0 --json"));
        check_lat(&document(&ended), &[0, 64, 70 << 10], 100);
        for (id, size) in [(1, "0 B"), (2, "64 B"), (3, "70 KiB")] {
            server.says(&format!("#{id} lat {size}, 1 thread: 100 messages"));
        }
        assert_eq!(server.end().code, Some(0));

        let (server, url) = serve(&format!("{listen} --once"));
        // As long as the marks, too.
        let ended = run(&format!("perf thr {url} --size 0,5,7,64,70KiB --count 1000 --warm-up 0.01 --json"));
        check_thr(&document(&ended), &[0, 5, 7, 64, 70 << 10], 1000);
        assert_eq!(server.end().code, Some(0));

        let (server, url) = serve(&format!("{listen} --once"));
        let ended = run(&format!("perf thr {url} --direction down --size 0,64 --count 1000 --warm-up 0.01 --json"));
        let document = document(&ended);
        check_thr(&document, &[0, 64], 1000);
        assert_eq!([&document["direction"], &document["measurement"]], ["down", "thr"]);
        assert_eq!(server.end().code, Some(0));
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0, "a socket file is left");
}

#[test]
fn threads_and_requests_under_way_share_the_count() {
    let (_server, url) = serve("tcp://127.0.0.1:0");
    for how in ["", "--async"] {
        let ended = run(&format!("perf lat {url} --threads 3 --in-flight 7 {how} --count 500 --warm-up 0.01 --json"));
        let document = document(&ended);
        check_lat(&document, &[64], 500);
        assert_eq!([&document["threads"], &document["in_flight"]], [3, 7]);
        assert_eq!(document["async"], !how.is_empty());
    }
    // Fewer requests than may be under way.
    check_lat(&document(&run(&format!("perf lat {url} --in-flight 9 --count 2 --warm-up 0 --json"))), &[64], 2);
    for direction in ["up", "down"] {
        let ended = run(&format!("perf thr {url} -d {direction} -j 3 --count 1000 --warm-up 0.01 --json"));
        check_thr(&document(&ended), &[64], 1000);
    }
}

#[test]
fn a_time_is_measured_for_and_printed_as_a_table() {
    let (_server, url) = serve("tcp://127.0.0.1:0");
    let ended = run(&format!("perf lat {url} --time 0.05 --warm-up 0 --size 64,1KiB"));
    let text = String::from_utf8(ended.out).unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for part in ["requests/s", "p99.9", "\n 64 B ", "\n1 KiB ", "\n1 KiB messages\n", "█"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    for direction in ["up", "down"] {
        let ended = run(&format!("perf thr {url} --direction {direction} --time 0.05 --warm-up 0"));
        let text = String::from_utf8(ended.out).unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        for part in ["messages/s", "MB/s", "lost", "\n64 B "] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

#[test]
fn both_sides_may_be_one_process() {
    let dir = tempfile::tempdir().unwrap();
    for url in addresses(&dir).into_iter().chain(["inproc://perf".into()]) {
        let document = |line: &str| document(&run(&format!("perf {line} --local --count 200 --warm-up 0 --json")));
        check_lat(&document(&format!("lat {url}")), &[64], 200);
        check_thr(&document(&format!("thr {url} --size 64,0")), &[64, 0], 200);
        check_thr(&document(&format!("thr {url} -d down")), &[64], 200);
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0, "a socket file is left");
    // Above what a server takes of others.
    let ended = run("perf thr inproc://perf --local --size 65MiB --count 2 --warm-up 0 --json");
    check_thr(&document(&ended), &[65 << 20], 2);
}

#[test]
fn clients_at_once_are_all_served() {
    let (_server, url) = serve("tcp://127.0.0.1:0");
    let lines = ["lat", "thr", "thr -d down", "lat --async"];
    let clients = lines.map(|line| start(&format!("perf {line} {url} --count 2000 --warm-up 0.01 --json")));
    for (line, client) in lines.into_iter().zip(clients) {
        let document = document(&client.end());
        if line.starts_with("lat") { check_lat(&document, &[64], 2000) } else { check_thr(&document, &[64], 2000) }
    }
}

#[test]
fn a_client_that_goes_away_ends_its_own_measurement_only() {
    let (mut server, url) = serve("tcp://127.0.0.1:0");
    for (i, line) in ["lat", "thr", "thr --direction down -j 2"].into_iter().enumerate() {
        let client = start(&format!("perf {line} {url} --time 3600"));
        let id = i + 1;
        while !server.says(&format!("#{id} ")).ends_with("started") {}
        drop(client);
        let end = server.says(&format!("#{id} "));
        assert_eq!(end.ends_with("the client went away"), line != "lat", "{end}");
    }
    check_lat(&document(&run(&format!("perf lat {url} --count 10 --warm-up 0 --json"))), &[64], 10);
}

#[test]
fn a_server_that_goes_away_is_noticed() {
    for line in ["lat", "lat --async -f 4", "thr", "thr --direction down", "thr -j 3"] {
        let (mut server, url) = serve("tcp://127.0.0.1:0");
        let client = start(&format!("perf {line} {url} --time 3600 --timeout 3600"));
        while !server.says("#1 ").ends_with("started") {}
        drop(server);
        let ended = client.end();
        ended.failed(1, "lost");
        assert_eq!((ended.err.lines().count(), &ended.out[..]), (1, &b""[..]), "{line}: {}", ended.err);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_server_with_a_measurement_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let (mut server, url) = serve(&format!("ipc://{}", dir.path().join("s").display()));
    let client = start(&format!("perf thr {url} --time 3600 --timeout 3600"));
    while !server.says("#1 ").ends_with("started") {}
    server.interrupt();
    assert_eq!(server.end().code, Some(130));
    client.end().failed(1, "lost");
    assert_eq!(dir.path().read_dir().unwrap().count(), 0, "a socket file is left");
}

#[test]
fn a_server_says_what_it_does_not_measure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (_server, url) = serve(&format!("tcp://127.0.0.1:0 --recv-maxsz 2KiB --ports {port}"));
    for (line, text) in [
        ("lat --size 64,3KiB", "none of its ports".to_owned()),
        ("lat --size 2049", "2 049 B is above its receive limit of 2 KiB".to_owned()),
        ("thr --size 16EiB", "no size".to_owned()),
        ("thr --direction down --size 16GiB", "above its receive limit".to_owned()),
    ] {
        let ended = run(&format!("perf {line} {url}"));
        let code = if text == "no size" { 2 } else { 1 };
        ended.failed(code, &text);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
    // It goes on.
    run(&format!("perf lat {url}")).failed(1, &format!("{port}-{port}"));
}

#[test]
fn the_port_of_a_measurement_may_be_fixed() {
    // Below the range that systems choose from for others, and not among the ports that anybody knows.
    let (_server, url) = serve("tcp://127.0.0.1:0 --ports 19731-19760");
    for _ in 0..3 {
        check_thr(&document(&run(&format!("perf thr {url} -j 2 --count 10 --warm-up 0 --json"))), &[64], 10);
    }
}

#[test]
fn who_is_no_server_is_told_apart() {
    let mut rep = start("rep --listen tcp://127.0.0.1:0 --data pong --verbose");
    run(&format!("perf lat {}", rep.url())).failed(1, "is not \"spanwire perf serve\"");

    let mut pull = start("pull --listen tcp://127.0.0.1:0 --verbose");
    run(&format!("perf thr {}", pull.url())).failed(1, "can't dial tcp://");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", silent.local_addr().unwrap());
    run(&format!("perf lat {url} --timeout 0.2")).failed(1, "nobody answered in 0.2 s");

    let mut mute = start("pair1 --listen tcp://127.0.0.1:0 --verbose");
    run(&format!("perf lat {} --timeout 0.2", mute.url())).failed(1, "can't dial tcp://");

    // A rep socket that never replies.
    let mut mute = start("rep --listen tcp://127.0.0.1:0 --verbose");
    run(&format!("perf lat {} --timeout 0.2", mute.url())).failed(1, "no answer from tcp://");
}

#[test]
fn another_version_is_named_by_both_sides() {
    let rep = Socket::<Rep>::new();
    let url = rep.listen("tcp://127.0.0.1:0").wait().unwrap().url();
    let server = thread::spawn(move || {
        rep.recv_request().wait().unwrap().reply("spanwire-perf/99\n?").wait().unwrap();
        // Who hangs up now may be heard before the answer.
        rep
    });
    run(&format!("perf lat {url}")).failed(1, "speaks version 99");
    drop(server.join().unwrap());

    let (_server, url) = serve("tcp://127.0.0.1:0");
    let ask = |text: &str| {
        let req = Socket::<spanwire::Req>::new();
        req.dial(&url[..]).wait().unwrap();
        String::from(req.request(text).wait().unwrap().to_str().unwrap())
    };
    assert!(ask("spanwire-perf/99\n?").contains("and not version 99"));
    assert!(ask("hello").contains("spanwire perf"));
    assert!(ask("spanwire-perf/1\n{").contains("does not understand"));
    assert!(ask("spanwire-perf/1\n{\"ask\":\"status\",\"session\":7,\"wait\":true}").contains("no measurement 7"));
    for streams in [0, 65, u32::MAX] {
        let open =
            json!({ "ask": "open", "measure": "up", "size_bytes": 1, "streams": streams, "count": 1, "warm_up_ns": 0 });
        assert!(ask(&format!("spanwire-perf/1\n{open}")).contains("not between 1 and 64"), "{streams}");
    }
}

#[test]
fn a_loss_is_said() {
    let (rep, pull) = (Socket::<Rep>::new(), Socket::<Pull>::new());
    let url = rep.listen("tcp://127.0.0.1:0").wait().unwrap().url();
    let door = pull.listen("tcp://127.0.0.1:0").wait().unwrap().url().port();
    let answer = |json: Value| Message::from(format!("spanwire-perf/1\n{json}"));
    let server = thread::spawn(move || {
        let open = rep.recv_request().wait().unwrap();
        open.reply(answer(json!({ "session": 1, "doors": [{ "port": door }], "debug_build": false }))).wait().unwrap();
        let status = rep.recv_request().wait().unwrap();
        let outcome = json!({ "messages": 7, "time_ns": 1000, "cpu_ns": null });
        status.reply(answer(json!({ "messages": 7, "cpu_ns": null, "outcome": outcome }))).wait().unwrap();
        rep
    });
    let ended = run(&format!("perf thr {url} --count 10 --warm-up 0 --json"));
    ended.failed(1, "10 messages of 64 B were sent, but 7 received");
    let document: Value = serde_json::from_slice(&ended.out).unwrap();
    assert_eq!(document["results"][0]["lost"], 3);
    drop(server.join().unwrap());
}
