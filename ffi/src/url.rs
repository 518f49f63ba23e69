//! URLs in parts, as C sees them: `nng_url_*`.
//!
//! This is NNG's own, lenient way to take a URL apart, which programs also use for URLs that are none of ours, such as
//! `https://user@host/path?query#part`. Dialers and listeners parse their URLs with [`spanwire::Url`].

use std::ffi::{CStr, c_char};

use crate::error::{Code, Result};
use crate::guard::{export, object, out, text};
use crate::mem;

/// A URL in its parts. Those that are absent are null.
#[repr(C)]
#[derive(Debug)]
pub struct nng_url {
    /// As it was given.
    pub u_rawurl: *mut c_char,
    /// In lower case.
    pub u_scheme: *mut c_char,
    /// In front of an `@`.
    pub u_userinfo: *mut c_char,
    /// Name and port, in lower case.
    pub u_host: *mut c_char,
    /// Without port and brackets.
    pub u_hostname: *mut c_char,
    /// As digits; the scheme's default, or empty.
    pub u_port: *mut c_char,
    /// In canonical form; of names and files all that follows `://`.
    pub u_path: *mut c_char,
    /// Between `?` and `#`.
    pub u_query: *mut c_char,
    /// Behind the `#`.
    pub u_fragment: *mut c_char,
    /// Path, query and fragment.
    pub u_requri: *mut c_char,
}

export! {
    /// Takes a URL apart. `EINVAL` if it is none.
    fn nng_url_parse(url: *mut *mut nng_url, raw: *const c_char) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let url = unsafe { out(url) }?;
        // SAFETY: the caller's promise that the pointer is null or a text.
        url.write(parse(unsafe { text(raw) }?)?);
        Ok(())
    }

    /// Frees a URL and its parts. Null is allowed.
    fn nng_url_free(url: *mut nng_url) {
        // SAFETY: the caller's promise that this is null or a URL of this library, which nobody uses again.
        unsafe { free(url) }
    }

    /// A copy, to be freed by itself.
    fn nng_url_clone(copy: *mut *mut nng_url, url: *const nng_url) -> status {
        // SAFETY: the caller's promise that the pointer is null or may be written to.
        let copy = unsafe { out(copy) }?;
        // SAFETY: the caller's promise that the pointer is null or a URL that nobody changes meanwhile.
        let url = unsafe { object(url) }?;
        let mut twin = Owned::new()?;
        for (to, from) in twin.fields().into_iter().zip(url.parts()) {
            if !from.is_null() {
                // SAFETY: not null, and the parts of a URL are texts.
                *to = mem::copy_text(unsafe { CStr::from_ptr(from) }.to_bytes())?;
            }
        }
        copy.write(twin.release());
        Ok(())
    }
}

/// Takes a URL apart, for C to free with [`free`].
pub(crate) fn parse(raw: &CStr) -> Result<*mut nng_url> {
    let parts = Texts::of(raw.to_bytes()).ok_or(Code::EINVAL)?;
    let mut url = Owned::new()?;
    let texts = [
        Some(parts.raw),
        Some(parts.scheme),
        parts.userinfo,
        parts.host,
        parts.hostname,
        parts.port,
        Some(parts.path),
        parts.query,
        parts.fragment,
        parts.requri,
    ];
    for (to, from) in url.fields().into_iter().zip(texts) {
        if let Some(from) = from {
            *to = mem::copy_text(&from)?;
        }
    }
    Ok(url.release())
}

/// Frees a URL and its parts.
///
/// # Safety
/// Null, or an answer of this file that nobody uses again.
pub(crate) unsafe fn free(url: *mut nng_url) {
    if !url.is_null() {
        drop(Owned(url));
    }
}

impl nng_url {
    fn parts(&self) -> [*mut c_char; 10] {
        [
            self.u_rawurl,
            self.u_scheme,
            self.u_userinfo,
            self.u_host,
            self.u_hostname,
            self.u_port,
            self.u_path,
            self.u_query,
            self.u_fragment,
            self.u_requri,
        ]
    }
}

/// A URL that is freed unless it is released to C. Never null; all parts are null or from `mem`.
struct Owned(*mut nng_url);

impl Owned {
    fn new() -> Result<Self> {
        // SAFETY: any size is allowed. All bits zero are null pointers.
        let url = unsafe { libc::calloc(1, size_of::<nng_url>()) }.cast::<nng_url>();
        if url.is_null() { Err(Code::ENOMEM) } else { Ok(Self(url)) }
    }

    fn fields(&mut self) -> [&mut *mut c_char; 10] {
        // SAFETY: not null, initialized, and ours alone until it is released.
        let url = unsafe { &mut *self.0 };
        [
            &mut url.u_rawurl,
            &mut url.u_scheme,
            &mut url.u_userinfo,
            &mut url.u_host,
            &mut url.u_hostname,
            &mut url.u_port,
            &mut url.u_path,
            &mut url.u_query,
            &mut url.u_fragment,
            &mut url.u_requri,
        ]
    }

