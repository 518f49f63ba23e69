//! The TLS handshake, over a connected stream and without blocking. There is no time limit here: that is the driver's.

use std::time::Duration;

use async_io::{Async, Timer};
use futures_lite::future::or;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{ClientConnection, ServerConnection};
use spanwire_core::option::names;
use spanwire_core::{OptionMap, Result};

use super::certificate::names_in;
use super::config::{AuthMode, TlsConfig};
use super::fault;
use super::stream::{Step, TlsStream};
use crate::offload::unblock;
use crate::stream::FdStream;

/// Shakes hands as the client of the server at this host. Answers the stream, and what is to be told of the peer as options of the pipe.
pub(crate) async fn client(stream: FdStream, config: &TlsConfig, host: &str) -> Result<(TlsStream, OptionMap)> {
    let name = config.server_name(host)?;
    let side = match config.client_if_made() {
        Some(side) => side?,
        None => {
            let config = config.clone();
            // The system's certificates may have to be read.
            unblock(move || config.client()).await??
        }
    };
    let conn = ClientConnection::new(side.config.clone(), name.clone()).map_err(|e| fault::of(&e))?;
    let stream = shake(TlsStream::new(stream, conn.into())).await?;
    let found = describe(&stream, |leaf, chain| match side.mode {
        AuthMode::None => false,
        AuthMode::Optional => side.trust.judge_server(leaf, chain, &name, UnixTime::now()).is_ok(),
        AuthMode::Required => true,
    });
    Ok((stream, found))
}

/// Shakes hands as a server. As [`client`].
pub(crate) async fn server(stream: FdStream, config: &TlsConfig) -> Result<(TlsStream, OptionMap)> {
    let side = config.server()?;
    let conn = ServerConnection::new(side.config.clone()).map_err(|e| fault::of(&e))?;
    let stream = shake(TlsStream::new(stream, conn.into())).await?;
    let found = describe(&stream, |leaf, chain| match side.mode {
        AuthMode::None => false,
        AuthMode::Optional => side.trust.judge_client(leaf, chain, UnixTime::now()).is_ok(),
        AuthMode::Required => true,
    });
    Ok((stream, found))
}

async fn shake(stream: TlsStream) -> Result<TlsStream> {
    let stream = Async::new_nonblocking(stream)?;
    loop {
        match stream.get_ref().shake() {
            Ok(Step::Done) => return Ok(stream.into_inner()?),
            Ok(Step::Readable) => stream.readable().await?,
            Ok(Step::Writable) => stream.writable().await?,
            Err(e) => {
                or(refuse(&stream), async {
                    Timer::after(REFUSE_LIMIT).await;
                })
                .await;
                return Err(e);
            }
        }
    }
}

/// Waits until the peer has seen the alert: closing while there is something to read would make the system destroy it on its way.
async fn refuse(stream: &Async<TlsStream>) {
    while !stream.get_ref().refuse() {
        if stream.readable().await.is_err() {
            return;
        }
    }
}

/// What the pipe's options tell of the peer.
fn describe(
    stream: &TlsStream,
    verified: impl FnOnce(&CertificateDer<'_>, &[CertificateDer<'_>]) -> bool,
) -> OptionMap {
    let mut found = OptionMap::new();
    stream.with_connection(|conn| {
        let verified = match conn.peer_certificates() {
            Some([leaf, chain @ ..]) => {
                names_in(leaf, &mut found);
                verified(leaf, chain)
            }
            _ => false,
        };
        found.set(names::TLS_VERIFIED, verified.into());
    });
    found
}

/// How long a peer that was refused may take to close.
const REFUSE_LIMIT: Duration = Duration::from_secs(1);
