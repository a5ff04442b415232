//! How much left of what a control plane itself hands over of a share, zips and pictures in a format of
//! one's own: counted as it leaves, and kept with what edges tell (C27).
//!
//! What comes while something is being kept is kept with the next: a visitor who asks for a thousand
//! pieces makes no thousand changes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Share, ShareId};
use crate::control_plane::store::Deliveries;
use crate::delivery::OriginError;
use crate::response::AnswerBody;
use crate::telemetry::ErrorChain;

/// A download that was begun: of which share, and which of its downloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SharedDownload {
    tenant: TenantId,
    share: ShareId,
    number: u64,
}

/// Downloads of which bytes may wait to be kept. Those of more are not counted.
const MOST_WAITING: usize = 100_000;

/// Tries to keep what left, while the store says nothing, and how long after the first the second is;
/// each is twice as long after the one before. In all a minute.
const TRIES: u32 = 9;
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What left and is not kept yet. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct SentBytes(Arc<Sending>);

#[derive(Debug, Default)]
struct Sending {
    waiting: Mutex<Waiting>,
    /// Whoever keeps.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    sent: HashMap<SharedDownload, Sent>,
    /// Will somebody keep it?
    is_kept: bool,
}

/// Somebody's turn to keep. However it ends, somebody else can have theirs.
struct Turn<'s>(&'s SentBytes);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.waiting().is_kept = false;
    }
}

/// What left of a download.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    bytes: u64,
    whole: bool,
}

/// The bytes of an answer, which are counted as they leave.
#[derive(Debug)]
pub struct CountedBody {
    body: AnswerBody,
    bytes: u64,
    /// Is it all that there is of the download?
    is_whole: bool,
    has_ended: bool,
    count: Option<(Services, SharedDownload)>,
}

impl SentBytes {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what left. Gives whether nobody keeps yet: whoever is told so does.
    fn add(&self, download: SharedDownload, left: Sent) -> bool {
        let mut waiting = self.waiting();
        if waiting.sent.len() < MOST_WAITING || waiting.sent.contains_key(&download) {
            let sent = waiting.sent.entry(download).or_default();
            sent.bytes = sent.bytes.saturating_add(left.bytes);
            sent.whole |= left.whole;
        }
        !std::mem::replace(&mut waiting.is_kept, true)
    }

    /// What is to be kept now; none ends it.
    fn take(&self) -> Option<HashMap<SharedDownload, Sent>> {
        let mut waiting = self.waiting();
        waiting.is_kept = !waiting.sent.is_empty();
        waiting.is_kept.then(|| std::mem::take(&mut waiting.sent))
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = OriginError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OriginError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.bytes = self.bytes.saturating_add(length);
        }
        self.has_ended |= match &polled {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => self.body.is_end_stream(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for CountedBody {
    fn drop(&mut self) {
        let Some((services, download)) = self.count.take().filter(|_| self.bytes > 0) else {
            return;
        };
        let left = Sent { bytes: self.bytes, whole: self.is_whole && self.has_ended };
        if !services.sent_bytes().add(download, left) {
            return;
        }
        // Where nothing runs any more, nobody asks what left.
        if let Ok(running) = tokio::runtime::Handle::try_current() {
            running.spawn(async move { services.sent_bytes_keep().await });
        }
    }
}

impl Services {
    /// An answer with bytes of a share's download of that number, which are counted as they leave.
    pub(super) fn counted(
        &self,
        share: &Share,
        number: Option<u64>,
        answer: Response<AnswerBody>,
    ) -> Response<CountedBody> {
        let is_whole = answer.status() == StatusCode::OK;
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        let (tenant, id) = (share.tenant, share.id.clone());
        let number = number.filter(|_| is_whole || is_part);
        let download = number.map(|number| SharedDownload { tenant, share: id, number });
        let count = download.map(|download| (self.clone(), download));
        answer.map(|body| CountedBody { body, bytes: 0, is_whole, has_ended: false, count })
    }

    /// Keeps what left, until nothing more did meanwhile: what is being kept is waited for.
    pub async fn sent_bytes_keep(&self) {
        let sent_bytes = self.sent_bytes();
        let _one_at_a_time = sent_bytes.0.turn.lock().await;
        let _turn = Turn(sent_bytes);
        while let Some(sent) = sent_bytes.take() {
            self.sent_bytes_kept_at_last(&sent).await;
        }
    }

    /// Keeps it, though the store may not be there for a while.
    async fn sent_bytes_kept_at_last(&self, sent: &HashMap<SharedDownload, Sent>) {
        let downloads = sent.len();
        for tried in 1..=TRIES {
            match self.sent_bytes_kept(sent).await {
                Ok(()) => return,
                // It may be there. Rather less is said of a download than more than it was.
                Err(error @ ServiceError::OutcomeUnknown(_)) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, downloads, "what left of shares may not be kept");
                    return;
                }
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, downloads, tried, "what left of shares is not kept yet");
                }
            }
            tokio::time::sleep(AGAIN_AFTER * 2_u32.pow(tried - 1)).await;
        }
        tracing::error!(downloads, "what left of shares is not kept");
    }

    async fn sent_bytes_kept(
        &self,
        sent: &HashMap<SharedDownload, Sent>,
    ) -> Result<(), ServiceError> {
        let mut all = Deliveries::default();
        for (SharedDownload { tenant, share, number }, Sent { bytes, whole }) in sent {
            all.sent(*tenant, share.clone(), *number, *bytes, *whole);
        }
        let mut change = self.change(&Caller::system("share")).await?;
        change.share_sent_add(all).await?;
        change.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download(number: u64) -> SharedDownload {
        let share = ShareId::parse("shr_00000000000000000000000001").unwrap();
        SharedDownload { tenant: TenantId(1), share, number }
    }

    const FOUR: Sent = Sent { bytes: 4, whole: false };

    #[test]
    fn one_keeps_what_many_sent() {
        let sent = SentBytes::default();
        assert!(sent.add(download(1), FOUR));
        assert!(!sent.add(download(1), Sent { bytes: 3, whole: true }));
        assert!(!sent.add(download(2), FOUR));
        let turn = Turn(&sent);
        let taken = sent.take().unwrap();
        let of = |number| taken.get(&download(number)).map(|it| (it.bytes, it.whole));
        assert_eq!((of(1), of(2)), (Some((7, true)), Some((4, false))));
        // What comes meanwhile is the same one's to keep.
        assert!(!sent.add(download(3), FOUR));
        assert_eq!(sent.take().unwrap().len(), 1);
        assert!(sent.take().is_none());
        drop(turn);
        assert!(sent.add(download(4), FOUR));
    }

    #[test]
    fn a_turn_that_broke_off_is_another_s() {
        let sent = SentBytes::default();
        assert!(sent.add(download(1), FOUR));
        drop(Turn(&sent));
        assert!(sent.add(download(2), FOUR));
        assert_eq!(sent.take().unwrap().len(), 2);
    }

    #[test]
    fn what_waits_is_bounded() {
        let sent = SentBytes::default();
        for number in 0..=MOST_WAITING as u64 {
            sent.add(download(number), FOUR);
        }
        sent.add(download(0), FOUR);
        let taken = sent.take().unwrap();
        assert_eq!(taken.len(), MOST_WAITING);
        assert_eq!(taken.get(&download(0)).map(|it| it.bytes), Some(8));
    }
}
