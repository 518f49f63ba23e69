//! Small helpers that most protocols use.

use spanwire_core::protocol::{DropCause, ProtocolInfo};
use spanwire_core::{Error, OptionValue, Outbox, Result};

/// A number of messages.
pub(crate) fn count(name: &str, value: &OptionValue) -> Result<usize> {
    match value {
        OptionValue::Int(n) => usize::try_from(*n)
            .map_err(|_| Error::InvalidArgument(format!("{name} = {n}, must not be negative").into())),
        other => Err(bad_type(name, other)),
    }
}

/// The value of a number of messages.
pub(crate) fn from_count(n: usize) -> OptionValue {
    OptionValue::Int(i32::try_from(n).unwrap_or(i32::MAX))
}

/// For a value of the wrong type.
pub(crate) fn bad_type(name: &str, value: &OptionValue) -> Error {
    Error::BadType(format!("{name} can't be of type {:?}", value.kind()).into())
}

/// For an option that the protocol does not have.
pub(crate) fn unsupported<T>(info: &ProtocolInfo, name: &str) -> Result<T> {
    Err(Error::NotSupported(format!("protocol {} has no option {name}", info.name).into()))
}

/// For a direction that the protocol does not have.
pub(crate) fn no_direction(info: &ProtocolInfo, what: &str) -> Error {
    Error::NotSupported(format!("protocol {} does not {what}", info.name).into())
}

/// How many devices a message may pass unless told otherwise.
pub(crate) const TTL: usize = 8;

/// For a protocol that has no contexts.
pub(crate) fn no_contexts(info: &ProtocolInfo) -> Error {
    Error::NotSupported(format!("contexts with protocol {}", info.name).into())
}

/// Counts messages that are dropped because their pipe or socket closes.
pub(crate) fn drop_closed(n: usize, out: &mut dyn Outbox) {
    if n > 0 {
        out.count_drop(DropCause::Closed, n);
    }
}
