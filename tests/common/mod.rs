//! What several test files share with the conformance suite.
#![allow(unused_imports, unreachable_pub, reason = "each test file uses a part of it")]

pub use spanwire_conformance::{common::*, tls};
