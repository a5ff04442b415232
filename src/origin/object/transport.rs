//! What `object_store` asks for itself: lists, parts of uploads, keys for tokens.
//!
//! Each request has a connection of its own: there are few, and they go to several servers. TLS is
//! what all origins use. Every wait has an end: for a connection, for the answer's head (longer as
//! more is sent), and for the next bytes of its body.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsConnector;

/// Slower senders are given up.
const BYTES_A_SECOND: u64 = 64 * 1024;

/// See the module.
#[derive(Clone)]
pub(super) struct Transport {
    /// None where nothing was configured that needs it.
    pub(super) tls: Option<TlsConnector>,
    pub(super) connect_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) idle_timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum TransportError {
    #[error("could not connect")]
    Connect(#[source] std::io::Error),
    #[error("the exchange failed")]
    Exchange(#[source] hyper::Error),
    #[error("the URL names no server")]
    NoServer,
    #[error("this server was not configured with TLS")]
    NoTls,
    #[error("the server took too long")]
    TooLate,
}

impl TransportError {
    fn kind(&self) -> HttpErrorKind {
        match self {
            Self::Connect(_) => HttpErrorKind::Connect,
            Self::Exchange(_) => HttpErrorKind::Interrupted,
            Self::NoServer | Self::NoTls => HttpErrorKind::Unknown,
            Self::TooLate => HttpErrorKind::Timeout,
        }
    }
}

impl From<TransportError> for HttpError {
    fn from(error: TransportError) -> Self {
        Self::new(error.kind(), error)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

impl HttpService for Transport {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.exchange(request))
    }
}

impl Transport {
    async fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = std::mem::take(request.uri_mut());
        let authority = uri.authority().ok_or(TransportError::NoServer)?;
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| TransportError::NoServer)?;
        request.headers_mut().insert(header::HOST, host);
        let target = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(target);
        let encrypted = uri.scheme_str() == Some("https");
        let name = authority.host();
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let sent = u64::try_from(request.body().content_length()).unwrap_or(u64::MAX);
        let patience =
            self.header_timeout.saturating_add(Duration::from_secs(sent / BYTES_A_SECOND));
        let connected = timeout(self.connect_timeout, async {
            let tcp = TcpStream::connect((bare, port)).await.map_err(TransportError::Connect)?;
            tcp.set_nodelay(true).map_err(TransportError::Connect)?;
            if !encrypted {
                return Ok::<_, TransportError>(Connected::Plain(tcp));
            }
            let tls = self.tls.as_ref().ok_or(TransportError::NoTls)?;
            let name =
                ServerName::try_from(bare.to_owned()).map_err(|_| TransportError::NoServer)?;
            let tls = tls.connect(name, tcp).await.map_err(TransportError::Connect)?;
            Ok(Connected::Tls(Box::new(tls)))
        });
        let connected = connected.await.map_err(|_| TransportError::TooLate)??;
        let answered = timeout(patience, async {
            match connected {
                Connected::Plain(stream) => answer(stream, request).await,
                Connected::Tls(stream) => answer(stream, request).await,
            }
        });
        let answered: Result<http::Response<Incoming>, TransportError> =
            answered.await.map_err(|_| TransportError::TooLate)?;
        let idle = self.idle_timeout;
        Ok(answered?.map(|body| HttpResponseBody::new(Watched { body, idle, patience: None })))
    }
}

enum Connected {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// One request on one connection, which ends with its answer.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: HttpRequest,
) -> Result<http::Response<Incoming>, TransportError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(TransportError::Exchange)?;
    // Whatever ends it is told to whoever reads the answer.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(TransportError::Exchange)
}

/// A body whose next bytes come in time, or which ends in an error.
struct Watched {
    body: Incoming,
    idle: Duration,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let Self { body, idle, patience } = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            *patience = None;
            return Poll::Ready(
                frame.map(|it| it.map_err(|it| TransportError::Exchange(it).into())),
            );
        }
        let patience = patience
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + *idle)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Some(Err(TransportError::TooLate.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn transport() -> Transport {
        Transport {
            tls: None,
            connect_timeout: Duration::from_secs(2),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
        }
    }

    fn request(url: &str) -> HttpRequest {
        let mut request = HttpRequest::new(HttpRequestBody::from("sent".to_owned()));
        *request.method_mut() = http::Method::PUT;
        *request.uri_mut() = url.parse().unwrap();
        request
    }

    async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/a%20b?c=d", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"sent") {
                assert_ne!(tcp.read_buf(&mut heard).await.unwrap(), 0);
            }
            tcp.write_all(answer.as_bytes()).await.unwrap();
            // Until the other side has enough.
            tcp.read_buf(&mut heard).await.unwrap_or_default();
            String::from_utf8(heard).unwrap()
        });
        (url, serving)
    }

    #[tokio::test]
    async fn a_request_goes_out_as_it_is_and_its_answer_comes_back() {
        let (url, serving) = server("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
        let answer = transport().call(request(&url)).await.unwrap();
        assert_eq!(answer.into_body().bytes().await.unwrap(), "done");
        let heard = serving.await.unwrap();
        assert!(heard.starts_with("PUT /a%20b?c=d HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains("host: 127.0.0.1:"), "{heard}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_is_without_end() {
        let (url, _serving) = server("").await;
        let late = transport().call(request(&url)).await.unwrap_err();
        assert_eq!(late.kind(), HttpErrorKind::Timeout);

        let (url, _serving) = server("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndo").await;
        let answer = transport().call(request(&url)).await.unwrap();
        let late = answer.into_body().bytes().await.unwrap_err();
        assert_eq!(late.kind(), HttpErrorKind::Timeout);
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_said() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = transport().call(request(&format!("http://{gone}/"))).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Connect);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let error = transport().call(request(&url)).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Unknown);
    }
}
