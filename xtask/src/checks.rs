//! What the compiler does not check: that protocols are pure, where unsafe code is, and the stated rust-version.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Done, cargo, output, root, run};

/// The crates that the protocols and the driverless core may depend on: none of them does I/O, keeps time or starts threads, but for the last two.
const PURE: [&str; 14] = [
    "spanwire-core",
    "spanwire-protocols",
    "bytes",
    "fastrand",
    "futures-core",
    "percent-encoding",
    "radix_trie",
    "endian-type",
    "nibble_vec",
    "smallvec",
    "proc-macro2",
    "rustversion",
    // For memory in large pages; see `IMPURE` for what else they can do.
    "memmap2",
    "libc",
];

/// What pure code does not say. `Instant` and `SocketAddr` as types are fine; asking for the time, or a socket, is not.
const IMPURE: [&str; 22] = [
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::fs",
    "std::io",
    "std::process",
    "std::env",
    "std::thread",
    "std::os",
    "thread::",
    "Instant::now",
    "SystemTime",
    "sync::Mutex",
    "Mutex<",
    "RwLock",
    "Condvar",
    "mpsc",
    "println!",
    "extern crate",
    "Mmap",
    "libc::",
];

/// Where pure code may use one of these all the same: file, word, and why.
const IMPURE_BUT: [(&str, &str, &str); 5] = [
    ("core/src/option.rs", "RwLock", "an endpoint's options are shared with its transport"),
    ("core/src/option/inbox.rs", "", "descriptors on their way to a listener; protocols do not see them"),
    ("protocols/src/sim/mod.rs", "Instant::now", "where fake time begins: std makes an Instant in no other way"),
    ("protocols/src/nodes.rs", "Mmap", "memory in large pages; it maps no file"),
    ("core/src/error.rs", "std::io", "errors of transports are made from those of the system"),
];

/// The files that may contain unsafe code.
const UNSAFE: [&str; 6] = [
    "core/src/driver/sys/portable.rs",
    "ffi/",
    "plugins/",
    "tests/semantics.rs",
    "protocols/tests/allocation.rs",
    "gates/src/allocations.rs",
];

/// The protocols, and what of the core they use, do no I/O, read no clock, start no thread and take no lock.
pub(crate) fn purity() -> Done {
    let mut check = cargo(&["check", "--package", "spanwire-protocols"]);
    run(&mut check)?;
    let mut tree = cargo(&["tree", "--package", "spanwire-protocols", "--edges", "normal", "--prefix", "none"]);
    let tree = output(tree.args(["--format", "{p} {f}", "--target", "all"]))?;
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        if !PURE.contains(&name) {
            return Err(format!("spanwire-protocols depends on {name}, which is not in the list of pure crates"));
        }
        if name == "spanwire-core" && line.contains("driver") {
            return Err(format!("spanwire-protocols uses the driver of spanwire-core: {line}"));
        }
    }
    let core = sources("core/src")?
        .into_iter()
        .filter(|(path, _)| !path.starts_with("core/src/driver") && path != Path::new("core/src/transport.rs"));
    let mut wrong = Vec::new();
    for (path, text) in core.chain(sources("protocols/src")?) {
        for (n, line) in code(&text) {
            for word in IMPURE {
                let may = IMPURE_BUT.iter().any(|(file, but, _)| path == Path::new(file) && word.contains(but));
                if line.contains(word) && !may {
                    wrong.push(format!("{}:{n}: {word:?} in pure code", path.display()));
                }
            }
        }
    }
    for lib in ["protocols/src/lib.rs", "transports/src/lib.rs"] {
        let text = fs::read_to_string(root().join(lib)).map_err(|e| format!("{lib}: {e}"))?;
        if !text.contains("#![forbid(unsafe_code)]") {
            wrong.push(format!("{lib} does not forbid unsafe code"));
        }
    }
    verdict("the protocols are pure", wrong)
}

/// Unsafe code is only where it may be.
pub(crate) fn no_unsafe() -> Done {
    let mut wrong = Vec::new();
    for dir in [
        "core",
        "protocols",
        "transports",
        "src",
        "cli",
        "conformance",
        "tests",
        "examples",
        "benches",
        "fuzz",
        "bindings",
        "gates",
    ] {
        for (path, text) in sources(dir)? {
            if UNSAFE.iter().any(|allowed| path.starts_with(allowed)) {
                continue;
            }
            for (n, line) in lines(&text) {
                let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
                let is_unsafe = words.any(|word| word == "unsafe") && !line.contains('"');
                let permits = ["(unsafe_code", "(unsafe_op_in"].iter().any(|lint| line.contains(lint));
                if is_unsafe || (permits && !line.contains("forbid") && !line.contains("deny")) {
                    wrong.push(format!("{}:{n}: unsafe code", path.display()));
                }
            }
        }
    }
    verdict("unsafe code is only where it may be", wrong)
}

/// No dependency asks for a newer compiler than we do, and our code uses nothing that is newer.
pub(crate) fn msrv() -> Done {
    dependencies()?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "clippy::incompatible_msrv"]))
}

/// No dependency asks for a newer compiler than we do.
pub(crate) fn dependencies() -> Done {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|e| e.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let stated = packages.iter().find(|package| package["name"] == "spanwire").and_then(rust_version);
    let stated = stated.ok_or("spanwire states no rust-version")?;
    let newer = packages.iter().filter(|package| rust_version(package) > Some(stated));
    let newer =
        newer.map(|package| format!("{} {} needs {}", package["name"], package["version"], package["rust_version"]));
    verdict("the dependencies keep to the rust-version", newer.collect())
}

fn rust_version(package: &Value) -> Option<(u32, u32)> {
    let mut numbers = package["rust_version"].as_str()?.split('.').map_while(|n| n.parse().ok());
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

fn verdict(what: &str, wrong: Vec<String>) -> Done {
    match wrong.is_empty() {
        true => {
            println!("ok: {what}");
            Ok(())
        }
        false => Err(wrong.join("\n")),
    }
}

/// The Rust files below a folder, by their path in the workspace.
fn sources(dir: &str) -> Done<Vec<(PathBuf, String)>> {
    let (root, mut files) = (root(), Vec::new());
    let mut dirs = vec![root.join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name() != Some("target".as_ref()) {
                dirs.push(path);
            } else if path.extension() == Some("rs".as_ref()) {
                let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                files.push((path.strip_prefix(&root).unwrap_or(&path).to_owned(), text));
            }
        }
    }
    Ok(files)
}

/// The lines of code that is no test, numbered. Tests are last in a file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
}

/// The lines, numbered and without comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(n, line)| (n + 1, line.split("//").next().unwrap_or_default()))
}
