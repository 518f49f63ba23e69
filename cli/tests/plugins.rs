//! Transports from shared objects: `--plugin`.
#![cfg(target_os = "linux")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{run, start};

#[test]
fn a_plugin_is_a_transport_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = dir.path().join("ctcp.so");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-I"]).arg(root.join("ffi/include"));
    cc.arg("-o").arg(&plugin).arg(root.join("examples/c-transport/ctcp.c")).arg("-lpthread");
    assert!(cc.status().unwrap().success());
    let plugin = format!("--plugin {}", plugin.display());

    let mut rep = start(&format!("rep {plugin} --listen ctcp://127.0.0.1:0 --data pong --count 2 -v"));
    let url = rep.url();
    run(&format!("req {plugin} --dial {url} --data 1")).printed("\"pong\"\n");
    // It is TCP.
    run(&format!("req --dial {} --data 2", url.strip_prefix('c').unwrap())).printed("\"pong\"\n");
    rep.end().printed("\"1\"\n\"2\"\n");
    let measured = run(&format!("perf lat {plugin} --local ctcp://127.0.0.1:0 --count 10 --warm-up 0 --json"));
    assert_eq!(measured.code, Some(0), "{}", measured.err);
    run(&format!("req --dial {url} --data 1")).failed(1, "ctcp");
}

#[test]
fn what_is_no_plugin_is_named() {
    run("req --plugin /no/such/plugin.so --dial x://y").failed(1, "/no/such/plugin.so");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("text.so");
    std::fs::write(&file, "not a shared object").unwrap();
    run(&format!("req --plugin {} --dial x://y", file.display())).failed(1, "text.so");
}
