//! Random stories about every protocol, with faults: no rule is ever broken.

#![allow(clippy::print_stdout)]

use std::env;

use proptest::prelude::*;
use spanwire_protocols::PROTOCOLS;
use spanwire_protocols::sim::{Operation, Rng, run, run_operations};

/// The names of all protocols, as the simulator knows them.
fn names() -> Vec<String> {
    PROTOCOLS.iter().map(|entry| format!("{}{}", entry.name, if entry.info.raw { "-raw" } else { "" })).collect()
}

#[test]
fn a_thousand_stories_a_protocol_break_no_rule() {
    let start = env::var("SPANWIRE_SEED").map_or(1, |seed| seed.parse().expect("SPANWIRE_SEED is a number"));
    for name in names() {
        let (mut sent, mut received) = (0, 0);
        for seed in start..start + 1000 {
            let report = run(seed, &name, 300).unwrap_or_else(|violation| panic!("{violation}"));
            sent += report.sent;
            received += report.received;
        }
        println!("{name}: {sent} sent, {received} received");
        assert!(received > 1000, "{name}: stories in which nothing arrives show nothing: {received}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for name in names() {
        assert_eq!(run(7, &name, 500).unwrap(), run(7, &name, 500).unwrap(), "{name}");
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    any::<u64>().prop_map(|seed| {
        let mut rng = Rng::new(seed);
        Operation::pick(&mut || rng.next() as u32)
    })
}

proptest! {
    /// The same with stories that proptest can shorten.
    #[test]
    fn short_stories_break_no_rule(
        seed in any::<u64>(),
        protocol in 0..PROTOCOLS.len(),
        operations in proptest::collection::vec(operation(), 0..200),
    ) {
        if let Err(violation) = run_operations(seed, &names()[protocol], &operations) {
            return Err(TestCaseError::fail(violation.to_string()));
        }
    }
}
