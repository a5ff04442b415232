//! TLS towards a test edge: a certificate of our own, and a client that trusts it.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::raw_client::{Connection, connect};

/// A listener with the certificate at `tls/site.pem`, for `[edge]`.
pub(crate) const LISTENER: &str = "[[edge.listener]]\naddress = \"127.0.0.1:0\"\n\
    certificates = [{ cert = \"tls/site.pem\", key = \"tls/site.key\" }]\n";

/// Signed by itself.
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
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        Connection::over(StreamOwned::new(session, connect(edge)))
    }
}
