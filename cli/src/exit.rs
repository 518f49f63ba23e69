//! How the command ends.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Why the command ends before its work is done.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The command line makes no sense: code 2.
    Usage(String),
    /// Something failed: code 1.
    Failed(String),
    /// Nobody reads the output any more: code 0, and not a word.
    Unread,
    /// Ctrl-C or a request to terminate: code 130, as shells have it.
    Interrupted,
}

impl Exit {
    /// What to tell the user, and the code to end with.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                eprintln!("spanwire: {text}");
                ExitCode::from(2)
            }
            Self::Failed(text) => {
                eprintln!("spanwire: {text}");
                ExitCode::FAILURE
            }
            Self::Unread => ExitCode::SUCCESS,
            Self::Interrupted => ExitCode::from(130),
        }
    }

    /// What to tell somebody else.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Usage(text) | Self::Failed(text) => text,
            Self::Unread | Self::Interrupted => "interrupted".into(),
        }
    }

    /// What went wrong when writing to standard output.
    pub(crate) fn writing(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Failed(format!("can't write to standard output: {e}")),
        }
    }
}

/// Says what was being done when an error came.
pub(crate) trait Doing<T> {
    /// `what` is read before a colon: "can't dial tcp://localhost:1".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Exit>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Exit> {
        self.map_err(|e| Exit::Failed(format!("{}: {e}", what())))
    }
}
