//! A catalog that is written to beside the program that reads it.

use std::path::Path;

use countersign::asset::{ChannelId, ContentId, TenantId, VideoId};
use countersign::catalog::{ContentKind, FileKind, FilePlace, Publication};
use countersign::clock::UnixSeconds;
use countersign::control_plane::Caller;
use countersign::control_plane::record::{
    Autograph, ContentDraft, ContentImport, FileDraft, FileOwner, FolderDraft, PipelineDraft,
};
use countersign::control_plane::store::{Change, Expected, Store, StoreAddress};
use countersign::policy::{Opening, OverrideLevel};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};

use super::control::Records;
use super::edge::NOW;

/// The tenant of the usual configuration.
const TENANT: TenantId = TenantId(1);

/// Writes to the records that a program follows.
pub(crate) struct Shelf {
    runtime: Runtime,
    store: Store,
}

/// A file of a content, whose bytes are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShelfFile<'a> {
    pub(crate) kind: FileKind,
    pub(crate) slot: &'a str,
    pub(crate) variant: &'a str,
    pub(crate) pipeline: u64,
    pub(crate) key: &'a str,
    pub(crate) bytes: &'a str,
    pub(crate) hashed: Hashed,
}

/// Was a file read when it was registered?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashed {
    No,
    Yes,
}

/// The source of a content.
pub(crate) fn source<'a>(pipeline: u64, key: &'a str, bytes: &'a str) -> ShelfFile<'a> {
    let (kind, slot, variant, hashed) = (FileKind::Source, "", "", Hashed::Yes);
    ShelfFile { kind, slot, variant, pipeline, key, bytes, hashed }
}

/// The entity tag of these bytes.
pub(crate) fn tag(bytes: &str) -> String {
    format!("\"{}\"", hex::encode(Sha256::digest(bytes)))
}

impl Shelf {
    /// The records of the program in this folder, which runs.
    pub(crate) fn open(records: &Records, folder: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let address = StoreAddress::parse(&records.address_from_outside(folder)).unwrap();
        let store = runtime.block_on(Store::open(&address)).unwrap();
        Self { runtime, store }
    }

    /// An origin, and a prefix there.
    pub(crate) fn pipeline(&self, origin: &str, prefix: &str) -> u64 {
        let name = format!("{origin}/{prefix}").into();
        let draft = PipelineDraft { name, origin: origin.into(), prefix: prefix.into() };
        self.change(async |change| change.pipeline_create(TENANT, draft).await.unwrap().number)
    }

    /// A content with these files as its first version.
    pub(crate) fn add(&self, id: &str, publication: Publication, files: &[ShelfFile<'_>]) {
        let draft = ContentDraft { publication, ..ContentDraft::new(ContentKind::Video) };
        let files = files.iter().map(drafted).collect();
        let id = Some(ContentId::parse(id).unwrap());
        let import = ContentImport { id, draft, files, active_thumbnail: None };
        self.change(async |change| {
            change.content_import(TENANT, vec![import]).await.unwrap();
        });
    }

    /// Another version, which is the one that is handed out from now on.
    pub(crate) fn switch(&self, id: &str, files: &[ShelfFile<'_>]) {
        let files = files.iter().map(drafted).collect();
        self.change(async |change| {
            let id = ContentId::parse(id).unwrap();
            let version = change.version_create(&id, "next").await.unwrap();
            let owner = FileOwner::Version(version.id.clone());
            change.file_put_all(&owner, files).await.unwrap();
            change.version_activate(&version.id).await.unwrap();
        });
    }

    /// Published, or not.
    pub(crate) fn publish(&self, id: &str, publication: Publication) {
        self.change(async |change| {
            let id = ContentId::parse(id).unwrap();
            let draft = ContentDraft { publication, ..ContentDraft::new(ContentKind::Video) };
            change.content_replace(&id, Expected::Any, draft).await.unwrap();
        });
    }

    /// Published, or not; and opened by an override, or not: in one version.
    pub(crate) fn publish_and_open(
        &self,
        id: &str,
        publication: Publication,
        opens: Option<Opening>,
    ) {
        self.change(async |change| {
            let level = OverrideLevel::Video(VideoId::new(id).unwrap());
            change.override_set(TENANT, Expected::Any, &level, opens).await.unwrap();
            let id = ContentId::parse(id).unwrap();
            let draft = ContentDraft { publication, ..ContentDraft::new(ContentKind::Video) };
            change.content_replace(&id, Expected::Any, draft).await.unwrap();
        });
    }

    /// Gone.
    pub(crate) fn remove(&self, id: &str) {
        self.change(async |change| {
            let id = ContentId::parse(id).unwrap();
            change.content_remove(&id, Expected::Any).await.unwrap();
        });
    }

    /// A folder with attachments.
    pub(crate) fn folder(&self, name: &str, files: &[ShelfFile<'_>]) -> ChannelId {
        let files = files.iter().map(drafted).collect();
        self.change(async |change| {
            let draft = FolderDraft { parent: None, name: name.into() };
            let folder = change.folder_create(TENANT, draft).await.unwrap().number;
            change.file_put_all(&FileOwner::Folder(folder), files).await.unwrap();
            folder
        })
    }

    /// One version of the feed.
    fn change<T>(&self, work: impl AsyncFnOnce(&mut Change) -> T) -> T {
        self.runtime.block_on(async {
            let caller = Caller::system("a test");
            let mut change = self.store.change(&caller, UnixSeconds::new(NOW)).await.unwrap();
            let made = work(&mut change).await;
            change.commit().await.unwrap();
            made
        })
    }
}

fn drafted(file: &ShelfFile<'_>) -> FileDraft {
    let ShelfFile { kind, slot, variant, pipeline, key, bytes, hashed } = *file;
    FileDraft {
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        pipeline,
        key: key.into(),
        name: "Der Film.mp4".into(),
        size: bytes.len() as u64,
        mime: "video/mp4".into(),
        sha256: (hashed == Hashed::Yes).then(|| tag(bytes).trim_matches('"').into()),
        crc32: None,
        duration_ms: None,
        width: None,
        height: None,
        language: None,
        md5: None,
        autograph: Autograph::Refused,
    }
}
