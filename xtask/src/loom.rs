//! The hand-over in the hands of the model checker loom.

use crate::run::{Done, cargo, run, target_dir};

/// Runs the scenarios in `core/tests/loom.rs`. A folder of its own keeps the other builds.
pub(crate) fn loom(args: &[&str]) -> Done {
    let test = ["test", "--release", "--package", "spanwire-core", "--test", "loom", "--"];
    let mut test = cargo(&[&test, args].concat());
    test.env("RUSTFLAGS", "--cfg spanwire_loom").env("CARGO_TARGET_DIR", target_dir().join("loom"));
    // Half the time to build, and not slower to run.
    test.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    run(&mut test)
}
