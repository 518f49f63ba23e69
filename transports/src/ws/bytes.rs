//! WebSockets as byte streams, for [`bytes`](crate::bytes).

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use spanwire_core::option::{EndpointOptions, OptionValue, names};
use spanwire_core::{OptionMap, Result, Url};

use super::http;
use super::secure::{SCHEMES, Secured};
use super::stream::Content;
use super::upgrade::Upgraded;
use super::{Bound, reach, request_headers, response_headers, websocket};
use crate::bytes::{Arriving, Connected};
use crate::tcp::Place;

/// Whether this is one of ours.
pub(crate) fn has_scheme(url: &Url) -> bool {
    SCHEMES.contains(&url.scheme())
}

/// Connects.
pub(crate) async fn open(url: &Url, options: &Arc<EndpointOptions>) -> Result<Connected> {
    Place::to_dial(url, options)?;
    request_headers(options)?;
    let (secured, subprotocols) = (Secured::new(url, options), http::subprotocols(&protocol(options))?);
    let (upgraded, found) = reach(url, options, &secured, subprotocols.as_deref()).await?;
    Ok(connected(upgraded, found, options, true))
}

/// Listens.
pub(crate) async fn bind(url: &Url, options: &Arc<EndpointOptions>) -> Result<(Bound, Url)> {
    response_headers(options)?;
    http::subprotocols(&protocol(options))?;
    Bound::new(Place::to_listen(url)?, options.clone(), Secured::new(url, options)).await
}

/// The next connection.
pub(crate) fn poll_accept(bound: &Bound, cx: &mut Context<'_>) -> Poll<Result<Arriving>> {
    let list = protocol(&bound.options);
    // What can't be asked for is asked for by nobody.
    let subprotocols = http::subprotocols(&list).unwrap_or(Some(list));
    let opening = ready!(bound.poll_accept(cx, subprotocols))?;
    let options = bound.options.clone();
    Poll::Ready(Ok(Box::pin(async move {
        let (upgraded, found) = opening.await?;
        Ok(connected(upgraded, found, &options, false))
    })))
}

fn protocol(options: &EndpointOptions) -> String {
    match options.get(names::WS_PROTOCOL) {
        Some(OptionValue::Str(list)) => list,
        _ => String::new(),
    }
}

fn connected(upgraded: Upgraded, mut found: OptionMap, options: &EndpointOptions, client: bool) -> Connected {
    let text = |name| options.bool_or(name, false);
    let (send_text, recv_text) = (text(names::WS_SEND_TEXT), text(names::WS_RECV_TEXT));
    found.set(names::WS_SEND_TEXT, send_text.into());
    found.set(names::WS_RECV_TEXT, recv_text.into());
    (Box::new(websocket(upgraded, options, client, Content::Bytes { send_text, recv_text })), found)
}
