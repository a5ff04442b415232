//! Reads files that nobody has read yet, and keeps what they are: size, SHA-256, CRC-32.
//!
//! One file at a time, no faster than a disk is read by the way. What it is not known of is in the
//! store, so it goes on after a restart where it was. The bytes never come here: the delivery desk
//! reads them and says what they are. Several control planes of one database may read the same
//! file; they find the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::caller::Caller;
use super::record::{File, Pipeline};
use super::store::{Listed, Page, Store, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::delivery::{DeliveryDesk, DigestError, ObjectDigest};
use crate::policy::OriginName;
use crate::telemetry::ErrorChain;

/// Bytes that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// Files that are kept in one change, and how long the first of them waits for the last.
const AT_A_TIME: usize = 100;
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two looks for files. A look that took long is followed by a longer rest.
const REST: Duration = Duration::from_secs(5);
const REST_AFTER_WORK: u32 = 10;

/// Before a file that could not be read is tried again.
const LEFT_ALONE: Duration = Duration::from_mins(10);

/// Files that are listed at once.
const LISTED: u16 = 500;

/// Reads files for ever. `desk` gives the origins there are now.
pub async fn hash_files(
    store: Store,
    clock: Clock,
    desk: impl Fn() -> Option<Arc<DeliveryDesk>>,
) -> Infallible {
    let mut hashing =
        Hashing { store, clock, caller: Caller::system("hashing"), failed: HashMap::new() };
    let mut rest = REST;
    loop {
        // First of all, too: a start has better to do.
        sleep(rest).await;
        let begun = Instant::now();
        let looked = match desk() {
            Some(desk) => hashing.look(&desk).await,
            None => Ok(0),
        };
        match looked {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "files were read for their digests"),
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "files are not read for their digests");
            }
        }
        rest = REST.max(begun.elapsed() / REST_AFTER_WORK);
    }
}

struct Hashing {
    store: Store,
    clock: Clock,
    caller: Caller,
    /// When a file could not be read.
    failed: HashMap<u64, Instant>,
}

impl Hashing {
    /// One look at every file that is not known yet. Gives how many are now.
    async fn look(&mut self, desk: &DeliveryDesk) -> Result<u64, StoreError> {
        self.failed.retain(|_, since| since.elapsed() < LEFT_ALONE);
        let (mut known, mut page) = (0, Page::first(LISTED));
        let mut read = Vec::new();
        let mut since = Instant::now();
        loop {
            let (listed, pipelines) = self.list(&page).await?;
            for file in listed.items {
                let pipeline = pipelines.get(&file.draft.pipeline);
                let Some(pipeline) = pipeline.filter(|_| !self.failed.contains_key(&file.number))
                else {
                    continue;
                };
                match self.digest(desk, pipeline, &file).await {
                    Ok(digest) => read.push((file.number, digest)),
                    Err(error) => {
                        let error = ErrorChain(&error);
                        tracing::debug!(file = file.number, %error, "a file cannot be read");
                        self.failed.insert(file.number, Instant::now());
                    }
                }
                if read.len() >= AT_A_TIME || since.elapsed() >= PATIENCE {
                    known += self.keep(std::mem::take(&mut read)).await?;
                    since = Instant::now();
                }
            }
            let Some(next) = listed.next else { break };
            page = Page::after(next, LISTED);
        }
        Ok(known + self.keep(read).await?)
    }

    /// Files that are not known yet, and the pipelines that have them.
    async fn list(
        &self,
        page: &Page<u64>,
    ) -> Result<(Listed<File, u64>, HashMap<u64, Pipeline>), StoreError> {
        let mut view = self.store.view(&self.caller).await?;
        let listed = view.file_list_unread(page).await?;
        let mut pipelines = HashMap::new();
        for file in &listed.items {
            if let Entry::Vacant(place) = pipelines.entry(file.draft.pipeline) {
                place.insert(view.pipeline(file.draft.pipeline).await?);
            }
        }
        Ok((listed, pipelines))
    }

