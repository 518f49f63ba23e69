//! URLs: the addresses of all transports.
//!
//! | form | meaning |
//! |---|---|
//! | `inproc://any name` | a name within this process, taken as it stands |
//! | `ipc:///tmp/app.sock`, `ipc://app.sock`, `unix://..` | a socket file, taken as it stands: a `%` is a `%` |
//! | `abstract://name%00with%20escapes` | a name in Linux' abstract namespace; empty: the kernel chooses one (listening) |
//! | `tcp://host:port`, `tcp4://..`, `tcp6://[::1]:5555` | also `tls+tcp://`, `udp://` and their `4` and `6` forms |
//! | `tcp://*:5555`, `tcp://:5555` | all addresses of this machine (listening) |
//! | `tcp://192.168.1.2;host:5555` | nanomsg's form: leave through the local address before the `;` (dialing) |
//! | `ws://host:port/path?query`, `wss://..` | the port is 80 or 443 unless it is given |
//! | `socket://` | descriptors that the application connected |
//! | `x:rest`, `x://rest` | the scheme `x` of a plugin; see [`Url::rest`] |
//!
//! Parsing follows NNG 1.x: schemes and host names are turned to lower case, the paths of `ws` and the like are made
//! canonical (RFC 3986, section 6.2.2), and those of `ipc` and `inproc` are left alone. Stricter than NNG: a broken escape,
//! a port that is no number below 65536, and a missing port where the scheme has no default are errors.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::as_conversions, clippy::panic)
)]

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::{Error, Result};

