//! Pair, version 1: one peer, both ways, with a hop count so that devices can't loop.
//!
//! Works like [version 0](crate::pair0), see the diagram there, but the two don't talk to each other. The polyamorous form, which
//! has many peers, is in [`pair1_poly`](crate::pair1_poly).
//!
//! **Dropped:** messages that have passed more than `ttl-max` devices (`drop_ttl`).
//! **Options:** `send-buffer` (0), `recv-buffer` (0), `ttl-max` (8), `pair1:polyamorous` (false, read only).
//! **Errors:** a raw send whose header is no hop count of 0 to 0xfe is a `Protocol` error. A peer whose message has no
//! hop count, or one above 0xff, is disconnected.
//! **On the wire:** `u32` hop count (1 when sent by a cooked socket, one more at each raw send), then the body.

use spanwire_core::message::Header;
use spanwire_core::option::names;
use spanwire_core::protocol::ProtocolInfo;
use spanwire_core::{Message, OptionValue, Result};

use crate::mono::{Hops, Mono, Verdict, bad_hop_header};
use crate::options;
use crate::pair0::Pair0Form;

/// Pair, version 1.
pub type Pair1 = Mono<Pair1Form>;

/// Raw pair, version 1.
pub type RawPair1 = Mono<RawPair1Form>;

/// Hop counts, and what has happened because of them.
#[derive(Debug)]
pub(crate) struct HopCount {
    ttl: usize,
    pub(crate) already: u64,
    pub(crate) tx_drop: u64,
    ttl_drop: u64,
    rx_malformed: u64,
    tx_malformed: u64,
}

impl Default for HopCount {
    fn default() -> Self {
        Self { ttl: options::TTL, already: 0, tx_drop: 0, ttl_drop: 0, rx_malformed: 0, tx_malformed: 0 }
    }
}

impl HopCount {
    /// The header of a message that starts here.
    pub(crate) fn start(msg: &mut Message) {
        msg.clear_header();
        msg.append_header_u32(1);
    }

    /// Counts one hop more in a message that an application passes on.
    fn pass_on(&mut self, msg: &mut Message) -> Result<()> {
        let hops = self.hops(msg)?;
        msg.clear_header();
        msg.append_header_u32(hops + 1);
        Ok(())
    }

    /// The hop count of a message that an application passes on.
    fn hops(&mut self, msg: &Message) -> Result<u32> {
        match msg.header().try_into().map(u32::from_be_bytes) {
            Ok(hops) if hops < MAX_HOPS => Ok(hops),
            Ok(_) | Err(_) => {
                self.tx_malformed += 1;
                Err(bad_hop_header(msg.header()))
            }
        }
    }

    /// Takes the hop count off a received message. 0 is accepted, because mangos sends it.
    fn take(&mut self, msg: &mut Message) -> Result<u32, Verdict> {
        let hops = match msg.take_word() {
            Some(hops) if hops <= MAX_HOPS => hops,
            Some(_) | None => {
                self.rx_malformed += 1;
                return Err(Verdict::Malformed);
            }
        };
        if usize::try_from(hops).is_ok_and(|hops| hops > self.ttl) {
            self.ttl_drop += 1;
            return Err(Verdict::TooManyHops);
        }
        msg.join_header();
        Ok(hops)
    }

    /// Makes a received message ready for the application: its header is the hop count, for whoever looks, as with NNG.
    pub(crate) fn receive(&mut self, msg: &mut Message) -> Verdict {
        match self.take(msg) {
            Ok(hops) => {
                let mut header = Header::new();
                header.push(hops);
                msg.set_header(header);
                Verdict::Good
            }
            Err(verdict) => verdict,
        }
    }

    pub(crate) fn set_option(&mut self, info: &ProtocolInfo, name: &str, value: &OptionValue) -> Result<()> {
        if name != names::TTL_MAX {
            return options::unsupported(info, name);
        }
        self.ttl = options::count(name, value)?;
        Ok(())
    }

    pub(crate) fn option(&self, info: &ProtocolInfo, poly: bool, name: &str) -> Result<OptionValue> {
        match name {
            names::TTL_MAX => Ok(options::from_count(self.ttl)),
            names::PAIR1_POLYAMOROUS => Ok(poly.into()),
            _ => options::unsupported(info, name),
        }
    }

    pub(crate) fn counters(&self, info: &ProtocolInfo, poly: bool) -> Vec<(&'static str, u64)> {
        vec![
            ("poly", u64::from(poly)),
            ("raw", u64::from(info.raw)),
            // Peers of another protocol are refused before the protocol sees them.
            ("mismatch", 0),
            ("already", self.already),
            ("ttl_drop", self.ttl_drop),
            ("tx_drop", self.tx_drop),
            ("rx_malformed", self.rx_malformed),
            ("tx_malformed", self.tx_malformed),
        ]
    }
}

const MAX_HOPS: u32 = 0xff;

/// Facts about [`Pair1`].
#[derive(Debug, Default)]
pub struct Pair1Form(HopCount);

impl Hops for Pair1Form {
    const INFO: ProtocolInfo =
        ProtocolInfo { name: "pair1", peer_name: "pair1", number: 0x11, peer: 0x11, ..Pair0Form::INFO };

    fn wrap(&mut self, msg: &mut Message) -> Result<()> {
        HopCount::start(msg);
        Ok(())
    }

    fn unwrap(&mut self, msg: &mut Message) -> Verdict {
        self.0.receive(msg)
    }

    fn refused(&mut self) {
        self.0.already += 1;
    }

    fn set_option(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        self.0.set_option(&Self::INFO, name, value)
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        self.0.option(&Self::INFO, false, name)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.0.counters(&Self::INFO, false)
    }
}

/// Facts about [`RawPair1`].
#[derive(Debug, Default)]
pub struct RawPair1Form(HopCount);

impl Hops for RawPair1Form {
    const INFO: ProtocolInfo = ProtocolInfo { raw: true, ..Pair1Form::INFO };

    fn check(&mut self, msg: &Message) -> Result<()> {
        self.0.hops(msg).map(drop)
    }

    fn wrap(&mut self, msg: &mut Message) -> Result<()> {
        self.0.pass_on(msg)
    }

    fn unwrap(&mut self, msg: &mut Message) -> Verdict {
        self.0.receive(msg)
    }

    fn refused(&mut self) {
        self.0.already += 1;
    }

    fn set_option(&mut self, name: &str, value: &OptionValue) -> Result<()> {
        self.0.set_option(&Self::INFO, name, value)
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        self.0.option(&Self::INFO, false, name)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.0.counters(&Self::INFO, false)
    }
}