    async fn digest(
        &self,
        desk: &DeliveryDesk,
        pipeline: &Pipeline,
        file: &File,
    ) -> Result<ObjectDigest, DigestError> {
        let key = format!("{}{}", pipeline.prefix, file.draft.key);
        let origin = OriginName::new(&pipeline.origin);
        desk.digest(&origin, &key, PACE, self.clock).await
    }

    /// Keeps what was found, in one change.
    async fn keep(&self, read: Vec<(u64, ObjectDigest)>) -> Result<u64, StoreError> {
        if read.is_empty() {
            return Ok(0);
        }
        let mut change = self.store.change(&self.caller, self.clock.now()).await?;
        let mut kept = 0;
        for (number, ObjectDigest { size, sha256, crc32 }) in read {
            match change.file_hashed(number, size, &hex::encode(sha256), crc32).await {
                Ok(()) => kept += 1,
                // It was forgotten meanwhile.
                Err(error) if error.kind() == StoreErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        change.commit().await?;
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::control_plane::record::{
        Autograph, ContentDraft, ContentImport, ContentKind, FileDraft, FileKind, FileOwner,
        FilePlace, PipelineDraft,
    };
    use crate::control_plane::store::StoreAddress;

    fn format(pipeline: u64, key: &str) -> FileDraft {
        FileDraft {
            place: FilePlace { kind: FileKind::Format, slot: key.into(), variant: "".into() },
            pipeline,
            key: key.into(),
            name: key.into(),
            size: 99,
            mime: "video/mp4".into(),
            sha256: None,
            crc32: None,
            duration_ms: None,
            width: None,
            height: None,
            language: None,
            md5: None,
            autograph: Autograph::Refused,
        }
    }

    #[tokio::test]
    async fn what_nobody_has_read_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("records.db").display());
        let store = Store::open(&StoreAddress::parse(&address).unwrap()).await.unwrap();
        std::fs::create_dir(folder.path().join("films")).unwrap();
        for name in ["a", "b"] {
            std::fs::write(folder.path().join("films").join(name), "123456789").unwrap();
        }
        let caller = Caller::system("test");
        let mut change = store.change(&caller, Clock::System.now()).await.unwrap();
        change.tenant_create(TenantId(1), "one").await.unwrap();
        let draft =
            PipelineDraft { name: "films".into(), origin: "media".into(), prefix: "films/".into() };
        let pipeline = change.pipeline_create(TenantId(1), draft).await.unwrap().number;
        let given = FileDraft { sha256: Some("ab".repeat(32).into()), ..format(pipeline, "given") };
        let files = ["a", "b", "none"].map(|key| format(pipeline, key));
        let import = ContentImport {
            id: None,
            draft: ContentDraft::new(ContentKind::Video),
            files: files.into_iter().chain([given]).collect(),
            active_thumbnail: None,
        };
        let made = change.content_import(TenantId(1), vec![import]).await.unwrap();
        change.commit().await.unwrap();
        let owner = FileOwner::Version(made[0].active_version.clone().unwrap());

        let desk = DeliveryDesk::of_folder(folder.path());
        let mut hashing = Hashing {
            store: store.clone(),
            clock: Clock::System,
            caller: caller.clone(),
            failed: HashMap::new(),
        };
        let version =
            async || store.view(&caller).await.unwrap().feed_head().await.unwrap().version;
        let before = version().await;
        assert_eq!(hashing.look(&desk).await.unwrap(), 2);
        // Both are one change.
        assert_eq!(version().await.0, before.0 + 1);
        let files = store.view(&caller).await.unwrap().file_list(&owner).await.unwrap();
        let found: Vec<_> = files.iter().map(|it| (it.draft.size, it.draft.crc32)).collect();
        let known = (9, Some(0xcbf4_3926));
        assert_eq!(found, [known, known, (99, None), (99, None)]);
        assert!(files[0].draft.sha256.as_deref().unwrap().starts_with("15e2b0d3c33891eb"));
        assert_eq!(files[3].draft.sha256.as_deref(), Some(&*"ab".repeat(32)));
        // What is not there is left alone for a while, and nothing is read twice.
        assert_eq!(hashing.failed.len(), 1);
        assert_eq!(hashing.look(&desk).await.unwrap(), 0);
        assert_eq!(version().await.0, before.0 + 1);
    }
}
