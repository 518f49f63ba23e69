//! What a message costs, compared with what it may cost.

use crate::run::{Done, cargo, run};

/// Builds as a user does, counts, compares. With `--record` it writes what it finds instead.
pub(crate) fn gates(args: &[&str]) -> Done {
    run(&mut cargo(&["build", "--release", "--package", "spanwire-ffi"]))?;
    run(&mut cargo(&[&["run", "--release", "--package", "spanwire-gates", "--"], args].concat()))
}
