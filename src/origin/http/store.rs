//! Asking a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Uri};
use http_body::Body as _;
use http_body_util::Empty;
use rustls::pki_types::ServerName;

use super::super::answer::{Answer, Content, Object, ObjectMeta};
use super::super::ask::{Ask, AskMethod, Conditions, IfRange};
use super::super::caching::Caching;
use super::super::config::OriginSetupError;
use super::super::error::{OriginError, OriginFault};
use super::super::forwarding::Forwarding;
use super::super::range::{ByteRange, RangeSpec};
use super::super::validator::{Strength, TagMatch};
use super::breaker::Breaker;
use super::connect::{Connector, Tls};
use super::exchange::Upstream;
use super::object::{Download, HttpObject, Version};
use super::pool::Pool;
use super::reply::{Asked, Question, Reply, ReplyHead};
use super::retry_budget::RetryBudget;
use super::url::{Security, UpstreamUrl};

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where it is; the authorised path is appended.
    pub url: UpstreamUrl,
    /// Roots to verify it against, PEM; none: the system's.
    pub ca: Option<PathBuf>,
    /// For name, connection and TLS together.
    pub connect_timeout: Duration,
    /// From a request to the end of its answer's head.
    pub header_timeout: Duration,
    /// Without a byte of a body that a reader waits for.
    pub idle_timeout: Duration,
    /// Connections kept open between requests, and for how long.
    pub max_idle: usize,
    /// See `max_idle`. Shorter than servers commonly wait, so that it is we who close.
    pub keep_idle: Duration,
    /// Headers that travel between its clients and it.
    pub forwarding: Forwarding,
}

impl HttpConfig {
    /// A server with the default limits (security.md part 5, "Origins").
    pub fn new(url: UpstreamUrl) -> Self {
        Self {
            url,
            ca: None,
            connect_timeout: Duration::from_secs(2),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            max_idle: 32,
            keep_idle: Duration::from_secs(30),
            forwarding: Forwarding::default(),
        }
    }
}

/// A server, with its connections. Clones share them.
#[derive(Clone, Debug)]
pub struct HttpOrigin {
    upstream: Arc<Upstream>,
}

impl HttpOrigin {
    pub(in super::super) fn open(config: HttpConfig) -> Result<Self, OriginSetupError> {
        let tls = match config.url.security() {
            Security::Plain => None,
            Security::Tls => {
                let name = ServerName::try_from(config.url.host().to_owned())
                    .map_err(|_| OriginSetupError::HostHasNoCertificateName)?;
                Some(Tls { connector: super::tls::connector(config.ca.as_deref())?, name })
            }
        };
        let connector = Connector { url: config.url, tls, timeout: config.connect_timeout };
        Ok(Self {
            upstream: Arc::new(Upstream {
                connector,
                pool: Pool::new(config.max_idle, config.keep_idle),
                budget: RetryBudget::new(),
                breaker: Breaker::new(),
                header_timeout: config.header_timeout,
                idle_timeout: config.idle_timeout,
                forwarding: config.forwarding,
            }),
        })
    }

    pub(in super::super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        let Some(target) = self.upstream.connector.url.target(ask.key) else {
            return Ok(Answer::NotFound(Box::new(Caching::UNSTATED)));
        };
        let range = match ask.method {
            AskMethod::Get => worthwhile_range(ask.ranges, ask.conditions),
            AskMethod::Head => None,
        };
        let (headers, conditions) = client_headers(range, ask);
        let question = Question { method: ask.method, range, conditions, now: ask.now };
        let (reply, download) = send(&self.upstream, &target, question, headers).await?;
        match (reply, ask.method) {
            (Reply::Whole(meta), AskMethod::Head) => Ok(Answer::Described(meta)),
            (Reply::Whole(meta) | Reply::Part(meta, _), _) => {
                Ok(Answer::Found(self.object(target, meta, Some(download), ask)))
            }
            (Reply::NotModified(freshening), _) => Ok(Answer::NotModified(freshening)),
            (Reply::NotFound(caching), _) => {
                self.upstream.discard(download);
                Ok(Answer::NotFound(caching))
            }
            (Reply::RangeRefused, _) => {
                self.upstream.discard(download);
                self.describe(target, ask).await
            }
            (Reply::PreconditionFailed, _) => Err(OriginFault::StatusUnexpected.into()),
        }
    }

    /// After a refused range: the length and validators that tell what to say about it, and the
    /// way to other ranges of the same request that can be satisfied.
    async fn describe(&self, target: PathAndQuery, ask: Ask<'_>) -> Result<Answer, OriginError> {
        let question = Question {
            method: AskMethod::Head,
            range: None,
            conditions: Asked::Plainly,
            now: ask.now,
        };
        match send(&self.upstream, &target, question, ask.forwarded.clone()).await? {
            (Reply::Whole(meta), _) => Ok(Answer::Found(self.object(target, meta, None, ask))),
            (Reply::NotFound(caching), _) => Ok(Answer::NotFound(caching)),
            (
                Reply::NotModified(_)
                | Reply::Part(..)
                | Reply::PreconditionFailed
                | Reply::RangeRefused,
                _,
            ) => Err(OriginFault::StatusUnexpected.into()),
        }
    }

    fn object(
        &self,
        target: PathAndQuery,
        meta: ObjectMeta,
        in_hand: Option<Download>,
        ask: Ask<'_>,
    ) -> Object {
        let (validators, complete) = (meta.validators.clone(), meta.complete_length);
        let (forwarded, asked_at) = (ask.forwarded.clone(), ask.now);
        let version = Version { target, validators, complete, forwarded, asked_at };
        let upstream = Arc::clone(&self.upstream);
        Object::new(meta, Content::Http(Box::new(HttpObject { upstream, version, in_hand })))
    }

