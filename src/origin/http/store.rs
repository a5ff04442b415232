//! Asking a server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap};
use http::uri::PathAndQuery;
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
use super::protocol::Protocol;
use super::reply::{Asked, Question, Reply, ReplyHead};
use super::request::RequestHead;
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
    /// Connections that each worker keeps open between requests, and for how long.
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
        Self::open_as(config, Protocol::Plain)
    }

    /// A server that is spoken with in that way.
    pub(in super::super) fn open_as(
        config: HttpConfig,
        protocol: Protocol,
    ) -> Result<Self, OriginSetupError> {
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
                protocol,
            }),
        })
    }

    pub(in super::super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        let Some(target) = self.target(ask) else {
            return Ok(Answer::NotFound(Box::new(Caching::UNSTATED)));
        };
        let protocol = &self.upstream.protocol;
        let range = match ask.method {
            AskMethod::Get => worthwhile_range(ask.ranges, ask.conditions),
            AskMethod::Head => None,
        };
        // A part that cannot be asked for yet is when its place in the object is known.
        let (method, range) = match range {
            Some(range) if !protocol.takes(range) => (AskMethod::Head, None),
            Some(_) | None => (ask.method, range),
        };
        let mut request = self.upstream.request(method, &target, ask.forwarded);
        let conditions = set_wishes(&mut request, range, &protocol.sends(ask.conditions));
        let question = Question { method, range, conditions, now: ask.now };
        let (reply, download) = send(&self.upstream, question, request).await?;
        match (reply, ask.method) {
            (Reply::Whole(meta), AskMethod::Head) => Ok(Answer::Described(meta)),
            (Reply::Whole(meta) | Reply::Part(meta, _), AskMethod::Get) => {
                let in_hand = (method == AskMethod::Get).then_some(download);
                Ok(Answer::Found(self.object(target, meta, in_hand, ask)))
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
            // Neither was asked for.
            (Reply::PreconditionFailed, _) | (Reply::Part(..), AskMethod::Head) => {
                Err(OriginFault::StatusUnexpected.into())
            }
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
        let request = self.upstream.request(question.method, &target, ask.forwarded);
        match send(&self.upstream, question, request).await? {
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

    /// An object whose version is known and of which nothing is in hand: what is wanted of it is
    /// asked for when it is read, pinned to that version. None where there can be no such object.
    pub(in super::super) fn known(&self, meta: ObjectMeta, ask: Ask<'_>) -> Option<Object> {
        let target = self.target(ask)?;
        Some(self.object(target, meta, None, ask))
    }

    fn target(&self, ask: Ask<'_>) -> Option<PathAndQuery> {
        let Upstream { connector, protocol, .. } = &*self.upstream;
        connector.url.target(ask.key, protocol.escapes())
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
    let mut request = upstream.request(AskMethod::Get, &version.target, &version.forwarded);
    if let Some(range) = range {
        request.set(&header::RANGE, format_args!("bytes={range}"));
    }
    match (&version.validators.etag, version.validators.last_modified) {
        (Some(etag), _) if etag.strength() == Strength::Strong => {
            request.set(&header::IF_MATCH, etag);
        }
        (Some(_) | None, Some(modified)) => {
            request.set(&header::IF_UNMODIFIED_SINCE, modified);
        }
        (Some(_) | None, None) => {}
    }
    let question = Question {
        method: AskMethod::Get,
        range,
        conditions: Asked::IfStill,
        now: version.asked_at,
    };
    let (reply, download) = send(&upstream, question, request).await?;
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

impl Upstream {
    fn request(
        &self,
        method: AskMethod,
        target: &PathAndQuery,
        forwarded: &HeaderMap,
    ) -> RequestHead {
        let mut request = RequestHead::new(method, target, self.connector.url.host_header());
        request.forward(forwarded);
        request
    }
}

/// Asks, and asks again where that may help.
async fn send(
    upstream: &Arc<Upstream>,
    question: Question,
    request: RequestHead,
) -> Result<(Reply, Download), OriginError> {
    match &upstream.protocol {
        Protocol::Plain => send_once(upstream, question, request).await,
        Protocol::Store(_) => {
            let mut pauses = upstream.protocol.pauses();
            loop {
                let error = match send_once(upstream, question, request.clone()).await {
                    Ok(answered) => return Ok(answered),
                    Err(error) => error,
                };
                let Some(pause) = pauses.before_repeat(&error) else { return Err(error) };
                upstream.budget.spend().ok_or(error)?;
                tokio::time::sleep(pause).await;
            }
        }
    }
}

async fn send_once(
    upstream: &Arc<Upstream>,
    question: Question,
    request: RequestHead,
) -> Result<(Reply, Download), OriginError> {
    let (head, incoming) = upstream.exchange(request).await?;
    let reply = Reply::read(
        question,
        ReplyHead {
            status: head.status,
            headers: &head.headers,
            framing: head.framing,
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
        | Reply::RangeRefused => (0, incoming.promised()),
    };
    let download = Download::new(Arc::clone(upstream), incoming, position, end);
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
fn set_wishes(
    request: &mut RequestHead,
    range: Option<RangeSpec>,
    conditions: &Conditions,
) -> Asked {
    if let Some(range) = range {
        request.set(&header::RANGE, format_args!("bytes={range}"));
        match &conditions.if_range {
            Some(IfRange::Date(date)) => request.set(&header::IF_RANGE, date),
            Some(IfRange::Tag(tag)) => request.set(&header::IF_RANGE, tag),
            Some(IfRange::Unreadable) | None => {}
        }
    }
    if conditions.if_match.is_some() || conditions.if_unmodified_since.is_some() {
        return Asked::Plainly;
    }
    match (&conditions.if_none_match, conditions.if_modified_since) {
        (Some(TagMatch::OneOf(tags)), _) if tags.is_empty() => Asked::Plainly,
        (Some(tags), _) => {
            request.set(&header::IF_NONE_MATCH, tags);
            Asked::IfChanged
        }
        (None, Some(date)) => {
            request.set(&header::IF_MODIFIED_SINCE, date);
            Asked::IfChanged
        }
        (None, None) => Asked::Plainly,
    }
}
