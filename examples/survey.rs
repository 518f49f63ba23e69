//! A question to everybody, and the answers that come before the deadline.
//!
//! `cargo run --example survey`
#![allow(clippy::print_stdout)]

use std::thread;
use std::time::Duration;

use spanwire::{Respondent, Socket, Surveyor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let surveyor = Socket::<Surveyor>::new();
    let address = surveyor.listen("inproc://survey").wait()?;
    for name in ["anna", "ben", "carl"] {
        let respondent = Socket::<Respondent>::new();
        respondent.dial(&address).wait()?;
        thread::spawn(move || {
            while let Ok(question) = respondent.recv_request().wait() {
                let _ = question.reply(format!("{name} is here")).wait();
            }
        });
    }
    while surveyor.pipes().len() < 3 {
        thread::yield_now();
    }
    surveyor.set_survey_time(Duration::from_millis(200))?;
    for answer in surveyor.survey("Who is there?")? {
        println!("{}", answer.to_str()?);
    }
    println!("that was everybody");
    Ok(())
}
