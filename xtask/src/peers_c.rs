//! `cargo xtask peers-c`: what others have written for NNG's library, built on ours and run: pynng with its tests, the crates `nng` and `anng`
//! with their examples and tests, and NNG's own test-suite, as far as it uses nothing but the public API.
//!
//! The sources of the latter two come from crates.io by a fetch of a package that depends on them: `nng-sys` brings NNG 1.11 with it. They are copied to a folder of
//! their own and not changed, but that each becomes a workspace of its own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::install;
use crate::pynng;
use crate::run::{Done, cargo, command, output, run, target_dir};

/// Everything, or `pynng`, `crates` or `suite` alone. The crates need libclang: Debian's `libclang-dev`, or a folder in `LIBCLANG_PATH`.
pub(crate) fn peers_c(args: &[&str]) -> Done {
    let dir = target_dir().join("peers-c");
    let prefix = dir.join("prefix");
    install::install(&["--prefix", &prefix.display().to_string()])?;
    if args.is_empty() || args.contains(&"pynng") {
        pynng::pynng(&prefix)?;
    }
    if args == ["pynng"] {
        return Ok(());
    }
    let sources = fetch(&dir)?;
    if args.is_empty() || args.contains(&"crates") {
        crates(&dir, &prefix, &sources)?;
    }
    if args.is_empty() || args.contains(&"suite") {
        suite(&dir, &prefix, &source(&sources, "nng-sys", "0.3.0+1.11.0")?.join("nng"))?;
    }
    Ok(())
}

/// Has cargo fetch the packages; what it says of them.
fn fetch(dir: &Path) -> Done<Value> {
    let project = dir.join("fetch");
    write(&project.join("src/lib.rs"), "")?;
    let manifest = project.join("Cargo.toml");
    let text = "[package]\nname = \"fetch\"\nedition = \"2021\"\n\n[workspace]\n\n[dependencies]\nnng = { version = \"=1.0.1\", \
                default-features = false }\nanng = { version = \"=0.1.3\", default-features = false }\n";
    write(&manifest, text)?;
    let found = output(cargo(&["metadata", "--format-version", "1", "--manifest-path"]).arg(&manifest))?;
    serde_json::from_str(&found).map_err(|e| e.to_string())
}

/// Where the source of a package is.
fn source(metadata: &Value, name: &str, version: &str) -> Done<PathBuf> {
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let found = packages.iter().find(|package| package["name"] == name && package["version"] == version);
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or_else(|| format!("cargo has not fetched {name} {version}"))?;
    Ok(Path::new(manifest).parent().unwrap_or(Path::new("/")).to_owned())
}

/// The tests, doctests and examples of the crates, without the NNG that they bring along.
fn crates(dir: &Path, prefix: &Path, sources: &Value) -> Done {
    let lib = prefix.join("lib");
    for (name, version, features, skipped) in
        [("nng", "1.0.1", "", &[][..]), ("anng", "0.1.3", "tokio", &ANNG_SKIPPED[..])]
    {
        let copy = dir.join(name);
        let _ = fs::remove_dir_all(&copy);
        run(command("cp", &["--recursive"]).arg(source(sources, name, version)?).arg(&copy))?;
        run(command("chmod", &["--recursive", "u+w"]).arg(&copy))?;
        let manifest = copy.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|e| e.to_string())?;
        write(&manifest, &format!("{text}\n[workspace]\n"))?;
        let mut test = Command::new("cargo");
        test.current_dir(&copy).args(["test", "--no-default-features", "--features", features, "--no-fail-fast", "--"]);
        for name in skipped {
            test.args(["--skip", name]);
        }
        test.env("CARGO_TARGET_DIR", dir.join("target")).env("NNG_DIR", prefix).env("NNG_NO_VENDOR", "1");
        let flags = format!("-L {}", lib.display());
        test.env("RUSTFLAGS", &flags).env("RUSTDOCFLAGS", &flags).env("LD_LIBRARY_PATH", &lib);
        run(&mut test)?;
    }
    Ok(())
}

/// A user that may do everything is refused nothing. The examples in these two files dial in one task and listen in another, and it is a matter of luck
/// which comes first.
const ANNG_SKIPPED: [&str; 3] = ["test_permission_denied", "src/protocols/reqrep0.rs", "src/protocols/pipeline0.rs"];

