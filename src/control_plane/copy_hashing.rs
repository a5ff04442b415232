//! Reads copies with forensic tags that left, and keeps what each is as a whole: layer 0 of a trace.
//!
//! What an edge gives away is not read there once more: with `splice(2)` its bytes never pass a
//! program. A copy is made of its file and its tag id alone, so that whoever makes it again has the
//! same bytes. They are made here, one copy at a time and no faster than a disk is read by the way, and
//! kept by nobody. Of a file that changed or is gone since, nothing is known.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::caller::Caller;
use super::record::CopyIssue;
use super::store::{Page, Store, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::delivery::{Copies, CopyOf, DeliveryDesk, DigestError, ObjectDigest};
use crate::policy::{OriginName, RegisteredFile};
use crate::telemetry::ErrorChain;

/// Bytes that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// Between two looks for copies.
const REST: Duration = Duration::from_secs(2);

/// Before a copy that could not be read is tried again.
const LEFT_ALONE: Duration = Duration::from_mins(10);

/// Copies that are listed at once.
const LISTED: u16 = 500;

/// Reads copies for ever. `desk` gives the origins there are now.
pub async fn hash_copies(
    store: Store,
    clock: Clock,
    desk: impl Fn() -> Option<Arc<DeliveryDesk>>,
) -> Infallible {
    let caller = Caller::system("copy_hashing");
    let copies = Copies::default();
    let mut hashing = CopyHashing { store, clock, caller, copies, failed: HashMap::new() };
    loop {
        // First of all, too: a start has better to do.
        sleep(REST).await;
        let looked = match desk() {
            Some(desk) => hashing.look(&desk).await,
            None => Ok(0),
        };
        match looked {
            Ok(0) => {}
            Ok(copies) => tracing::info!(copies, "copies were read for their digests"),
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "copies are not read for their digests");
            }
        }
    }
}

struct CopyHashing {
    store: Store,
    clock: Clock,
    caller: Caller,
    copies: Copies,
    /// When a copy could not be read, by the number of its issue.
    failed: HashMap<u64, Instant>,
}

/// A copy whose file is not there any more.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its tag id is not one")]
    TagId,
}

impl CopyHashing {
    /// One look at every copy that left and is not known yet. Gives how many are now.
    async fn look(&mut self, desk: &DeliveryDesk) -> Result<u64, StoreError> {
        self.failed.retain(|_, since| since.elapsed() < LEFT_ALONE);
        let (mut known, mut page) = (0, Page::first(LISTED));
        loop {
            let mut view = self.store.view(&self.caller).await?;
            let listed = view.copy_list_undigested(&page).await?;
            drop(view);
            for issue in listed.items {
                if self.failed.contains_key(&issue.number) {
                    continue;
                }
                match self.digest(desk, &issue).await {
                    Ok(digest) => {
                        self.keep(&issue, digest).await?;
                        known += 1;
                    }
                    Err(Unread::Store(error)) if error.kind() != StoreErrorKind::NotFound => {
                        return Err(error);
                    }
                    Err(error) => {
                        let error = ErrorChain(&error);
                        tracing::debug!(issue = issue.number, %error, "a copy cannot be read");
                        self.failed.insert(issue.number, Instant::now());
                    }
                }
            }
            let Some(next) = listed.next else { return Ok(known) };
            page = Page::after(next, LISTED);
        }
    }

    async fn digest(&self, desk: &DeliveryDesk, issue: &CopyIssue) -> Result<ObjectDigest, Unread> {
        let mut view = self.store.view(&self.caller).await?;
        let file = view.file(issue.file).await?;
        let pipeline = view.pipeline(file.draft.pipeline).await?;
        drop(view);
        let mut tag = [0; 16];
        hex::decode_to_slice(&*issue.tag_id, &mut tag).map_err(|_| Unread::TagId)?;
        let draft = file.draft;
        let sha256 = draft.sha256.and_then(|text| {
            let mut digest = [0; 32];
            hex::decode_to_slice(&*text, &mut digest).ok().map(|()| digest)
        });
        let (size, mime) = (draft.size, (*draft.mime).into());
        let file = RegisteredFile { size, sha256, mime, name: draft.name };
        let key = format!("{}{}", pipeline.prefix, draft.key);
        let origin = OriginName::new(&pipeline.origin);
        let copy = CopyOf { origin: &origin, key: &key, file, tag };
        Ok(desk.digest_of_copy(&self.copies, copy, PACE, self.clock).await?)
    }

    async fn keep(&self, issue: &CopyIssue, digest: ObjectDigest) -> Result<(), StoreError> {
        let mut change = self.store.change(&self.caller, self.clock.now()).await?;
        let ObjectDigest { size, sha256, crc32: _ } = digest;
        change.copy_digested(issue.number, size, &hex::encode(sha256)).await?;
        change.commit().await?;
        Ok(())
    }
}
