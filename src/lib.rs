//! Spanwire.
