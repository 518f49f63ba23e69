//! UDP: `nng_udp_*`.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use async_io::Async;
use async_lock::Mutex;
use spanwire::option::Address;

use crate::aio::{Aio, Pointer, nng_aio};
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::{Gate, Memory};
use crate::guard::{export, object, out};
use crate::sockaddr::nng_sockaddr;

/// A socket, as C holds it: what an `Arc` of it points to.
pub struct nng_udp {
    io: Async<UdpSocket>,
    gate: Gate,
    /// Held by the operation whose turn it is.
    reading: Mutex<()>,
    writing: Mutex<()>,
}

impl nng_udp {
    fn open(at: SocketAddr) -> Result<Self> {
        let io = Async::<UdpSocket>::bind(at)?;
        Ok(Self { io, gate: Gate::default(), reading: Mutex::new(()), writing: Mutex::new(()) })
    }

    /// Receives one datagram. What does not fit is lost.
    async fn recv(&self, memory: Memory) -> Result<(usize, SocketAddr)> {
        let work = async {
            let _turn = self.reading.lock().await;
            let mut datagram = vec![0; memory.len().min(LARGEST)];
            let (len, from) = self.io.recv_from(&mut datagram).await?;
            // SAFETY: within the operation.
            Ok((unsafe { memory.fill(&datagram[..len]) }, from))
        };
        self.gate.pass(work).await
    }

    async fn send(&self, memory: Memory, to: Result<SocketAddr>) -> Result<usize> {
        let work = async {
            let to = to?;
            let _turn = self.writing.lock().await;
            // SAFETY: within the operation.
            let datagram: Vec<u8> = unsafe { memory.slices() }.flatten().copied().collect();
            Ok(self.io.send_to(&datagram, to).await?)
        };
        self.gate.pass(work).await
    }

    fn multicast(&self, group: SocketAddr, join: bool) -> Result<()> {
        let socket = self.io.get_ref();
        match (group, join) {
            (SocketAddr::V4(group), true) => socket.join_multicast_v4(group.ip(), &std::net::Ipv4Addr::UNSPECIFIED)?,
            (SocketAddr::V4(group), false) => {
                socket.leave_multicast_v4(group.ip(), &std::net::Ipv4Addr::UNSPECIFIED)?
            }
            (SocketAddr::V6(group), true) => socket.join_multicast_v6(group.ip(), group.scope_id())?,
            (SocketAddr::V6(group), false) => socket.leave_multicast_v6(group.ip(), group.scope_id())?,
        }
        Ok(())
    }
}

/// An address of C's that is one of IP.
///
/// # Safety
/// Null, or it can be read.
unsafe fn inet(sa: *const nng_sockaddr) -> Result<SocketAddr> {
    // SAFETY: the caller's promise.
    match unsafe { object(sa) }.map_err(|_| Code::EADDRINVAL)?.address()? {
        Address::Inet(addr) => Ok(addr),
        _ => Err(Code::EADDRINVAL),
    }
}

/// The socket behind a pointer from C; `EINVAL` for null.
///
/// # Safety
/// A pointer that is not null comes from [`nng_udp_open`], and the socket has not been closed.
unsafe fn find(udp: *mut nng_udp) -> Result<Arc<nng_udp>> {
    if udp.is_null() {
        return Err(Code::EINVAL);
    }
    if fork::inherited() {
        return Err(Code::ECLOSED);
    }
    // SAFETY: it points into an `Arc` that C holds one reference of.
    unsafe {
        Arc::increment_strong_count(udp);
        Ok(Arc::from_raw(udp))
    }
}

export! {
    /// Opens a socket at this address; port 0 lets the system choose.
    fn nng_udp_open(udp: *mut *mut nng_udp, at: *mut nng_sockaddr) -> status {
        // SAFETY: the caller's promise that the pointers are null, or can be written to and read.
        let (udp, at) = unsafe { (out(udp)?, inet(at)?) };
        fork::begin()?;
        udp.write(Arc::into_raw(Arc::new(nng_udp::open(at)?)).cast_mut());
        Ok(())
    }

    /// Ends all operations and closes the socket. Null is allowed.
    fn nng_udp_close(udp: *mut nng_udp) {
        if !udp.is_null() && !fork::inherited() {
            // SAFETY: the caller's promise that it comes from `nng_udp_open` and is not used again.
            unsafe { Arc::from_raw(udp) }.gate.close();
        }
    }

    /// The address that the socket is at.
    fn nng_udp_sockname(udp: *mut nng_udp, at: *mut nng_sockaddr) -> status {
        // SAFETY: the caller's promise that the pointers are null, or a socket and can be written to.
        let (udp, at) = unsafe { (find(udp)?, out(at)?) };
        at.write(udp.io.get_ref().local_addr()?.into());
        Ok(())
    }

    /// Sends the aio's memory as a datagram to the address that its first input points to.
    fn nng_udp_send(udp: *mut nng_udp, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a socket and an aio.
        let (udp, aio) = unsafe { (find(udp), Aio::from_c(aio)) };
        let Some(aio) = aio else { return };
        let memory = Memory::new(aio.iov());
        // SAFETY: the caller's promise that the input is null or points to an address.
        let to = unsafe { inet(aio.input(0).0.cast()) };
        aio.run(async move { send(udp, memory, to).await.into() });
    }

    /// Receives a datagram into the aio's memory, and its sender's address into what the first input points to, unless that is null.
    fn nng_udp_recv(udp: *mut nng_udp, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a socket and an aio.
        let (udp, aio) = unsafe { (find(udp), Aio::from_c(aio)) };
        let Some(aio) = aio else { return };
        let (memory, sender) = (Memory::new(aio.iov()), aio.input(0));
        aio.run(async move { receive(udp, memory, sender).await.into() });
    }

    /// Joins or leaves a multicast group.
    fn nng_udp_multicast_membership(udp: *mut nng_udp, group: *mut nng_sockaddr, join: bool) -> status {
        // SAFETY: the caller's promise that the pointers are null, or a socket and an address.
        let (udp, group) = unsafe { (find(udp)?, inet(group)?) };
        udp.multicast(group, join)
    }
}

async fn send(udp: Result<Arc<nng_udp>>, memory: Memory, to: Result<SocketAddr>) -> Result<usize> {
    udp?.send(memory, to).await
}

async fn receive(udp: Result<Arc<nng_udp>>, memory: Memory, sender: Pointer) -> Result<usize> {
    let (len, from) = udp?.recv(memory).await?;
    // SAFETY: the caller's promise that the input is null or points to room for an address until the operation has ended.
    if let Ok(sender) = unsafe { out(sender.0.cast::<nng_sockaddr>()) } {
        sender.write(from.into());
    }
    Ok(len)
}

/// No datagram is larger.
const LARGEST: usize = 65_535;
