//! Certificates for tests, made anew by each test program, and a peer that speaks TLS as the test tells it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use spanwire_core::driver::Socket;
use spanwire_core::option::names;
use spanwire_transports::tls::{TlsConfig, TlsConfigBuilder};

use crate::common::S;

/// An authority.
pub struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_as(names, |_| {})
    }

    pub fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, change).signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// A certificate that is its own authority.
pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params(names, change).self_signed(&key).unwrap();
    Identity { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("nobody", |name| name));
    change(&mut params);
    params
}

impl Identity {
    pub fn show(&self, builder: TlsConfigBuilder) -> TlsConfigBuilder {
        builder.cert_pem(&self.certificate, &self.key)
    }
}

/// The authority that all tests trust, and this machine's certificate.
pub fn home() -> &'static (Ca, Identity) {
    static HOME: OnceLock<(Ca, Identity)> = OnceLock::new();
    HOME.get_or_init(|| {
        let ca = Ca::new("Spanwire's tests");
        let identity = ca.issue(&["localhost", "127.0.0.1", "::1"]);
        (ca, identity)
    })
}

/// Listens as this machine, and trusts the tests' authority.
pub fn config() -> TlsConfig {
    static CONFIG: OnceLock<TlsConfig> = OnceLock::new();
    let make = || home().1.show(TlsConfig::builder()).ca_pem(&home().0.pem()).build().unwrap();
    CONFIG.get_or_init(make).clone()
}

/// What every socket of the tests can do.
pub fn equip(socket: &Socket) {
    socket.set_option(S, names::TLS_CONFIG, config().into()).unwrap();
}

/// A blocking TLS connection.
pub struct Scripted(Mutex<(Connection, TcpStream)>, TcpStream);

/// Connected and not yet shaken hands: the first read or write does that.
pub fn client(tcp: TcpStream) -> Scripted {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(home().0.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    Scripted::new(ClientConnection::new(Arc::new(config), name).unwrap().into(), tcp)
}

/// As [`client`].
pub fn server(tcp: TcpStream) -> Scripted {
    let identity = &home().1;
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    Scripted::new(ServerConnection::new(Arc::new(config)).unwrap().into(), tcp)
}

impl Scripted {
    fn new(conn: Connection, tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        Self(Mutex::new((conn, tcp.try_clone().unwrap())), tcp)
    }

    pub fn tcp(&self) -> &TcpStream {
        &self.1
    }

    pub fn shut(&self, how: Shutdown) {
        let (conn, tcp) = &mut *self.0.lock().unwrap();
        if conn.is_handshaking() {
            let _ = conn.complete_io(tcp);
        }
        conn.send_close_notify();
        while conn.wants_write() && conn.write_tls(tcp).is_ok() {}
        let _ = tcp.shutdown(how);
    }
}

impl Read for Scripted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (conn, tcp) = self.0.get_mut().unwrap();
        if conn.is_handshaking()
            && let Err(e) = conn.complete_io(tcp)
        {
            return if e.kind() == io::ErrorKind::UnexpectedEof { Ok(0) } else { Err(e) };
        }
        loop {
            match conn.reader().read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            conn.read_tls(tcp)?;
            conn.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Scripted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let (conn, tcp) = self.0.get_mut().unwrap();
        if conn.is_handshaking() {
            conn.complete_io(tcp)?;
        }
        let n = conn.writer().write(buf)?;
        while conn.wants_write() {
            conn.write_tls(tcp)?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
