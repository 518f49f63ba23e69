//! Connections between two sockets of one process.

/// One end of a connection between two sockets of one process.
pub struct LocalLink {}

/// A connection between two sockets of this process: one link for each of them.
pub fn local_pair() -> (LocalLink, LocalLink) {
    (LocalLink {}, LocalLink {})
}
