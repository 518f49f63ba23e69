//! The set of a subscriber's topics: which bodies start with one of them?
//!
//! A byte-wise radix tree. Matching walks down at most the length of the longest matching branch, whatever the number of
//! topics and the length of the body. A node is 56 bytes and holds up to 22 bytes of its topic in itself; longer pieces
//! are chains of nodes. Measured with random topics of 16 to 24 bytes, cold: 100,000 of them match in 350 to 470 ns (`radix_trie`: 700 to
//! 1,300), and a million takes 87 bytes each (`radix_trie`: 380). Nothing here recurses, so that a topic of any length is safe.

use std::cmp::Ordering;

/// A set of byte prefixes.
///
/// ```
/// use spanwire_protocols::Subscriptions;
/// let mut topics = Subscriptions::new();
/// assert!(topics.insert(b"quotes."));
/// assert!(topics.matches(b"quotes.EURUSD 1.08"));
/// assert!(!topics.matches(b"quote"));
/// assert!(topics.remove(b"quotes."));
/// assert!(!topics.matches(b"quotes.EURUSD 1.08"));
/// ```
#[derive(Debug, Default)]
pub struct Subscriptions {
    root: Node,
    len: usize,
}

impl Subscriptions {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many prefixes it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether one of the prefixes is a prefix of this topic.
    pub fn matches(&self, topic: &[u8]) -> bool {
        let mut node = &self.root;
        let mut rest = topic;
        loop {
            if node.ends {
                return true;
            }
            let Some(child) = node.child(rest) else { return false };
            let Some(left) = rest.strip_prefix(child.label.as_slice()) else { return false };
            (node, rest) = (child, left);
        }
    }

    /// Adds a prefix. `false` if it was there already.
    pub fn insert(&mut self, prefix: &[u8]) -> bool {
        let mut node = &mut self.root;
        let mut rest = prefix;
        while !rest.is_empty() {
            let place = match node.find(rest) {
                Ok(place) => {
                    if let Some(child) = node.children.get_mut(place) {
                        let common = common_len(child.label.as_slice(), rest);
                        child.split(common);
                        rest = rest.get(common..).unwrap_or_default();
                    }
                    place
                }
                Err(place) => {
                    let (label, left) = Label::cut(rest);
                    node.add(place, Node { label, ..Node::default() });
                    rest = left;
                    place
                }
            };
            let Some(child) = node.children.get_mut(place) else { return false };
            node = child;
        }
        let added = !node.ends;
        node.ends = true;
        self.len += usize::from(added);
        added
    }

    /// Removes a prefix. `false` if it was not there.
    pub fn remove(&mut self, prefix: &[u8]) -> bool {
        let Some(kept) = self.clear_end(prefix) else { return false };
        self.len -= 1;
        // Everything below `kept` on this path served this prefix alone.
        let mut node = &mut self.root;
        let mut rest = prefix;
        for _ in 0..kept {
            let Ok(place) = node.find(rest) else { return true };
            let Some(child) = node.children.get_mut(place) else { return true };
            rest = rest.get(child.label.len()..).unwrap_or_default();
            node = child;
        }
        if let Ok(place) = node.find(rest) {
            dismantle(node.cut_off(place));
        }
        node.join();
        true
    }

    /// Unmarks the end of a prefix and says how many steps down the path the last node stands that others need.
    fn clear_end(&mut self, prefix: &[u8]) -> Option<usize> {
        let mut node = &mut self.root;
        let mut rest = prefix;
        let (mut depth, mut kept) = (0, 0);
        while !rest.is_empty() {
            if node.ends || node.children.len() > 1 {
                kept = depth;
            }
            let place = node.find(rest).ok()?;
            let child = node.children.get_mut(place)?;
            rest = rest.strip_prefix(child.label.as_slice())?;
            node = child;
            depth += 1;
        }
        if !node.ends {
            return None;
        }
        node.ends = false;
        Some(if node.children.is_empty() { kept } else { depth })
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut self.root));
    }
}

/// A piece of a topic. Children are sorted by the first byte of their labels, which differ; only the root's label is empty.
#[derive(Debug, Default)]
struct Node {
    label: Label,
    /// A prefix ends here.
    ends: bool,
    children: Vec<Node>,
    /// Where the child with this first byte stands, if there are many: a search would touch a cache line a step. A byte that no child
    /// has leads anywhere.
    index: Option<Box<[u8; 256]>>,
}

impl Node {
    /// The place of the child on the way to this topic, or where it would stand.
    fn find(&self, rest: &[u8]) -> Result<usize, usize> {
        let Some(first) = rest.first() else { return Err(0) };
        if let Some(index) = &self.index
            && let Some(place) = index.get(usize::from(*first)).map(|place| usize::from(*place))
            && self.children.get(place).and_then(|child| child.label.as_slice().first()) == Some(first)
        {
            return Ok(place);
        }
        self.children.binary_search_by(|child| child.label.as_slice().first().map_or(Ordering::Less, |b| b.cmp(first)))
    }

