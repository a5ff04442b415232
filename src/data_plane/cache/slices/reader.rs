//! The bytes of a large object, slice by slice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt;
use rustix::fd::OwnedFd;

use super::super::store::PurgeCount;
use super::file::{HEADER, Unusable};
use super::filling::{Errand, Filling, Lead};
use super::key::{SliceKey, VersionId};
use super::pinned::Pinned;
use super::tier::{Joined, Tier};
use crate::delivery::{
    Body, ByteRange, Object, OriginError, OriginFault, Pieces, Pull, Pulled, Spans, pulled,
};

/// Slices in a row that are asked for at once, so that one answer of the origin fills them.
const LONGEST_RUN: u32 = 1024;

/// An object whose slices are here, or can be filled.
#[derive(Debug)]
pub(in super::super) struct Slices {
    tier: Arc<Tier>,
    version: VersionId,
    pinned: Arc<Pinned>,
    complete: u64,
    /// The answer that described it.
    in_hand: Mutex<Option<(Object, PurgeCount)>>,
    /// The slice of the first byte, where it was begun ahead of the answer.
    begun: Option<(u32, Arc<Filling>)>,
}

impl Slices {
    pub(in super::super) fn new(
        tier: Arc<Tier>,
        version: VersionId,
        pinned: Pinned,
        in_hand: Option<(Object, PurgeCount)>,
    ) -> Self {
        let complete = pinned.meta.complete_length.unwrap_or(0);
        Self {
            tier,
            version,
            pinned: Arc::new(pinned),
            complete,
            in_hand: in_hand.into(),
            begun: None,
        }
    }
}

impl Slices {
    /// Waits until the first byte of these ranges is here, so that an origin that fails, or has
    /// another version, shows before an answer has begun.
    pub(in super::super) async fn begin(&mut self, spans: &Spans) -> Result<(), OriginError> {
        let Some(span) = spans.as_slice().first().copied() else { return Ok(()) };
        let Some((index, slice)) = self.tier.slice_of(span.first(), self.complete) else {
            return Ok(());
        };
        let key = SliceKey { version: self.version, index };
        if self.tier.has(key) {
            return Ok(());
        }
        let mut reader = self.reader(spans);
        if let Piece::Filling(filling, begin) = reader.open(key, slice, span).await? {
            filling.begins(span.first().saturating_sub(begin)).await?;
            self.begun = Some((index, filling));
        }
        Ok(())
    }

    fn reader(&mut self, spans: &Spans) -> Reader {
        let in_hand = self.in_hand.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        Reader {
            tier: Arc::clone(&self.tier),
            version: self.version,
            pinned: Arc::clone(&self.pinned),
            complete: self.complete,
            in_hand,
            begun: self.begun.take(),
            spans: spans.as_slice().iter().copied().collect(),
            piece: Piece::None,
            within: None,
            rest: None,
        }
    }
}

impl Pieces for Slices {
    fn into_spans(mut self: Box<Self>, spans: &Spans) -> Pulled {
        pulled(self.reader(spans))
    }
}

/// What is still to be read.
#[derive(Debug)]
struct Reader {
    tier: Arc<Tier>,
    version: VersionId,
    pinned: Arc<Pinned>,
    complete: u64,
    in_hand: Option<(Object, PurgeCount)>,
    begun: Option<(u32, Arc<Filling>)>,
    /// The first begins with the next byte.
    spans: VecDeque<ByteRange>,
    piece: Piece,
    /// Bytes that are read of a piece at once.
    within: Option<usize>,
    /// What was filled before what is read now.
    rest: Option<Arc<Filling>>,
}

/// Where the next bytes are.
#[derive(Debug)]
enum Piece {
    None,
    File(Body),
    /// With where its slice begins.
    Filling(Arc<Filling>, u64),
    /// Of the origin, for this reader alone.
    Alone(Body),
}

impl Pull for Reader {
    fn keep_pieces_within(&mut self, bytes: usize) {
        self.within = Some(bytes);
    }

    async fn next(&mut self) -> Option<Result<Bytes, OriginError>> {
        loop {
            let span = *self.spans.front()?;
            let Some((index, slice)) = self.tier.slice_of(span.first(), self.complete) else {
                return Some(Err(OriginFault::BodyBroken.into()));
            };
            let key = SliceKey { version: self.version, index };
            let read = match &mut self.piece {
                Piece::None => match self.open(key, slice, span).await {
                    Ok(piece) => {
                        self.piece = piece;
                        continue;
                    }
                    Err(error) => return Some(Err(error)),
                },
                Piece::File(body) => {
                    let read = next_of(body, self.within).await;
                    if !matches!(read, Some(Ok(_))) {
                        // What the file does not give, the origin may.
                        self.failed("read");
                        self.tier.drop_slice(key);
                        self.piece = Piece::None;
                        continue;
                    }
                    read
                }
                Piece::Filling(filling, begin) => {
                    filling.bytes_from(span.first().saturating_sub(*begin)).await
                }
                Piece::Alone(body) => next_of(body, self.within).await,
            };
            return Some(match read {
                Some(Ok(bytes)) => Ok(self.took(bytes, slice)),
                Some(Err(error)) => Err(error),
                None => Err(OriginFault::BodyBroken.into()),
            });
        }
    }
}

