//! The wanted bytes of an object, out of as few answers as possible.
//!
//! An answer in hand is used as far as it goes: what lies before a wanted range is read and thrown
//! away (an origin that ignores ranges), what lies after the last one is not read at all. Where it
//! does not go far enough the rest is asked for, pinned to the version. An answer of an object store
//! that breaks off is one that does not go far enough.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::{Sleep, sleep};

use super::super::error::{OriginError, OriginFault};
use super::super::range::{ByteRange, Spans};
use super::super::validator::Strength;
use super::incoming::LARGEST_READ;
use super::object::{Download, HttpObject};
use super::protocol::Pauses;
use super::store::ask_again;
use crate::splice::{COPIED_END, Load, Outlet, WORTHWHILE};

/// See the module.
pub(in super::super) struct HttpBody {
    object: HttpObject,
    wanted: Wanted,
    asking: Option<Asking>,
    resuming: Resuming,
    /// Bytes that are read at once, at most.
    piece: usize,
}

/// How it goes on after it broke off.
#[derive(Debug)]
struct Resuming {
    pauses: Pauses,
    pause: Option<Pin<Box<Sleep>>>,
}

type Asking = Pin<Box<dyn Future<Output = Result<Download, OriginError>> + Send>>;

#[derive(Debug)]
enum Wanted {
    /// To the end, wherever that is.
    Everything,
    Spans(VecDeque<ByteRange>),
}

impl HttpBody {
    pub(in super::super) fn everything(object: HttpObject) -> Self {
        Self::new(object, Wanted::Everything)
    }

    pub(in super::super) fn spans(object: HttpObject, spans: &Spans) -> Self {
        let spans = spans.as_slice().iter().copied().collect();
        Self::new(object, Wanted::Spans(spans))
    }

    fn new(object: HttpObject, wanted: Wanted) -> Self {
        let resuming = Resuming { pauses: object.upstream.protocol.pauses(), pause: None };
        Self { object, wanted, asking: None, resuming, piece: LARGEST_READ }
    }

    /// From now on in pieces of at most so many bytes, and never of none.
    pub(in super::super) fn keep_pieces_within(&mut self, bytes: usize) {
        self.piece = bytes.clamp(1, LARGEST_READ);
    }

    pub(in super::super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        outlet: Option<&Outlet>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        loop {
            if let Some(pause) = &mut self.resuming.pause {
                ready!(pause.as_mut().poll(cx));
                self.resuming.pause = None;
            }
            match ready!(self.poll_answer(cx, outlet)) {
                Some(Ok(bytes)) => {
                    self.resuming.pauses = self.object.upstream.protocol.pauses();
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Err(error)) => match self.pause_before_rest(&error) {
                    Some(pause) => self.resuming.pause = Some(Box::pin(sleep(pause))),
                    None => return Poll::Ready(Some(Err(error))),
                },
                None => return Poll::Ready(None),
            }
        }
    }

    /// The pause before the rest is asked for; none where there is no rest that would surely be of
    /// this version.
    fn pause_before_rest(&mut self, error: &OriginError) -> Option<Duration> {
        let HttpObject { upstream, version, in_hand } = &mut self.object;
        let etag = version.validators.etag.as_ref()?;
        let pinned = etag.strength() == Strength::Strong;
        let has_place = match &self.wanted {
            Wanted::Everything => false,
            Wanted::Spans(spans) => !spans.is_empty(),
        };
        let pause = (pinned && has_place).then(|| self.resuming.pauses.before_rest(error))??;
        upstream.budget.spend()?;
        *in_hand = None;
        Some(pause)
    }

