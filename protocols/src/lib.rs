//! The scalability protocols as pure state machines: no I/O, no clock, no thread, no lock.
//!
//! Each implements [`spanwire_core::Protocol`] in a file of its own, which says what the protocol is for, what it drops and
//! when, its options, errors and wire format. [`PROTOCOLS`] lists them all; a new protocol is one file and one row there.
//!
//! ```
//! use spanwire_protocols::{PROTOCOLS, find};
//! let req = find("req", false).unwrap();
//! assert_eq!(req.info.peer_name, "rep");
//! assert!(PROTOCOLS.iter().any(|entry| entry.info.number == 0x31));
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

pub mod bus;
pub mod pair0;
pub mod pair1;
pub mod pair1_poly;
pub mod publish;
pub mod pull;
pub mod push;
pub mod raw_asker;
pub mod raw_replier;
pub mod rep;
pub mod req;
pub mod respondent;
pub mod sim;
pub mod subscribe;
pub mod surveyor;

mod fanout;
mod inbox;
mod levels;
mod mono;
mod nodes;
mod options;
mod picker;
mod replier;
mod subscriptions;
mod words;

use spanwire_core::protocol::{Protocol, ProtocolInfo};

pub use bus::{Bus, RawBus};
pub use pair0::{Pair0, RawPair0};
pub use pair1::{Pair1, RawPair1};
pub use pair1_poly::Pair1Poly;
pub use publish::{Pub, RawPub};
pub use pull::{Pull, RawPull};
pub use push::{Push, RawPush};
pub use raw_asker::{RawReq, RawSurveyor};
pub use raw_replier::{RawRep, RawRespondent};
pub use rep::Rep;
pub use req::Req;
pub use respondent::Respondent;
pub use subscribe::{RawSub, Sub};
pub use subscriptions::Subscriptions;
pub use surveyor::Surveyor;

/// One form of one protocol.
#[derive(Debug)]
pub struct Entry {
    /// The name under which [`find`] knows it. The same as in `info`, except that polyamorous pair1 is "pair1-poly".
    pub name: &'static str,
    /// What is fixed about it.
    pub info: &'static ProtocolInfo,
    /// Makes the state machine of a new socket. The seed stands in for randomness: request ids start from it.
    pub new: fn(seed: u64) -> Box<dyn Protocol>,
}

/// All protocols, in all forms.
pub static PROTOCOLS: &[Entry] = &[
    Entry { name: "pair", info: &Pair0::INFO, new: |seed| Box::new(Pair0::new(seed)) },
    Entry { name: "pair", info: &RawPair0::INFO, new: |seed| Box::new(RawPair0::new(seed)) },
    Entry { name: "pair1", info: &Pair1::INFO, new: |seed| Box::new(Pair1::new(seed)) },
    Entry { name: "pair1", info: &RawPair1::INFO, new: |seed| Box::new(RawPair1::new(seed)) },
    Entry { name: "pair1-poly", info: &Pair1Poly::INFO, new: |seed| Box::new(Pair1Poly::new(seed)) },
    Entry { name: "bus", info: &Bus::INFO, new: |seed| Box::new(Bus::new(seed)) },
    Entry { name: "bus", info: &RawBus::INFO, new: |seed| Box::new(RawBus::new(seed)) },
    Entry { name: "push", info: &Push::INFO, new: |seed| Box::new(Push::new(seed)) },
    Entry { name: "push", info: &RawPush::INFO, new: |seed| Box::new(RawPush::new(seed)) },
    Entry { name: "pull", info: &Pull::INFO, new: |seed| Box::new(Pull::new(seed)) },
    Entry { name: "pull", info: &RawPull::INFO, new: |seed| Box::new(RawPull::new(seed)) },
    Entry { name: "pub", info: &Pub::INFO, new: |seed| Box::new(Pub::new(seed)) },
    Entry { name: "pub", info: &RawPub::INFO, new: |seed| Box::new(RawPub::new(seed)) },
    Entry { name: "sub", info: &Sub::INFO, new: |seed| Box::new(Sub::new(seed)) },
    Entry { name: "sub", info: &RawSub::INFO, new: |seed| Box::new(RawSub::new(seed)) },
    Entry { name: "req", info: &Req::INFO, new: |seed| Box::new(Req::new(seed)) },
    Entry { name: "req", info: &RawReq::INFO, new: |seed| Box::new(RawReq::new(seed)) },
    Entry { name: "rep", info: &Rep::INFO, new: |seed| Box::new(Rep::new(seed)) },
    Entry { name: "rep", info: &RawRep::INFO, new: |seed| Box::new(RawRep::new(seed)) },
    Entry { name: "surveyor", info: &Surveyor::INFO, new: |seed| Box::new(Surveyor::new(seed)) },
    Entry { name: "surveyor", info: &RawSurveyor::INFO, new: |seed| Box::new(RawSurveyor::new(seed)) },
    Entry { name: "respondent", info: &Respondent::INFO, new: |seed| Box::new(Respondent::new(seed)) },
    Entry { name: "respondent", info: &RawRespondent::INFO, new: |seed| Box::new(RawRespondent::new(seed)) },
];

/// The protocol of this name, as NNG calls it: "pair" (or "pair0"), "pair1", "pair1-poly", "bus", "push", "pull", "pub",
/// "sub", "req", "rep", "surveyor" or "respondent"; cooked or raw.
pub fn find(name: &str, raw: bool) -> Option<&'static Entry> {
    let name = if name == "pair0" { "pair" } else { name };
    PROTOCOLS.iter().find(|entry| entry.name == name && entry.info.raw == raw)
}

/// What tells apart two protocols that share a state machine.
pub trait Form: Send + 'static {
    /// The facts about the protocol.
    const INFO: ProtocolInfo;
}
