//! How much left of what a control plane itself hands over of a share, zips and pictures in a format of
//! one's own: counted as it leaves, and kept with what edges tell (C27).
//!
//! What comes while something is being kept is kept with the next: a visitor who asks for a thousand
//! pieces makes no thousand changes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

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

/// What left and is not kept yet. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct SentBytes(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    sent: HashMap<SharedDownload, Sent>,
    /// Is somebody keeping?
    is_kept: bool,
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what left. Gives whether nobody keeps yet: whoever is told so does.
    fn add(&self, download: SharedDownload, left: Sent) -> bool {
        let mut waiting = self.waiting();
        let sent = waiting.sent.entry(download).or_default();
        sent.bytes = sent.bytes.saturating_add(left.bytes);
        sent.whole |= left.whole;
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
        let (tenant, id) = (share.tenant, share.id.clone());
        let download = number.map(|number| SharedDownload { tenant, share: id, number });
        let count = download.map(|download| (self.clone(), download));
        answer.map(|body| CountedBody { body, bytes: 0, is_whole, has_ended: false, count })
    }

    /// Keeps what left, until nothing more did meanwhile.
    async fn sent_bytes_keep(&self) {
        while let Some(sent) = self.sent_bytes().take() {
            if let Err(error) = self.sent_bytes_kept(sent).await {
                let error = ErrorChain(&error);
                tracing::warn!(%error, "what left of shares was not kept");
            }
        }
    }

    async fn sent_bytes_kept(
        &self,
        sent: HashMap<SharedDownload, Sent>,
    ) -> Result<(), ServiceError> {
        let mut all = Deliveries::default();
        for (SharedDownload { tenant, share, number }, Sent { bytes, whole }) in sent {
            all.sent(tenant, share, number, bytes, whole);
        }
        let mut change = self.change(&Caller::system("share")).await?;
        change.share_sent_add(all).await?;
        change.commit().await?;
        Ok(())
    }
}
