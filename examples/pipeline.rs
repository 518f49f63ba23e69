//! Work for whoever is free: a source, three workers, a sink, each in a thread of its own.
//!
//! `cargo run --example pipeline`
#![allow(clippy::print_stdout)]

use std::thread;

use spanwire::{Pull, Push, Socket};

fn main() -> spanwire::Result<()> {
    let source = Socket::<Push>::new();
    let tasks = source.listen("inproc://tasks").wait()?;
    let sink = Socket::<Pull>::new();
    let results = sink.listen("tcp://127.0.0.1:0").wait()?;

    for name in ["anna", "ben", "carl"] {
        let (input, output) = (Socket::<Pull>::new(), Socket::<Push>::new());
        input.dial(&tasks).wait()?;
        output.dial(&results).wait()?;
        thread::spawn(move || -> spanwire::Result<()> {
            loop {
                let task = input.recv().wait()?;
                let n: u64 = task.to_str().unwrap_or("0").parse().unwrap_or(0);
                output.send(format!("{name}: {n} squared is {}", n * n)).wait()?;
            }
        });
    }

    for n in 1..=9 {
        source.send(n.to_string()).wait()?;
    }
    for _ in 1..=9 {
        println!("{}", sink.recv().wait()?.to_str().unwrap_or("?"));
    }
    Ok(())
}
