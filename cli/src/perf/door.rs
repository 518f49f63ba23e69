//! The addresses of a measurement's connections, next to the one that the user gave.

use serde_json::{Value, json};
use spanwire::{AnySocket, Error, Url};

use super::plan::Ports;
use crate::endpoint::cant;
use crate::exit::Exit;

/// Where a stream is to be dialed. Only what differs from the server's URL is said, because the client may have another name for the
/// server than the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The same host at this port.
    Port(u16),
    /// The same name with `.perf` and this number behind it.
    Suffix(u64),
}

impl Door {
    /// Listens for a stream. `number` is a new one for each.
    pub(crate) fn open(socket: &AnySocket, url: &Url, ports: Option<Ports>, number: u64) -> Result<Self, Exit> {
        if url.port().is_none() {
            let door = Self::Suffix(number);
            let url = door.url(url)?;
            return socket.listen(&url).wait().map(|_| door).map_err(|e| cant("listen at", &url, &e));
        }
        let any = Ports { first: 0, last: 0 };
        let Ports { first, last } = ports.unwrap_or(any);
        for port in first..=last {
            let url = url.with_port(port);
            match socket.listen(&url).wait() {
                Ok(listener) => return Ok(Self::Port(listener.url().port().unwrap_or(port))),
                Err(Error::AddressInUse(_)) if ports.is_some() => {}
                Err(e) => return Err(cant("listen at", &url, &e)),
            }
        }
        Err(Exit::Failed(format!("none of its ports {first}-{last} is free (--ports of spanwire perf serve)")))
    }

    /// Where that is, as seen from who calls the server by this URL.
    pub(crate) fn url(self, server: &Url) -> Result<Url, Exit> {
        let url = match self {
            Self::Port(port) => return Ok(server.with_port(port)),
            Self::Suffix(number) => format!("{}.perf{number}", server.as_str()),
        };
        Url::parse(&url).map_err(|e| Exit::Failed(format!("no address for the measurement: {e}")))
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Port(port) => json!({ "port": port }),
            Self::Suffix(number) => json!({ "suffix": number }),
        }
    }

    /// From JSON.
    pub(crate) fn of_json(value: &Value) -> Option<Self> {
        match (value["port"].as_u64(), value["suffix"].as_u64()) {
            (Some(port), None) => port.try_into().ok().map(Self::Port),
            (None, Some(number)) => Some(Self::Suffix(number)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_next_to_its_server() {
        for (server, door, url) in [
            ("tcp://example.org:5555", Door::Port(9), "tcp://example.org:9"),
            ("tcp6://[::1]:5555", Door::Port(9), "tcp6://[::1]:9"),
            ("ipc:///tmp/perf", Door::Suffix(3), "ipc:///tmp/perf.perf3"),
            ("abstract://a%20b", Door::Suffix(3), "abstract://a%20b.perf3"),
        ] {
            assert_eq!(door.url(&Url::parse(server).unwrap()).unwrap().as_str(), url);
        }
    }
}
