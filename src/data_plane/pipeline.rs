//! The steps of a request, in order, and the one place where a refusal becomes an answer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{DATE, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::claim::ClaimDraft;
use crate::clock::{Clock, UnixSeconds};
use crate::delivery::{AskMethod, Copies};
use crate::event::FraudEvent;
use crate::network::ClientIp;
use crate::policy::{
    AntiFraud, AntiFraudUse, Basis, Denial, DenialCode, FraudFinding, FraudMode, Permit, Quiet,
    RequestFacts, Site, SnapshotReader, admit, decide_witnessed,
};
use crate::telemetry::LineWriter;
use crate::token::Sharing;

use super::access_log::{self, AccessRecord, Wanted};
use super::connection::ConnectionFacts;
use super::events::{Download, EventQueue, Scene, Suspect};
use super::fetch::{self, Means};
use super::identity::{Arrival, BodyPresence, Learned, identify, over_tls};
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::reply::{Reply, ReplyBody};
use super::request_id::{RequestIds, Trust};
use super::response::{self, DenialContext, REQUEST_ID_HEADER};
use super::share_door::ShareDoor;
use super::state::EdgeState;
use super::usage::{
    Begun, Claimed, Claims, DownloadKind, LinkRef, OneUse, Slot, UsageCounters, Use,
    UserAgentFamily, Visit,
};
use super::{AccessLog, Missing, Reasons};

/// Between two looks for the state that a catalog entry belongs to.
const BREATH: Duration = Duration::from_millis(1);

/// Looks before a request is refused. It takes one, unless the machine has no time for us.
const BREATHS: usize = 1_000;

/// Answers requests under whatever state is in force.
#[derive(Debug)]
pub struct Pipeline {
    state: SnapshotReader<EdgeState>,
    clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    log: LineWriter,
    pub(super) request_ids: RequestIds,
    /// What links are used for.
    usage: UsageCounters,
    /// None where no control plane wants to know what links opened.
    events: Option<EventQueue>,
    /// None where there is no ledger of one-use links.
    claims: Option<Claims>,
    /// What makes copies with tags.
    copies: Copies,
    /// None where nobody answers for shares.
    pub(super) shares: Option<ShareDoor>,
}

impl Pipeline {
    /// A pipeline that reads `state` anew for every request.
    pub fn new(
        state: SnapshotReader<EdgeState>,
        clock: Clock,
        metrics: Metrics,
        log: LineWriter,
    ) -> Self {
        let request_ids = RequestIds::new();
        let usage = UsageCounters::in_process();
        let metrics = Arc::new(metrics);
        Self {
            state,
            clock,
            metrics,
            log,
            request_ids,
            usage,
            events: None,
            claims: None,
            copies: Copies::default(),
            shares: None,
        }
    }

    /// The same, which counts there what links are used for.
    #[must_use]
    pub fn with_usage(self, usage: UsageCounters) -> Self {
        Self { usage, ..self }
    }

    /// The same, which notes there what links of our own opened.
    #[must_use]
    pub fn with_events(self, events: Option<EventQueue>) -> Self {
        Self { events, ..self }
    }

    /// The same, which claims uses of one-use links there.
    #[must_use]
    pub fn with_claims(self, claims: Option<Claims>) -> Self {
        Self { claims, ..self }
    }

    /// The same, which hands over there what is asked of shares.
    #[must_use]
    pub fn with_shares(self, shares: Option<ShareDoor>) -> Self {
        Self { shares, ..self }
    }

    /// The state in force.
    pub fn state(&self) -> Option<Arc<EdgeState>> {
        self.state.load()
    }

    /// Answers one request.
    pub async fn answer(
        &self,
        parts: &Parts,
        body: BodyPresence,
        connection: &ConnectionFacts,
    ) -> Response<ReplyBody> {
        let began = Instant::now();
        let state = self.state.load();
        let trust = trust(state.as_deref(), connection);
        let request_id = self.request_ids.of(&parts.headers, trust);
        let log = self.log(state.as_deref());
        let mut record = self.begin_record(connection, &request_id, log.as_ref());
        describe_head(parts, &mut record);
        let arrival = Arrival {
            peer: connection.peer,
            server_name: connection.server_name(),
            body,
            scheme: connection.scheme(),
        };
        let mut learned = Learned::default();
        let outcome = match &state {
            Some(state) => {
                self.serve(parts, arrival, state, began, &mut learned, &mut record).await
            }
            None => Err(Refusal::from(Denial::from(DenialCode::NoSnapshot))),
        };
        let (mut reply, denied) = match outcome {
            Ok(reply) => (reply, None),
            Err(refusal) => {
                let code = refusal.denial.code();
                let reasons = reasons(state.as_deref());
                let asked = Asked { headers: &parts.headers, site: learned.site };
                (deny(&refusal, reasons, &request_id, asked, &mut record), Some(code))
            }
        };
        if let Some(site) = learned.site {
            response::share(reply.headers_mut(), site, parts);
        }
        self.metrics.count_request(denied);
        self.finish(reply, record, &request_id, began, log)
    }

