//! Connections to control planes.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{error::Elapsed, timeout};
use tokio_rustls::TlsConnector;

use crate::visitor::Visitor;

use super::settings::{ControlUrl, Security, SyncConfig};

/// Where control planes take what edges are asked of shares, whose target follows.
const SHARES: &str = "/api/v1/edge/shares";

/// For name, connection and handshakes together.
const CONNECT: Duration = Duration::from_secs(3);

/// Why control planes cannot be followed at all.
#[derive(Debug, thiserror::Error)]
pub enum SyncSetupError {
    /// The roots cannot be used.
    #[error("the roots of [edge.sync] cannot be used: {}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody is believed.
    #[error("the system has no roots: name a `ca`")]
    NoRoots,
    /// What was said cannot be kept there.
    #[error("the folder {} cannot be used", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The token is no header's value.
    #[error("the token of [edge.sync] has characters that no token has")]
    Token,
}

/// Why a connection is not there.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("it does not speak HTTP")]
    Http(#[source] hyper::Error),
    #[error("it cannot be reached")]
    Io(#[from] io::Error),
    #[error("its name is none")]
    Name(#[from] InvalidDnsNameError),
    #[error("it did not answer in time")]
    TimedOut(#[from] Elapsed),
}

/// Makes connections, and the requests on them.
pub(super) struct Connector {
    tls: Option<TlsConnector>,
    bearer: HeaderValue,
}

/// An open connection. Dropped, it is closed.
pub(super) struct Connection {
    pub(super) requests: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl Connector {
    pub(super) fn new(config: &SyncConfig) -> Result<Self, SyncSetupError> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", config.token.expose()))
            .map_err(|_| SyncSetupError::Token)?;
        bearer.set_sensitive(true);
        let needed = config.urls.iter().any(|url| url.security == Security::Tls);
        let tls = needed.then(|| tls(config.ca.as_deref())).transpose()?;
        Ok(Self { tls, bearer })
    }

    pub(super) async fn connect(&self, url: &ControlUrl) -> Result<Connection, ConnectError> {
        timeout(CONNECT, self.open(url)).await?
    }

    async fn open(&self, url: &ControlUrl) -> Result<Connection, ConnectError> {
        let tcp = TcpStream::connect((&*url.host, url.port)).await?;
        tcp.set_nodelay(true)?;
        match (url.security, &self.tls) {
            (Security::Loopback, _) => shake_hands(tcp).await,
            (Security::Tls, Some(tls)) => {
                let name = ServerName::try_from(url.host.to_string())?;
                shake_hands(tls.connect(name, tcp).await?).await
            }
            (Security::Tls, None) => Err(io::Error::other("TLS was not set up").into()),
        }
    }

    /// A request to a control plane, with the token.
    pub(super) fn request(
        &self,
        url: &ControlUrl,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
        Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, url.authority())
            .header(AUTHORIZATION, self.bearer.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, agent)
            .body(Full::new(body))
    }

    /// A visitor's request to a share, with the token, and what the visitor is.
    pub(super) fn on_behalf(
        &self,
        url: &ControlUrl,
        request: &Request<Bytes>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let target = format!("{SHARES}{}", request.uri());
        let mut passed =
            Request::builder().method(request.method()).uri(target).body(Full::default())?;
        *passed.body_mut() = Full::new(request.body().clone());
        let headers = passed.headers_mut();
        headers.extend(request.headers().clone());
        if let Some(visitor) = request.extensions().get::<Visitor>() {
            for (name, value) in Visitor::FIELDS.into_iter().zip(visitor.written()) {
                headers.insert(name, HeaderValue::try_from(value)?);
            }
        }
        headers.insert(HOST, HeaderValue::try_from(url.authority())?);
        headers.insert(AUTHORIZATION, self.bearer.clone());
        Ok(passed)
    }
}

async fn shake_hands(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, ConnectError> {
    let (requests, driver) =
        http1::handshake(TokioIo::new(stream)).await.map_err(ConnectError::Http)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // Whoever waits for an answer hears of it.
        let _ = driver.await;
    });
    Ok(Connection { requests, _driver: tasks })
}

fn tls(ca: Option<&Path>) -> Result<TlsConnector, SyncSetupError> {
    let roots = if let Some(path) = ca {
        roots_in(path).map_err(|source| SyncSetupError::Ca { path: path.to_owned(), source })?
    } else {
        let mut roots = RootCertStore::empty();
        // A root that does not parse is passed over: system stores hold odd ones.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    };
    if roots.is_empty() {
        return Err(SyncSetupError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SyncSetupError::Tls)?
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
