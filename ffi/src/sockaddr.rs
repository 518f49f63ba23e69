//! Addresses as C sees them.

use std::ffi::c_char;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use spanwire::option::Address;

use crate::error::{Code, Result};
use crate::guard::export;

/// A name within this process, or the path of a socket file; ends with a zero byte.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_path {
    /// [`AF_INPROC`] or [`AF_IPC`].
    pub sa_family: u16,
    /// The name.
    pub sa_path: [u8; PATH_LEN],
}

/// An IPv4 address. Port and address are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_in {
    /// [`AF_INET`].
    pub sa_family: u16,
    /// The port.
    pub sa_port: u16,
    /// The address.
    pub sa_addr: u32,
}

/// An IPv6 address. The port is in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_in6 {
    /// [`AF_INET6`].
    pub sa_family: u16,
    /// The port.
    pub sa_port: u16,
    /// The address.
    pub sa_addr: [u8; 16],
    /// The scope.
    pub sa_scope: u32,
}

/// An address of ZeroTier, which this library only prints.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_zt {
    /// [`AF_ZT`].
    pub sa_family: u16,
    /// The network.
    pub sa_nwid: u64,
    /// The node.
    pub sa_nodeid: u64,
    /// The port.
    pub sa_port: u32,
}

/// A name in Linux' abstract socket namespace.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_abstract {
    /// [`AF_ABSTRACT`].
    pub sa_family: u16,
    /// The length of the name.
    pub sa_len: u16,
    /// The name.
    pub sa_name: [u8; 107],
}

/// Room for all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_sockaddr_storage {
    /// The family.
    pub sa_family: u16,
    /// The rest.
    pub sa_pad: [u64; 16],
}

/// An address; its family says of which kind.
#[repr(C)]
#[derive(Clone, Copy)]
pub union nng_sockaddr {
    /// The family.
    pub s_family: u16,
    /// [`AF_IPC`].
    pub s_ipc: nng_sockaddr_path,
    /// [`AF_INPROC`].
    pub s_inproc: nng_sockaddr_path,
    /// [`AF_INET6`].
    pub s_in6: nng_sockaddr_in6,
    /// [`AF_INET`].
    pub s_in: nng_sockaddr_in,
    /// [`AF_ZT`].
    pub s_zt: nng_sockaddr_zt,
    /// [`AF_ABSTRACT`].
    pub s_abstract: nng_sockaddr_abstract,
    /// Any.
    pub s_storage: nng_sockaddr_storage,
}

/// The families.
pub(crate) const AF_UNSPEC: u16 = 0;
pub(crate) const AF_INPROC: u16 = 1;
pub(crate) const AF_IPC: u16 = 2;
pub(crate) const AF_INET: u16 = 3;
pub(crate) const AF_INET6: u16 = 4;
pub(crate) const AF_ZT: u16 = 5;
pub(crate) const AF_ABSTRACT: u16 = 6;

const PATH_LEN: usize = 128;
const INPROC: &str = "inproc://";

impl nng_sockaddr {
    /// One whose bytes are all zero.
    pub(crate) const UNSPEC: Self = Self { s_storage: nng_sockaddr_storage { sa_family: AF_UNSPEC, sa_pad: [0; 16] } };

    /// The family.
    pub(crate) fn family(&self) -> u16 {
        // SAFETY: all members begin with the family, and any bits are a number.
        unsafe { self.s_family }
    }
}

impl From<&Address> for nng_sockaddr {
    /// A name that is too long is cut.
    fn from(address: &Address) -> Self {
        let mut sa = Self::UNSPEC;
        match address {
            // NNG's is the whole URL.
            Address::Inproc(name) => sa.s_inproc = path(AF_INPROC, format!("{INPROC}{name}").as_bytes()),
            Address::Ipc(name) => sa.s_ipc = path(AF_IPC, name.as_os_str().as_bytes()),
            Address::Inet(addr) => return Self::from(*addr),
            Address::Abstract(name) => {
                let mut sa_name = [0; 107];
                let len = name.len().min(sa_name.len());
                sa_name[..len].copy_from_slice(&name[..len]);
                sa.s_abstract = nng_sockaddr_abstract { sa_family: AF_ABSTRACT, sa_len: len as u16, sa_name };
            }
            Address::Unspecified => {}
        }
        sa
    }
}

