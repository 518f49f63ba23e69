//! TLS on the command line, in nngcat's spelling.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use spanwire::option::names;
use spanwire::tls::{AuthMode, TlsConfig, TlsVersion};
use spanwire::{OptionValue, SocketBase};

use crate::exit::{Doing, Exit};

/// What TLS needs to know.
#[derive(Args, Clone, Debug)]
pub(crate) struct TlsArgs {
    /// Show the certificate in FILE (PEM), with the chain behind it; needed to listen
    #[arg(long, short = 'E', value_name = "FILE", help_heading = HEADING)]
    cert: Option<PathBuf>,
    /// The certificate's private key (PEM) [default: in the same file]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = HEADING)]
    key: Option<PathBuf>,
    /// Trust the authorities in FILE (PEM) [default, to dial: the system's]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    cacert: Option<PathBuf>,
    /// Don't verify who the server is
    #[arg(long, short = 'k', conflicts_with = "tls_auth", help_heading = HEADING)]
    insecure: bool,
    /// Whether the peer must prove who it is [default: to dial, required; to listen, none]
    #[arg(long, value_enum, value_name = "MODE", help_heading = HEADING)]
    tls_auth: Option<Mode>,
    /// The name that the server must prove [default: the URL's host]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    tls_server_name: Option<String>,
    /// The lowest version of TLS [default: 1.2]
    #[arg(long, value_enum, value_name = "VERSION", help_heading = HEADING)]
    tls_min: Option<Version>,
    /// The highest version of TLS [default: 1.3]
    #[arg(long, value_enum, value_name = "VERSION", help_heading = HEADING)]
    tls_max: Option<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    None,
    Optional,
    Required,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Version {
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

/// What was made of the options: a value of `tls-config`, if there were any.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Option<OptionValue>);

impl TlsArgs {
    /// Reads the files.
    ///
    /// # Errors
    /// What can't be read, or makes no sense.
    pub(crate) fn read(&self) -> Result<Tls, Exit> {
        let Self { cert, key, cacert, insecure, tls_auth, tls_server_name, tls_min, tls_max } = self;
        let given = cert.is_some() || cacert.is_some() || *insecure || tls_auth.is_some();
        if !given && tls_server_name.is_none() && tls_min.is_none() && tls_max.is_none() {
            return Ok(Tls(None));
        }
        let mut builder = TlsConfig::builder();
        if let Some(cert) = cert {
            builder = builder.cert_files(cert, key.as_ref().unwrap_or(cert));
        }
        if let Some(cacert) = cacert {
            builder = builder.ca_file(cacert);
        }
        let mode = if *insecure { Some(Mode::None) } else { *tls_auth };
        if let Some(mode) = mode {
            builder = builder.auth_mode(match mode {
                Mode::None => AuthMode::None,
                Mode::Optional => AuthMode::Optional,
                Mode::Required => AuthMode::Required,
            });
        }
        if let Some(name) = tls_server_name {
            builder = builder.server_name(name);
        }
        if let Some(min) = tls_min {
            builder = builder.min_version(min.version());
        }
        if let Some(max) = tls_max {
            builder = builder.max_version(max.version());
        }
        let config = builder.build().doing(|| "TLS".into())?;
        Ok(Tls(Some(config.into())))
    }
}

impl Tls {
    /// Tells a socket.
    pub(crate) fn apply(&self, socket: &SocketBase) -> Result<(), Exit> {
        match &self.0 {
            Some(config) => socket.set_option(names::TLS_CONFIG, config.clone()).doing(|| "TLS".into()),
            None => Ok(()),
        }
    }
}

impl Version {
    fn version(self) -> TlsVersion {
        match self {
            Self::V1_2 => TlsVersion::V1_2,
            Self::V1_3 => TlsVersion::V1_3,
        }
    }
}

const HEADING: &str = "TLS";
