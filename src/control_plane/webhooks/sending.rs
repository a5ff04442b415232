//! One attempt to deliver a message: its receiver's name is looked up, one connection goes to an address
//! that may be spoken to, one request is made, and the status of its answer is all that is kept.
//!
//! There is no proxy on the way, and a redirection is an answer like any other: followed, it would lead
//! where nobody looked.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use super::reach::{Place, Reach, Security};
use crate::clock::UnixSeconds;
use crate::control_plane::record::AttemptFault;

/// For everything, from the name to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// For one of a name's addresses.
const CONNECT: Duration = Duration::from_secs(5);

/// Addresses of a name that are tried.
const ADDRESSES: usize = 4;

/// Bytes of an answer that are waited for, so that its sender sees it arrive, and how long.
const MOST_OF_AN_ANSWER: usize = 4 * 1024;
const PATIENCE_WITH_AN_ANSWER: Duration = Duration::from_secs(1);

/// Bytes of an answer's head, and its fields.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The roots cannot be used.
    #[error("the roots of [control.webhooks] cannot be used: {}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Sends messages. Clones are the same one.
#[derive(Clone)]
pub struct Sender {
    reach: Arc<Reach>,
    tls: TlsConnector,
}

/// What a receiver answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// When to come back, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Sender {
    /// One that speaks to what is in reach, and believes the system's roots and those of that file.
    pub fn new(reach: Reach, ca: Option<&Path>) -> Result<Self, SenderError> {
        let mut roots = RootCertStore::empty();
        // A root that does not parse is passed over: system stores hold odd ones.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = ca {
            add_roots(&mut roots, path)
                .map_err(|source| SenderError::Ca { path: path.to_owned(), source })?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(SenderError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { reach: Arc::new(reach), tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends a message with these fields to that address.
    pub(super) async fn send(
        &self,
        url: &str,
        fields: &HeaderMap,
        body: &str,
        now: UnixSeconds,
    ) -> Result<Answer, AttemptFault> {
        let deadline = Instant::now() + PATIENCE;
        let place = Place::parse(url).map_err(|_| AttemptFault::AddressRefused)?;
        let request = request(&place, fields, body)?;
        let exchange = timeout_at(deadline, self.exchange(&place, request));
        // The connection is closed when it is dropped.
        let (response, _driver) = exchange.await.map_err(|_| AttemptFault::TimedOut)??;
        let (head, body) = response.into_parts();
        // Whatever becomes of the rest: the status is the answer.
        let _ = timeout(PATIENCE_WITH_AN_ANSWER, drain(body)).await;
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        Ok(Answer {
            status: head.status.as_u16(),
            retry_after: retry_after.and_then(|text| seconds(text, now)),
        })
    }

    async fn exchange(
        &self,
        place: &Place,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, JoinSet<()>), AttemptFault> {
        let tcp = self.connect(place).await?;
        match place.security {
            Security::Plain => shake_hands(tcp, request).await,
            Security::Tls => {
                let name = server_name(&place.host)?;
                let tls = self.tls.connect(name, tcp).await.map_err(|_| AttemptFault::TlsFailed)?;
                shake_hands(tls, request).await
            }
        }
    }

    /// A connection to the first that listens of the addresses that may be spoken to.
    async fn connect(&self, place: &Place) -> Result<TcpStream, AttemptFault> {
        let port = place.port;
        let found: Vec<SocketAddr> = match &place.host {
            Host::Ipv4(address) => vec![(*address, port).into()],
            Host::Ipv6(address) => vec![(*address, port).into()],
            // A name that is not there is as one that leads inside.
            Host::Domain(name) => {
                lookup_host((name.as_str(), port)).await.into_iter().flatten().collect()
            }
        };
        let mut fault = AttemptFault::AddressRefused;
        let may = |address: &SocketAddr| self.reach.covers(address.ip(), port, place.security);
        for address in found.into_iter().filter(may).take(ADDRESSES) {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    // Slower without it, and that is all.
                    let _ = tcp.set_nodelay(true);
                    return Ok(tcp);
                }
                Ok(Err(_)) => fault = AttemptFault::ConnectFailed,
                Err(_) => fault = AttemptFault::TimedOut,
            }
        }
        Err(fault)
    }
}

fn request(
    place: &Place,
    fields: &HeaderMap,
    body: &str,
) -> Result<Request<Full<Bytes>>, AttemptFault> {
    let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&place.target)
        .header(HOST, &place.authority)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, agent)
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(|_| AttemptFault::AddressRefused)?;
    request.headers_mut().extend(fields.clone());
    Ok(request)
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, AttemptFault> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| AttemptFault::TlsFailed),
        Host::Ipv4(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

async fn shake_hands(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, JoinSet<()>), AttemptFault> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(LONGEST_HEAD).max_headers(MOST_FIELDS);
    let invalid = |_| AttemptFault::AnswerInvalid;
    let (mut requests, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(invalid)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // Whoever waits for the answer hears of it.
        let _ = driver.await;
    });
    let response = requests.send_request(request).await.map_err(invalid)?;
    Ok((response, tasks))
}

/// Reads a little of an answer, and keeps nothing.
async fn drain(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read >= MOST_OF_AN_ANSWER {
            return;
        }
    }
}

/// When to come back, in seconds from now (RFC 9110 section 10.2.3).
fn seconds(retry_after: &str, now: UnixSeconds) -> Option<u64> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    at.duration_since(now.to_system_time()?).ok().map(|it| it.as_secs())
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut added = 0;
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
        added += 1;
    }
    if added == 0 { Err("no certificate in the file".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_come_back_is_said_in_seconds_or_by_a_date() {
        let now = UnixSeconds::new(1_893_456_000);
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Tue, 01 Jan 2030 00:01:00 GMT", Some(60)),
            ("Tue, 01 Jan 2019 00:01:00 GMT", None),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(seconds(text, now), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_it_is_spoken_to() {
        let sender = Sender::new(Reach::default(), None).unwrap();
        let now = UnixSeconds::new(1_893_456_000);
        for url in [
            "https://localhost/",
            "https://127.0.0.1/",
            "http://localhost:8080/",
            // Nor is anybody told which names there are.
            "https://nowhere.invalid/",
        ] {
            let sent = sender.send(url, &HeaderMap::new(), "{}", now).await;
            assert_eq!(sent, Err(AttemptFault::AddressRefused), "{url}");
        }
    }
}
