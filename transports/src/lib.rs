//! The transports of Spanwire.
