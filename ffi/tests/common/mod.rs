//! The shared library for tests that start programs on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with `libspanwire.so`. It is built here: cargo builds no shared library for a test.
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = scratch().parent().unwrap();
        let (profile, folder) = if cfg!(debug_assertions) { ("dev", "debug") } else { ("release", "release") };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "spanwire-ffi", "--lib", "--profile", profile, "--target-dir"]).arg(target);
        // What cargo tells this test of its package would make it build `ring` anew, which asks for these.
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                cargo.env_remove(name);
            }
        }
        let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let folder = target.join(folder);
        assert!(folder.join("libspanwire.so").exists(), "no library in {}", folder.display());
        folder
    })
}

/// A folder with our library under other names.
#[allow(dead_code, reason = "not every test that has this module needs it")]
pub fn library_as(dir: &str, names: &[&str]) -> PathBuf {
    let dir = scratch().join(dir);
    std::fs::create_dir_all(&dir).unwrap();
    for name in names {
        let _ = std::fs::remove_file(dir.join(name));
        std::os::unix::fs::symlink(built().join("libspanwire.so"), dir.join(name)).unwrap();
    }
    dir
}

/// Where cargo lets tests keep what they make.
pub fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
