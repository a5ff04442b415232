//! Uploads in parts.

use std::pin::Pin;
use std::sync::Arc;

use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload};
use tokio::task::{JoinSet, spawn_blocking};

use super::super::put::{PutError, Source};

/// An object of this length or less is put by one request.
pub(super) const PART: u64 = 8 * 1024 * 1024;
/// Amazon's limit; Azure's is higher.
const MOST_PARTS: u64 = 10_000;
/// Parts are multiples of this.
const STEP: u64 = 1024 * 1024;
/// So much is in memory at a time, and always one part.
const IN_MEMORY: u64 = 3 * PART;

/// Where parts go.
pub(super) enum Parts {
    /// The store remembers blocks, and drops after a week those that no object was made of.
    Azure(Box<dyn MultipartUpload>),
    /// An upload of this name.
    S3 {
        store: AmazonS3,
        path: Path,
        upload: String,
        /// In their order.
        sent: Vec<Option<PartId>>,
    },
}

type Sending = Pin<Box<dyn Future<Output = object_store::Result<(usize, Option<PartId>)>> + Send>>;

impl Parts {
    /// Sends all of the file. Dropped, it sends no more.
    pub(super) async fn send(&mut self, source: &Arc<Source>) -> Result<(), SendError> {
        let part = part_length(source.length());
        let at_once = usize::try_from((IN_MEMORY / part).max(1)).unwrap_or(1);
        let mut sending: JoinSet<object_store::Result<(usize, Option<PartId>)>> = JoinSet::new();
        let (mut index, mut offset) = (0, 0);
        while offset < source.length() || !sending.is_empty() {
            if offset < source.length() && sending.len() < at_once {
                let length = part.min(source.length() - offset);
                let payload = read(source, offset, length).await?;
                sending.spawn(self.part(index, payload));
                index += 1;
                offset += length;
                continue;
            }
            if let Some(sent) = sending.join_next().await {
                let (index, id) = sent.map_err(PutError::unavailable)??;
                self.note(index, id);
            }
        }
        Ok(())
    }

    fn part(&mut self, index: usize, payload: PutPayload) -> Sending {
        match self {
            Self::Azure(upload) => {
                let sending = upload.put_part(payload);
                Box::pin(async move { sending.await.map(|()| (index, None)) })
            }
            Self::S3 { store, path, upload, sent: _ } => {
                let (store, path, upload) = (store.clone(), path.clone(), upload.clone());
                Box::pin(async move {
                    let id = store.put_part(&path, &upload, index, payload).await?;
                    Ok((index, Some(id)))
                })
            }
        }
    }

    fn note(&mut self, index: usize, id: Option<PartId>) {
        match self {
            Self::Azure(_) => {}
            Self::S3 { sent, .. } => {
                if sent.len() <= index {
                    sent.resize_with(index + 1, || None);
                }
                if let Some(place) = sent.get_mut(index) {
                    *place = id;
                }
            }
        }
    }

    /// Makes what was sent an object.
    pub(super) async fn complete(self) -> object_store::Result<()> {
        match self {
            Self::Azure(mut upload) => upload.complete().await.map(drop),
            Self::S3 { store, path, upload, sent } => {
                let sent = sent.into_iter().flatten().collect();
                store.complete_multipart(&path, &upload, sent).await.map(drop)
            }
        }
    }
}

/// Why parts were not sent.
pub(super) enum SendError {
    /// The file.
    Put(PutError),
    /// The store.
    Store(object_store::Error),
}

impl From<PutError> for SendError {
    fn from(error: PutError) -> Self {
        Self::Put(error)
    }
}

impl From<object_store::Error> for SendError {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

/// Bytes of the file, read where waiting for the disk holds up nobody.
pub(super) async fn read(
    source: &Arc<Source>,
    offset: u64,
    length: u64,
) -> Result<PutPayload, PutError> {
    let source = Arc::clone(source);
    let reading = spawn_blocking(move || {
        let mut buffer = vec![0; usize::try_from(length).map_err(PutError::unavailable)?];
        source.read_at(&mut buffer, offset)?;
        Ok(buffer)
    });
    reading.await.map_err(PutError::unavailable)?.map(PutPayload::from)
}

/// How long each part is but the last.
fn part_length(length: u64) -> u64 {
    length.div_ceil(MOST_PARTS).next_multiple_of(STEP).max(PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_too_many_parts() {
        const GIB: u64 = 1024 * 1024 * 1024;
        for (length, expected) in [
            (1, PART),
            (MOST_PARTS * PART, PART),
            (MOST_PARTS * PART + 1, PART + STEP),
            (5 * 1024 * GIB, 525 * STEP),
        ] {
            assert_eq!(part_length(length), expected, "{length}");
            assert!(length.div_ceil(part_length(length)) <= MOST_PARTS);
        }
    }
}
