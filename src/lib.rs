//! Spanwire: brokerless messaging over the scalability protocols.

#![forbid(unsafe_code)]

mod base;
mod context;
mod device;
mod endpoint;
pub mod events;
pub mod incoming;
pub mod op;
mod options;
pub mod pattern;
mod pool;
pub mod request;
mod socket;
pub mod transport;

pub use base::SocketBase;
pub use context::{AnyContext, Context, ContextBase};
pub use device::{device, reflector};
pub use endpoint::{Dialer, IntoUrl, Listener};
pub use events::{Events, PipeEvent};
pub use incoming::{Messages, Requests, Responses};
pub use op::Op;
pub use pattern::{Bus, Pair0, Pair1, Pair1Poly, Pattern, Pub, Pull, Push, Raw, Rep, Req, Respondent, Sub, Surveyor};
pub use request::Request;
pub use socket::{AnySocket, Socket};

pub use spanwire_core::driver::{Pipe, PipeChange};
pub use spanwire_core::{
    ContextId, DialerId, Error, ListenerId, Message, OptionValue, PipeId, Result, SendError, SocketId, Url,
};
pub use spanwire_core::{option, protocol, stats};

use spanwire_core as core;
