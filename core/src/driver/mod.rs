//! The driver.
pub mod local;
