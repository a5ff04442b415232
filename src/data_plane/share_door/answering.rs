//! A visitor's request from its first step to its answer.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use tokio::time::Instant;

use super::super::access_log::{AccessRecord, Wanted, micros};
use super::super::connection::{ConnectionFacts, RequestBodyError};
use super::super::identity::{Arrival, BodyPresence, Learned};
use super::super::pipeline::{Asked, Pipeline, deny, describe_head, reasons, trust};
use super::super::refusal::Refusal;
use super::super::reply::{Reply, ReplyBody};
use super::super::state::EdgeState;
use super::door::{DeskAway, NotAnswered, ShareDoor};
use super::headers;
use super::reading::{read_head, site_with_shares};
use crate::policy::{Denial, DenialCode, Site};
use crate::telemetry::ErrorChain;

/// How a share's address stands in the log.
const SHOWN: &str = "/s/…";

/// The methods of a share.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");

/// A request that has arrived, up to its body.
#[derive(Clone, Copy)]
struct Knock<'a> {
    parts: &'a Parts,
    arrival: Arrival<'a>,
    request_id: &'a HeaderValue,
}

/// Has the body been read, so that another request may follow?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    Body,
    Nothing,
}

impl Pipeline {
    /// Answers a request whose target begins as a share's does: by the door, where the site that it
    /// names has shares, and otherwise as any other.
    pub(in super::super) async fn answer_visitor<B>(
        &self,
        door: &ShareDoor,
        parts: &Parts,
        body: B,
        presence: BodyPresence,
        connection: &ConnectionFacts,
    ) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes, Error = RequestBodyError>,
    {
        let state = self.state();
        let arrival = Arrival {
            peer: connection.peer,
            server_name: connection.server_name(),
            body: presence,
            scheme: connection.scheme(),
        };
        let found = state.as_deref().and_then(|state| {
            Some((state, site_with_shares(parts, arrival, &state.policy.sites)?))
        });
        let Some((state, site)) = found else {
            return self.answer(parts, presence, connection).await;
        };
        let began = Instant::now();
        let request_id = self.request_ids.of(&parts.headers, trust(Some(state), connection));
        let log = self.log(Some(state));
        let mut record = self.begin_record(connection, &request_id, log.as_ref());
        describe_head(parts, &mut record);
        let knock = Knock { parts, arrival, request_id: &request_id };
        let mut unread = match presence {
            BodyPresence::Absent => Unread::Nothing,
            BodyPresence::Present => Unread::Body,
        };
        let passed = pass(door, knock, body, (state, site), &mut unread, began, &mut record).await;
        let (mut reply, denied) = match passed {
            Ok(reply) => (reply, None),
            Err(denial) => {
                let asked = Asked { headers: &parts.headers, site: Some(site) };
                let (refusal, reasons) = (Refusal::from(denial), reasons(Some(state)));
                let reply = deny(&refusal, reasons, &request_id, asked, &mut record);
                (reply, Some(denial.code()))
            }
        };
        if denied == Some(DenialCode::MethodNotAllowed) {
            reply.headers_mut().insert(ALLOW, METHODS);
        }
        if unread == Unread::Body {
            // Where it ends is known, and nobody waits for it.
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.metrics.count_request(denied);
        self.finish(reply, record, &request_id, began, log)
    }
}

/// Lets a visitor in, or says why not.
async fn pass<B>(
    door: &ShareDoor,
    knock: Knock<'_>,
    body: B,
    (state, site): (&EdgeState, &Site),
    unread: &mut Unread,
    began: Instant,
    record: &mut AccessRecord,
) -> Result<Response<Reply>, Denial>
where
    B: Body<Data = Bytes, Error = RequestBodyError>,
{
    let Knock { parts, arrival, request_id } = knock;
    record.snapshot = Some(state.policy.version);
    if record.wanted == Wanted::Yes {
        record.site = Some(site.name.clone());
        record.path = Some(SHOWN.to_owned());
    }
    let mut learned = Learned::default();
    let visitor = read_head(parts, arrival, site, &state.settings, &mut learned);
    record.client = learned.client;
    let visitor = visitor?;
    if state.policy.blocks(visitor.client) {
        return Err(DenialCode::IpBlocked.into());
    }
    record.decided(began);
    let form =
        if *unread == Unread::Body { door.read(body, &visitor).await? } else { Bytes::new() };
    *unread = Unread::Nothing;
    let mut request = Request::new(form);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = target(parts)?;
    *request.headers_mut() = headers::asked(&parts.headers, &visitor.host, request_id);
    state.settings.cdn.pass_on(&parts.headers, request.headers_mut());
    let answered = door.ask(request, visitor).await.and_then(is_final);
    record.origin_us = Some(micros(began.elapsed()));
    let answer = match answered {
        Ok(answer) => answer,
        Err(not) => {
            let code = not.code();
            record.error = not.cause().map(|away| ErrorChain(&away).to_string());
            return Err(code.into());
        }
    };
    let (mut head, body) = answer.into_parts();
    headers::answered(&mut head.headers);
    let length = body.size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length.filter(|_| parts.method == Method::HEAD) {
        // A desk that answers HEAD with bytes: what they would be is said, and not sent.
        head.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
    let body = body.of_answer(&parts.method, head.status);
    Ok(Response::from_parts(head, Reply::Page(body)))
}

/// The target as sent, without a host: it was read, and is one.
fn target(parts: &Parts) -> Result<http::Uri, Denial> {
    let text = parts.uri.path_and_query().map_or("", |text| text.as_str());
    text.parse().map_err(|_| DenialCode::TargetMalformed.into())
}

/// An answer that ends the exchange: nobody changes the protocol here.
fn is_final<B>(answer: Response<B>) -> Result<Response<B>, NotAnswered> {
    if answer.status().is_informational() {
        return Err(NotAnswered::Away(DeskAway("an interim answer, and no other".into())));
    }
    Ok(answer)
}
