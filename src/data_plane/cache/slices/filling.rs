//! A slice on its way from its origin: to those who read it meanwhile, and into its file.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::fill::Taken;
use super::super::store::PurgeCount;
use super::key::SliceKey;
use super::pinned::Pinned;
use super::tier::Tier;
use crate::delivery::{Body, ByteRange, OriginError, OriginFault};

/// Smaller pieces of a body are gathered, so that an origin that sends byte by byte costs no more.
const LEAST_CHUNK: usize = 4096;

/// The bytes so far.
#[derive(Debug)]
pub(super) struct Filling {
    /// With where in the slice they begin.
    chunks: Mutex<Vec<(u64, Bytes)>>,
    progress: watch::Sender<Progress>,
    /// What the origin goes on to send, for whoever fills the next slice.
    rest: Mutex<Option<Lead>>,
    /// Given back when the last reader lets go.
    _room: Taken,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    bytes: u64,
    end: Option<Result<(), OriginFault>>,
}

/// An origin's answer that is being read.
#[derive(Debug)]
pub(super) struct Lead {
    /// Where in the object its next byte belongs.
    pub(super) position: u64,
    pub(super) held: Bytes,
    pub(super) body: Body,
    /// When it was asked for.
    pub(super) begun: PurgeCount,
}

impl Filling {
    pub(super) fn new(room: Taken) -> Self {
        Self {
            chunks: Mutex::default(),
            progress: watch::Sender::default(),
            rest: Mutex::default(),
            _room: room,
        }
    }

    /// Bytes of the slice from this one on, when there are any; none after its last.
    pub(super) async fn bytes_from(&self, at: u64) -> Option<Result<Bytes, OriginError>> {
        let mut progress = self.progress.subscribe();
        let seen = progress.wait_for(|now| now.bytes > at || now.end.is_some()).await;
        let Progress { bytes, end } = match seen {
            Ok(seen) => *seen,
            Err(_) => return Some(Err(OriginFault::BodyBroken.into())),
        };
        match (bytes > at, end) {
            (false, Some(Err(fault))) => Some(Err(fault.into())),
            (false, Some(Ok(())) | None) => None,
            (true, _) => {
                let chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
                let next = chunks.partition_point(|(begin, _)| *begin <= at);
                let (begin, chunk) = chunks.get(next.checked_sub(1)?)?;
                let skipped = usize::try_from(at.checked_sub(*begin)?).ok()?;
                Some(Ok(chunk.get(skipped..).map(|part| chunk.slice_ref(part))?))
            }
        }
    }

    /// Waits for a byte of the slice from this one on, or for the reason why there is none.
    pub(super) async fn begins(&self, at: u64) -> Result<(), OriginFault> {
        let mut progress = self.progress.subscribe();
        match progress.wait_for(|now| now.bytes > at || now.end.is_some()).await {
            Ok(seen) if seen.bytes > at => Ok(()),
            Ok(seen) => seen.end.unwrap_or(Err(OriginFault::BodyBroken)),
            Err(_) => Err(OriginFault::BodyBroken),
        }
    }

    /// What the origin goes on to send after this slice; to one who asks.
    pub(super) fn take_rest(&self) -> Option<Lead> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// All of it, to be written down.
    pub(super) fn content(&self) -> Vec<Bytes> {
        let chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        chunks.iter().map(|(_, chunk)| chunk.clone()).collect()
    }

    fn add(&self, chunk: Bytes) {
        let begin = self.progress.borrow().bytes;
        let length = chunk.len() as u64;
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).push((begin, chunk));
        self.progress.send_modify(|now| now.bytes += length);
    }

    fn end(&self, how: Result<(), OriginFault>) {
        self.progress.send_if_modified(|now| {
            let first = now.end.is_none();
            now.end = now.end.or(Some(how));
            first
        });
    }
}

