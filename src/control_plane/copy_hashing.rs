//! Reads copies with forensic tags that left, and keeps what each is as a whole: layer 0 of a trace.
//!
//! What an edge gives away is not read there once more: with `splice(2)` its bytes never pass a
//! program. A copy is made of its file and its tag id alone, so that whoever makes it again has the
//! same bytes. They are made here, one copy at a time and no faster than a disk is read by the way, and
//! kept by nobody. Of a file that changed or is gone since, nothing is known.

use std::collections::HashSet;
use std::convert::Infallible;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::caller::Caller;
use super::record::{CopyIssue, File, Pipeline};
use super::store::{Store, StoreError, StoreErrorKind, UndigestedCopy};
use crate::clock::{Clock, UnixSeconds};
use crate::delivery::{Copies, CopyOf, DeliveryDesk, DigestError, ObjectDigest, OriginFault};
use crate::policy::{ImageMarkKeys, OriginName, RegisteredFile};
use crate::telemetry::ErrorChain;

/// Bytes that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// Bytes of a file of which the copies are read: some four minutes at that pace, for others wait.
const LARGEST: u64 = 16 << 30;

/// Between two looks for copies.
const REST: Duration = Duration::from_secs(2);

/// Copies of one look.
const LISTED: u16 = 100;

/// Seconds until a copy that could not be read is tried again; twice as long after each try.
const LEFT_ALONE: u64 = 60;

/// After so many tries, half a day after the first, nobody tries it again.
const MOST_TRIES: u64 = 10;

/// By what copies are made: the origins there are now, and the keys that mark pictures.
#[derive(Clone, Debug)]
pub struct CopyDesk {
    /// The origins.
    pub desk: Arc<DeliveryDesk>,
    /// The keys.
    pub image_mark_keys: Arc<ImageMarkKeys>,
}

/// Reads copies for ever. `desk` gives what there is at that time.
pub async fn hash_copies(
    store: Store,
    clock: Clock,
    desk: impl Fn() -> Option<CopyDesk>,
) -> Infallible {
    let caller = Caller::system("copy_hashing");
    let hashing = CopyHashing { store, clock, caller, copies: Copies::default() };
    loop {
        // First of all, too: a start has better to do.
        sleep(REST).await;
        match hashing.look(&desk).await {
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
}

/// Why a copy has no digest.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("the file is not there any more")]
    Gone,
    #[error("the file is larger than those that are read")]
    Large,
    #[error("its origin failed a moment ago")]
    OriginFailed,
    #[error("its tag id is not one")]
    TagId,
}

impl CopyHashing {
    /// One look at copies that are due. Gives how many are known now.
    async fn look(&self, desk: impl Fn() -> Option<CopyDesk>) -> Result<u64, StoreError> {
        let mut view = self.store.view(&self.caller).await?;
        let due = view.copy_list_due(self.clock.now(), LISTED).await?;
        drop(view);
        let (mut known, mut failed) = (0, HashSet::new());
        for UndigestedCopy { issue, tries } in due {
            // The origins of the configuration that is in force at that time.
            let Some(desk) = desk() else { return Ok(known) };
            let read = match self.place(&issue).await? {
                None => Err(Unread::Gone),
                Some((_, pipeline)) if failed.contains(&pipeline.origin) => {
                    Err(Unread::OriginFailed)
                }
                Some((file, pipeline)) => {
                    let read = self.digest(&desk, &issue, &file, &pipeline).await;
                    if matches!(&read, Err(Unread::Digest(DigestError::Origin(error))) if error.fault() != OriginFault::CopyNotMade)
                    {
                        failed.insert(pipeline.origin.clone());
                    }
                    read
                }
            };
            let mut change = self.store.change(&self.caller, self.clock.now()).await?;
            match read {
                Ok(ObjectDigest { size, sha256, crc32: _ }) => {
                    change.copy_digested(issue.number, size, &hex::encode(sha256)).await?;
                    known += 1;
                }
                Err(error) => {
                    let (tries, due_at) = self.next_try(&issue, &error, tries);
                    change.copy_postponed(issue.number, tries, due_at).await?;
                }
            }
            change.commit().await?;
        }
        Ok(known)
    }

    /// How often it was tried by now, and when it is tried again.
    fn next_try(
        &self,
        issue: &CopyIssue,
        error: &Unread,
        tries: u64,
    ) -> (u64, Option<UnixSeconds>) {
        let (now, chain) = (self.clock.now(), ErrorChain(error));
        tracing::debug!(issue = issue.number, error = %chain, "a copy cannot be read");
        match error {
            Unread::Gone | Unread::Large | Unread::TagId => (tries, None),
            // Waits for its origin, and is not to blame.
            Unread::OriginFailed => (tries, Some(now.plus(LEFT_ALONE))),
            // Nor is one to blame that cannot be made at this moment.
            Unread::Digest(DigestError::Origin(error))
                if error.fault() == OriginFault::CopyNotMade =>
            {
                (tries, Some(now.plus(LEFT_ALONE)))
            }
            Unread::Digest(_) if tries + 1 >= MOST_TRIES => (tries + 1, None),
            Unread::Digest(_) => (tries + 1, Some(now.plus(LEFT_ALONE << tries.min(MOST_TRIES)))),
        }
    }

    /// The file that it is a copy of, and where that is.
    async fn place(&self, issue: &CopyIssue) -> Result<Option<(File, Pipeline)>, StoreError> {
        let mut view = self.store.view(&self.caller).await?;
        let file = match view.file(issue.file).await {
            Ok(file) => file,
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let pipeline = view.pipeline(file.draft.pipeline).await?;
        Ok(Some((file, pipeline)))
    }

    async fn digest(
        &self,
        desk: &CopyDesk,
        issue: &CopyIssue,
        file: &File,
        pipeline: &Pipeline,
    ) -> Result<ObjectDigest, Unread> {
        let mut tag = [0; 16];
        hex::decode_to_slice(&*issue.tag_id, &mut tag).map_err(|_| Unread::TagId)?;
        let draft = &file.draft;
        if draft.size > LARGEST {
            return Err(Unread::Large);
        }
        let sha256 = draft.sha256.as_deref().and_then(|text| {
            let mut digest = [0; 32];
            hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
        });
        let (size, mime) = (draft.size, (*draft.mime).into());
        let file = RegisteredFile { size, sha256, mime, name: draft.name.clone() };
        let key = format!("{}{}", pipeline.prefix, draft.key);
        let origin = OriginName::new(&pipeline.origin);
        let CopyDesk { desk, image_mark_keys } = desk;
        let copy = CopyOf { origin: &origin, key: &key, file, tag, image_mark_keys };
        Ok(desk.digest_of_copy(&self.copies, copy, PACE, self.clock).await?)
    }
}