    /// Answers a client of which no request was read. What a forwarded header would have said is
    /// not known, so that a client is only named where it came by itself.
    pub fn turn_away(&self, code: DenialCode, connection: &ConnectionFacts) -> Response<ReplyBody> {
        let began = Instant::now();
        let state = self.state.load();
        let unread = HeaderMap::new();
        let request_id = self.request_ids.of(&unread, Trust::None);
        let log = self.log(state.as_deref());
        let mut record = self.begin_record(connection, &request_id, log.as_ref());
        record.snapshot = state.as_ref().map(|state| state.policy.version);
        record.client = match trust(state.as_deref(), connection) {
            Trust::None => Some(ClientIp::new(connection.peer.get())),
            Trust::Proxy => None,
        };
        let refusal = Refusal::from(Denial::from(code));
        let asked = Asked { headers: &unread, site: None };
        let mut reply = deny(&refusal, reasons(state.as_deref()), &request_id, asked, &mut record);
        if let Some(now) = self.clock.now().to_system_time()
            && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(now))
        {
            // hyper adds it to what it sends itself (RFC 9110 section 6.6.1).
            reply.headers_mut().insert(DATE, date);
        }
        self.metrics.count_request(Some(code));
        self.finish(reply, record, &request_id, began, log)
    }

    /// Steps 1 to 9. Everything that refuses comes back as a [`Refusal`].
    async fn serve<'s>(
        &self,
        parts: &Parts,
        arrival: Arrival<'_>,
        state: &'s EdgeState,
        began: Instant,
        learned: &mut Learned<'s>,
        record: &mut AccessRecord,
    ) -> Result<Response<Reply>, Refusal> {
        let now = self.clock.now();
        record.snapshot = Some(state.policy.version);
        let identified = identify(parts, arrival, &state.policy.sites, &state.settings, learned);
        record.client = learned.client;
        if record.wanted == Wanted::Yes {
            record.site = learned.site.map(|site| site.name.clone());
        }
        let facts = identified?;
        describe(&facts, record);
        if parts.method == Method::OPTIONS {
            // Browsers send no token with it, and get no bytes for it.
            match admit(&facts, &state.policy, now, &mut Quiet) {
                Err(Denial::Superseded) => {
                    return self.serve_anew(parts, arrival, state, began, record).await;
                }
                admitted => {
                    if let Err(denial) = admitted {
                        return Err(refuse(denial, &facts, parts, state, now).await);
                    }
                }
            }
            record.decided(began);
            return Ok(response::preflight(facts.site, &parts.headers).map(Reply::File));
        }
        let mut suspect = Suspect::default();
        let decided = decide_witnessed(&facts, &state.policy, now, &mut suspect);
        if let Err(Denial::Superseded) = decided {
            return self.serve_anew(parts, arrival, state, began, record).await;
        }
        record.decided(began);
        self.count_token(&facts, &decided);
        let scene = Scene { facts: &facts, parts, now, snapshot: state.policy.version };
        let permit = match decided {
            Ok(permit) => permit,
            Err(denial) => {
                self.note_refusal(denial, scene, || suspect, record);
                return Err(refuse(denial, &facts, parts, state, now).await);
            }
        };
        describe_basis(&permit, record);
        let slot = self.count_use(&permit, scene, &state.policy.anti_fraud, record).await?;
        if let Some(events) = &self.events {
            let version = state.policy.version;
            record.download = Download::begin(&permit, &facts, parts, version, self.clock, events);
        }
        let method = match parts.method {
            Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        let one_use = OneUse::of(&permit, &facts, parts)?;
        let means = Means { state, copies: &self.copies };
        let reply =
            fetch::fetch(permit, &facts, method, &parts.headers, means, now, &self.metrics, record)
                .await?;
        let draft = one_use.map(|it| it.draft(reply.status(), reply.body())).transpose()?;
        if let Some(draft) = draft.flatten() {
            // Boxed: few requests need the room.
            Box::pin(self.claim_use(draft, record)).await?;
        }
        // Only bytes that are on their way are a download.
        record.slot = slot.filter(|_| reply.status().is_success());
        Ok(reply.map(Reply::File))
    }

    /// The part of step 8 that other requests decide. Holds a place among the downloads of a link
    /// that has a limit.
    async fn count_use(
        &self,
        permit: &Permit<'_>,
        scene: Scene<'_>,
        rules: &AntiFraud,
        record: &mut AccessRecord,
    ) -> Result<Option<Slot>, Denial> {
        let Scene { facts, parts, now, .. } = scene;
        if let Some(finding) = permit.noticed() {
            self.note_finding(finding, rules.mode, scene, permit, record);
        }
        let Some(wanted) = watched(permit, facts, parts, rules) else { return Ok(None) };
        let begun = self.usage.begin(&wanted, now).await;
        let Begun { noticed, slot } = begun.inspect_err(|denial| {
            self.note_refusal(*denial, scene, || Suspect::with(permit), record);
        })?;
        if let Some(finding) = noticed {
            self.note_finding(finding, rules.mode, scene, permit, record);
        }
        Ok(slot)
    }

    /// Claims the use of a one-use link that an answer would be: it goes out once it is granted.
    async fn claim_use(&self, draft: ClaimDraft, record: &mut AccessRecord) -> Result<(), Denial> {
        let claimed = Claimed::grant(self.claims.as_ref(), &draft).await?;
        record.claimed = Some(Box::new(claimed));
        Ok(())
    }

    /// What speaks against a request that is served all the same.
    fn note_finding(
        &self,
        finding: FraudFinding,
        mode: FraudMode,
        scene: Scene<'_>,
        permit: &Permit<'_>,
        record: &mut AccessRecord,
    ) {
        self.metrics.count_fraud(finding, mode);
        record.suspected(finding, mode);
        if self.events.is_some() {
            record.findings.push(scene.found(finding, mode, Suspect::with(permit)));
        }
    }

    /// A refusal for what speaks against whoever asks is counted by its rule, and reported.
    fn note_refusal(
        &self,
        denial: Denial,
        scene: Scene<'_>,
        suspect: impl FnOnce() -> Suspect,
        record: &mut AccessRecord,
    ) {
        if let Denial::Fraud(finding) = denial {
            self.metrics.count_fraud(finding, FraudMode::Enforce);
            record.suspected(finding, FraudMode::Enforce);
        }
        if self.events.is_some() {
            record.findings.extend(scene.refused(denial, suspect()));
        }
    }

    /// The same, under what is in force by now: a catalog entry was found that belongs to it.
    async fn serve_anew(
        &self,
        parts: &Parts,
        arrival: Arrival<'_>,
        before: &EdgeState,
        began: Instant,
        record: &mut AccessRecord,
    ) -> Result<Response<Reply>, Refusal> {
        // Both are put within one breath; which of them first is the catalog's business.
        for _ in 0..BREATHS {
            match self.state.load() {
                Some(state) if state.policy.version > before.policy.version => {
                    let mut learned = Learned::default();
                    let served = self.serve(parts, arrival, &state, began, &mut learned, record);
                    return Box::pin(served).await;
                }
                Some(_) | None => sleep(BREATH).await,
            }
        }
        Err(Denial::Superseded.into())
    }

    fn count_token(&self, facts: &RequestFacts<'_>, decided: &Result<Permit<'_>, Denial>) {
        let (key, result) = match decided {
            Ok(permit) => match permit.basis() {
                Basis::Token(token) => (token.key().as_str(), "ok"),
                Basis::Public | Basis::Session => return,
            },
            Err(Denial::Token(rejection)) => ("none", rejection.code()),
            Err(
                Denial::Asset(_)
                | Denial::Catalog(_)
                | Denial::Fraud(_)
                | Denial::Plain(_)
                | Denial::Superseded
                | Denial::Target(_),
            ) => return,
        };
        let scheme = facts.site.token.as_ref().map_or("none", |token| token.scheme.wire_name());
        self.metrics.token_verifications.with_label_values(&[scheme, key, result]).inc();
    }

    pub(super) fn begin_record(
        &self,
        connection: &ConnectionFacts,
        request_id: &HeaderValue,
        log: Option<&LineWriter>,
    ) -> Box<AccessRecord> {
        Box::new(AccessRecord {
            wanted: if log.is_some() { Wanted::Yes } else { Wanted::No },
            event: "request",
            time: log.map(|_| self.clock.since_epoch()).unwrap_or_default(),
            request_id: log.map(|_| request_id.clone()),
            peer: Some(connection.peer),
            listener: Some(connection.listener),
            code: "ok",
            ..AccessRecord::default()
        })
    }

    /// Where the line goes, if one is wanted.
    pub(super) fn log(&self, state: Option<&EdgeState>) -> Option<LineWriter> {
        match state.map_or(AccessLog::On, |it| it.settings.access_log) {
            AccessLog::On => Some(self.log.clone()),
            AccessLog::Off => None,
        }
    }

    pub(super) fn finish(
        &self,
        reply: Response<Reply>,
        mut record: Box<AccessRecord>,
        request_id: &HeaderValue,
        began: Instant,
        log: Option<LineWriter>,
    ) -> Response<ReplyBody> {
        let (mut head, body) = reply.into_parts();
        head.headers.insert(REQUEST_ID_HEADER, request_id.clone());
        record.status = head.status.as_u16();
        for finding in record.findings.drain(..) {
            let request_id = request_id.to_str().unwrap_or_default().into();
            if let Some(events) = &self.events {
                events.push_finding(FraudEvent { request_id, ..finding });
            }
        }
        if let Some(download) = &mut record.download {
            download.answered(record.status, request_id, body.length());
        }
        let body = ReplyBody::new(body, record, began, Arc::clone(&self.metrics), log);
        Response::from_parts(head, body)
    }
}

