//! What TLS costs: messages one way over `tcp` and `tls+tcp` in turn, and the heap of connections that do nothing.
//!
//! `cargo bench --features tls --bench tls` prints messages per second, and bytes.
#![allow(clippy::print_stdout, missing_docs)]

use std::thread;
use std::time::{Duration, Instant};

use spanwire::tls::TlsConfig;
use spanwire::{Pull, Push, Socket};

fn main() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let config =
        TlsConfig::builder().cert_pem(&certificate, &key).ca_pem(&certificate).build().expect("a configuration");
    println!("{:>8} {:>12} {:>12} {:>7}", "bytes", "tcp/s", "tls+tcp/s", "ratio");
    for size in [64, 1024, 16 * 1024, 1024 * 1024] {
        let (mut tcp, mut tls) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            tcp.push(rate("tcp", &config, size));
            tls.push(rate("tls+tcp", &config, size));
        }
        let (tcp, tls) = (median(tcp), median(tls));
        println!("{size:>8} {tcp:>12.0} {tls:>12.0} {:>7.2}", tls / tcp);
    }
}

/// Messages of this size that arrive in a second.
fn rate(scheme: &str, config: &TlsConfig, size: usize) -> f64 {
    let (pull, push) = (Socket::<Pull>::new(), Socket::<Push>::new());
    pull.set_option("tls-config", config).expect("a socket has the option");
    push.set_option("tls-config", config).expect("a socket has the option");
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