/// Fills one slice. It goes on when those who read leave.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) tier: Arc<Tier>,
    pub(super) key: SliceKey,
    pub(super) pinned: Arc<Pinned>,
    pub(super) filling: Arc<Filling>,
    /// Of the object: this slice, and how far to ask when asking anew.
    pub(super) slice: ByteRange,
    pub(super) run: ByteRange,
    pub(super) begun: PurgeCount,
}

impl Errand {
    /// `lead` may be an answer that gives this slice.
    pub(super) async fn run(self, lead: Option<Lead>) {
        let fetched = self.fetch(lead).await;
        let end = fetched.map_err(|error| error.fault());
        if end == Err(OriginFault::Changed) {
            // Before those who wait ask anew.
            self.pinned.forget();
        }
        self.filling.end(end);
        if end.is_ok() {
            self.keep().await;
        }
    }

    async fn fetch(&self, lead: Option<Lead>) -> Result<(), OriginError> {
        let mut at = self.slice.first();
        let begun = self.begun;
        let fitting = lead.filter(|it| it.position == at && it.begun == begun);
        // An answer that was left alone for a while may have ended: then it is asked again, once.
        let mut reused = fitting.is_some();
        let mut asked = None;
        let mut lead = match fitting {
            Some(lead) => lead,
            None => self.ask(self.run, &mut asked)?,
        };
        let room = usize::try_from(self.slice.length()).unwrap_or(0);
        let mut gathered = BytesMut::with_capacity(room);
        while at < self.slice.end() {
            if lead.held.is_empty() {
                let frame = lead.body.frame().await;
                let arrived = match frame {
                    Some(Ok(frame)) => Ok(frame.into_data().unwrap_or_default()),
                    Some(Err(error)) => Err(error),
                    None => Err(OriginFault::BodyBroken.into()),
                };
                if let Some(asked) = asked.take() {
                    self.pinned.meter.count(asked, arrived.as_ref().map(|_| ()));
                }
                match arrived {
                    Ok(bytes) => lead.held = bytes,
                    Err(_) if reused => {
                        reused = false;
                        let left = ByteRange::new(at, self.slice.last());
                        lead = self.ask(left.unwrap_or(self.slice), &mut asked)?;
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            let wanted = usize::try_from(self.slice.end() - at).unwrap_or(usize::MAX);
            let part = lead.held.split_to(wanted.min(lead.held.len()));
            at += part.len() as u64;
            gathered.extend_from_slice(&part);
            if gathered.len() >= LEAST_CHUNK || at == self.slice.end() {
                self.filling.add(gathered.split().freeze());
            }
        }
        if !(lead.held.is_empty() && lead.body.is_end_stream()) {
            lead.position = at;
            let mut rest = self.filling.rest.lock().unwrap_or_else(PoisonError::into_inner);
            *rest = Some(lead);
        }
        Ok(())
    }

    fn ask(&self, span: ByteRange, asked: &mut Option<Instant>) -> Result<Lead, OriginError> {
        *asked = Some(Instant::now());
        let body = self.pinned.body(span).ok_or(OriginFault::KeyForm)?;
        Ok(Lead { position: span.first(), held: Bytes::new(), body, begun: self.begun })
    }

    /// Writes the file, unless the disk is left alone.
    async fn keep(&self) {
        if !self.tier.takes_writes() {
            return;
        }
        let (tier, key, begun) = (Arc::clone(&self.tier), self.key, self.begun);
        let (filling, pinned) = (Arc::clone(&self.filling), Arc::clone(&self.pinned));
        let written = tokio::task::spawn_blocking(move || {
            tier.land(key, &filling.content(), || pinned.purge_count() == begun)
        });
        if let Ok(Err(error)) = written.await {
            self.pinned.meter.metrics().cache_disk_failures.with_label_values(&["write"]).inc();
            self.tier.step_aside(&error);
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        // Nothing, unless it was broken off.
        self.filling.end(Err(OriginFault::BodyBroken));
        self.tier.finish(self.key, &self.filling);
    }
}