    fn release(self) -> *mut nng_url {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for part in self.fields() {
            // SAFETY: null or from `malloc`, and not used again.
            unsafe { libc::free(part.cast()) }
        }
        // SAFETY: from `calloc`, and not used again.
        unsafe { libc::free(self.0.cast()) }
    }
}

/// The parts before they are C's.
struct Texts {
    raw: Vec<u8>,
    scheme: Vec<u8>,
    userinfo: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
    hostname: Option<Vec<u8>>,
    port: Option<Vec<u8>>,
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    fragment: Option<Vec<u8>>,
    requri: Option<Vec<u8>>,
}

impl Texts {
    fn of(raw: &[u8]) -> Option<Self> {
        let (scheme, rest) = split(raw, |at| at.starts_with(b"://"))?;
        if scheme.contains(&b':') {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.get(3..)?;
        if NAMES.contains(&&*scheme) {
            return Some(Self {
                raw: raw.to_vec(),
                scheme,
                userinfo: None,
                host: None,
                hostname: None,
                port: None,
                path: rest.to_vec(),
                query: None,
                fragment: None,
                requri: None,
            });
        }
        let authority = rest.iter().position(|c| b"/?#".contains(c)).unwrap_or(rest.len());
        let (authority, uri) = rest.split_at(authority);
        let (userinfo, host) = match split(authority, |at| at.starts_with(b"@")) {
            Some((_, host)) if host[1..].contains(&b'@') => return None,
            Some((user, host)) => (Some(user.to_vec()), &host[1..]),
            None => (None, authority),
        };
        // A lone star is nanomsg's way to leave the host open.
        let open = host == b"*" || host.starts_with(b"*:");
        let host = if open { &host[1..] } else { host }.to_ascii_lowercase();
        let (hostname, port) = host_and_port(&host)?;
        let port = port.unwrap_or_else(|| default_port(&scheme).to_owned().into_bytes());
        let requri = canonical(uri)?;
        let (path, query, fragment) = cut(&requri);
        Some(Self {
            raw: raw.to_vec(),
            userinfo,
            hostname: Some(hostname),
            port: Some(port),
            host: Some(host),
            path: path.to_vec(),
            query: query.map(<[u8]>::to_vec),
            fragment: fragment.map(<[u8]>::to_vec),
            requri: Some(requri),
            scheme,
        })
    }
}

/// What is in front of the first place that fits, and the rest from there on.
fn split(bytes: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<(&[u8], &[u8])> {
    (0..bytes.len()).find(|&at| fits(&bytes[at..])).map(|at| bytes.split_at(at))
}

/// `host:port`, with brackets around a host that has colons itself. A colon without a port is a mistake.
fn host_and_port(host: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let (name, rest) = match host.strip_prefix(b"[") {
        Some(inner) => {
            let (name, rest) = split(inner, |at| at.starts_with(b"]"))?;
            (name, &rest[1..])
        }
        None => split(host, |at| at.starts_with(b":")).unwrap_or((host, b"")),
    };
    match rest {
        [] => Some((name.to_vec(), None)),
        [b':', port @ ..] if !port.is_empty() => Some((name.to_vec(), Some(port.to_vec()))),
        _ => None,
    }
}

/// Path, query and fragment.
fn cut(uri: &[u8]) -> (&[u8], Option<&[u8]>, Option<&[u8]>) {
    let (uri, fragment) = match split(uri, |at| at.starts_with(b"#")) {
        Some((uri, fragment)) => (uri, Some(&fragment[1..])),
        None => (uri, None),
    };
    match split(uri, |at| at.starts_with(b"?")) {
        Some((path, query)) => (path, Some(&query[1..]), fragment),
        None => (uri, None, fragment),
    }
}

/// Path, query and fragment in canonical form (RFC 3986, section 6.2.2): what needs no escape has none, escapes are in upper case,
/// and the path has no empty, `.` and `..` elements. `None` for a broken escape and for what is not UTF-8.
fn canonical(uri: &[u8]) -> Option<Vec<u8>> {
    let uri = unescape(uri)?;
    std::str::from_utf8(&uri).ok()?;
    let end = uri.iter().position(|c| b"?#".contains(c)).unwrap_or(uri.len());
    let (path, tail) = uri.split_at(end);
    let mut done = Vec::with_capacity(uri.len());
    let mut elements = path.split(|&c| c == b'/').enumerate().peekable();
    while let Some((nr, element)) = elements.next() {
        // The last element may be empty: it is the slash at the end.
        match element {
            b"" if nr > 0 && elements.peek().is_some() => {}
            b"." if nr > 0 => {}
            b".." if nr > 0 => done.truncate(done.iter().rposition(|&c| c == b'/').unwrap_or(0)),
            element => {
                if nr > 0 {
                    done.push(b'/');
                }
                done.extend_from_slice(element);
            }
        }
    }
    done.extend_from_slice(tail);
    Some(done)
}

/// Replaces the escapes of characters that need none, and of bytes beyond ASCII.
fn unescape(uri: &[u8]) -> Option<Vec<u8>> {
    let mut done = Vec::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        if c != b'%' {
            done.push(c);
            continue;
        }
        let digits = rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        rest = &rest[2..];
        let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b".~_-".contains(&byte) || byte >= 0x80 {
            done.push(byte);
        } else {
            done.push(b'%');
            done.extend(digits.iter().map(u8::to_ascii_uppercase));
        }
    }
    Some(done)
}

/// The port of a scheme, also of its forms for one version of IP.
fn default_port(scheme: &[u8]) -> &'static str {
    let base = scheme.strip_suffix(b"4").or_else(|| scheme.strip_suffix(b"6")).unwrap_or(scheme);
    PORTS.iter().find(|(name, _)| *name == base).map_or("", |(_, port)| port)
}

