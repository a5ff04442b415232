//! Whom we believe to be the origin.
//!
//! Certificates are always verified: against the system's roots, or against the roots in a file
//! and no others. There is no switch to turn that off.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::super::config::OriginSetupError;

/// A connector that verifies against `ca`, or else against the system's roots.
pub(in super::super) fn connector(ca: Option<&Path>) -> Result<TlsConnector, OriginSetupError> {
    let roots = match ca {
        Some(path) => roots_in(path)
            .map_err(|source| OriginSetupError::CaUnusable { path: path.to_owned(), source })?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(OriginSetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots_in(path: &Path) -> Result<RootCertStore, Box<dyn Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() { Err("no certificate in the file".into()) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, OriginSetupError> {
    let mut roots = RootCertStore::empty();
    // A root that does not parse is passed over: system stores hold odd ones.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(OriginSetupError::SystemRootsMissing) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::TlsAcceptor;

    use super::super::super::conformance::{self, objects};
    use super::super::super::{Config, HttpConfig, HttpOrigin, Kind, Origin, OriginFault};
    use super::super::scripted::{Ranges, Server, honest};
    use super::super::tests::{fault, get, open, subject};
    use super::*;

    struct Authority {
        folder: tempfile::TempDir,
        issuer: Issuer<'static, KeyPair>,
    }

    impl Authority {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let folder = tempfile::tempdir().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
            Self { folder, issuer: Issuer::new(params, key) }
        }

        fn acceptor(&self, name: &str) -> TlsAcceptor {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
            TlsAcceptor::from(Arc::new(config))
        }

        fn origin_at(&self, server: &Server) -> HttpOrigin {
            let url = format!("https://localhost:{}", server.address.port());
            let mut config = HttpConfig::new(url.parse().unwrap());
            config.ca = Some(self.folder.path().join("ca.pem"));
            open(config)
        }
    }

    #[tokio::test]
    async fn conforms() {
        let authority = Authority::new();
        let answering = honest(objects(), Ranges::Honoured);
        let server = Server::start_with(answering, Some(authority.acceptor("localhost"))).await;
        conformance::behaves(&subject(&authority.origin_at(&server))).await;
    }

    #[tokio::test]
    async fn only_the_right_server_is_believed() {
        let authority = Authority::new();
        let answering = honest(vec![("x", "0".into())], Ranges::Honoured);
        let other = Authority::new().acceptor("localhost");
        for acceptor in [other, authority.acceptor("elsewhere.example")] {
            let mut server = Server::start_with(answering.clone(), Some(acceptor)).await;
            let error = get(&authority.origin_at(&server), &[]).await.unwrap_err();
            assert_eq!(error.fault(), OriginFault::TlsFailed);
            assert_eq!(server.requests().len(), 0);
        }
        // A server that never gets on with it.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let mut config = HttpConfig::new(url.parse().unwrap());
        config.ca = Some(authority.folder.path().join("ca.pem"));
        config.connect_timeout = Duration::from_millis(200);
        assert_eq!(fault(get(&open(config), &[]).await), OriginFault::ConnectTimedOut);
    }

    #[test]
    fn roots_that_cannot_be_used_are_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, broken) = (folder.path().join("empty.pem"), folder.path().join("broken.pem"));
        std::fs::write(&empty, "").unwrap();
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&broken, text).unwrap();
        for path in [empty, broken, folder.path().join("absent.pem")] {
            let mut config = HttpConfig::new("https://localhost".parse().unwrap());
            config.ca = Some(path.clone());
            let kind = Kind::Http(config);
            let error = Origin::open(Config { name: "x".into(), kind }).unwrap_err();
            assert!(matches!(error, OriginSetupError::CaUnusable { .. }), "{path:?} {error}");
        }
    }
}