/// NNG's own tests. A failure that is not in the list is one, and so is a test of the list that does not fail any more.
fn suite(dir: &Path, prefix: &Path, nng: &Path) -> Done {
    let build = dir.join("suite");
    fs::create_dir_all(&build).map_err(|e| e.to_string())?;
    let lib = prefix.join("lib");
    let cc = |args: &[&str]| {
        let mut cc = command("cc", &["-w", "-g", "-D_GNU_SOURCE", "-DNNG_PLATFORM_POSIX", "-DNNG_PLATFORM_LINUX"]);
        cc.args(FEATURES.map(|feature| format!("-D{feature}")));
        for include in ["src/testing", "src"] {
            cc.arg("-I").arg(nng.join(include));
        }
        cc.arg("-I").arg(prefix.join("include")).args(args);
        cc
    };
    let mut helpers = Vec::new();
    for file in
        ["testing/util.c", "testing/marry.c", "testing/streams.c", "testing/certs.c", "supplemental/sha1/sha1.c"]
    {
        let object = build.join(file.replace('/', "_")).with_extension("o");
        output(cc(&["-c", "-o"]).arg(&object).arg(nng.join("src").join(file)))?;
        helpers.push(object);
    }
    let names = build.join("lib");
    fs::create_dir_all(&names).map_err(|e| e.to_string())?;
    let _ = symlink(lib.join("libspanwire.so"), names.join("libnng.so"));
    let (mut failed, mut passed) = (BTreeSet::new(), 0);
    for test in SUITE {
        let name = Path::new(test).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let program = build.join(&name);
        let mut compile = cc(&["-o"]);
        compile.arg(&program).arg(nng.join("src").join(format!("{test}.c"))).args(&helpers);
        output(compile.arg("-L").arg(&names).args(["-lnng", "-lpthread"]))?;
        let mut timed = Command::new("timeout");
        timed.args(["--kill-after=2", "60"]).arg(&program).current_dir(&build).env("LD_LIBRARY_PATH", &lib);
        let out = timed.output().map_err(|e| format!("{name}: {e}"))?;
        let text = String::from_utf8_lossy(&out.stdout);
        let mut at_all = false;
        // What a test prints may come between its name and how it ended.
        for test in text.split("Test ").skip(1) {
            let Some((title, result)) = test.split_once("...") else { continue };
            at_all = true;
            if result.contains("[ OK ]") || result.contains("[ SKIPPED ]") {
                passed += 1;
            } else {
                failed.insert(format!("{name}: {title}"));
            }
        }
        if !at_all || out.status.code() == Some(124) {
            failed.insert(format!("{name}: does not end"));
        }
    }
    let known: BTreeSet<_> = KNOWN.iter().map(|(test, _)| (*test).to_owned()).collect();
    println!("\nNNG's own tests: {passed} pass, {} are expected to fail:", known.len());
    for (test, why) in KNOWN {
        println!("  {test}: {why}");
    }
    let new = failed.difference(&known).map(|test| format!("{test}: failed"));
    let mended = known.difference(&failed).map(|test| format!("{test}: is listed, and does not fail any more"));
    let wrong: Vec<_> = new.chain(mended).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn write(path: &Path, text: &str) -> Done {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|e| format!("{}: {e}", path.display()))
}

/// What the tests are told that the library has.
const FEATURES: [&str; 17] = [
    "NNG_SHARED_LIB",
    "NNG_HAVE_UNIX_SOCKETS",
    "NNG_HAVE_ABSTRACT_SOCKETS",
    "NNG_HAVE_SOCKETPAIR",
    "NNG_ENABLE_STATS",
    "NNG_HAVE_BUS0",
    "NNG_HAVE_PAIR0",
    "NNG_HAVE_PAIR1",
    "NNG_HAVE_PUB0",
    "NNG_HAVE_SUB0",
    "NNG_HAVE_PUSH0",
    "NNG_HAVE_PULL0",
    "NNG_HAVE_REQ0",
    "NNG_HAVE_REP0",
    "NNG_HAVE_SURVEYOR0",
    "NNG_HAVE_RESPONDENT0",
    "NNG_TRANSPORT_FDC",
];

/// The programs that need nothing but the public API. The others look into NNG's inside (its lists, id maps, URL coding, platform layer), or want
/// HTTP.
const SUITE: [&str; 30] = [
    "core/aio_test",
    "core/buf_size_test",
    "core/errors_test",
    "core/log_test",
    "core/message_test",
    "core/reconnect_test",
    "core/sock_test",
    "core/sockaddr_test",
    "core/stats_test",
    "platform/platform_test",
    "sp/protocol/bus0/bus_test",
    "sp/protocol/pair0/pair0_test",
    "sp/protocol/pair1/pair1_test",
    "sp/protocol/pair1/pair1_poly_test",
    "sp/protocol/pipeline0/pull_test",
    "sp/protocol/pipeline0/push_test",
    "sp/protocol/pubsub0/pub_test",
    "sp/protocol/pubsub0/sub_test",
    "sp/protocol/pubsub0/xsub_test",
    "sp/protocol/reqrep0/rep_test",
    "sp/protocol/reqrep0/req_test",
    "sp/protocol/reqrep0/xrep_test",
    "sp/protocol/reqrep0/xreq_test",
    "sp/protocol/survey0/respond_test",
    "sp/protocol/survey0/survey_test",
    "sp/transport/ipc/ipc_test",
    "sp/transport/tcp/tcp_test",
    "sp/transport/ws/ws_test",
    "supplemental/util/idhash_test",
    "supplemental/websocket/websocket_test",
];

/// Tests that fail, and why they may.
const KNOWN: [(&str, &str); 16] = [
    ("message_test: msg capacity", "wants a body that grows to move; ours may have the room"),
    ("message_test: msg reserve", "the same"),
    ("pair0_test: pair0 poll readable", "wants messages lost when a buffer becomes smaller; ours are kept"),
    ("pair1_test: pair1 poll readable", "the same"),
    ("pair1_test: pair1 recv no header", "needs a build of NNG for its tests"),
    ("pair1_test: pair1 recv garbage", "the same"),
    ("pair1_poly_test: pair1 poly recv no header", "the same"),
    ("pair1_poly_test: pair1 poly recv garbage", "the same"),
    ("pull_test: pull close pending", "wants a received message lost with its pipe; ours is kept"),
    ("push_test: push poll writable", "wants inproc to take two messages and no more"),
    ("push_test: push poll buffered", "the same"),
    ("push_test: push poll truncate", "wants messages lost when a buffer becomes smaller; ours are kept"),
    ("rep_test: rep context send nonblock 2", "wants replies refused although the pipe has room"),
    ("respond_test: respond context send nonblock", "the same"),
    ("req_test: req poll writable", "wants inproc to take one request and no more"),
    ("req_test: req poll contention", "the same"),
];
