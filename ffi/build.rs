//! Compiles the functions that take any number of arguments, which only C can define.

fn main() {
    println!("cargo::rerun-if-changed=src/log.c");
    println!("cargo::rerun-if-changed=include/nng/nng.h");
    cc::Build::new().file("src/log.c").include("include").warnings_into_errors(true).compile("spanwire_log");
}
