//! Clock, threads, locks.
