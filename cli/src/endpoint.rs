//! Addresses on the command line, and starting to listen and dial.

use clap::Args;
use spanwire::{AnySocket, Error, Url};

use crate::exit::Exit;
use crate::tls::TlsArgs;

/// Where a socket connects.
#[derive(Args, Clone, Debug)]
pub(crate) struct Addresses {
    /// Listen at this URL
    #[arg(long, visible_alias = "bind", value_name = "URL", value_parser = Url::parse, help_heading = HEADING)]
    listen: Vec<Url>,
    /// Dial this URL
    #[arg(long, visible_alias = "connect", value_name = "URL", value_parser = Url::parse, help_heading = HEADING)]
    dial: Vec<Url>,
    /// Listen at tcp://127.0.0.1:PORT
    #[arg(long, short = 'L', value_name = "PORT", help_heading = HEADING)]
    bind_local: Vec<u16>,
    /// Dial tcp://127.0.0.1:PORT
    #[arg(long, short = 'l', value_name = "PORT", help_heading = HEADING)]
    connect_local: Vec<u16>,
    /// Listen at ipc://PATH
    #[arg(long, short = 'X', value_name = "PATH", value_parser = ipc, help_heading = HEADING)]
    bind_ipc: Vec<Url>,
    /// Dial ipc://PATH
    #[arg(long, short = 'x', value_name = "PATH", value_parser = ipc, help_heading = HEADING)]
    connect_ipc: Vec<Url>,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// One address, and what to do there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Take connections.
    Listen(Url),
    /// Connect.
    Dial(Url),
}

/// How to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialing {
    /// Fail if nobody is there.
    AtOnce,
    /// Keep trying in the background.
    InBackground,
}

impl Addresses {
    /// All of them, first those to listen at.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, Exit> {
        let local = |port: &u16| Url::parse(&format!("tcp://127.0.0.1:{port}")).ok();
        let listen = self.listen.iter().cloned();
        let listen = listen.chain(self.bind_local.iter().filter_map(local)).chain(self.bind_ipc.iter().cloned());
        let dial = self.dial.iter().cloned();
        let dial = dial.chain(self.connect_local.iter().filter_map(local)).chain(self.connect_ipc.iter().cloned());
        let all: Vec<_> = listen.map(Endpoint::Listen).chain(dial.map(Endpoint::Dial)).collect();
        match all.is_empty() {
            true => Err(Exit::Usage("no address: give --listen URL or --dial URL".into())),
            false => Ok(all),
        }
    }
}

impl Endpoint {
    /// Listens or dials, and tells `say` what came of it.
    pub(crate) fn start(&self, socket: &AnySocket, dialing: Dialing, mut say: impl FnMut(String)) -> Result<(), Exit> {
        match (self, dialing) {
            (Self::Listen(url), _) => {
                let listener = socket.listen(url).wait().map_err(|e| cant("listen at", url, &e))?;
                say(format!("listening on {}", listener.url()));
            }
            (Self::Dial(url), Dialing::AtOnce) => {
                socket.dial(url).wait().map_err(|e| cant("dial", url, &e))?;
                say(format!("connected to {url}"));
            }
            (Self::Dial(url), Dialing::InBackground) => {
                socket.dial_in_background(url).map_err(|e| cant("dial", url, &e))?;
                say(format!("dialing {url}"));
            }
        }
        Ok(())
    }
}

/// Many errors name the URL already.
pub(crate) fn cant(what: &str, url: &Url, e: &Error) -> Exit {
    match e.detail() {
        detail if detail.starts_with(url.as_str()) => Exit::Failed(format!("can't {what} {detail}")),
        _ => Exit::Failed(format!("can't {what} {url}: {e}")),
    }
}

fn ipc(path: &str) -> Result<Url, Error> {
    Url::parse(&format!("ipc://{path}"))
}

const HEADING: &str = "Addresses (one or more)";
