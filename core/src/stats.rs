//! Statistics: a snapshot as a tree.

use std::fmt;

/// One node of a snapshot: a value, or a group of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its name, without those of the nodes above.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub doc: &'static str,
    /// The value.
    pub value: StatValue,
    /// The nodes below.
    pub children: Vec<Stat>,
}

/// The value of a node.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatValue {
    /// A group of others.
    Scope,
    /// A number that goes up and down.
    Level(u64),
    /// A number that only goes up, and what it counts.
    Counter(u64, StatUnit),
    /// A text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// An id.
    Id(u32),
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatUnit {
    /// Messages.
    Messages,
    /// Bytes.
    Bytes,
    /// Events, connections for instance.
    Events,
}

impl Stat {
    /// A group.
    ///
    /// ```
    /// use spanwire_core::stats::Stat;
    ///
    /// let socket = Stat::scope("socket", "A socket.", vec![Stat::bytes("rx_bytes", "Received.", 7)]);
    /// assert_eq!(socket.to_string(), "socket:\n  rx_bytes: 7\n");
    /// ```
    pub fn scope(name: &'static str, doc: &'static str, children: Vec<Self>) -> Self {
        Self { name, doc, value: StatValue::Scope, children }
    }

    /// A value.
    ///
    /// ```
    /// use spanwire_core::stats::{Stat, StatValue};
    ///
    /// let raw = Stat::leaf("raw", "Whether the socket is raw.", StatValue::Bool(true));
    /// assert_eq!(raw.value, StatValue::Bool(true));
    /// ```
    pub fn leaf(name: &'static str, doc: &'static str, value: StatValue) -> Self {
        Self { name, doc, value, children: Vec::new() }
    }

    /// A count of messages.
    ///
    /// ```
    /// use spanwire_core::stats::{Stat, StatUnit, StatValue};
    ///
    /// let sent = Stat::messages("tx_msgs", "Messages sent.", 7);
    /// assert_eq!(sent.value, StatValue::Counter(7, StatUnit::Messages));
    /// ```
    pub fn messages(name: &'static str, doc: &'static str, n: u64) -> Self {
        Self::leaf(name, doc, StatValue::Counter(n, StatUnit::Messages))
    }

    /// A count of bytes.
    ///
    /// ```
    /// use spanwire_core::stats::{Stat, StatUnit, StatValue};
    ///
    /// let sent = Stat::bytes("tx_bytes", "Bytes sent.", 7);
    /// assert_eq!(sent.value, StatValue::Counter(7, StatUnit::Bytes));
    /// ```
    pub fn bytes(name: &'static str, doc: &'static str, n: u64) -> Self {
        Self::leaf(name, doc, StatValue::Counter(n, StatUnit::Bytes))
    }

    /// A count of events.
    ///
    /// ```
    /// use spanwire_core::stats::{Stat, StatUnit, StatValue};
    ///
    /// let lost = Stat::events("lost", "Connections lost.", 7);
    /// assert_eq!(lost.value, StatValue::Counter(7, StatUnit::Events));
    /// ```
    pub fn events(name: &'static str, doc: &'static str, n: u64) -> Self {
        Self::leaf(name, doc, StatValue::Counter(n, StatUnit::Events))
    }

    /// The node of this name directly below.
    ///
    /// ```
    /// use spanwire_core::stats::Stat;
    ///
    /// let socket = Stat::scope("socket", "A socket.", vec![Stat::bytes("rx_bytes", "Received.", 7)]);
    /// assert_eq!(socket.child("rx_bytes").map(|stat| stat.doc), Some("Received."));
    /// assert_eq!(socket.child("tx_bytes"), None);
    /// ```
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The number at this path of names below, such as `["pipe", "rx_msgs"]`.
    ///
    /// ```
    /// use spanwire_core::stats::Stat;
    ///
    /// let pipe = Stat::scope("pipe", "A pipe.", vec![Stat::messages("rx_msgs", "Received.", 7)]);
    /// let socket = Stat::scope("socket", "A socket.", vec![pipe]);
    /// assert_eq!(socket.number(&["pipe", "rx_msgs"]), Some(7));
    /// assert_eq!(socket.number(&["pipe"]), None);
    /// ```
    pub fn number(&self, path: &[&str]) -> Option<u64> {
        let node = path.iter().try_fold(self, |node, name| node.child(name))?;
        match node.value {
            StatValue::Level(n) | StatValue::Counter(n, _) => Some(n),
            StatValue::Id(n) => Some(n.into()),
            StatValue::Scope | StatValue::Text(_) | StatValue::Bool(_) => None,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let (indent, name) = (depth * 2, self.name);
        match &self.value {
            StatValue::Scope => writeln!(f, "{:indent$}{name}:", "")?,
            StatValue::Level(n) | StatValue::Counter(n, _) => writeln!(f, "{:indent$}{name}: {n}", "")?,
            StatValue::Text(text) => writeln!(f, "{:indent$}{name}: {text:?}", "")?,
            StatValue::Bool(value) => writeln!(f, "{:indent$}{name}: {value}", "")?,
            StatValue::Id(id) => writeln!(f, "{:indent$}{name}: {id}", "")?,
        }
        self.children.iter().try_for_each(|child| child.write(f, depth + 1))
    }
}

impl fmt::Display for Stat {
    /// One line a node, indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
