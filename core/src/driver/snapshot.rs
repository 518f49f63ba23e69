//! The statistics of a socket.

use std::sync::atomic::{AtomicU64, Ordering};

use super::endpoint::{Endpoint, Kind};
use super::pipe::{Slot, Traffic};
use super::socket::Inner;
use crate::protocol::DropCause;
use crate::stats::{Stat, StatValue};

impl Inner {
    /// The tree below `socket`.
    pub(crate) fn stats(&self) -> Stat {
        let st = self.lock();
        let core = &st.core;
        let mut traffic = core.counters.traffic;
        for slot in core.pipes.values() {
            traffic.add(slot.traffic);
        }
        let count = |dialers| core.endpoints.iter().filter(|ep| ep.dialer_id().is_some() == dialers).count() as u64;
        let mut tree = vec![
            Stat::leaf("id", "socket id", StatValue::Id(self.id.get())),
            Stat::leaf("name", "socket name", StatValue::Text(core.name.clone())),
            Stat::leaf("protocol", "protocol name", StatValue::Text(self.info.name.to_owned())),
            Stat::leaf("raw", "raw mode", StatValue::Bool(self.info.raw)),
            Stat::leaf("dialers", "open dialers", StatValue::Level(count(true))),
            Stat::leaf("listeners", "open listeners", StatValue::Level(count(false))),
            Stat::leaf("pipes", "open pipes", StatValue::Level(core.pipes.len() as u64)),
            Stat::leaf("contexts", "open contexts", StatValue::Level(core.contexts() as u64)),
            Stat::events("reject", "pipes that a callback or the protocol refused or closed", core.counters.rejects),
        ];
        tree.extend(traffic_stats(traffic));
        for cause in DropCause::ALL {
            let n = core.counters.drops[cause.index()];
            tree.push(Stat::messages(cause.name(), "messages dropped for this cause", n));
        }
        tree.extend(st.proto.counters().into_iter().map(|(name, n)| Stat::events(name, "counted by the protocol", n)));
        tree.extend(core.endpoints.iter().map(|ep| endpoint_stats(self, ep)));
        tree.extend(core.pipes.values().map(|slot| pipe_stats(self, slot)));
        Stat::scope("socket", "a socket", tree)
    }
}

fn traffic_stats(t: Traffic) -> [Stat; 4] {
    [
        Stat::messages("tx_msgs", "messages sent", t.tx_msgs),
        Stat::messages("rx_msgs", "messages received", t.rx_msgs),
        Stat::bytes("tx_bytes", "bytes sent, headers included", t.tx_bytes),
        Stat::bytes("rx_bytes", "bytes received, headers included", t.rx_bytes),
    ]
}

fn endpoint_stats(socket: &Inner, ep: &Endpoint) -> Stat {
    let (name, id, made, doc) = match ep.kind() {
        Kind::Dialer(id) => ("dialer", id.get(), "connect", "connections made"),
        Kind::Listener(id) => ("listener", id.get(), "accept", "connections taken"),
    };
    let c = &ep.counters;
    let events = |name, doc, n: &AtomicU64| Stat::events(name, doc, n.load(Ordering::Relaxed));
    let tree = vec![
        Stat::leaf("id", "endpoint id", StatValue::Id(id)),
        Stat::leaf("socket", "socket id", StatValue::Id(socket.id.get())),
        Stat::leaf("url", "address", StatValue::Text(ep.url().to_string())),
        Stat::leaf("pipes", "open pipes", StatValue::Level(c.pipes.load(Ordering::Relaxed))),
        events(made, doc, &c.connect),
        events("refused", "connections refused by the other side", &c.refused),
        events("disconnect", "connections lost or closed", &c.disconnect),
        events("canceled", "attempts canceled", &c.canceled),
        events("other", "other errors", &c.other),
        events("timeout", "attempts and handshakes that took too long", &c.timeout),
        events("proto", "peers that broke the protocol or speak another", &c.proto),
        events("auth", "peers that could not be authenticated", &c.auth),
        events("oom", "failures for lack of memory or files", &c.oom),
        events("reject", "pipes that a callback or the protocol refused", &c.reject),
        events("too_large", "connections closed because of a message above recv-size-max", &c.too_large),
    ];
    Stat::scope(name, "a dialer or listener", tree)
}

fn pipe_stats(socket: &Inner, slot: &Slot) -> Stat {
    let mut tree = vec![
        Stat::leaf("id", "pipe id", StatValue::Id(slot.pipe.id.get())),
        Stat::leaf("socket", "socket id", StatValue::Id(socket.id.get())),
    ];
    tree.push(match slot.pipe.endpoint.kind() {
        Kind::Dialer(id) => Stat::leaf("dialer", "dialer id", StatValue::Id(id.get())),
        Kind::Listener(id) => Stat::leaf("listener", "listener id", StatValue::Id(id.get())),
    });
    tree.extend(traffic_stats(slot.traffic));
    Stat::scope("pipe", "a pipe", tree)
}
