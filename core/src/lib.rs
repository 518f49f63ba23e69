//! Core of [Spanwire](https://docs.rs/spanwire): what a message, a URL, an error and an option are, the two traits
//! that protocols and transports implement, and the driver that joins them.
//!
//! Applications use the facade crate `spanwire`; this crate is for authors of protocols and transports.
//!
//! Threads: none exists before the first socket is opened. See [`driver`] for which ones start then.

pub mod error;
pub mod id;
pub mod message;
pub mod option;
pub mod protocol;
pub mod stats;
pub mod table;
pub mod url;

#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "driver")]
pub mod transport;

pub use error::{Error, Result, SendError};
pub use id::{ContextId, DialerId, ListenerId, PipeId, SocketId};
pub use message::Message;
pub use option::{OptionMap, OptionValue};
pub use protocol::{Attempt, Flow, Outbox, PipeAttrs, Protocol, ProtocolInfo, RecvError, Reject, SendRefused};
pub use url::Url;
