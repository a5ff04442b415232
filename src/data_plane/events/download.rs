//! A delivery that one of our own links or a connector decided, from the permit to the end of its
//! body.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, header};

use crate::asset::ContentId;
use crate::clock::{Clock, UnixSeconds};
use crate::event::{
    ConnectorUse, DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Event, Extent,
    LONGEST_PATH, LONGEST_USER_AGENT,
};
use crate::policy::{Basis, Permit, RequestFacts, Resource};

use super::super::access_log;
use super::queue::EventQueue;

/// What is known so far.
#[derive(Debug)]
pub(in crate::data_plane) struct Download {
    queue: EventQueue,
    clock: Clock,
    event: DownloadEvent,
}

impl Download {
    /// Of a request that was permitted; none where neither a link of our own nor a connector did
    /// that.
    pub(in crate::data_plane) fn begin(
        permit: &Permit<'_>,
        facts: &RequestFacts<'_>,
        parts: &Parts,
        snapshot: u64,
        clock: Clock,
        queue: &EventQueue,
    ) -> Option<Box<Self>> {
        let by = given_by(permit, facts, parts)?;
        let (content, path) = file(facts);
        let connected = || permit.connected().and_then(|file| ContentId::parse(file.content));
        let event = DownloadEvent {
            // These are known at the end.
            at: UnixSeconds::new(0),
            took_ms: 0,
            status: 0,
            sent: 0,
            promised: None,
            end: DownloadEnd::Aborted,
            request_id: "".into(),
            tenant: facts.site.tenant,
            by,
            content: content.or_else(connected),
            path,
            client: facts.client,
            method: method(parts),
            extent: match parts.headers.get(header::RANGE) {
                Some(_) => Extent::Ranges,
                None => Extent::Whole,
            },
            snapshot,
        };
        Some(Box::new(Self { queue: queue.clone(), clock, event }))
    }

    /// The answer's head is known.
    pub(in crate::data_plane) fn answered(
        &mut self,
        status: u16,
        request_id: &HeaderValue,
        promised: Option<u64>,
    ) {
        self.event.status = status;
        self.event.request_id = request_id.to_str().unwrap_or_default().into();
        self.event.promised = promised;
    }

    /// The body ended.
    pub(in crate::data_plane) fn end(mut self, sent: u64, end: DownloadEnd, took: Duration) {
        let now = self.clock.now();
        self.event.at = now;
        self.event.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.event.sent = sent;
        self.event.end = end;
        match &mut self.event.by {
            DownloadBy::Link { .. } => self.queue.push(Event::Download(self.event)),
            DownloadBy::Connector(by) => {
                by.since = now;
                self.queue.push_connected(self.event);
            }
        }
    }
}

/// What is to be named as having given it; none where it is not told.
fn given_by(permit: &Permit<'_>, facts: &RequestFacts<'_>, parts: &Parts) -> Option<DownloadBy> {
    let token = match (permit.basis(), &facts.resource) {
        (Basis::Token(token), _) => token,
        (Basis::Public, Resource::Connector(path)) => {
            let agent = parts.headers.get(header::USER_AGENT);
            let agent = agent.and_then(|agent| agent.to_str().ok());
            let agent = agent.map(access_log::without_signatures);
            return Some(DownloadBy::Connector(ConnectorUse {
                connector: path.connector.clone(),
                file: permit.connected()?.number,
                user_agent: agent.map(|it| access_log::shorten_to(LONGEST_USER_AGENT, &it).into()),
                // Known at the end.
                since: UnixSeconds::new(0),
                requests: 1,
            }));
        }
        (Basis::Public, Resource::Asset(_) | Resource::Route(_)) | (Basis::Session, _) => {
            return None;
        }
    };
    let (link, key) = (token.own_link()?.into(), token.key().as_str().into());
    Some(DownloadBy::Link { link, key })
}

/// The content that a file is of, and its path.
pub(super) fn file(facts: &RequestFacts<'_>) -> (Option<ContentId>, Box<str>) {
    let (content, path) = match &facts.resource {
        Resource::Asset(asset) => {
            // An id that no control plane could have given is none.
            let content = asset.video().and_then(|video| ContentId::parse(video.as_str()));
            (content, asset.to_string())
        }
        Resource::Connector(_) | Resource::Route(_) => {
            (None, access_log::without_signatures(facts.target.wire()))
        }
    };
    (content, access_log::shorten_to(LONGEST_PATH, &path).into())
}

pub(super) fn method(parts: &Parts) -> DownloadMethod {
    match parts.method {
        Method::HEAD => DownloadMethod::Head,
        _ => DownloadMethod::Get,
    }
}
