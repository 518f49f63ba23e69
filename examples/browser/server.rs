//! What the page talks to: three sockets, one port.

use std::thread;

use spanwire::{Pair0, Pub, Rep, Result, Socket};

/// Serves at this address, such as `127.0.0.1:8080`, and calls `report` with what a page says of itself when it has done all. Answers the
/// address, with the port that was chosen. It ends with the process.
pub(crate) fn serve(address: &str, report: impl Fn(&str) + Send + 'static) -> Result<String> {
    let feed = Socket::<Pub>::new();
    feed.set_option("send-buffer", 1000)?;
    let listener = feed.listen(format!("ws://{address}/feed")).wait()?;
    let (host, _) = address.rsplit_once(':').unwrap_or((address, ""));
    let address = format!("{host}:{}", listener.url().port().unwrap_or(80));

    let ask = Socket::<Rep>::new();
    ask.listen(format!("ws://{address}/ask")).wait()?;
    thread::spawn(move || {
        while let Ok(request) = ask.recv_request().wait() {
            let text = String::from_utf8_lossy(request.message.body()).into_owned();
            let words: Vec<_> = text.split(' ').collect();
            let answer = match words[..] {
                ["publish", from, count] => publish(&feed, from, count),
                ["report", ..] => {
                    report(text.trim_start_matches("report "));
                    "thank you".to_owned()
                }
                _ => format!("answer to {text}"),
            };
            // The page may have gone.
            let _ = request.reply(answer).wait();
        }
    });

    let talk = Socket::<Pair0>::new();
    talk.listen(format!("ws://{address}/talk")).wait()?;
    thread::spawn(move || {
        while let Ok(line) = talk.recv().wait() {
            if talk.send(line).wait().is_err() {
                break;
            }
        }
    });
    Ok(address)
}

fn publish(feed: &Socket<Pub>, from: &str, count: &str) -> String {
    let (Ok(from), Ok(count)) = (from.parse::<u32>(), count.parse::<u32>()) else { return "how many?".to_owned() };
    for n in from..from.saturating_add(count.min(1000)) {
        let sent = feed.send(format!("weather.{n}")).wait().and_then(|()| feed.send(format!("news.{n}")).wait());
        if let Err(e) = sent {
            return e.to_string();
        }
    }
    "published".to_owned()
}