    fn child(&self, rest: &[u8]) -> Option<&Self> {
        self.find(rest).ok().and_then(|place| self.children.get(place))
    }

    /// Inserts a child. Grows in small steps: most nodes have one or two children, and a million half-empty lists add up.
    fn add(&mut self, place: usize, child: Self) {
        if self.children.len() == self.children.capacity() {
            self.children.reserve_exact(1 + self.children.len() / 4);
        }
        let place = place.min(self.children.len());
        self.children.insert(place, child);
        self.number_from(place);
    }

    /// Brings the index up to date for the children from this place on.
    fn number_from(&mut self, place: usize) {
        if self.children.len() < INDEXED {
            self.index = None;
            return;
        }
        let place = if self.index.is_some() { place } else { 0 };
        let index = self.index.get_or_insert_with(|| Box::new([0; 256]));
        for (place, child) in self.children.iter().enumerate().skip(place) {
            if let Some(first) = child.label.as_slice().first()
                && let Some(entry) = index.get_mut(usize::from(*first))
            {
                *entry = u8::try_from(place).unwrap_or(0);
            }
        }
    }

    /// Removes a child, and frees what the list holds far too much of.
    fn cut_off(&mut self, place: usize) -> Self {
        let removed = self.children.remove(place);
        self.number_from(place);
        if self.children.len() < self.children.capacity() / 2 {
            self.children.shrink_to_fit();
        }
        removed
    }

    /// Cuts the label after `at` bytes; what follows becomes the only child.
    fn split(&mut self, at: usize) {
        let Some((head, tail)) = self.label.as_slice().split_at_checked(at) else { return };
        if tail.is_empty() {
            return;
        }
        let (head, tail) = (Label::cut(head).0, Label::cut(tail).0);
        let (children, index) = (std::mem::take(&mut self.children), self.index.take());
        let lower = Self { label: tail, ends: self.ends, children, index };
        self.label = head;
        self.ends = false;
        self.add(0, lower);
    }

    /// Takes the only child into this node if no prefix ends between the two.
    fn join(&mut self) {
        if self.ends || self.label.is_empty() || self.children.len() != 1 {
            return;
        }
        let Some(child) = self.children.first() else { return };
        let Some(label) = self.label.joined(&child.label) else { return };
        if let Some(child) = self.children.pop() {
            *self = Self { label, ..child };
        }
    }
}

/// Up to [`LABEL`] bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Label {
    len: u8,
    bytes: [u8; LABEL],
}

impl Label {
    /// A label of the first bytes, and those which did not fit.
    fn cut(bytes: &[u8]) -> (Self, &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(LABEL));
        let mut label = Self::default();
        for (to, from) in label.bytes.iter_mut().zip(head) {
            *to = *from;
        }
        label.len = u8::try_from(head.len()).unwrap_or(0);
        (label, rest)
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    fn len(&self) -> usize {
        usize::from(self.len)
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn joined(&self, other: &Self) -> Option<Self> {
        if self.len() + other.len() > LABEL {
            return None;
        }
        let mut bytes = [0; LABEL];
        for (to, from) in bytes.iter_mut().zip(self.as_slice().iter().chain(other.as_slice())) {
            *to = *from;
        }
        Some(Self { len: self.len + other.len, bytes })
    }
}

/// Frees a tree of any depth without recursion.
fn dismantle(node: Node) {
    let mut nodes = node.children;
    while let Some(mut node) = nodes.pop() {
        nodes.append(&mut node.children);
    }
}

fn common_len(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Makes a node 56 bytes; random topics of 16 to 24 bytes then need one node each.
const LABEL: usize = 22;
/// Nodes with so many children have an index of them.
const INDEXED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_small() {
        assert_eq!(size_of::<Node>(), 56);
    }

    #[test]
    fn the_empty_prefix_matches_everything() {
        let mut topics = Subscriptions::new();
        assert!(!topics.matches(b""));
        assert!(topics.insert(b""));
        assert!(!topics.insert(b""));
        assert!(topics.matches(b"") && topics.matches(b"x"));
        assert!(topics.remove(b""));
        assert!(!topics.remove(b""));
        assert!(!topics.matches(b"x"));
    }

    #[test]
    fn a_topic_of_a_megabyte_is_safe() {
        let mut topics = Subscriptions::new();
        let long = vec![7; 1 << 20];
        assert!(topics.insert(&long));
        assert!(topics.matches(&long) && !topics.matches(&long[1..]));
        assert!(topics.remove(&long) && topics.is_empty());
        assert!(topics.root.children.is_empty());
        assert!(topics.insert(&long));
    }
}
