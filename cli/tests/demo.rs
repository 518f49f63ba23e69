//! The demonstration: it ends, checks, and cleans up.

mod common;

use std::fs;
use std::path::Path;

use common::{Running, spanwire, start_command};

/// The demonstration with a directory of its own for what it makes.
fn demo(dir: &Path, args: &str) -> Running {
    let mut command = spanwire(&format!("demo {args}"));
    command.env("TMPDIR", dir).env("TMP", dir);
    start_command(command)
}

#[track_caller]
fn nothing_is_left(dir: &Path) {
    let left: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    #[cfg(target_os = "linux")]
    for process in fs::read_dir("/proc").unwrap() {
        let line = fs::read(process.unwrap().path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains(dir.to_str().unwrap()), "a process is left");
    }
}

#[test]
fn a_small_file_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let ended = demo(dir.path(), "--size 3 --workers 3 --time 0.3").end();
    let table = String::from_utf8(ended.out).unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for text in ["3.0 MiB in 12 chunks", "3 workers", "arrived as it was sent", "requests/s, p50", "deliveries/s"] {
        assert!(table.contains(text), "{text:?} is not in\n{table}");
    }
    assert!(ended.err.contains("pipeline: 100 %"), "{}", ended.err);
    nothing_is_left(dir.path());
}

#[test]
fn a_file_of_ones_own_arrives_even_if_empty() {
    let dir = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    for (name, data) in [("empty", &b""[..]), ("short", b"just this")] {
        let file = files.path().join(name);
        fs::write(&file, data).unwrap();
        let ended = demo(dir.path(), &format!("--time 0.3 --clients 1 --subscribers 1 {}", file.display())).end();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(String::from_utf8(ended.out).unwrap().contains("arrived as it was sent"));
        assert_eq!(fs::read(&file).unwrap(), data);
    }
    nothing_is_left(dir.path());
}

#[test]
fn a_damaged_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let ended = demo(dir.path(), "--size 1 --time 0.3 --corrupt").end();
    ended.failed(1, "did not arrive as it was sent: SHA-256");
    assert_eq!(ended.out, b"");
    nothing_is_left(dir.path());
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_all_processes() {
    let dir = tempfile::tempdir().unwrap();
    let mut demo = demo(dir.path(), "--size 1 --time 3600");
    // The clients are at work.
    demo.says("pipeline: 100 %");
    demo.interrupt();
    let ended = demo.end();
    assert_eq!((ended.code, &ended.out[..]), (Some(130), &b""[..]), "{}", ended.err);
    nothing_is_left(dir.path());
}
