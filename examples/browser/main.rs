//! A server for the page beside it: publishes, answers and echoes, each at a path of its own at one port.
//!
//! `cargo run --features ws --example browser`, and open `examples/browser/index.html` in a browser.
#![allow(clippy::print_stdout)]

mod server;

fn main() -> spanwire::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let address = server::serve(&address, |report| println!("a page is done: {report}"))?;
    println!("open examples/browser/index.html?server={address}");
    loop {
        std::thread::park();
    }
}
