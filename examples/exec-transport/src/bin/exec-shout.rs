//! Answers requests of who has started it, in upper case. It ends when its input does.

#![forbid(unsafe_code)]

use std::sync::mpsc;

use spanwire::{PipeChange, Rep, Result, Socket};

fn main() -> Result<()> {
    exec_transport::register();
    let rep = Socket::<Rep>::new();
    let (tell, told) = mpsc::channel();
    rep.on_pipe(move |change, _| {
        if change == PipeChange::Removed {
            let _ = tell.send(());
        }
    });
    let answering = rep.clone();
    std::thread::spawn(move || {
        while let Ok(request) = answering.recv_request().wait() {
            let loud = request.message.body().to_ascii_uppercase();
            let _ = request.reply(loud).wait();
        }
    });
    rep.listen("exec://-").wait()?;
    let _ = told.recv();
    Ok(())
}
