//! The body of every answer: counts what leaves, and writes the log line when it ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::time::Instant;

use crate::claim::ClaimOutcome;
use crate::delivery::OriginError;
use crate::event::DownloadEnd;
use crate::response::AnswerBody;
use crate::splice::Outlet;
use crate::telemetry::{ErrorChain, LineWriter};

use super::access_log::{AccessRecord, Completion, micros};
use super::connection::Pieces;
use super::metrics::Metrics;
use super::share_door::{PageBody, PageBroken};

/// What an answer holds.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "almost always the large one, and moved twice")]
pub enum Reply {
    /// A file, or a part of one.
    File(AnswerBody),
    /// A share's page.
    Page(PageBody),
    /// A refusal.
    Text(Full<Bytes>),
}

/// Why an answer has no end.
#[derive(Debug, thiserror::Error)]
pub enum ReplyBroken {
    /// The origin broke off.
    #[error(transparent)]
    File(#[from] OriginError),
    /// Whoever answers for shares did.
    #[error(transparent)]
    Page(#[from] PageBroken),
}

impl Reply {
    /// Bytes of it, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::File(body) => body.size_hint().exact(),
            Self::Page(body) => body.size_hint().exact(),
            Self::Text(body) => body.size_hint().exact(),
        }
    }
}

/// A [`Reply`] with its log line. Dropped before its end, the line says so.
#[derive(Debug)]
pub struct ReplyBody {
    reply: Reply,
    record: Box<AccessRecord>,
    began: Instant,
    metrics: Arc<Metrics>,
    /// None where no line is wanted.
    log: Option<LineWriter>,
}

impl ReplyBody {
    pub(super) fn new(
        reply: Reply,
        record: Box<AccessRecord>,
        began: Instant,
        metrics: Arc<Metrics>,
        log: Option<LineWriter>,
    ) -> Self {
        Self { reply, record, began, metrics, log }
    }
}

impl Pieces for ReplyBody {
    fn keep_pieces_within(mut self: Pin<&mut Self>, bytes: usize) {
        match &mut self.reply {
            Reply::File(body) => body.keep_pieces_within(bytes),
            Reply::Page(_) | Reply::Text(_) => {}
        }
    }
}

impl ReplyBody {
    /// Lets large files pass by this outlet, which must be that of this answer's connection.
    pub fn splice_into(&mut self, outlet: &Outlet) {
        match &mut self.reply {
            Reply::File(body) => body.splice_into(outlet),
            Reply::Page(_) | Reply::Text(_) => {}
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = ReplyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyBroken>>> {
        let frame = ready!(match &mut self.reply {
            Reply::File(body) => {
                Pin::new(body).poll_frame(cx).map_err(ReplyBroken::from)
            }
            Reply::Page(body) => Pin::new(body).poll_frame(cx).map_err(ReplyBroken::from),
            // A refusal's text is in memory: reading it cannot fail.
            Reply::Text(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        });
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.record.bytes = self.record.bytes.saturating_add(bytes);
            }
            Some(Err(error)) => self.record.error = Some(ErrorChain(error).to_string()),
            None => self.record.complete = Completion::Complete,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.reply {
            Reply::File(body) => body.is_end_stream(),
            Reply::Page(body) => body.is_end_stream(),
            Reply::Text(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.reply {
            Reply::File(body) => body.size_hint(),
            Reply::Page(body) => body.size_hint(),
            Reply::Text(body) => body.size_hint(),
        }
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        // Nobody is told of this but hyper's connection.
        if let Reply::File(body) = &self.reply
            && let Some(error) = body.broken_in_passing()
        {
            self.record.error = Some(ErrorChain(&error).to_string());
        }
        // hyper stops polling a body whose promised bytes have all left.
        if self.record.error.is_none() && self.is_end_stream() {
            self.record.complete = Completion::Complete;
        }
        let took = self.began.elapsed();
        self.record.total_us = micros(took);
        self.metrics.bytes_sent.inc_by(self.record.bytes);
        self.metrics.request_duration.observe(took.as_secs_f64());
        let (end, outcome) = match self.record.complete {
            Completion::Aborted => (DownloadEnd::Aborted, ClaimOutcome::Aborted),
            Completion::Complete => (DownloadEnd::Complete, ClaimOutcome::Complete),
        };
        if let Some(claimed) = self.record.claimed.take() {
            claimed.end(self.record.bytes, outcome);
        }
        if let Some(download) = self.record.download.take() {
            download.end(self.record.bytes, end, took);
        }
        if let Some(log) = &self.log {
            self.record.write(log);
        }
    }
}
