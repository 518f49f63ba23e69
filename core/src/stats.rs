//! Statistics: a snapshot as a tree.
