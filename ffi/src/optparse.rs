//! Parsing of command lines.
