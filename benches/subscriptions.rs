//! What it costs to match a topic: by the number of subscriptions, and by the length of the body.
//!
//! `cargo bench --bench subscriptions` prints medians in nanoseconds.
#![allow(clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use spanwire_protocols::Subscriptions;

fn main() {
    let mut rng = fastrand::Rng::with_seed(1);
    println!("{:>14} {:>10} {:>12} {:>12}", "subscriptions", "body", "ns (hit)", "ns (miss)");
    for n in [1, 100, 10_000, 100_000, 1_000_000] {
        let topics: Vec<Vec<u8>> = (0..n).map(|_| topic(&mut rng)).collect();
        let mut tree = Subscriptions::default();
        for topic in &topics {
            tree.insert(topic);
        }
        for body in [64, 1024, 64 * 1024, 1024 * 1024] {
            let mut bodies: Vec<Vec<u8>> = (0..64)
                .map(|i| {
                    let mut bytes = topics[(i * 7919) % topics.len()].clone();
                    bytes.resize(body, b'.');
                    bytes
                })
                .collect();
            let hit = median(&tree, &bodies, true);
            for body in &mut bodies {
                body[0] = 0xff;
            }
            let miss = median(&tree, &bodies, false);
            println!("{n:>14} {body:>10} {hit:>12.0} {miss:>12.0}");
        }
    }
}

fn topic(rng: &mut fastrand::Rng) -> Vec<u8> {
    let len = rng.usize(16..=24);
    (0..len).map(|_| rng.alphanumeric() as u8).collect()
}

fn median(tree: &Subscriptions, bodies: &[Vec<u8>], expected: bool) -> f64 {
    const ROUNDS: usize = 101;
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for body in bodies {
                assert_eq!(black_box(tree.matches(black_box(body))), expected);
            }
            begin.elapsed().as_nanos() as f64 / bodies.len() as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
