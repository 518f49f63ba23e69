//! A feed with topics: each subscriber hears what it asked for. Async, on smol; any other runtime does as well.
//!
//! `cargo run --example feed`
#![allow(clippy::print_stdout)]

use spanwire::{Pub, Socket, Sub};

fn main() -> spanwire::Result<()> {
    smol::block_on(async {
        let feed = Socket::<Pub>::new();
        let address = feed.listen("tcp://127.0.0.1:0").await?;
        let mut readers = Vec::new();
        for topic in ["weather.", "traffic."] {
            let reader = Socket::<Sub>::new();
            reader.subscribe(topic)?;
            reader.dial(&address).await?;
            readers.push(smol::spawn(async move {
                for _ in 0..3 {
                    let news = reader.recv().await?;
                    println!("{topic:>10} {}", news.to_str().unwrap_or("?"));
                }
                Ok::<_, spanwire::Error>(())
            }));
        }
        // A publisher does not wait for anybody: only who is connected hears it.
        while feed.pipes().len() < 2 {
            smol::future::yield_now().await;
        }
        for n in 1..=3 {
            feed.send(format!("weather.report {n}")).await?;
            feed.send(format!("traffic.report {n}")).await?;
            feed.send(format!("sports.report {n}")).await?;
        }
        for reader in readers {
            reader.await?;
        }
        Ok(())
    })
}
