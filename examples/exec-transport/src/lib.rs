//! An example of a transport of your own: messages over the standard input and output of a child process.
//!
//! | URL | dialing | listening |
//! |---|---|---|
//! | `exec:///path/to/program?arg=a&arg=b` | starts the program, and talks to it | |
//! | `exec://-` | | talks to who has started this process, once |
//! | `exec:///path/to/program?at=/path/to/socket` | starts the program with that path as its last argument | takes connections at that socket file |
//!
//! The last form is for a program that does not answer by itself, but relays its standard input and output to one that is running
//! already. `exec-relay` of this crate is such a program; started through `ssh`, it reaches a socket of another machine.
//!
//! ```no_run
//! use spanwire::{Req, Socket};
//!
//! exec_transport::register();
//! let req = Socket::<Req>::new();
//! req.dial("exec:///usr/bin/ssh?arg=host&arg=exec-shout").wait()?;
//! let reply = req.request("quiet").wait()?;
//! # Ok::<(), spanwire::Error>(())
//! ```
//!
//! Both kinds of link are here. What arrives at the socket file is a byte stream, so the library shakes hands, frames and batches
//! by itself: [`stream::connect`]. A pair of pipes is none, since there are two descriptors: `pipes.rs` moves messages on
//! them, which is what a transport over datagrams, queues or shared memory would do.

#![forbid(unsafe_code)]

mod pipes;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_process::{Command, Stdio};
use percent_encoding::percent_decode_str;
use spanwire::option::{Address, EndpointOptions, OptionMap, names};
use spanwire::transport::{self, Connection, Dialer, Handshake, Hello, Listener, Transport, bytes, codec, stream};
use spanwire::{Error, Result, Url};

use crate::pipes::Pipes;

/// Registers the scheme `exec` for all sockets of this process.
pub fn register() {
    transport::register(Arc::new(Exec));
}

/// The transport of `exec:`.
#[derive(Debug)]
pub struct Exec;

impl Transport for Exec {
    fn schemes(&self) -> &[&'static str] {
        &["exec"]
    }

    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        match Place::of(url)? {
            Place::Program(program) => {
                Ok(Box::new(ExecDialer { url: url.clone(), program, options: options.clone(), attempt: None }))
            }
            Place::Stdio => Err(bad(url, "only listened at")),
        }
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let (url, options) = (url.clone(), options.clone());
        match Place::of(&url)? {
            Place::Stdio => Ok(Box::new(StdioListener { url, options, stdio: None })),
            Place::Program(Program { at: Some(at), .. }) => Ok(Box::new(RelayListener {
                url,
                at: Url::parse(&format!("ipc://{at}"))?,
                options,
                life: Life::Unbound,
            })),
            Place::Program(Program { at: None, .. }) => Err(bad(&url, "listening needs \"at=\" with a socket file")),
        }
    }
}

/// What a URL names.
enum Place {
    Program(Program),
    Stdio,
}

#[derive(Clone)]
struct Program {
    path: String,
    args: Vec<String>,
    at: Option<String>,
}

impl Place {
    fn of(url: &Url) -> Result<Self> {
        match (url.host(), &*url.path()) {
            (Some("-"), "") => return Ok(Self::Stdio),
            (Some(""), path) if !path.is_empty() => {}
            (_, _) => return Err(bad(url, "neither \"exec://-\" nor \"exec:///path\"")),
        }
        let mut program = Program { path: url.path().into_owned(), args: Vec::new(), at: None };
        for part in url.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_decode_str(value).decode_utf8().map_err(|_| bad(url, "an argument is not UTF-8"))?;
            match name {
                "arg" => program.args.push(value.into_owned()),
                "at" => program.at = Some(value.into_owned()),
                _ => return Err(bad(url, &format!("neither \"arg\" nor \"at\": {name:?}"))),
            }
        }
        program.args.extend(program.at.clone());
        Ok(Self::Program(program))
    }
}