impl From<SocketAddr> for nng_sockaddr {
    fn from(addr: SocketAddr) -> Self {
        let mut sa = Self::UNSPEC;
        match addr {
            SocketAddr::V4(addr) => {
                let sa_addr = u32::from_ne_bytes(addr.ip().octets());
                sa.s_in = nng_sockaddr_in { sa_family: AF_INET, sa_port: addr.port().to_be(), sa_addr };
            }
            SocketAddr::V6(addr) => {
                sa.s_in6 = nng_sockaddr_in6 {
                    sa_family: AF_INET6,
                    sa_port: addr.port().to_be(),
                    sa_addr: addr.ip().octets(),
                    sa_scope: addr.scope_id(),
                };
            }
        }
        sa
    }
}

fn path(sa_family: u16, name: &[u8]) -> nng_sockaddr_path {
    let mut sa_path = [0; PATH_LEN];
    let len = name.len().min(PATH_LEN - 1);
    sa_path[..len].copy_from_slice(&name[..len]);
    nng_sockaddr_path { sa_family, sa_path }
}

/// Up to the first zero byte.
fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

impl nng_sockaddr {
    /// As the library has it.
    ///
    /// # Errors
    /// `EADDRINVAL` for a family that it does not have.
    pub(crate) fn address(&self) -> Result<Address> {
        // SAFETY: the family says which member was written; all of them are numbers, for which any bits are valid.
        unsafe {
            Ok(match self.family() {
                AF_UNSPEC => Address::Unspecified,
                AF_INPROC => {
                    let url = String::from_utf8_lossy(until_zero(&self.s_inproc.sa_path));
                    Address::Inproc(url.strip_prefix(INPROC).unwrap_or(&url).to_owned())
                }
                AF_IPC => {
                    let path = until_zero(&self.s_ipc.sa_path).to_vec();
                    Address::Ipc(std::ffi::OsString::from_vec(path).into())
                }
                AF_INET => {
                    let ip = Ipv4Addr::from(self.s_in.sa_addr.to_ne_bytes());
                    Address::Inet(SocketAddr::new(IpAddr::V4(ip), u16::from_be(self.s_in.sa_port)))
                }
                AF_INET6 => {
                    let (ip, port) = (Ipv6Addr::from(self.s_in6.sa_addr), u16::from_be(self.s_in6.sa_port));
                    Address::Inet(SocketAddrV6::new(ip, port, 0, self.s_in6.sa_scope).into())
                }
                AF_ABSTRACT => {
                    let name = self.s_abstract.sa_name;
                    Address::Abstract(name[..usize::from(self.s_abstract.sa_len).min(name.len())].to_vec())
                }
                _ => return Err(Code::EADDRINVAL),
            })
        }
    }

    fn text(&self) -> Option<Vec<u8>> {
        // SAFETY: as in `address`.
        unsafe {
            Some(match self.family() {
                AF_INPROC => [b"inproc[", until_zero(&self.s_inproc.sa_path), b"]"].concat(),
                AF_IPC => until_zero(&self.s_ipc.sa_path).to_vec(),
                AF_INET => match self.address().ok()? {
                    Address::Inet(addr) => addr.to_string().into_bytes(),
                    _ => return None,
                },
                AF_INET6 => {
                    let (ip, port) = (short(&self.s_in6.sa_addr.into()), u16::from_be(self.s_in6.sa_port));
                    match self.s_in6.sa_scope {
                        0 => format!("[{ip}]:{port}").into_bytes(),
                        scope => format!("[{ip}%{scope}]:{port}").into_bytes(),
                    }
                }
                AF_ABSTRACT => [b"abstract[", until_zero(&self.s_abstract.sa_name), b"]"].concat(),
                AF_ZT => {
                    let zt = self.s_zt;
                    format!("ZT[{:x}:{:x}:{}]", zt.sa_nodeid, zt.sa_nwid, zt.sa_port).into_bytes()
                }
                _ => return None,
            })
        }
    }
}

