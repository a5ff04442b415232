//! A delivery that one of our own links decided, from the permit to the end of its body.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, header};

use crate::asset::ContentId;
use crate::clock::{Clock, UnixSeconds};
use crate::event::{DownloadEnd, DownloadEvent, DownloadMethod, Event, Extent, LONGEST_PATH};
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
    /// Of a request that was permitted; none where no link of our own did that.
    pub(in crate::data_plane) fn begin(
        permit: &Permit<'_>,
        facts: &RequestFacts<'_>,
        parts: &Parts,
        snapshot: u64,
        clock: Clock,
        queue: &EventQueue,
    ) -> Option<Box<Self>> {
        let Basis::Token(token) = permit.basis() else { return None };
        let link = token.own_link()?;
        let (content, path) = file(facts);
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
            link: link.into(),
            key: token.key().as_str().into(),
            content,
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
        self.event.at = self.clock.now();
        self.event.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.event.sent = sent;
        self.event.end = end;
        self.queue.push(Event::Download(self.event));
    }
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
