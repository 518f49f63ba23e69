//! URLs: the addresses of all transports.

use std::fmt;

use crate::{Error, Result};

/// An address to dial or to listen at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    raw: String,
}

impl Url {
    /// Parses a URL.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.contains(':') {
            return Err(Error::AddressInvalid(format!("{text:?}").into()));
        }
        Ok(Self { raw: text.to_owned() })
    }

    /// The scheme.
    pub fn scheme(&self) -> &str {
        self.raw.split(':').next().unwrap_or("")
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.raw
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}