    /// What comes of the answers, the one in hand or the next.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        outlet: Option<&Outlet>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        loop {
            if let Some(asking) = &mut self.asking {
                let answered = ready!(asking.as_mut().poll(cx));
                self.asking = None;
                match answered {
                    Ok(download) => self.object.in_hand = Some(download),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            let HttpObject { upstream, version, in_hand } = &mut self.object;
            let span = match &mut self.wanted {
                Wanted::Everything => None,
                Wanted::Spans(spans) => match spans.front() {
                    Some(span) => Some(*span),
                    None => return Poll::Ready(None),
                },
            };
            let Some(download) = in_hand.as_mut().filter(|download| download.leads_to(span)) else {
                *in_hand = None;
                self.asking = Some(Box::pin(ask_again(upstream.clone(), version.clone(), span)));
                continue;
            };
            if let (Some(outlet), Some(most)) = (outlet, download.worth_splicing(span)) {
                let pipe = match ready!(download.poll_pipe(most, cx)) {
                    Ok(Some(pipe)) => pipe,
                    Ok(None) => continue,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                };
                if let Wanted::Spans(spans) = &mut self.wanted {
                    take_from_front(spans, pipe.left() as u64);
                }
                let Some(piece) = outlet.hand_over(Load::Pipe(pipe)) else {
                    // It is the reader that broke off.
                    self.wanted = Wanted::Spans(VecDeque::new());
                    return Poll::Ready(Some(Err(OriginFault::BodyBroken.into())));
                };
                return Poll::Ready(Some(Ok(piece)));
            }
            if download.held.is_empty() {
                match ready!(download.poll_arrival(self.piece, cx)) {
                    Some(Ok(bytes)) => download.held = bytes,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None if span.is_none() => return Poll::Ready(None),
                    None => return Poll::Ready(Some(Err(OriginFault::BodyBroken.into()))),
                }
            }
            let Some(bytes) = download.take(span) else { continue };
            if let Wanted::Spans(spans) = &mut self.wanted {
                take_from_front(spans, bytes.len() as u64);
                if spans.is_empty() {
                    // Its end is seen now if it is here, or the connection cannot be used again.
                    let _ = download.poll_arrival(self.piece, cx).map(|odd| {
                        if let Some(Ok(odd)) = odd {
                            download.held = odd;
                        }
                    });
                }
            }
            return Poll::Ready(Some(Ok(bytes)));
        }
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBody")
            .field("object", &self.object)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// Is the start of the span still to come here?
    fn leads_to(&self, span: Option<ByteRange>) -> bool {
        match span {
            None => true,
            Some(span) => {
                self.position <= span.first() && self.end.is_none_or(|end| span.first() < end)
            }
        }
    }

    /// How much may go through pipes: none where little is wanted, or what is wanted is not the
    /// next to come. The end of a span is copied.
    fn worth_splicing(&self, span: Option<ByteRange>) -> Option<u64> {
        let span = span?;
        let wanted = span.length().min(self.unread()?);
        let next = self.held.is_empty() && self.position == span.first();
        (next && wanted >= WORTHWHILE).then(|| wanted - COPIED_END)
    }

    /// What of the held bytes is wanted first; what comes before it is dropped.
    fn take(&mut self, span: Option<ByteRange>) -> Option<Bytes> {
        let held = self.held.len() as u64;
        let (skipped, taken) = match span {
            None => (0, held),
            Some(span) => {
                let skipped = span.first().saturating_sub(self.position).min(held);
                (skipped, span.length().min(held.saturating_sub(skipped)))
            }
        };
        self.position = self.position.saturating_add(skipped).saturating_add(taken);
        // Neither is more than `held`, which is a `usize`.
        self.held.advance(usize::try_from(skipped).ok()?);
        (taken > 0).then(|| usize::try_from(taken).ok()).flatten().map(|n| self.held.split_to(n))
    }
}

fn take_from_front(spans: &mut VecDeque<ByteRange>, taken: u64) {
    if let Some(span) = spans.pop_front()
        && let Some(rest) = ByteRange::new(span.first().saturating_add(taken), span.last())
    {
        spans.push_front(rest);
    }
}