struct ExecDialer {
    url: Url,
    program: Program,
    options: Arc<EndpointOptions>,
    attempt: Option<Handshake>,
}

impl Dialer for ExecDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let attempt = self.attempt.get_or_insert_with(|| {
            Box::pin(start(self.url.clone(), self.program.clone(), self.options.clone(), hello))
        });
        let made = ready!(attempt.as_mut().poll(cx));
        self.attempt = None;
        Poll::Ready(made)
    }
}

/// Starts the program and shakes hands with it. It is told to end by the end of its input.
async fn start(url: Url, program: Program, options: Arc<EndpointOptions>, hello: Hello) -> Result<Connection> {
    let mut command = Command::new(&program.path);
    command.args(&program.args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| at(&url, e.into()))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::Internal("a child without pipes".into()));
    };
    match Pipes::new(output, input, options.recv_size_max()).shake(hello, nowhere()).await {
        Err(Error::ConnectionShutdown) => {
            let why = child.status().await.map_or_else(|e| e.to_string(), |status| status.to_string());
            Err(Error::ConnectionRefused(format!("{url}: the program did not shake hands: {why}").into()))
        }
        made => made,
    }
}

/// Talks to who has started this process.
struct StdioListener {
    url: Url,
    options: Arc<EndpointOptions>,
    stdio: Option<pipes::Stdio>,
}

impl Listener for StdioListener {
    fn poll_bind(&mut self, _: &mut Context<'_>) -> Poll<Result<Url>> {
        self.stdio = Some(pipes::stdio(self.options.recv_size_max()).map_err(|e| at(&self.url, e.into()))?);
        Poll::Ready(Ok(self.url.clone()))
    }

    fn poll_accept(&mut self, _: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        // There is one connection, and then none for ever.
        match self.stdio.take() {
            Some(stdio) => Poll::Ready(Ok(Box::pin(stdio.shake(hello, nowhere())))),
            None => Poll::Pending,
        }
    }
}

/// Takes what relays bring to a socket file.
struct RelayListener {
    url: Url,
    at: Url,
    options: Arc<EndpointOptions>,
    life: Life,
}

/// `Unbound ─poll→ Binding ─ok→ Bound`, and back when it fails.
enum Life {
    Unbound,
    Binding(Pin<Box<dyn Future<Output = Result<bytes::Listener>> + Send>>),
    Bound(bytes::Listener),
}

impl Listener for RelayListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        if let Life::Unbound = self.life {
            let (at, options) = (self.at.clone(), self.options.clone());
            self.life = Life::Binding(Box::pin(async move { Ok(bytes::listen(&at, &options).await?.0) }));
        }
        let Life::Binding(binding) = &mut self.life else {
            return Poll::Ready(Err(Error::State("bound already".into())));
        };
        let bound = ready!(binding.as_mut().poll(cx));
        self.life = Life::Unbound;
        self.life = Life::Bound(bound.map_err(|e| at(&self.url, e))?);
        Poll::Ready(Ok(self.url.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let Life::Bound(listener) = &self.life else {
            return Poll::Ready(Err(Error::State("not bound yet".into())));
        };
        let arriving = ready!(listener.poll_accept(cx))?;
        Poll::Ready(Ok(Box::pin(async move {
            let (stream, _) = arriving.await?;
            stream::connect(stream, codec::Length, hello, nowhere()).await
        })))
    }
}

/// The options of a pipe whose ends have no address.
fn nowhere() -> OptionMap {
    let mut options = OptionMap::new();
    for side in [names::LOCAL_ADDRESS, names::REMOTE_ADDRESS] {
        options.set(side, Address::Unspecified.into());
    }
    options
}

fn bad(url: &Url, why: &str) -> Error {
    Error::AddressInvalid(format!("{url}: {why}").into())
}

/// The same error, which names this URL.
fn at(url: &Url, e: Error) -> Error {
    let detail = format!("{url}: {}", e.detail());
    Error::from_code(e.code()).unwrap_or(e).or_detail(detail)
}