/// What is counted of a request, if anything: of a link that is watched, or that may have so many
/// downloads at once. A link without an id cannot be told from another.
fn watched<'a>(
    permit: &'a Permit<'_>,
    facts: &'a RequestFacts<'_>,
    parts: &'a Parts,
    rules: &'a AntiFraud,
) -> Option<Use<'a>> {
    let Basis::Token(token) = permit.basis() else { return None };
    let terms = token.payload().map(|payload| payload.terms).unwrap_or_default();
    let sharing = match (terms.sharing, facts.site.anti_fraud) {
        (Sharing::Watched, _) | (_, AntiFraudUse::Always) => Some(&rules.sharing),
        (Sharing::Allowed, AntiFraudUse::Asked) => None,
    };
    let head = parts.method == Method::HEAD;
    let kind = if parts.headers.contains_key(RANGE) {
        DownloadKind::Parts(facts.client)
    } else {
        DownloadKind::Whole
    };
    let parallel = terms.parallel.filter(|_| !head).map(|limit| (limit, kind));
    if sharing.is_none() && parallel.is_none() {
        return None;
    }
    let id = token.claims().id?;
    Some(Use {
        link: LinkRef { tenant: facts.site.tenant, key: token.key().as_str(), id },
        client: facts.client,
        family: UserAgentFamily::of(&parts.headers),
        sharing,
        mode: rules.mode,
        visit: if head { Visit::Look } else { Visit::Use },
        parallel,
    })
}

