//! Who has sent what to whom: the part of the random stories that knows what may arrive where.

use std::collections::{HashMap, HashSet};

use spanwire_core::protocol::ProtocolInfo;
use spanwire_core::{ContextId, Message};

use super::NodeId;

/// Where a message comes from, as its receiver reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    serial: u64,
    node: NodeId,
    ctx: ContextId,
}

/// What simulated messages carry behind their topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    pub(super) serial: u64,
    node: NodeId,
    ctx: ContextId,
    /// The request that this answers.
    pub(super) echo: Option<Origin>,
}

impl Payload {
    pub(super) fn origin(&self) -> Origin {
        Origin { serial: self.serial, node: self.node, ctx: self.ctx }
    }

    pub(super) fn encode(&self, topic: [u8; 3], large: bool) -> Vec<u8> {
        let mut bytes = [&topic[..], MAGIC].concat();
        let none = Origin { serial: 0, node: 0, ctx: ContextId::SOCKET };
        for origin in [self.origin(), self.echo.unwrap_or(none)] {
            bytes.extend(origin.serial.to_le_bytes());
            bytes.extend((origin.node as u32).to_le_bytes());
            bytes.extend(origin.ctx.get().to_le_bytes());
        }
        bytes.resize(if large { 3000 } else { bytes.len() }, 0x55);
        bytes
    }

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut rest = body.get(3..)?.strip_prefix(MAGIC)?;
        let mut word = || {
            let (word, left) = rest.split_first_chunk::<8>()?;
            rest = left;
            Some(u64::from_le_bytes(*word))
        };
        let mut origin = || {
            let (serial, place) = (word()?, word()?);
            let ctx = ContextId::new((place >> 32) as u32)?;
            Some(Origin { serial, node: place as u32 as usize, ctx })
        };
        let (from, echo) = (origin()?, origin()?);
        Some(Self { serial: from.serial, node: from.node, ctx: from.ctx, echo: (echo.serial != 0).then_some(echo) })
    }
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    serial: u64,
    /// The place of each accepted message in the order of acceptance, and whether it must not get lost.
    accepted: HashMap<u64, (u64, bool)>,
    delivered: HashSet<(Option<(NodeId, ContextId)>, u64)>,
    /// The last message of each sender at each receiver, by order of acceptance.
    latest: HashMap<(NodeId, ContextId, NodeId), u64>,
    before: HashMap<(NodeId, ContextId), Option<u64>>,
    /// The request or survey under way.
    asked: HashMap<(NodeId, ContextId), u64>,
    /// The request to be answered; the inner `None` is one that the simulator did not send.
    owed: HashMap<(NodeId, ContextId), Option<Origin>>,
    topics: HashMap<(NodeId, ContextId), Vec<&'static [u8]>>,
}

impl Ledger {
    pub(super) fn next(&mut self, node: NodeId, ctx: ContextId) -> Payload {
        self.serial += 1;
        Payload { serial: self.serial, node, ctx, echo: None }
    }

    pub(super) fn opened(&mut self, node: NodeId, ctx: ContextId) {
        self.closed(node, ctx);
    }

    pub(super) fn closed(&mut self, node: NodeId, ctx: ContextId) {
        self.asked.remove(&(node, ctx));
        self.owed.remove(&(node, ctx));
        self.topics.remove(&(node, ctx));
    }

    /// A raw socket has asked; it may ask many questions at a time.
    pub(super) fn asked(&mut self, node: NodeId, ctx: ContextId, serial: u64) {
        self.asked.insert((node, ctx), serial);
    }

    /// A new request is being sent: the old one is over.
    pub(super) fn superseded(&mut self, node: NodeId, ctx: ContextId, info: &ProtocolInfo) {
        if !info.raw {
            self.asked.remove(&(node, ctx));
        }
    }

    /// A waiting receive was given up: the request is over.
    pub(super) fn gave_up(&mut self, node: NodeId, ctx: ContextId) {
        self.asked.remove(&(node, ctx));
    }

    pub(super) fn owed(&self, node: NodeId, ctx: ContextId) -> Option<Option<Origin>> {
        self.owed.get(&(node, ctx)).copied()
    }

    /// The request can't be answered any more.
    pub(super) fn answered(&mut self, node: NodeId, ctx: ContextId) {
        self.owed.remove(&(node, ctx));
    }

    pub(super) fn sent(&mut self, node: NodeId, ctx: ContextId, payload: &Payload, info: &ProtocolInfo) {
        let place = self.accepted.len() as u64 + 1;
        self.accepted.insert(payload.serial, (place, info.returns_unsent));
        if matches!(info.name, "req" | "surveyor") && !info.raw {
            self.asked.insert((node, ctx), payload.serial);
        }
    }

