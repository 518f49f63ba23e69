//! `spanwire device`: forwards between two addresses.

use clap::{Args, ValueEnum};
use spanwire::option::names;
use spanwire::{AnySocket, Url};

use crate::endpoint::{Dialing, Endpoint};
use crate::exit::{Doing, Exit};
use crate::protocol::Protocol;
use crate::tls::{Tls, TlsArgs};

/// Joins two addresses: what comes in at FRONT goes out at BACK, and answers go the other way.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DeviceArgs {
    /// What is forwarded
    #[arg(long, short, value_enum, value_name = "PROTOCOL")]
    protocol: Forwarded,
    /// Where requests, surveys, jobs or publications come from: [listen:]URL or dial:URL
    #[arg(value_parser = side, value_name = "FRONT")]
    front: Endpoint,
    /// Where they go to: [listen:]URL or dial:URL; without it, back where they came from (pair and bus only)
    #[arg(value_parser = side, value_name = "BACK")]
    back: Option<Endpoint>,
    /// A message that passed N devices before is dropped (1 to 255) [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Close connections on which a message of more than SIZE bytes arrives; 0 is no limit [default: 64 MiB]
    #[arg(long, short = 'Z', value_name = "SIZE")]
    recv_maxsz: Option<usize>,
    /// TLS.
    #[command(flatten)]
    tls: TlsArgs,
    /// Tell on standard error what is listened at and dialed
    #[arg(long, short)]
    verbose: bool,
}

/// What a device forwards. Either end's protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Forwarded {
    /// Requests from FRONT, replies from BACK
    #[value(aliases = ["rep", "reqrep", "req0", "rep0"])]
    Req,
    /// Publications from FRONT to the subscribers at BACK
    #[value(aliases = ["sub", "pubsub", "pub0", "sub0"])]
    Pub,
    /// Messages pushed at FRONT to the pullers at BACK
    #[value(aliases = ["pull", "pipeline", "push0", "pull0"])]
    Push,
    /// Surveys from FRONT, responses from BACK
    #[value(aliases = ["survey", "respondent", "respond", "surveyor0", "respondent0"])]
    Surveyor,
    /// One peer on each side, version 0
    #[value(alias = "pair")]
    Pair0,
    /// One peer on each side, version 1
    Pair1,
    /// The neighbours on each side
    #[value(alias = "bus0")]
    Bus,
}

impl Forwarded {
    /// Who sends to a device, so that its front has the peer's protocol and its back has this one.
    fn sender(self) -> Protocol {
        match self {
            Self::Req => Protocol::Req,
            Self::Pub => Protocol::Pub,
            Self::Push => Protocol::Push,
            Self::Surveyor => Protocol::Surveyor,
            Self::Pair0 => Protocol::Pair0,
            Self::Pair1 => Protocol::Pair1,
            Self::Bus => Protocol::Bus,
        }
    }
}

impl DeviceArgs {
    /// Forwards until a socket fails or the process is ended.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let sender = self.protocol.sender();
        if self.back.is_none() && sender.peer() != sender {
            return Err(Exit::Usage(format!("protocol {} needs a BACK address", sender.name())));
        }
        let tls = self.tls.read()?;
        let front = self.open(sender.peer(), &self.front, &tls)?;
        let back = self.back.as_ref().map(|back| self.open(sender, back, &tls)).transpose()?;
        match back {
            Some(back) => spanwire::device(front, back).wait(),
            None => spanwire::reflector(front).wait(),
        }
        .doing(|| "the device has stopped".into())
    }

    fn open(&self, protocol: Protocol, endpoint: &Endpoint, tls: &Tls) -> Result<AnySocket, Exit> {
        let socket = AnySocket::open_raw(protocol.name()).doing(|| "can't open a socket".into())?;
        tls.apply(&socket)?;
        if let Some(ttl) = self.ttl {
            socket.set_option(names::TTL_MAX, i32::from(ttl)).doing(|| "can't set --ttl".into())?;
        }
        if let Some(size) = self.recv_maxsz {
            socket.set_recv_max(size).doing(|| "can't set --recv-maxsz".into())?;
        }
        // A device may start before its neighbours.
        endpoint.start(&socket, Dialing::InBackground, |text| {
            if self.verbose {
                eprintln!("{text}");
            }
        })?;
        Ok(socket)
    }
}

fn side(text: &str) -> Result<Endpoint, spanwire::Error> {
    match (text.strip_prefix("listen:"), text.strip_prefix("dial:")) {
        (_, Some(url)) => Url::parse(url).map(Endpoint::Dial),
        (Some(url), None) => Url::parse(url).map(Endpoint::Listen),
        (None, None) => Url::parse(text).map(Endpoint::Listen),
    }
}

const HELP: &str = "\
The protocol may be named by either end: req and rep mean the same device. It runs until it is
ended, by Ctrl-C say. Dialing goes on in the background until somebody is there.

Devices with bus sockets must not form two rings: nothing would stop a message from going round for
ever.

Examples:
  Clients at a TCP port, any number of servers behind it, each of which dials ipc:///tmp/servers:
    spanwire device --protocol req tcp://0.0.0.0:5555 ipc:///tmp/servers
  Repeat a remote feed for the programs on this machine:
    spanwire device --protocol pub dial:tcp://feed.example.org:5556 ipc:///tmp/feed
  Send everything back, to measure a connection:
    spanwire device --protocol pair1 tcp://127.0.0.1:5557";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_listens_unless_it_says_dial() {
        let url = Url::parse("tcp://127.0.0.1:1").unwrap();
        assert_eq!(side("tcp://127.0.0.1:1"), Ok(Endpoint::Listen(url.clone())));
        assert_eq!(side("listen:tcp://127.0.0.1:1"), Ok(Endpoint::Listen(url.clone())));
        assert_eq!(side("dial:tcp://127.0.0.1:1"), Ok(Endpoint::Dial(url)));
        assert!(side("dial:nowhere").is_err());
    }

    #[test]
    fn every_protocol_names_its_device() {
        for protocol in Protocol::ALL {
            let named = Forwarded::from_str(protocol.name(), false).unwrap();
            assert!([protocol, protocol.peer()].contains(&named.sender()), "{protocol:?}");
        }
    }
}