/// Is the other end of the connection believed?
pub(super) fn trust(state: Option<&EdgeState>, connection: &ConnectionFacts) -> Trust {
    let proxy = state.is_some_and(|it| it.settings.trusted_proxies.contains(connection.peer.get()));
    if proxy { Trust::Proxy } else { Trust::None }
}

/// Are refusals to name their code? Before the first state nobody has said so.
pub(super) fn reasons(state: Option<&EdgeState>) -> Reasons {
    state.map_or(Reasons::Hidden, |it| it.settings.reasons)
}

/// What is known of a request that is refused.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) site: Option<&'a Site>,
}

/// The one place where a refusal becomes an answer and a log line.
pub(super) fn deny(
    refusal: &Refusal,
    reasons: Reasons,
    request_id: &HeaderValue,
    asked: Asked<'_>,
    record: &mut AccessRecord,
) -> Response<Reply> {
    let code = refusal.denial.code();
    let context = DenialContext {
        reasons,
        request_id: request_id.to_str().unwrap_or_default(),
        headers: asked.headers,
        site: asked.site,
        complete_length: refusal.complete_length,
        location: refusal.location.as_ref(),
    };
    record.code = code.as_str();
    record.reason = Some(refusal.denial.to_string());
    response::denial(code, context).map(|body| Reply::Text(Full::new(body)))
}

/// A refusal for want of a token may have to say that there is no such file; one for want of TLS
/// says where that is.
async fn refuse(
    denial: Denial,
    facts: &RequestFacts<'_>,
    parts: &Parts,
    state: &EdgeState,
    now: UnixSeconds,
) -> Refusal {
    if denial.code() == DenialCode::HttpsRequired {
        return Refusal { location: over_tls(parts, facts), ..denial.into() };
    }
    let revealing =
        state.settings.missing == Missing::Revealed && denial.code() == DenialCode::TokenMissing;
    if revealing && fetch::is_missing(facts, state, now).await {
        return Denial::from(DenialCode::NotFound).into();
    }
    denial.into()
}

pub(super) fn describe_head(parts: &Parts, record: &mut AccessRecord) {
    if record.wanted == Wanted::No {
        return;
    }
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    record.method = Some(access_log::shorten(parts.method.as_str()).to_owned());
    record.protocol = Some(protocol(parts.version));
    record.user_agent = text(http::header::USER_AGENT)
        .map(|it| access_log::without_signatures(access_log::shorten(it)));
    record.referrer = text(http::header::REFERER).and_then(access_log::referring_origin);
}

fn describe(facts: &RequestFacts<'_>, record: &mut AccessRecord) {
    if record.wanted == Wanted::No {
        return;
    }
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
    if record.wanted == Wanted::No {
        return;
    }
    match permit.basis() {
        Basis::Public => record.basis = Some("public"),
        Basis::Session => record.basis = Some("session"),
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
