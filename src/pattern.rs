//! The protocols as types, and what each can do.

use std::fmt;

use spanwire_core::Protocol;

/// A protocol, as the parameter of [`Socket`](crate::Socket).
///
/// The library's own are the types [`Req`], [`Rep`] and so on, and their raw forms [`Raw<Req>`](Raw). A protocol of
/// your own is a type that implements this trait, and those among [`CanSend`], [`CanRecv`], [`HasContexts`] that hold for it.
pub trait Pattern: Send + Sync + 'static {
    /// A new state machine. The seed stands in for randomness.
    ///
    /// ```
    /// use spanwire::{AnySocket, Bus, Pattern};
    ///
    /// let bus = AnySocket::with_protocol(Bus::state_machine(7))?;
    /// assert_eq!(bus.protocol().name, "bus");
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    fn state_machine(seed: u64) -> Box<dyn Protocol>;
}

/// Sends.
pub trait CanSend: Pattern {}

/// Receives.
pub trait CanRecv: Pattern {}

/// Has contexts: independent conversations over one socket.
pub trait HasContexts: Pattern {}

/// Keeps messages for its peers; how many is the option `send-buffer`.
pub trait HasSendBuffer: Pattern {}

/// Keeps messages for the application; how many is the option `recv-buffer`.
pub trait HasRecvBuffer: Pattern {}

/// Counts the devices that a message has passed; how many it may pass is the option `ttl-max`.
pub trait HasTtl: Pattern {}

/// A protocol that has a raw form.
pub trait HasRaw: Pattern {
    /// A new state machine of the raw form.
    ///
    /// ```
    /// use spanwire::pattern::HasRaw;
    /// use spanwire::{AnySocket, Bus};
    ///
    /// let bus = AnySocket::with_protocol(Bus::raw_state_machine(7))?;
    /// assert!(bus.protocol().raw);
    /// # Ok::<(), spanwire::Error>(())
    /// ```
    fn raw_state_machine(seed: u64) -> Box<dyn Protocol>;
}

/// The raw form of a protocol: no state, and the headers of messages are the application's. For [devices](crate::device) and
/// for those who build a protocol's logic themselves.
///
/// ```
/// use spanwire::{Raw, Rep, Req, Socket};
///
/// let rep = Socket::<Raw<Rep>>::new();
/// let req = Socket::<Req>::new();
/// rep.listen("inproc://raw").wait()?;
/// req.dial("inproc://raw").wait()?;
/// std::thread::scope(|scope| {
///     let asker = scope.spawn(|| req.request("ping").wait());
///     let request = rep.recv().wait()?;                 // its header says where the reply goes
///     rep.send(request).wait()?;
///     assert_eq!(asker.join().unwrap()?.body(), b"ping");
///     Ok::<(), spanwire::Error>(())
/// })?;
/// # Ok::<(), spanwire::Error>(())
/// ```
pub struct Raw<P>(std::marker::PhantomData<fn() -> P>);

impl<P> fmt::Debug for Raw<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw")
    }
}

impl<P: HasRaw> Pattern for Raw<P> {
    fn state_machine(seed: u64) -> Box<dyn Protocol> {
        P::raw_state_machine(seed)
    }
}

impl<P: HasRaw + CanSend> CanSend for Raw<P> {}
impl<P: HasRaw + CanRecv> CanRecv for Raw<P> {}
impl<P: HasRaw + HasTtl> HasTtl for Raw<P> {}

macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident $(/ $raw:ident)?: $($can:ident),*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl Pattern for $name {
                fn state_machine(seed: u64) -> Box<dyn Protocol> {
                    Box::new(spanwire_protocols::$name::new(seed))
                }
            }

            $(
                impl HasRaw for $name {
                    fn raw_state_machine(seed: u64) -> Box<dyn Protocol> {
                        Box::new(spanwire_protocols::$raw::new(seed))
                    }
                }
            )?

            $(impl $can for $name {})*
        )*
    };
}

patterns! {
    /// One to one, in both directions (pair version 0).
    Pair0 / RawPair0: CanSend, CanRecv, HasSendBuffer, HasRecvBuffer;
    /// One to one, in both directions, through devices if need be (pair version 1).
    Pair1 / RawPair1: CanSend, CanRecv, HasSendBuffer, HasRecvBuffer, HasTtl;
    /// Pair version 1 with many peers at one socket: a message's [`pipe`](crate::Message::pipe) says whose it is.
    Pair1Poly: CanSend, CanRecv, HasRecvBuffer, HasTtl;
    /// Many to many: to every direct peer.
    Bus / RawBus: CanSend, CanRecv, HasSendBuffer, HasRecvBuffer;
    /// Hands each message to one of its [`Pull`] peers, in turn.
    Push / RawPush: CanSend, HasSendBuffer;
    /// Takes messages from its [`Push`] peers, in turn.
    Pull / RawPull: CanRecv;
    /// Sends each message to every [`Sub`] peer. Never waits: a slow peer loses the oldest.
    Pub / RawPub: CanSend, HasSendBuffer;
    /// Receives from its [`Pub`] peers what it has subscribed to.
    Sub / RawSub: CanRecv, HasContexts, HasRecvBuffer;
    /// Asks one of its [`Rep`] peers, and asks again when no reply comes.
    Req / RawReq: CanSend, CanRecv, HasContexts, HasTtl;
    /// Answers its [`Req`] peers.
    Rep / RawRep: CanSend, CanRecv, HasContexts, HasTtl;
    /// Asks all its [`Respondent`] peers at once and takes answers until a deadline.
    Surveyor / RawSurveyor: CanSend, CanRecv, HasContexts, HasSendBuffer, HasRecvBuffer, HasTtl;
    /// Answers its [`Surveyor`] peers.
    Respondent / RawRespondent: CanSend, CanRecv, HasContexts, HasTtl;
}
