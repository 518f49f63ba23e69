//! The scalability protocols as pure state machines.
