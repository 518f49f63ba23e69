//! Relays its standard input and output to a socket file: `exec-relay PATH`. It ends when the connection does.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::{env, io, thread};

fn main() -> ExitCode {
    let Some(path) = env::args_os().nth(1) else {
        eprintln!("exec-relay PATH");
        return ExitCode::from(2);
    };
    match UnixStream::connect(&path).and_then(relay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("exec-relay: {}: {e}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn relay(mut socket: UnixStream) -> io::Result<()> {
    // As files, since nothing is to wait in a buffer.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut outgoing = socket.try_clone()?;
    thread::spawn(move || {
        let _ = carry(&mut input, &mut outgoing);
        let _ = outgoing.shutdown(Shutdown::Write);
    });
    carry(&mut socket, &mut output)
}

/// Until the end. Not `io::copy`: on Linux that splices, and a splice that waits for a socket keeps its pipe locked, so that whoever
/// wants to read the pipe, even without blocking, waits too.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = [0; 64 * 1024];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(n) => to.write_all(&bytes[..n])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