    pub(in super::super) fn forwarding(&self) -> &Forwarding {
        &self.upstream.forwarding
    }

    #[cfg(test)]
    pub(in super::super) fn idle_connections(&self) -> usize {
        self.upstream.pool.idle()
    }
}

/// A range, or all, of a version that is already known: another version is an error.
pub(super) async fn ask_again(
    upstream: Arc<Upstream>,
    version: Version,
    span: Option<ByteRange>,
) -> Result<Download, OriginError> {
    let range = span.map(|span| RangeSpec::FromTo(span.first(), span.last()));
    let mut headers = version.forwarded.clone();
    if let Some(range) = range {
        set(&mut headers, header::RANGE, &format!("bytes={range}"));
    }
    match (&version.validators.etag, version.validators.last_modified) {
        (Some(etag), _) if etag.strength() == Strength::Strong => {
            set(&mut headers, header::IF_MATCH, &etag.to_string());
        }
        (Some(_) | None, Some(modified)) => {
            set(&mut headers, header::IF_UNMODIFIED_SINCE, &modified.to_string());
        }
        (Some(_) | None, None) => {}
    }
    let question = Question {
        method: AskMethod::Get,
        range,
        conditions: Asked::IfStill,
        now: version.asked_at,
    };
    let (reply, download) = send(&upstream, &version.target, question, headers).await?;
    let meta = match reply {
        Reply::Part(meta, _) | Reply::Whole(meta) => meta,
        Reply::NotFound(_)
        | Reply::NotModified(_)
        | Reply::PreconditionFailed
        | Reply::RangeRefused => return Err(OriginFault::Changed.into()),
    };
    let same = meta.complete_length == version.complete
        && meta.validators.etag == version.validators.etag
        && meta.validators.last_modified == version.validators.last_modified;
    if same { Ok(download) } else { Err(OriginFault::Changed.into()) }
}

async fn send(
    upstream: &Arc<Upstream>,
    target: &PathAndQuery,
    question: Question,
    headers: HeaderMap,
) -> Result<(Reply, Download), OriginError> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = match question.method {
        AskMethod::Get => Method::GET,
        AskMethod::Head => Method::HEAD,
    };
    *request.uri_mut() = Uri::from(target.clone());
    *request.headers_mut() = headers;
    let host = upstream.connector.url.host_header().clone();
    request.headers_mut().insert(header::HOST, host);
    let identity = HeaderValue::from_static("identity");
    request.headers_mut().insert(header::ACCEPT_ENCODING, identity);

    let (response, connection) = upstream.exchange(request).await?;
    let (head, incoming) = response.into_parts();
    let length = incoming.size_hint().exact();
    let reply = Reply::read(
        question,
        ReplyHead {
            status: head.status,
            headers: &head.headers,
            body_length: length,
            forwarding: &upstream.forwarding,
            now: question.now,
        },
    )?;
    let (position, end) = match &reply {
        Reply::Part(_, range) => (range.first(), Some(range.end())),
        Reply::Whole(_)
        | Reply::NotFound(_)
        | Reply::NotModified(_)
        | Reply::PreconditionFailed
        | Reply::RangeRefused => (0, length),
    };
    let download = Download::new(Arc::clone(upstream), incoming, connection, position, end);
    Ok((reply, download))
}

/// The first of the ranges, unless it is plain that `If-Range` will not hold. The others are asked
/// for when it is known how long the object is.
fn worthwhile_range(ranges: &[RangeSpec], conditions: &Conditions) -> Option<RangeSpec> {
    match &conditions.if_range {
        Some(IfRange::Unreadable) => None,
        Some(IfRange::Tag(tag)) if tag.strength() == Strength::Weak => None,
        Some(IfRange::Tag(_) | IfRange::Date(_)) | None => ranges.first().copied(),
    }
}

/// What of a client's wishes saves bytes when the origin knows it.
///
/// `If-Match` and `If-Unmodified-Since` do not, and take precedence over what does (RFC 9110
/// section 13.2.2): where they are present none is sent, and all are evaluated here.
fn client_headers(range: Option<RangeSpec>, ask: Ask<'_>) -> (HeaderMap, Asked) {
    let conditions = ask.conditions;
    let mut headers = ask.forwarded.clone();
    if let Some(range) = range {
        set(&mut headers, header::RANGE, &format!("bytes={range}"));
        match &conditions.if_range {
            Some(IfRange::Date(date)) => set(&mut headers, header::IF_RANGE, &date.to_string()),
            Some(IfRange::Tag(tag)) => set(&mut headers, header::IF_RANGE, &tag.to_string()),
            Some(IfRange::Unreadable) | None => {}
        }
    }
    if conditions.if_match.is_some() || conditions.if_unmodified_since.is_some() {
        return (headers, Asked::Plainly);
    }
    match (&conditions.if_none_match, conditions.if_modified_since) {
        (Some(TagMatch::OneOf(tags)), _) if tags.is_empty() => (headers, Asked::Plainly),
        (Some(tags), _) => {
            set(&mut headers, header::IF_NONE_MATCH, &tags.to_string());
            (headers, Asked::IfChanged)
        }
        (None, Some(date)) => {
            set(&mut headers, header::IF_MODIFIED_SINCE, &date.to_string());
            (headers, Asked::IfChanged)
        }
        (None, None) => (headers, Asked::Plainly),
    }
}

/// For texts that are visible ASCII by construction; another would simply not be sent.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}
