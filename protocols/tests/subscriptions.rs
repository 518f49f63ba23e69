//! The subscription tree: right (radix_trie and a plain list agree), fast and small.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use radix_trie::Trie;
use spanwire_protocols::Subscriptions;
use spanwire_protocols::sim::Rng;

/// Short topics over few letters, so that they share prefixes and come up again.
fn topic() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(0_u8..3, 0..8),
        1 => proptest::collection::vec(0_u8..2, 20..60),
        1 => proptest::collection::vec(any::<u8>(), 0..30),
        // Enough of these that nodes come to have many children.
        4 => proptest::collection::vec(any::<u8>(), 1..2),
        // The same below long and short labels.
        4 => (0_usize..90, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..3))
            .prop_map(|(same, other, end)| [&vec![7; same / 10 * 5][..], &[other], &end].concat()),
    ]
}

/// What the tree promises, by looking at each prefix.
#[derive(Default)]
struct Plain(Vec<Vec<u8>>);

impl Plain {
    fn matches(&self, topic: &[u8]) -> bool {
        self.0.iter().any(|prefix| topic.starts_with(prefix))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_tree_agrees_with_radix_trie_and_a_plain_list(
        steps in proptest::collection::vec((any::<bool>(), topic()), 0..150),
        probes in proptest::collection::vec(topic(), 0..30),
    ) {
        let (mut tree, mut trie, mut plain) = (Subscriptions::new(), Trie::new(), Plain::default());
        for (add, prefix) in &steps {
            let known = plain.0.contains(prefix);
            if *add {
                prop_assert_eq!(tree.insert(prefix), !known);
                trie.insert(prefix.clone(), ());
                if !known {
                    plain.0.push(prefix.clone());
                }
            } else {
                prop_assert_eq!(tree.remove(prefix), known);
                trie.remove(prefix);
                plain.0.retain(|other| other != prefix);
            }
            prop_assert_eq!(tree.len(), plain.0.len());
            prop_assert_eq!(tree.is_empty(), plain.0.is_empty());
        }
        for probe in probes.iter().chain(steps.iter().map(|(_, prefix)| prefix)) {
            prop_assert_eq!(tree.matches(probe), plain.matches(probe), "{:?}", probe);
            prop_assert_eq!(tree.matches(probe), trie.get_ancestor_value(probe).is_some(), "{:?}", probe);
        }
        for (_, prefix) in &steps {
            tree.remove(prefix);
        }
        prop_assert!(tree.is_empty());
        prop_assert!(!tree.matches(b""));
    }
}

fn random_topics(n: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(1);
    let mut topic = || {
        let len = 16 + rng.next() % 9;
        (0..len).map(|_| rng.next() as u8).collect::<Vec<u8>>()
    };
    (0..n).map(|_| topic()).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Nanoseconds a match, the median of many batches; half of the probes match.
fn time_a_match(topics: &[Vec<u8>], body: usize, matches: impl Fn(&[u8]) -> bool) -> f64 {
    const BATCH: usize = 64;
    let mut rng = Rng::new(2);
    let probe = |rng: &mut Rng| {
        let mut probe = topics[rng.next() as usize % topics.len()].clone();
        if rng.next() & 1 == 0 {
            probe[15] ^= 1;
        }
        probe.resize(body, 0x55);
        probe
    };
    let batch = |rng: &mut Rng| {
        let probes: Vec<_> = (0..BATCH).map(|_| probe(rng)).collect();
        let start = Instant::now();
        for probe in &probes {
            black_box(matches(black_box(probe)));
        }
        start.elapsed()
    };
    median((0..300).map(|_| batch(&mut rng)).collect()).as_nanos() as f64 / BATCH as f64
}

/// The targets of the subscription tree. Meant for a release build: `cargo test --release -- --ignored`.
#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_subscriptions_match_in_less_than_a_microsecond() {
    // The largest first: memory that was freed before would not be counted.
    for n in [1_000_000, 100_000, 100] {
        let topics = random_topics(n);
        let (mut tree, mut trie) = (Subscriptions::new(), Trie::new());
        let start = Instant::now();
        let before = resident();
        for topic in &topics {
            tree.insert(topic);
        }
        let bytes = resident().saturating_sub(before) / n;
        let set_up = start.elapsed();
        let before = resident();
        for topic in &topics {
            trie.insert(topic.clone(), ());
        }
        let trie_bytes = resident().saturating_sub(before) / n;
        let ours = time_a_match(&topics, 64, |topic| tree.matches(topic));
        let large = time_a_match(&topics, 65_536, |topic| tree.matches(topic));
        let trie_time = time_a_match(&topics, 64, |topic| {
            trie.get_ancestor_value(&topic[..topic.len().min(24)].to_vec()).is_some()
        });
        println!(
            "{n}: set up {set_up:?}, {ours:.0} ns, 64 KiB body {large:.0} ns, {bytes} B each; radix_trie {trie_time:.0} ns, \
             {trie_bytes} B each"
        );
        assert!(n > 100_000 || ours < 1000.0, "{ours} ns a match");
        assert!(n < 1_000_000 || bytes <= 200, "{bytes} bytes a subscription");
    }
}

/// The memory of this process, in bytes; 0 where /proc does not tell.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