    pub(super) fn subscribe(&mut self, node: NodeId, ctx: ContextId, topic: &'static [u8]) {
        let topics = self.topics.entry((node, ctx)).or_default();
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }

    pub(super) fn unsubscribe(&mut self, node: NodeId, ctx: ContextId, topic: &'static [u8]) -> bool {
        let topics = self.topics.entry((node, ctx)).or_default();
        let before = topics.len();
        topics.retain(|other| *other != topic);
        topics.len() < before
    }

    pub(super) fn received(
        &mut self,
        node: NodeId,
        ctx: ContextId,
        msg: &Message,
        info: &ProtocolInfo,
    ) -> Result<(), String> {
        let here = (node, ctx);
        let payload = Payload::parse(msg.body());
        if matches!(info.name, "rep" | "respondent") && !info.raw {
            self.owed.insert(here, payload.map(|payload| payload.origin()));
        }
        if info.name == "sub" && !info.raw {
            let topics = self.topics.get(&here).map(Vec::as_slice).unwrap_or_default();
            if !topics.iter().any(|topic| msg.body().starts_with(topic)) {
                return Err(format!("{msg:?} matches none of {topics:?}"));
            }
        }
        let Some(payload) = payload else { return Ok(()) };
        let Some((place, _)) = self.accepted.get(&payload.serial).copied() else {
            return Err(format!("received {payload:?}, which was never accepted"));
        };
        match info.name {
            "req" | "surveyor" => {
                let Some(echo) = payload.echo else {
                    // Somebody has answered garbage. A raw socket knows no better.
                    return if info.raw { Ok(()) } else { Err(format!("{payload:?} answers nothing")) };
                };
                if echo.node != node || !info.raw && (echo.ctx != ctx || self.asked.get(&here) != Some(&echo.serial)) {
                    return Err(format!("{payload:?} arrived at {here:?}, which asked {:?}", self.asked.get(&here)));
                }
                if info.name == "req" && !info.raw {
                    self.asked.remove(&here);
                }
            }
            "pair" | "pair1" | "bus" | "sub" => {
                let latest = self.latest.insert((node, ctx, payload.node), place);
                self.before.insert(here, latest);
                if latest >= Some(place) {
                    return Err(format!("{payload:?} arrived after a later one"));
                }
            }
            _ => {}
        }
        // Requests may be sent again; copies go to many; the rest arrives once in all the world.
        let whose = match info.name {
            "rep" => return Ok(()),
            "sub" | "bus" | "respondent" => Some(here),
            _ => None,
        };
        let whose = if info.name == "respondent" { Some((node, ContextId::SOCKET)) } else { whose };
        if !self.delivered.insert((whose, payload.serial)) {
            return Err(format!("{payload:?} arrived twice at {here:?}"));
        }
        Ok(())
    }

    /// As if it had not been received.
    pub(super) fn put_back(&mut self, node: NodeId, ctx: ContextId, msg: &Message) {
        self.owed.remove(&(node, ctx));
        let Some(payload) = Payload::parse(msg.body()) else { return };
        for whose in [None, Some((node, ctx)), Some((node, ContextId::SOCKET))] {
            self.delivered.remove(&(whose, payload.serial));
        }
        if let Some(echo) = payload.echo
            && echo.node == node
        {
            self.asked.entry((node, ctx)).or_insert(echo.serial);
        }
        if let Some(latest) = self.before.remove(&(node, ctx)) {
            match latest {
                Some(place) => self.latest.insert((node, ctx, payload.node), place),
                None => self.latest.remove(&(node, ctx, payload.node)),
            };
        }
    }

    /// Of messages that must not get lost, each has arrived, or was in a link that broke, or is still held, or was counted.
    pub(super) fn check_complete(&self, lost: &[Message], held: usize, drops: u64) -> Result<(), String> {
        let lost: HashSet<u64> = lost.iter().filter_map(find_payload).collect();
        let missing: Vec<u64> = self
            .accepted
            .iter()
            .filter(|(serial, (_, precious))| *precious && !lost.contains(serial))
            .filter(|(serial, _)| !self.delivered.contains(&(None, **serial)))
            .map(|(serial, _)| *serial)
            .collect();
        if missing.len() as u64 > held as u64 + drops {
            return Err(format!("messages {missing:?} got lost, {held} held, {drops} counted"));
        }
        Ok(())
    }
}

/// The payload of a message that may still have its header in front.
fn find_payload(msg: &Message) -> Option<u64> {
    [0, 4].into_iter().find_map(|skip| Payload::parse(msg.body().get(skip..)?)).map(|payload| payload.serial)
}

const MAGIC: &[u8] = b"\x05\x0c";
