//! Bodies that are taken as they come, however long they are.

use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_core::Stream;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::service::{BrokenOff, ByteSource};

/// Between two parts of a body.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a request.
#[derive(Debug)]
pub(super) struct BodySource(pub(super) Body);

impl ByteSource for BodySource {
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        loop {
            match timeout(PATIENCE, self.0.frame()).await {
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return Ok(Some(bytes)),
                    // Trailers say nothing here.
                    Err(_) => {}
                },
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) | Err(_) => return Err(BrokenOff),
            }
        }
    }
}

/// Why a form's body is read no further.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormBodyError {
    #[error("the body broke off")]
    Broken(#[source] axum::Error),
    #[error("too much comes before the file")]
    TooMuch,
}

/// The body of a form. `multer` takes all there is, as long as there is more at once, and keeps what
/// comes before a file however much that is: a part at a time is all there is here, and no more than
/// so many bytes until the [`FormAllowance`] is lifted.
pub(super) struct FormBody {
    body: BodyDataStream,
    left: FormAllowance,
    /// Was a part given, after which there is nothing more at once?
    gave: bool,
}

/// How many bytes of a form may come yet.
#[derive(Clone, Debug)]
pub(super) struct FormAllowance(Arc<AtomicU64>);

impl FormAllowance {
    pub(super) fn of(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Any number may.
    pub(super) fn lift(&self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }

    /// Was there anything left before these?
    fn take(&self, bytes: u64) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        if left != u64::MAX {
            self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
        left > 0
    }
}

impl FormBody {
    pub(super) fn new(body: Body, left: FormAllowance) -> Self {
        Self { body: body.into_data_stream(), left, gave: false }
    }
}

impl Stream for FormBody {
    type Item = Result<Bytes, FormBodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if replace(&mut self.gave, false) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.body).poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(FormBodyError::Broken(error)))),
            Poll::Ready(Some(Ok(part))) => {
                self.gave = true;
                let given = self.left.take(part.len() as u64);
                Poll::Ready(Some(if given { Ok(part) } else { Err(FormBodyError::TooMuch) }))
            }
        }
    }
}

/// A file of a form (RFC 7578).
pub(super) struct FieldSource(pub(super) multer::Field<'static>);

impl ByteSource for FieldSource {
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        match timeout(PATIENCE, self.0.chunk()).await {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(_)) | Err(_) => Err(BrokenOff),
        }
    }
}
