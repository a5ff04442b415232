//! The steps of a request, in order, and the one place where a refusal becomes an answer.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Response};
use http_body_util::Full;
use tokio::time::Instant;

use crate::clock::{Clock, UnixSeconds};
use crate::delivery::AskMethod;
use crate::policy::{Basis, Denial, DenialCode, Permit, RequestFacts, SnapshotReader, decide};
use crate::telemetry::LineWriter;

use super::access_log::{self, AccessRecord, micros};
use super::fetch;
use super::identity::{Arrival, Learned, identify};
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::reply::{Reply, ReplyBody};
use super::request_id::RequestIds;
use super::response::{self, DenialContext, REQUEST_ID_HEADER};
use super::state::EdgeState;
use super::{AccessLog, Missing, Reasons};

/// Answers requests under whatever state is in force.
#[derive(Debug)]
pub struct Pipeline {
    state: SnapshotReader<EdgeState>,
    clock: Clock,
    metrics: Metrics,
    log: LineWriter,
    request_ids: RequestIds,
}

impl Pipeline {
    /// A pipeline that reads `state` anew for every request.
    pub fn new(
        state: SnapshotReader<EdgeState>,
        clock: Clock,
        metrics: Metrics,
        log: LineWriter,
    ) -> Self {
        Self { state, clock, metrics, log, request_ids: RequestIds::new() }
    }

    /// The state in force.
    pub fn state(&self) -> Option<Arc<EdgeState>> {
        self.state.load()
    }

    /// Answers one request. `protocol` is its HTTP version, for the log.
    pub async fn answer(&self, parts: &Parts, arrival: Arrival<'_>) -> Response<ReplyBody> {
        let began = Instant::now();
        let state = self.state.load();
        let trusted = state
            .as_ref()
            .is_some_and(|it| it.settings.trusted_proxies.contains(arrival.peer.get()));
        let request_id = self.request_ids.of(&parts.headers, trusted);
        let mut record = self.begin_record(parts, &arrival, &request_id);
        let outcome = match &state {
            Some(state) => self.serve(parts, arrival, state, began, &mut record).await,
            None => Err(Refusal::from(Denial::from(DenialCode::NoSnapshot))),
        };
        let (reply, denied) = match outcome {
            Ok(reply) => (reply, None),
            Err(refusal) => {
                let code = refusal.denial.code();
                record.code = code.as_str();
                record.reason = Some(refusal.denial.to_string());
                let context = DenialContext {
                    reasons: state.as_ref().map_or(Reasons::Hidden, |it| it.settings.reasons),
                    request_id: request_id.to_str().unwrap_or_default(),
                    headers: &parts.headers,
                    complete_length: refusal.complete_length,
                };
                (
                    response::denial(code, context).map(|body| Reply::Text(Full::new(body))),
                    Some(code),
                )
            }
        };
        self.metrics.count_request(denied);
        let log = match state.as_ref().map_or(AccessLog::On, |it| it.settings.access_log) {
            AccessLog::On => Some(self.log.clone()),
            AccessLog::Off => None,
        };
        self.finish(reply, record, &request_id, began, log)
    }

    /// Steps 1 to 9. Everything that refuses comes back as a [`Refusal`].
    async fn serve(
        &self,
        parts: &Parts,
        arrival: Arrival<'_>,
        state: &EdgeState,
        began: Instant,
        record: &mut AccessRecord,
    ) -> Result<Response<Reply>, Refusal> {
        let now = self.clock.now();
        record.snapshot = Some(state.policy.version);
        let mut learned = Learned::default();
        let identified =
            identify(parts, arrival, &state.policy.sites, &state.settings, &mut learned);
        record.site = learned.site;
        record.client = learned.client.map(|client| client.to_string());
        let facts = identified?;
        describe(&facts, record);
        let decided = decide(&facts, &state.policy, now);
        record.decide_us = micros(began);
        self.count_token(&facts, &decided);
        let permit = match decided {
            Ok(permit) => permit,
            Err(denial) => return Err(refuse(denial, &facts, state, now).await),
        };
        describe_basis(&permit, record);
        let method = match parts.method {
            http::Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        fetch::fetch(permit, &facts, method, &parts.headers, state, now, &self.metrics, record)
            .await
            .map(|reply| reply.map(Reply::File))
    }

    fn count_token(&self, facts: &RequestFacts<'_>, decided: &Result<Permit<'_>, Denial>) {
        let (key, result) = match decided {
            Ok(permit) => match permit.basis() {
                Basis::Token(token) => (token.key().as_str(), "ok"),
                Basis::Public => return,
            },
            Err(Denial::Token(rejection)) => ("none", rejection.code()),
            Err(Denial::Asset(_) | Denial::Plain(_) | Denial::Target(_)) => return,
        };
        let scheme = facts.site.token.as_ref().map_or("none", |token| token.scheme.wire_name());
        self.metrics.token_verifications.with_label_values(&[scheme, key, result]).inc();
    }

    fn begin_record(
        &self,
        parts: &Parts,
        arrival: &Arrival<'_>,
        request_id: &HeaderValue,
    ) -> AccessRecord {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let time = i64::try_from(self.clock.since_epoch().as_micros())
            .ok()
            .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
        AccessRecord {
            event: "request",
            time: time.map(|time| time.to_string()).unwrap_or_default(),
            request_id: request_id.to_str().unwrap_or_default().to_owned(),
            peer: arrival.peer.to_string(),
            method: access_log::shorten(parts.method.as_str()).to_owned(),
            protocol: protocol(parts.version),
            code: "ok",
            user_agent: text(http::header::USER_AGENT)
                .map(|it| access_log::without_signatures(access_log::shorten(it))),
            referrer: text(http::header::REFERER).and_then(access_log::referring_origin),
            ..AccessRecord::default()
        }
    }

    fn finish(
        &self,
        reply: Response<Reply>,
        mut record: AccessRecord,
        request_id: &HeaderValue,
        began: Instant,
        log: Option<LineWriter>,
    ) -> Response<ReplyBody> {
        let (mut head, body) = reply.into_parts();
        head.headers.insert(REQUEST_ID_HEADER, request_id.clone());
        record.status = head.status.as_u16();
        let body = ReplyBody::new(body, record, began, self.metrics.clone(), log);
        Response::from_parts(head, body)
    }
}

/// A refusal for want of a token may have to say that there is no such file.
async fn refuse(
    denial: Denial,
    facts: &RequestFacts<'_>,
    state: &EdgeState,
    now: UnixSeconds,
) -> Refusal {
    let revealing =
        state.settings.missing == Missing::Revealed && denial.code() == DenialCode::TokenMissing;
    if revealing && fetch::is_missing(facts, state, now).await {
        return Denial::from(DenialCode::NotFound).into();
    }
    denial.into()
}

fn describe(facts: &RequestFacts<'_>, record: &mut AccessRecord) {
    record.path = Some(access_log::without_signatures(facts.target.wire()));
    record.parameters = access_log::parameter_names(facts.target.query().unwrap_or_default());
    record.token = facts
        .candidates
        .to_try()
        .ok()
        .and_then(<[_]>::first)
        .map(|candidate| access_log::fingerprint(&candidate.raw));
}

fn describe_basis(permit: &Permit<'_>, record: &mut AccessRecord) {
    match permit.basis() {
        Basis::Public => record.basis = Some("public"),
        Basis::Token(token) => {
            record.basis = Some("token");
            record.key = Some(token.key().as_str().to_owned());
        }
    }
}

fn protocol(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_11 => "HTTP/1.1",
        http::Version::HTTP_2 => "HTTP/2",
        _ => "other",
    }
}
