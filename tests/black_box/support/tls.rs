//! TLS towards a test edge: a certificate of our own, and a client that trusts it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::keep_alive::{Dial, tcp};
use super::raw_client::{Connection, connect, connect_from};

/// A listener with the certificate at `tls/site.pem`, for `[edge]`.
pub(crate) const LISTENER: &str = "[[edge.listener]]\naddress = \"127.0.0.1:0\"\n\
    certificates = [{ cert = \"tls/site.pem\", key = \"tls/site.key\" }]\n";

/// Signed by itself, or by an [`Authority`].
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// For these DNS names, and 127.0.0.1.
    pub(crate) fn of(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = names.iter().copied().chain(["127.0.0.1"]).map(str::to_owned);
        let certificate =
            CertificateParams::new(names.collect::<Vec<_>>()).unwrap().self_signed(&key).unwrap();
        Self { pem: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() }
    }

    /// Shakes hands, asking for this name; an address is asked for without SNI (RFC 6066 section
    /// 3).
    pub(crate) fn connect(&self, edge: SocketAddr, name: &str, alpn: &str) -> Connection {
        let client = TlsClient::trusting([self], alpn);
        Connection::over(client.over(connect(edge), name))
    }

    /// The same for HTTP/2, from an address of this machine, which Linux has all of 127/8 of.
    pub(crate) fn connect_from(&self, source: [u8; 4], edge: SocketAddr, name: &str) -> Connection {
        let client = TlsClient::trusting([self], "h2");
        Connection::over(client.over(connect_from(source, edge), name))
    }

    /// Is it this one that is served under this name?
    pub(crate) fn is_served(&self, edge: SocketAddr, name: &str, all: &[Self]) -> bool {
        let mut session = TlsClient::trusting(all, "http/1.1").over(connect(edge), name);
        session.conn.complete_io(&mut session.sock).unwrap();
        session.conn.peer_certificates().unwrap()[0] == self.der
    }
}

/// Signs certificates, and is known to whoever is told of it.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For these names and addresses.
    pub(crate) fn sign(&self, names: &[&str]) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }
}

/// Resumes its sessions as stock clients do.
#[derive(Clone)]
pub(crate) struct TlsClient(Arc<ClientConfig>);

impl TlsClient {
    /// Trusts these and speaks this.
    pub(crate) fn trusting<'c>(
        certificates: impl IntoIterator<Item = &'c Certificate>,
        alpn: &str,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.der.clone()).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        Self(Arc::new(config))
    }

    /// Whose every handshake is a whole one, with the certificate in it.
    pub(crate) fn without_resumption(self) -> Self {
        let mut config = Arc::unwrap_or_clone(self.0);
        config.resumption = Resumption::disabled();
        Self(Arc::new(config))
    }

    /// Makes connections to this name.
    pub(crate) fn dial(self, edge: SocketAddr, name: &'static str) -> Dial {
        Arc::new(move || Ok(Box::new(self.over(tcp(edge)?, name))))
    }

    fn over(&self, stream: TcpStream, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::clone(&self.0), name).unwrap(), stream)
    }
}