/// Schemes whose URL is a name, taken as it stands.
const NAMES: [&[u8]; 4] = [b"ipc", b"unix", b"abstract", b"inproc"];

const PORTS: [(&[u8], &str); 8] = [
    (b"git", "9418"),
    (b"gopher", "70"),
    (b"http", "80"),
    (b"https", "443"),
    (b"ssh", "22"),
    (b"telnet", "23"),
    (b"ws", "80"),
    (b"wss", "443"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Scheme, userinfo, host, hostname, port, path, query, fragment, request URI; "-" for absent.
    fn parts(raw: &str) -> Option<[String; 9]> {
        let parts = Texts::of(raw.as_bytes())?;
        let text = |part: Option<Vec<u8>>| part.map_or("-".to_owned(), |part| String::from_utf8(part).unwrap());
        Some([
            text(Some(parts.scheme)),
            text(parts.userinfo),
            text(parts.host),
            text(parts.hostname),
            text(parts.port),
            text(Some(parts.path)),
            text(parts.query),
            text(parts.fragment),
            text(parts.requri),
        ])
    }

    #[test]
    fn urls_come_apart() {
        let cases = [
            ("HTTP://www.Google.com", ["http", "-", "www.google.com", "www.google.com", "80", "", "-", "-", ""]),
            ("http://h:1234/a?b=1/2#c?d", ["http", "-", "h:1234", "h", "1234", "/a", "b=1/2", "c?d", "/a?b=1/2#c?d"]),
            ("http://h#c", ["http", "-", "h", "h", "80", "", "-", "c", "#c"]),
            ("http://h?q", ["http", "-", "h", "h", "80", "", "q", "-", "?q"]),
            ("ws4://me:pw@h/", ["ws4", "me:pw", "h", "h", "80", "/", "-", "-", "/"]),
            ("tcp6://[::1]:55", ["tcp6", "-", "[::1]:55", "::1", "55", "", "-", "-", ""]),
            ("tcp://[fe80::1%eth0]", ["tcp", "-", "[fe80::1%eth0]", "fe80::1%eth0", "", "", "-", "-", ""]),
            ("tcp://*:55", ["tcp", "-", ":55", "", "55", "", "-", "-", ""]),
            ("tcp://*", ["tcp", "-", "", "", "", "", "-", "-", ""]),
            ("inproc://A%20/../b?#", ["inproc", "-", "-", "-", "-", "A%20/../b?#", "-", "-", "-"]),
            ("unix:///Tmp/x", ["unix", "-", "-", "-", "-", "/Tmp/x", "-", "-", "-"]),
            ("http://h/%41%2f%c3%a9", ["http", "-", "h", "h", "80", "/A%2Fé", "-", "-", "/A%2Fé"]),
            ("http://h//a/.//b/../c/..", ["http", "-", "h", "h", "80", "/a", "-", "-", "/a"]),
            ("http://h/a/./", ["http", "-", "h", "h", "80", "/a/", "-", "-", "/a/"]),
            ("http://h/../../a?x=/../y", ["http", "-", "h", "h", "80", "/a", "x=/../y", "-", "/a?x=/../y"]),
        ];
        for (raw, want) in cases {
            assert_eq!(parts(raw).unwrap(), want, "{raw}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        let cases = [
            "",
            "www",
            "http:/h",
            "a:b://c",
            "http://a@b@c/",
            "http://[::1",
            "http://[::1]x",
            "http://h:/",
            "http://h/%4",
            "http://h/%zz",
            "http://h/%c0%80",
        ];
        for raw in cases {
            assert!(parts(raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn a_copy_is_its_own() {
        let (mut url, mut copy) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: valid pointers, and each URL is freed once.
        unsafe {
            assert_eq!(nng_url_parse(&mut url, c"ws://host/a?b".as_ptr()), 0);
            assert_eq!(nng_url_clone(&mut copy, url), 0);
            nng_url_free(url);
            assert_eq!(CStr::from_ptr((*copy).u_rawurl), c"ws://host/a?b");
            assert_eq!(CStr::from_ptr((*copy).u_port), c"80");
            assert!((*copy).u_fragment.is_null());
            nng_url_free(copy);
            assert_eq!(nng_url_parse(&mut url, std::ptr::null()), 3);
            assert_eq!(nng_url_parse(std::ptr::null_mut(), c"ws://host".as_ptr()), 3);
            nng_url_free(std::ptr::null_mut());
        }
    }
}