impl Reader {
    /// Books bytes of the first span, no more than lie in it and in the slice.
    fn took(&mut self, mut bytes: Bytes, slice: ByteRange) -> Bytes {
        let Some(span) = self.spans.pop_front() else { return Bytes::new() };
        let part = span.end().min(slice.end()).saturating_sub(span.first());
        bytes.truncate(usize::try_from(part).unwrap_or(usize::MAX));
        let end = span.first().saturating_add(bytes.len() as u64);
        if let Some(left) = ByteRange::new(end, span.last()) {
            self.spans.push_front(left);
        }
        if end >= span.end().min(slice.end()) {
            self.rest = match std::mem::replace(&mut self.piece, Piece::None) {
                Piece::Filling(filling, _) => Some(filling),
                Piece::None | Piece::File(_) | Piece::Alone(_) => None,
            };
        }
        bytes
    }

    async fn open(
        &mut self,
        key: SliceKey,
        slice: ByteRange,
        span: ByteRange,
    ) -> Result<Piece, OriginError> {
        let part = ByteRange::new(span.first(), span.last().min(slice.last())).unwrap_or(slice);
        if let Some((index, filling)) = self.begun.take()
            && index == key.index
        {
            return Ok(Piece::Filling(filling, slice.first()));
        }
        let lead = (self.in_hand.take(), self.rest.take());
        loop {
            if let Some(body) = self.open_file(key, slice, part).await {
                return Ok(Piece::File(body));
            }
            match self.tier.join(key) {
                Joined::Landed => {}
                Joined::Follower(filling) => return Ok(Piece::Filling(filling, slice.first())),
                Joined::NoRoom => {
                    let body = self.pinned.body(part).ok_or(OriginFault::KeyForm)?;
                    return Ok(Piece::Alone(body));
                }
                Joined::Leader(filling) => {
                    self.fill(key, slice, span, &filling, lead);
                    return Ok(Piece::Filling(filling, slice.first()));
                }
            }
        }
    }

    async fn open_file(
        &mut self,
        key: SliceKey,
        slice: ByteRange,
        part: ByteRange,
    ) -> Option<Body> {
        if !self.tier.has(key) {
            return None;
        }
        let within = |byte: u64| byte.saturating_sub(slice.first()).saturating_add(HEADER);
        let span = ByteRange::new(within(part.first()), within(part.last()))?;
        if let Some(file) = self.tier.open_slice_at_once(key, slice.length()) {
            return Some(Body::from_file(OwnedFd::from(file), &span.into()));
        }
        let tier = Arc::clone(&self.tier);
        let opening = tokio::task::spawn_blocking(move || tier.open_slice(key, slice.length()));
        match opening.await.ok()?? {
            Ok(file) => Some(Body::from_file(OwnedFd::from(file), &span.into())),
            Err(Unusable::Broken) => {
                self.failed("corrupt");
                None
            }
            Err(Unusable::Unread(_)) => {
                self.failed("read");
                None
            }
        }
    }

    /// Begins to fill a slice, out of an answer that is here where one fits.
    fn fill(
        &self,
        key: SliceKey,
        slice: ByteRange,
        span: ByteRange,
        filling: &Arc<Filling>,
        lead: (Option<(Object, PurgeCount)>, Option<Arc<Filling>>),
    ) {
        let wanted = self.tier.slice_of(span.last(), self.complete);
        let (last, end) = wanted.map_or((key.index, slice.last()), |it| (it.0, it.1.last()));
        let slices = last.saturating_sub(key.index).saturating_add(1);
        let missing = self.tier.missing_from(key, slices.min(LONGEST_RUN)).max(1);
        let length = u64::from(missing).saturating_mul(self.tier.config().slice);
        let run_end = slice.first().saturating_add(length).saturating_sub(1).min(end);
        let (in_hand, rest) = lead;
        let lead = match in_hand {
            Some((object, begun)) if object.under_way_from() == Some(slice.first()) => {
                ByteRange::new(slice.first(), end).map(|run| Lead {
                    position: slice.first(),
                    held: Bytes::new(),
                    body: object.into_spans(&run.into()),
                    begun,
                })
            }
            Some(_) | None => rest.and_then(|it| it.take_rest()),
        };
        let errand = Errand {
            tier: Arc::clone(&self.tier),
            key,
            pinned: Arc::clone(&self.pinned),
            filling: Arc::clone(filling),
            slice,
            run: ByteRange::new(slice.first(), run_end).unwrap_or(slice),
            begun: self.pinned.purge_count(),
        };
        tokio::spawn(errand.run(lead));
    }

    fn failed(&self, kind: &str) {
        self.pinned.meter.metrics().cache_disk_failures.with_label_values(&[kind]).inc();
    }
}

async fn next_of(body: &mut Body, within: Option<usize>) -> Option<Result<Bytes, OriginError>> {
    if let Some(bytes) = within {
        body.keep_pieces_within(bytes);
    }
    let frame = body.frame().await?;
    // Bodies of objects have no trailers.
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}
