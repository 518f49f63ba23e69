//! Devices and the monitor.

mod common;

use common::{run, start};

#[test]
fn a_device_joins_clients_and_servers() {
    let dir = tempfile::tempdir().unwrap();
    let back = format!("ipc://{}", dir.path().join("back").display());
    for protocol in ["req", "rep", "reqrep"] {
        let mut device = start(&format!("device --protocol {protocol} -v listen:tcp://127.0.0.1:0 {back}"));
        let (front, back) = (device.url(), device.url());
        let rep = start(&format!("rep --dial {back} --data pong --count 2"));
        run(&format!("req --dial {front} --data 1")).printed("\"pong\"\n");
        run(&format!("req --dial {front} --data 2")).printed("\"pong\"\n");
        rep.end().printed("\"1\"\n\"2\"\n");
    }
}

#[test]
fn a_device_forwards_from_front_to_back() {
    let mut device = start("device -p pipeline -v tcp://127.0.0.1:0 tcp://127.0.0.1:0");
    let (front, back) = (device.url(), device.url());
    let pull = start(&format!("pull --dial {back} --count 1"));
    run(&format!("push --dial {front} --data job")).printed("");
    pull.end().printed("\"job\"\n");

    let mut publisher = start("pub --listen tcp://127.0.0.1:0 --data news/1 --interval 0.01 -v");
    let mut device = start(&format!("device -p sub -v dial:{} tcp://127.0.0.1:0", publisher.url()));
    let back = device.url();
    run(&format!("sub --dial {back} --subscribe news/ --count 1")).printed("\"news/1\"\n");
}

#[test]
fn a_device_dials_before_anybody_listens() {
    let dir = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("ipc://{}", dir.path().join(name).display());
    let (front, back) = (url("front"), url("back"));
    let mut device = start(&format!("device -p survey -v dial:{front} dial:{back}"));
    device.says("dialing ");
    device.says("dialing ");
    let respondent = start(&format!("respondent --listen {back} --data here --count 1"));
    // Asks again until the device has found both.
    let surveyor = start(&format!("surveyor --listen {front} --data who --interval 0.2 --time 0.2"));
    respondent.end().printed("\"who\"\n");
    drop(surveyor);
}

#[test]
fn a_reflector_sends_everything_back() {
    let mut device = start("device -p pair1 tcp://127.0.0.1:0 -v");
    run(&format!("pair1 --dial {} --data echo --count 1", device.url())).printed("\"echo\"\n");
}

#[test]
fn the_monitor_prints_connections() {
    let mut monitor = start("monitor rep --listen tcp://127.0.0.1:0 --count 3 -v");
    let url = monitor.url();
    run(&format!("req --async --dial {url} --data x --recv-timeout 0.3")).failed(1, "no reply");
    let ended = monitor.end();
    assert_eq!(ended.code, Some(0));
    let out = String::from_utf8(ended.out).unwrap();
    let events: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    let names: Vec<_> = events.iter().map(|words| words[1]).collect();
    assert_eq!(names, ["before-add", "after-add", "removed"]);
    for words in &events {
        let url = format!("url={url}");
        assert!(words[0].ends_with('Z') && words.contains(&&url[..]), "{words:?}");
        assert!(words[5..].iter().any(|word| word.starts_with("remote=127.0.0.1:")), "{words:?}");
        assert_eq!(words[2..5], events[0][2..5], "socket, listener and pipe");
    }
}

#[test]
fn the_monitor_prints_json() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("ipc://{}", dir.path().join("s").display());
    let pull = start(&format!("pull --listen {url}"));
    let monitor = start(&format!("monitor push --dial {url} --json --count 2"));
    let ended = monitor.end();
    drop(pull);
    let events: Vec<serde_json::Value> =
        String::from_utf8(ended.out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!([&events[0]["event"], &events[1]["event"]], ["before-add", "after-add"]);
    assert_eq!(events[1]["url"], *url);
    assert!(
        events[1]["dialer"].is_u64() && events[1]["listener"].is_null() && events[1]["pipe"].is_u64(),
        "{}",
        events[1]
    );
}

#[test]
fn the_monitor_ends_after_its_time() {
    run("monitor bus --listen tcp://127.0.0.1:0 --for 0.05").printed("");
}
