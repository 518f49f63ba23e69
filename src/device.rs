//! Devices: what forwards messages between two raw sockets.

use spanwire_core::driver;

use crate::AnySocket;
use crate::op::{Op, Task};

/// Forwards messages between two raw sockets, each of which is the other's peer protocol, in both directions where both send. Keeps both
/// sockets open, and runs until one fails or is closed, or until it is dropped.
///
/// The option `ttl-max` guards req, survey and pair1 against loops of devices. Nothing guards bus: two rings of bus devices pass messages
/// round for ever.
///
/// # Errors
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if a socket is not raw, or the two are not each other's peers;
/// [`Error::Closed`](crate::Error::Closed) when a socket was closed.
///
/// # Cancel safety
/// Dropped while it is pending, the message that is being forwarded may be lost.
///
/// ```
/// use spanwire::{Error, Pull, Push, Raw, Socket, device};
///
/// let (inlet, outlet) = (Socket::<Raw<Pull>>::new(), Socket::<Raw<Push>>::new());
/// inlet.listen("inproc://inlet").wait()?;
/// outlet.listen("inproc://outlet").wait()?;
/// let running = std::thread::spawn({
///     let forward = device(&inlet, &outlet);
///     move || forward.wait()
/// });
///
/// let (push, pull) = (Socket::<Push>::new(), Socket::<Pull>::new());
/// push.dial("inproc://inlet").wait()?;
/// pull.dial("inproc://outlet").wait()?;
/// push.send("through").wait()?;
/// assert_eq!(pull.recv().wait()?.body(), b"through");
///
/// inlet.close().wait()?;
/// assert_eq!(running.join().unwrap(), Err(Error::Closed));
/// # Ok::<(), Error>(())
/// ```
pub fn device(a: impl Into<AnySocket>, b: impl Into<AnySocket>) -> Op<Task<'static, ()>> {
    let (a, b) = (a.into(), b.into());
    Task::op(async move { driver::device(&a.core, Some(&b.core)).await })
}

/// Sends back what a raw socket receives. Otherwise as [`device`].
///
/// # Errors
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) if the socket is not raw, or its protocol is not its own peer;
/// [`Error::Closed`](crate::Error::Closed) when it was closed.
///
/// # Cancel safety
/// Dropped while it is pending, the message that is being sent back may be lost.
///
/// ```
/// use spanwire::{Pair1, Raw, Socket, reflector};
///
/// let (mirror, pair) = (Socket::<Raw<Pair1>>::new(), Socket::<Pair1>::new());
/// mirror.listen("inproc://mirror").wait()?;
/// pair.dial("inproc://mirror").wait()?;
/// let reflect = reflector(&mirror);
/// std::thread::spawn(move || reflect.wait());
/// pair.send("hello").wait()?;
/// assert_eq!(pair.recv().wait()?.body(), b"hello");
/// # mirror.close().wait()?;
/// # Ok::<(), spanwire::Error>(())
/// ```
pub fn reflector(socket: impl Into<AnySocket>) -> Op<Task<'static, ()>> {
    let socket = socket.into();
    Task::op(async move { driver::device(&socket.core, None).await })
}
