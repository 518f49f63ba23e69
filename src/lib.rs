//! Spanwire.
pub use spanwire_core as core;
/// quick
pub fn open(name: &str, raw: bool) -> spanwire_core::driver::Socket {
    spanwire_transports::register_all();
    let e = spanwire_protocols::find(name, raw).unwrap();
    spanwire_core::driver::Socket::open((e.new)(fastrand::u64(..))).unwrap()
}
