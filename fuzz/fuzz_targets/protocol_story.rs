//! Stories of the simulator about each protocol, chosen by the fuzzer instead of at random: no rule is broken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spanwire_protocols::PROTOCOLS;
use spanwire_protocols::sim::{Operation, run_operations};

fuzz_target!(|input: (u64, u8, Vec<u32>)| {
    let (seed, protocol, numbers) = input;
    let entry = &PROTOCOLS[usize::from(protocol) % PROTOCOLS.len()];
    let name = format!("{}{}", entry.name, if entry.info.raw { "-raw" } else { "" });
    let mut numbers = numbers.into_iter().peekable();
    let mut operations = Vec::new();
    while numbers.peek().is_some() {
        operations.push(Operation::pick(&mut || numbers.next().unwrap_or(0)));
    }
    if let Err(violation) = run_operations(seed, &name, &operations) {
        panic!("{violation}");
    }
});
