//! What WebSocket costs: messages one way over `tcp` and `ws` in turn.
//!
//! `cargo bench --features ws --bench ws` prints messages per second.
#![allow(clippy::print_stdout, missing_docs)]

use std::thread;
use std::time::{Duration, Instant};

use spanwire::{Pull, Push, Socket};

fn main() {
    println!("{:>8} {:>12} {:>12} {:>7}", "bytes", "tcp/s", "ws/s", "ratio");
    for size in [64, 1024, 16 * 1024, 1024 * 1024] {
        let (mut tcp, mut ws) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            tcp.push(rate("tcp", size));
            ws.push(rate("ws", size));
        }
        let (tcp, ws) = (median(tcp), median(ws));
        println!("{size:>8} {tcp:>12.0} {ws:>12.0} {:>7.2}", ws / tcp);
    }
}

/// Messages of this size that arrive in a second.
fn rate(scheme: &str, size: usize) -> f64 {
    let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    let listener = pull.listen(format!("{scheme}://127.0.0.1:0")).wait().expect("a free port");
    push.dial(&listener).wait().expect("a listener");
    let sender = thread::spawn(move || {
        let body = vec![7; size];
        // Until the other side has closed.
        while push.send(body.as_slice()).timeout(Duration::from_secs(1)).wait().is_ok() {}
    });
    for _ in 0..10 {
        pull.recv().wait().expect("a message");
    }
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < TIME {
        for _ in 0..BURST.min(1 + (1 << 20) / size) {
            pull.recv().wait().expect("a message");
            count += 1;
        }
    }
    let rate = f64::from(count) / begin.elapsed().as_secs_f64();
    drop(pull);
    sender.join().expect("the sender ends");
    rate
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(500);
const BURST: usize = 1000;
