//! Compiling plugins.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The shared object of a C file, compiled without a warning.
pub fn compile(source: &Path, flags: &[&str]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = source.file_stem().unwrap().to_str().unwrap();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{n}.so", std::process::id()));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu99", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared"]).args(flags);
    cc.arg("-I").arg(root().join("ffi/include")).arg("-o").arg(&object).arg(source).arg("-lpthread");
    let done = cc.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    object
}
