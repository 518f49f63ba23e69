//! The project's own commands: `cargo xtask test | ci | bench | gates | loom | abi | install | peers-c | tsan | purity | msrv`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command")]

mod abi;
mod bench;
mod checks;
mod gates;
mod install;
mod loom;
mod peers_c;
mod pynng;
mod run;
mod signatures;
mod test;
mod tsan;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test      all tests and doctests of the workspace; installs the peers for the interop tests where it may
cargo xtask ci        test, and everything else that a change must pass
cargo xtask bench     Spanwire side by side with its peers; --help has the options
cargo xtask gates     what a message costs in instructions, system calls and allocations, within its limits; --record has new ones
cargo xtask loom      the hand-over of blocked threads, tasks and the I/O thread under the model checker loom
cargo xtask tsan      the stress test under ThreadSanitizer (needs a nightly toolchain)
cargo xtask abi       the C library's headers, symbols and table of functions agree; --write makes the table and the list anew
cargo xtask install   the C library with its headers: --prefix DIR [--destdir DIR]; --check tries it
cargo xtask peers-c   pynng, the crates nng and anng, and NNG's own tests, on the C library; `pynng`, `crates` or `suite` alone
cargo xtask purity    the protocols do no I/O, and unsafe code is only where it may be
cargo xtask msrv      the code and its dependencies keep to the stated rust-version";

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test", ref rest @ ..] => test::test(rest),
        ["ci"] => test::ci(),
        ["bench", ref rest @ ..] => bench::bench(rest),
        ["gates", ref rest @ ..] => gates::gates(rest),
        ["loom", ref rest @ ..] => loom::loom(rest),
        ["abi", ref rest @ ..] => abi::abi(rest),
        ["install", "--check"] => install::check(),
        ["install", ref rest @ ..] => install::install(rest),
        ["peers-c", ref rest @ ..] => peers_c::peers_c(rest),
        ["tsan"] => tsan::tsan(),
        ["purity"] => checks::purity().and_then(|()| checks::no_unsafe()),
        ["msrv"] => checks::msrv(),
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