/// An IPv6 address with its longest run of zeros left out; unlike the standard library's, of a single one too.
fn short(ip: &Ipv6Addr) -> String {
    let words = ip.segments();
    if ip.to_ipv4_mapped().is_some() {
        return ip.to_string();
    }
    let zeros = |from: usize| words[from..].iter().take_while(|word| **word == 0).count();
    let hex = |words: &[u16]| words.iter().map(|word| format!("{word:x}")).collect::<Vec<_>>().join(":");
    // The first of the longest.
    match (0..words.len()).map(|from| (zeros(from), from)).rev().max_by_key(|(len, _)| *len) {
        Some((len, from)) if len > 0 => format!("{}::{}", hex(&words[..from]), hex(&words[from + len..])),
        _ => hex(&words),
    }
}

export! {
    /// Writes an address as text into a buffer, cut where the buffer ends, and answers the text. "unknown" for what is no address.
    fn nng_str_sockaddr(addr: *const nng_sockaddr, buf: *mut c_char, size: usize) -> *const c_char {
        // SAFETY: the caller's promise.
        let text = unsafe { addr.as_ref() }.and_then(nng_sockaddr::text);
        let (Some(text), false, 1..) = (text, buf.is_null(), size) else { return c"unknown".as_ptr() };
        let len = text.len().min(size - 1);
        // SAFETY: the caller's promise that there are `size` bytes, of which `len + 1` are used.
        unsafe {
            buf.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), len);
            buf.add(len).write(0);
        }
        buf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sa: &nng_sockaddr) -> String {
        String::from_utf8(sa.text().unwrap()).unwrap()
    }

    #[test]
    fn sizes_are_those_of_the_headers() {
        assert_eq!(size_of::<nng_sockaddr>(), 136);
        assert_eq!(align_of::<nng_sockaddr>(), 8);
        assert_eq!(size_of::<nng_sockaddr_in6>(), 24);
        assert_eq!(size_of::<nng_sockaddr_abstract>(), 112);
    }

    #[test]
    fn there_and_back() {
        let all = [
            (Address::Inproc("name".into()), "inproc[inproc://name]"),
            (Address::Ipc("/tmp/x".into()), "/tmp/x"),
            (Address::Inet("127.0.0.1:80".parse().unwrap()), "127.0.0.1:80"),
            (Address::Inet("[::1]:80".parse().unwrap()), "[::1]:80"),
            (Address::Inet("[1:2:0:4:5:6:7:8]:80".parse().unwrap()), "[1:2::4:5:6:7:8]:80"),
            (Address::Inet("[fe80::1%3]:80".parse().unwrap()), "[fe80::1%3]:80"),
            (Address::Inet("[::ffff:1.2.3.4]:80".parse().unwrap()), "[::ffff:1.2.3.4]:80"),
            (Address::Abstract(b"name".to_vec()), "abstract[name]"),
        ];
        for (address, printed) in all {
            let sa = nng_sockaddr::from(&address);
            assert_eq!(sa.address(), Ok(address));
            assert_eq!(text(&sa), printed);
        }
        assert_eq!(nng_sockaddr::UNSPEC.address(), Ok(Address::Unspecified));
        assert!(nng_sockaddr::UNSPEC.text().is_none());
    }

    #[test]
    fn a_short_buffer_cuts() {
        let sa = nng_sockaddr::from(&Address::Inproc("name".into()));
        let mut buf = [1; 8];
        // SAFETY: a buffer of that size.
        let text = unsafe { nng_str_sockaddr(&sa, buf.as_mut_ptr(), 7) };
        assert_eq!(text, buf.as_ptr());
        assert_eq!(buf.map(|byte| byte as u8), *b"inproc\0\x01");
    }
}