/// An address to dial or to listen at.
///
/// ```
/// use spanwire_core::Url;
/// let url = Url::parse("tcp://[::1]:5555")?;
/// assert_eq!((url.scheme(), url.host(), url.port()), ("tcp", Some("::1"), Some(5555)));
/// assert_eq!(url.with_port(80).as_str(), "tcp://[::1]:80");
/// assert!(Url::parse("tcp://127.0.0.1").unwrap_err().to_string().contains("port"));
/// # Ok::<(), spanwire_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    text: String,
    scheme: String,
    parts: Parts,
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`], which names the text and what is wrong with it. That the scheme has no transport is not
    /// known here.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("TCP://LocalHost:5555")?.host(), Some("localhost"));
    /// assert!(Url::parse("tcp://localhost:70000").is_err());
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: Cow<'static, str>| Error::AddressInvalid(format!("{text:?}: {why}").into());
        let (scheme, rest) = text.split_once(':').ok_or_else(|| bad("no scheme such as \"tcp://\"".into()))?;
        if !is_scheme(scheme) {
            return Err(bad(format!("{scheme:?} is no scheme").into()));
        }
        let scheme = scheme.to_ascii_lowercase();
        let form = Form::of(&scheme);
        let parts = match (rest.strip_prefix("//"), form) {
            (Some(rest), Form::Name) => Parts::Name(rest.to_owned()),
            (Some(rest), Form::File) => Parts::Name(checked_file(rest).map_err(bad)?),
            (Some(rest), Form::Abstract) => Parts::Bytes(checked_abstract(rest).map_err(bad)?),
            (Some(rest), Form::Net { default_port }) => {
                let mut net = Net::parse(rest, text.len() - rest.len()).map_err(bad)?;
                net.port = net.port.or(default_port);
                if net.port.is_none() {
                    return Err(bad("the port is missing".into()));
                }
                Parts::Net(Box::new(net))
            }
            (Some(rest), Form::Foreign) => match Net::parse(rest, text.len() - rest.len()) {
                Ok(net) => Parts::Net(Box::new(net)),
                Err(_) => Parts::Name(rest.to_owned()),
            },
            (None, Form::Foreign) => Parts::Name(rest.to_owned()),
            (None, Form::Name | Form::File | Form::Abstract | Form::Net { .. }) => {
                return Err(bad(format!("{scheme:?} is followed by \"://\"").into()));
            }
        };
        Ok(Self { text: text.to_owned(), scheme, parts })
    }

    /// The URL of a name in Linux' abstract socket namespace, with escapes where it needs them.
    ///
    /// # Errors
    /// [`Error::AddressInvalid`] if the name is longer than 107 bytes.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// let url = Url::from_abstract_name(b"a\0b")?;
    /// assert_eq!(url.as_str(), "abstract://a%00b");
    /// assert!(Url::from_abstract_name(&[0; 108]).is_err());
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn from_abstract_name(name: &[u8]) -> Result<Self> {
        Self::parse(&format!("abstract://{}", percent_encode(name, ESCAPED)))
    }

    /// As it was written.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("TCP://*:5555")?.as_str(), "TCP://*:5555");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme, in lower case, such as `tls+tcp`.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("TCP://*:5555")?.scheme(), "tcp");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Everything behind `scheme://` or `scheme:`, as it was written.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("pigeon://roof")?.rest(), "roof");
    /// assert_eq!(Url::parse("pigeon:roof")?.rest(), "roof");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn rest(&self) -> &str {
        let rest = self.text.get(self.scheme.len() + 1..).unwrap_or("");
        rest.strip_prefix("//").unwrap_or(rest)
    }

    /// The host in lower case and without brackets, an IPv6 address with its zone behind a `%`. Empty or `*` where it is left
    /// open; `None` where the scheme has no hosts.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("tcp://[::1]:5555")?.host(), Some("::1"));
    /// assert_eq!(Url::parse("inproc://name")?.host(), None);
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn host(&self) -> Option<&str> {
        self.net().map(|net| &*net.host)
    }

    /// Whether the host is left open: empty or `*`. Such a URL can be listened at and not dialed.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert!(Url::parse("tcp://*:5555")?.is_wildcard());
    /// assert!(!Url::parse("tcp://localhost:5555")?.is_wildcard());
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host(), Some("" | "*"))
    }

    /// The port, or the scheme's default; 0 leaves the choice to the system. `None` where the scheme has no ports.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("tcp://localhost:5555")?.port(), Some(5555));
    /// assert_eq!(Url::parse("ws://localhost/")?.port(), Some(80));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.net()?.port
    }

    /// The local address in front of a `;`, nanomsg's way to choose the interface.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("tcp://192.168.1.2;host:5555")?.local(), Some("192.168.1.2"));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn local(&self) -> Option<&str> {
        self.net()?.local.as_deref()
    }

    /// What stands in front of an `@`, as it was written.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("ws://me@host/")?.userinfo(), Some("me"));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn userinfo(&self) -> Option<&str> {
        self.net()?.userinfo.as_deref()
    }

    /// The path, decoded. Of `inproc`, `ipc` and the like it is all that follows `://`. An abstract name that is not UTF-8
    /// has replacement characters here; see [`path_bytes`](Self::path_bytes).
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("ws://host/a%20b")?.path(), "/a b");
    /// assert_eq!(Url::parse("ipc:///tmp/a%20b")?.path(), "/tmp/a%20b");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.path_bytes())
    }

    /// The path, decoded, as bytes.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("abstract://a%00b")?.path_bytes(), b"a\0b");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn path_bytes(&self) -> &[u8] {
        match &self.parts {
            Parts::Name(name) => name.as_bytes(),
            Parts::Bytes(bytes) => bytes,
            Parts::Net(net) => net.path.as_bytes(),
        }
    }

    /// The path in canonical form, with escapes, as HTTP requests carry it. As it was written where there is no canonical form.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("ws://host/a%20b/../c%20d")?.encoded_path(), "/c%20d");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn encoded_path(&self) -> &str {
        match &self.parts {
            Parts::Name(_) | Parts::Bytes(_) => self.rest(),
            Parts::Net(net) => &net.encoded_path,
        }
    }

    /// The path as the name of a file.
    ///
    /// ```
    /// use spanwire_core::Url;
    /// use std::path::Path;
    ///
    /// assert_eq!(Url::parse("ipc:///tmp/app.sock")?.file(), Path::new("/tmp/app.sock"));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn file(&self) -> &Path {
        match &self.parts {
            Parts::Name(name) => Path::new(name),
            Parts::Bytes(_) => Path::new(self.rest()),
            Parts::Net(net) => Path::new(&net.path),
        }
    }

    /// What stands between `?` and `#`, as it was written.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("ws://host/path?a=b")?.query(), Some("a=b"));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn query(&self) -> Option<&str> {
        self.net()?.query.as_deref()
    }

    /// What stands behind `#`, as it was written.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("ws://host/path#part")?.fragment(), Some("part"));
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn fragment(&self) -> Option<&str> {
        self.net()?.fragment.as_deref()
    }

    /// The same URL with this port. A URL without ports stays as it is.
    ///
    /// ```
    /// use spanwire_core::Url;
    ///
    /// assert_eq!(Url::parse("tcp://host:0")?.with_port(5555).as_str(), "tcp://host:5555");
    /// assert_eq!(Url::parse("inproc://name")?.with_port(5555).as_str(), "inproc://name");
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        let mut url = self.clone();
        if let Parts::Net(net) = &mut url.parts {
            let text = format!(":{port}");
            url.text.replace_range(net.port_at.clone(), &text);
            net.port_at.end = net.port_at.start + text.len();
            net.port = Some(port);
        }
        url
    }

    fn net(&self) -> Option<&Net> {
        match &self.parts {
            Parts::Net(net) => Some(net),
            Parts::Name(_) | Parts::Bytes(_) => None,
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for Url {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Url {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Url {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl TryFrom<&String> for Url {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<&Url> for Url {
    type Error = Error;

    fn try_from(url: &Url) -> Result<Self> {
        Ok(url.clone())
    }
}

/// What stands behind the scheme.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Parts {
    Name(String),
    Bytes(Vec<u8>),
    Net(Box<Net>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Net {
    userinfo: Option<String>,
    local: Option<String>,
    host: String,
    port: Option<u16>,
    /// Where `:port` stands in the text; empty where the port is left out.
    port_at: Range<usize>,
    encoded_path: String,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

/// How the URLs of a scheme are read.
#[derive(Clone, Copy)]
enum Form {
    Name,
    File,
    Abstract,
    Net { default_port: Option<u16> },
    Foreign,
}

impl Form {
    fn of(scheme: &str) -> Self {
        match scheme {
            "inproc" | "socket" => Self::Name,
            "ipc" | "unix" => Self::File,
            "abstract" => Self::Abstract,
            "ws" | "ws4" | "ws6" | "http" => Self::Net { default_port: Some(80) },
            "wss" | "wss4" | "wss6" | "https" => Self::Net { default_port: Some(443) },
            "tcp" | "tcp4" | "tcp6" | "tls+tcp" | "tls+tcp4" | "tls+tcp6" | "udp" | "udp4" | "udp6" => {
                Self::Net { default_port: None }
            }
            _ => Self::Foreign,
        }
    }
}

type Why = Cow<'static, str>;

impl Net {
    /// Reads `authority/path?query#fragment`, which begins at this place of the URL.
    fn parse(rest: &str, at: usize) -> Result<Self, Why> {
        if let Some(c) = rest.chars().find(|c| c.is_control() || c.is_whitespace() || "\"<>\\^`{|}".contains(*c)) {
            return Err(format!("{c:?} must be escaped").into());
        }
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = match rest.find('/').and_then(|end| rest.split_at_checked(end)) {
            Some(found) => found,
            None => (rest, ""),
        };
        let (userinfo, hostport) = match authority.rsplit_once('@') {
            Some((userinfo, hostport)) => (Some(userinfo), hostport),
            None => (None, authority),
        };
        let (local, hostport) = match hostport.split_once(';') {
            Some((local, hostport)) => (Some(local), hostport),
            None => (None, hostport),
        };
        let (host, colon_port) = split_port(hostport)?;
        let end = at + authority.len();
        for part in [userinfo, query, fragment].into_iter().flatten() {
            decoded(part)?;
        }
        let encoded_path = canonical_path(path)?;
        let path = String::from_utf8(decoded(&encoded_path)?).map_err(|_| "the path is not UTF-8")?;
        Ok(Self {
            userinfo: userinfo.map(str::to_owned),
            local: local.map(|local| checked_host(local).map(|host| host.into_owned())).transpose()?,
            host: checked_host(host)?.into_owned(),
            port: parsed_port(colon_port)?,
            port_at: end - colon_port.len()..end,
            encoded_path,
            path,
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Cuts `host:port` in front of the colon that is not part of an IPv6 address.
fn split_port(hostport: &str) -> Result<(&str, &str), Why> {
    let search_from = match hostport.starts_with('[') {
        true => hostport.find(']').ok_or("the bracket is not closed")?,
        false => 0,
    };
    let tail = hostport.get(search_from..).unwrap_or("");
    let Some(colon) = tail.find(':') else { return Ok((hostport, "")) };
    hostport.split_at_checked(search_from + colon).ok_or_else(|| "no host".into())
}

fn parsed_port(colon_port: &str) -> Result<Option<u16>, Why> {
    let Some(port) = colon_port.strip_prefix(':') else { return Ok(None) };
    if port.is_empty() {
        return Ok(None);
    }
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits => Ok(Some(number)),
        Ok(_) | Err(_) => Err(format!("{port:?} is no port, a number from 0 to 65535 is").into()),
    }
}

/// The host in lower case and without brackets.
fn checked_host(host: &str) -> Result<Cow<'_, str>, Why> {
    let Some(inner) = host.strip_prefix('[') else {
        if let Some(c) = host.chars().find(|c| "[]:%@;".contains(*c)) {
            return Err(format!("{c:?} in the host {host:?}; IPv6 addresses need brackets").into());
        }
        return Ok(host.to_lowercase().into());
    };
    let inner = inner.strip_suffix(']').ok_or_else(|| format!("{host:?} is no host"))?;
    let (address, zone) = cut(inner, '%');
    let address: Ipv6Addr = address.parse().map_err(|_| format!("{address:?} is no IPv6 address"))?;
    match zone {
        None => Ok(address.to_string().into()),
        // RFC 6874 writes the percent sign as %25; everybody else writes it as it is.
        Some(zone) => match zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone) {
            "" => Err("the IPv6 zone is empty".into()),
            zone if zone.contains('%') => Err(format!("{zone:?} is no IPv6 zone").into()),
            zone => Ok(format!("{address}%{zone}").into()),
        },
    }
}

fn checked_file(path: &str) -> Result<String, Why> {
    match path {
        "" => Err("the path is missing".into()),
        path if path.contains('\0') => Err("a path has no NUL".into()),
        path if path.len() > FILE_NAME_MAX => {
            Err(format!("the path has {} bytes, {FILE_NAME_MAX} are allowed", path.len()).into())
        }
        path => Ok(path.to_owned()),
    }
}

fn checked_abstract(name: &str) -> Result<Vec<u8>, Why> {
    let name = decoded(name)?;
    if name.len() > ABSTRACT_NAME_MAX {
        return Err(format!("the name has {} bytes, {ABSTRACT_NAME_MAX} are allowed", name.len()).into());
    }
    Ok(name)
}

/// Resolves all escapes.
fn decoded(text: &str) -> Result<Vec<u8>, Why> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        if !after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let shown: String = after.chars().take(2).collect();
            return Err(format!("\"%{shown}\" is no escape, \"%41\" would be one").into());
        }
        rest = after;
    }
    Ok(percent_decode_str(text).collect())
}

/// Escapes only where they are needed and in upper case, no `.` and `..`, no empty segments.
fn canonical_path(path: &str) -> Result<String, Why> {
    decoded(path)?;
    let mut segments: Vec<String> = Vec::new();
    let mut directory = false;
    for raw in path.split('/').skip(1) {
        let segment = canonical_segment(raw);
        directory = matches!(&*segment, "" | "." | "..");
        match &*segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if directory {
        out.push('/');
    }
    Ok(out)
}

fn canonical_segment(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut parts = raw.split('%');
    out.push_str(parts.next().unwrap_or(""));
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        match u8::from_str_radix(digits, 16).map(char::from) {
            Ok(c) if c.is_ascii_alphanumeric() || "-._~".contains(c) => out.push(c),
            Ok(_) | Err(_) => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        out.push_str(rest);
    }
    out
}

/// What [`Url::from_abstract_name`] escapes.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The longest path of a socket file: `sun_path` without its NUL.
const FILE_NAME_MAX: usize =
    match cfg!(any(target_vendor = "apple", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")) {
        true => 103,
        false => 107,
    };

/// The longest abstract name: `sun_path` without its leading NUL.
const ABSTRACT_NAME_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn names_are_taken_as_they_stand() {
        for (text, path) in [
            ("inproc://any name, 100%", "any name, 100%"),
            ("inproc://", ""),
            ("ipc:///tmp/a%20b", "/tmp/a%20b"),
            ("ipc://relative/x.sock", "relative/x.sock"),
            ("unix:///tmp/Ä?#", "/tmp/Ä?#"),
            ("socket://", ""),
            ("INPROC://Name", "Name"),
        ] {
            let url = url(text);
            assert_eq!((&*url.path(), url.rest(), url.encoded_path()), (path, path, path));
            assert_eq!((url.host(), url.port(), url.query()), (None, None, None));
            assert_eq!(url.as_str(), text);
        }
        assert_eq!(url("UNIX://x").scheme(), "unix");
        assert_eq!(url("ipc:///a/b").file(), Path::new("/a/b"));
    }

    #[test]
    fn abstract_names_are_decoded_and_encoded() {
        let decoded = url("abstract://name%00with%20escapes%ff");
        assert_eq!(decoded.path_bytes(), b"name\0with escapes\xff");
        assert_eq!(url("abstract://").path_bytes(), b"");
        let made = Url::from_abstract_name(b"name\0with escapes\xff").unwrap();
        assert_eq!(made.as_str(), "abstract://name%00with%20escapes%FF");
        assert_eq!(made.path_bytes(), decoded.path_bytes());
        assert!(Url::from_abstract_name(&[b'x'; 107]).is_ok());
        assert!(Url::from_abstract_name(&[b'x'; 108]).is_err());
    }

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("tcp://127.0.0.1:5555", "127.0.0.1", 5555),
            ("tcp4://LocalHost:1", "localhost", 1),
            ("TCP6://[::1]:0", "::1", 0),
            ("tcp://[FE80:0::1%eth0]:65535", "fe80::1%eth0", 65535),
            ("tcp://[fe80::1%25eth0]:1", "fe80::1%eth0", 1),
            ("tcp://[fe80::1%2]:1", "fe80::1%2", 1),
            ("tcp://*:5555", "*", 5555),
            ("tcp://:5555", "", 5555),
            ("tls+tcp://example.com:443/", "example.com", 443),
            ("ws://example.com", "example.com", 80),
            ("wss://user:secret@[::1]/x", "::1", 443),
        ] {
            let url = url(text);
            assert_eq!((url.host(), url.port()), (Some(host), Some(port)), "{text}");
            assert_eq!(url.is_wildcard(), matches!(host, "" | "*"));
        }
        let nanomsg = url("tcp://192.168.1.2;Host:5555");
        assert_eq!((nanomsg.local(), nanomsg.host()), (Some("192.168.1.2"), Some("host")));
        assert_eq!(url("tcp://[::1];[::2]:1").local(), Some("::1"));
        assert_eq!(url("ws://u:p@h").userinfo(), Some("u:p"));
    }

    #[test]
    fn paths_of_web_urls_are_canonical() {
        for (text, encoded, decoded) in [
            ("ws://h", "", ""),
            ("ws://h/", "/", "/"),
            ("ws://h/a//b/./c/../d", "/a/b/d", "/a/b/d"),
            ("ws://h/%7euser/%2f/%c3%a4", "/~user/%2F/%C3%A4", "/~user///ä"),
            ("ws://h/../..", "/", "/"),
            ("ws://h/a/%2e%2e/b/", "/b/", "/b/"),
            ("ws://h/Ä", "/Ä", "/Ä"),
        ] {
            let url = url(text);
            assert_eq!((url.encoded_path(), &*url.path()), (encoded, decoded), "{text}");
        }
        let full = url("ws://h:1/p?q=1&r=a%20b#frag?");
        assert_eq!((full.query(), full.fragment()), (Some("q=1&r=a%20b"), Some("frag?")));
        assert_eq!(full.with_port(2).as_str(), "ws://h:2/p?q=1&r=a%20b#frag?");
        assert_eq!(url("wss://h/p").with_port(8).as_str(), "wss://h:8/p");
    }

    #[test]
    fn plugins_get_what_they_can_use() {
        let named = url("x:some rest");
        assert_eq!((named.scheme(), named.rest(), &*named.path(), named.host()), ("x", "some rest", "some rest", None));
        let odd = url("x://some:odd name");
        assert_eq!((odd.rest(), &*odd.path(), odd.port()), ("some:odd name", "some:odd name", None));
        let net = url("my+x.1://host:1/path");
        assert_eq!((net.host(), net.port(), &*net.path(), net.rest()), (Some("host"), Some(1), "/path", "host:1/path"));
        assert_eq!(url("x://host").port(), None);
    }

    #[test]
    fn errors_name_the_value() {
        let long = format!("ipc://{}", "x".repeat(FILE_NAME_MAX + 1));
        for (text, named) in [
            ("", "scheme"),
            ("tcp", "scheme"),
            ("://x", "scheme"),
            ("1x://x", "1x"),
            ("tcp:127.0.0.1:1", "://"),
            ("ipc:/tmp/x", "://"),
            ("tcp://127.0.0.1", "port is missing"),
            ("tcp://127.0.0.1:", "port is missing"),
            ("tcp://127.0.0.1:65536", "\"65536\""),
            ("tcp://127.0.0.1:+1", "\"+1\""),
            ("tcp://127.0.0.1:http", "\"http\""),
            ("tcp://::1:5555", "1:5555"),
            ("tcp://[::1:5555", "bracket"),
            ("tcp://[::1]x:5555", "[::1]x"),
            ("tcp://[nonsense]:5555", "nonsense"),
            ("tcp://[fe80::1%]:5555", "zone"),
            ("tcp://a b:1", "' '"),
            ("ws://h/%4", "\"%4\""),
            ("ws://h/%zz", "\"%zz\""),
            ("ws://h/%ff", "UTF-8"),
            ("ws://h/?%", "\"%\""),
            ("abstract://%0", "\"%0\""),
            ("ipc://", "path is missing"),
            ("ipc://a\0b", "NUL"),
            (&long, "bytes"),
        ] {
            match Url::parse(text) {
                Err(Error::AddressInvalid(why)) => assert!(why.as_str().contains(named), "{text}: {why:?}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(Url::parse(&long).unwrap_err().to_string().contains(&long[6..]));
    }

    fn use_all(url: &Url) {
        let _ = (url.host(), url.port(), url.local(), url.userinfo(), url.path(), url.path_bytes());
        let _ = (url.encoded_path(), url.file(), url.query(), url.fragment(), url.rest(), url.is_wildcard());
        assert_eq!(&Url::parse(&format!("{url}")).unwrap(), url);
        let moved = url.with_port(7);
        assert_eq!(moved.port(), url.net().map(|_| 7));
        assert_eq!(Url::parse(moved.as_str()).unwrap(), moved);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            if let Ok(url) = Url::parse(&text) {
                use_all(&url);
            }
        }

        #[test]
        fn no_nearly_good_text_panics(
            scheme in "(tcp|tcp6|ws|wss|ipc|inproc|abstract|tls\\+tcp|x|X.y)",
            rest in "(//)?([a-z0-9@;:%*./?#\\[\\]\\\\ Ää-]|%[0-9a-f]{2}|[0-9]{1,5}|::1|\\[::1\\]){0,12}",
        ) {
            if let Ok(url) = Url::parse(&format!("{scheme}:{rest}")) {
                use_all(&url);
            }
        }

        #[test]
        fn parts_come_back(host in "[a-z][a-z0-9.-]{0,20}", port: u16, path in "(/[a-z]{1,5}){0,3}", query in "[a-z=&]{1,8}") {
            let url = url(&format!("ws://{host}:{port}{path}?{query}"));
            prop_assert_eq!(url.host(), Some(&*host));
            prop_assert_eq!(url.port(), Some(port));
            prop_assert_eq!(&*url.path(), &*path);
            prop_assert_eq!(url.query(), Some(&*query));
        }

        #[test]
        fn abstract_names_come_back(name in prop::collection::vec(any::<u8>(), 0..=107)) {
            let url = Url::from_abstract_name(&name).unwrap();
            prop_assert_eq!(url.path_bytes(), &*name);
        }
    }
}
