//! The index: an entry by the owner that an asset URL names.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::content_names::NameRef;
use super::entry::{ContentState, FolderState};
use super::name_index::{self, Given, NameIndex, Rank};
use super::names::Names;
use super::packed::{Entry, FileRef, channel_key, video_key};
use super::table::Table;
use crate::asset::{AssetPath, ChannelId, ContentId, TenantId};

/// Parts with a lock of their own: a change of one entry holds up lookups in its part only, for as
/// long as it takes to put a pointer in place.
const PARTS: usize = 256;

/// Longest key that is put together without an allocation.
const USUAL_KEY: usize = 64;

/// See the module above. Shared by all workers and all snapshots.
#[derive(Debug)]
pub struct Catalog {
    parts: Box<[RwLock<Table>]>,
    by_name: NameIndex,
    names: Names,
    hasher: RandomState,
}

impl Default for Catalog {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalog {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            parts: (0..PARTS).map(|_| RwLock::default()).collect(),
            by_name: NameIndex::default(),
            names: Names::default(),
            hasher: RandomState::new(),
        }
    }

    /// The entry of whoever owns an asset of this tenant.
    pub fn find(&self, tenant: TenantId, asset: &AssetPath) -> Option<Entry> {
        match (asset.video(), asset.channel()) {
            (Some(video), _) => self.find_video(tenant, video.as_str()),
            (None, Some(channel)) => self.get(&channel_key(tenant, channel)),
            (None, None) => None,
        }
    }

    /// The entry of a content of this tenant.
    pub fn content(&self, tenant: TenantId, id: &ContentId) -> Option<Entry> {
        self.find_video(tenant, id.as_str())
    }

    /// The contents of a folder that connectors call so, in the order in which they are meant: the
    /// oldest first. Of those that are never given, as they are, one comes last, and no other.
    pub fn called(&self, tenant: TenantId, folder: ChannelId, name: NameRef<'_>) -> Called<'_> {
        let name = name_index::key(tenant, folder, name);
        Called { catalog: self, tenant, name, behind: None, last: Given::Sometimes }
    }

    /// The name of the origin that has a file of an entry found here.
    pub fn origin(&self, file: &FileRef<'_>) -> Option<Arc<str>> {
        self.names.name(file.origin_number())
    }

    /// The media type of a file of an entry found here.
    pub fn mime(&self, file: &FileRef<'_>) -> Option<Arc<str>> {
        self.names.name(file.mime_number())
    }

    /// A content is as this says.
    pub fn set_content(&self, state: &ContentState) {
        self.put(&Entry::of_content(state, &self.names));
    }

    /// A folder's attachments are as this says.
    pub fn set_folder(&self, state: &FolderState) {
        self.put(&Entry::of_folder(state, &self.names));
    }

    /// A content is gone.
    pub fn remove_content(&self, tenant: TenantId, id: &ContentId) {
        self.remove(&video_key(tenant, id.as_str()));
    }

    /// A folder is gone.
    pub fn remove_folder(&self, tenant: TenantId, channel: ChannelId) {
        self.remove(&channel_key(tenant, channel));
    }

    /// Everything of a tenant is gone. As long as a look at every entry.
    pub fn remove_tenant(&self, tenant: TenantId) {
        let prefix = tenant.0.to_be_bytes();
        for part in &self.parts {
            write(part).retain(|entry| !entry.key().starts_with(&prefix));
        }
        self.by_name.remove_tenant(tenant);
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| read(part).len()).sum()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find_video(&self, tenant: TenantId, id: &str) -> Option<Entry> {
        let mut usual = [0; USUAL_KEY];
        let key = (tenant.0.to_be_bytes(), b'v', u8::try_from(id.len()));
        let length = 10 + id.len();
        match (key, usual.get_mut(..length)) {
            // A length below 128 is one byte of LEB128.
            ((tenant, owner, Ok(id_length @ ..0x80)), Some(key)) => {
                let (head, rest) = key.split_at_mut(8);
                head.copy_from_slice(&tenant);
                let (of_id, text) = rest.split_at_mut(2);
                of_id.copy_from_slice(&[owner, id_length]);
                text.copy_from_slice(id.as_bytes());
                self.get(key)
            }
            (_, _) => self.get(&video_key(tenant, id)),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        let (part, tag) = self.part(key)?;
        read(part).find(tag, key).cloned()
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn put(&self, entry: &Entry) {
        let Some((part, tag)) = self.part(entry.key()) else { return };
        let before = write(part).put(tag, entry.clone());
        self.by_name.replace(before.as_ref(), Some(entry));
    }

    pub(super) fn remove(&self, key: &[u8]) {
        let Some((part, tag)) = self.part(key) else { return };
        let removed = write(part).remove(tag, key);
        self.by_name.replace(removed.as_ref(), None);
    }

    /// The part that a key's entry is in, by one half of its hash, and the tag that it has there: the
    /// other half.
    fn part(&self, key: &[u8]) -> Option<(&RwLock<Table>, u32)> {
        let hash = self.hasher.hash_one(key);
        let tag = u32::try_from(hash >> 32).unwrap_or_default();
        let index = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() % PARTS;
        Some((self.parts.get(index)?, tag))
    }
}

/// Contents of one name; see [`Catalog::called`]. One that lost the name meanwhile is passed over.
#[derive(Debug)]
pub struct Called<'c> {
    catalog: &'c Catalog,
    tenant: TenantId,
    name: Box<[u8]>,
    behind: Option<Rank>,
    /// What was the last one that came?
    last: Given,
}

impl Iterator for Called<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.last == Given::Sometimes {
            let rank = self.catalog.by_name.next(&self.name, self.behind.as_ref())?;
            let (given, _, id) = &rank;
            let (given, entry) = (*given, self.catalog.find_video(self.tenant, id));
            self.behind = Some(rank);
            if let Some(entry) = entry.filter(|it| name_index::has_name(it, &self.name)) {
                self.last = given;
                return Some(entry);
            }
        }
        None
    }
}

fn read(part: &RwLock<Table>) -> RwLockReadGuard<'_, Table> {
    // A table is never left half changed: nothing between lock and unlock can panic but an
    // allocation that fails, which ends the process.
    part.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(part: &RwLock<Table>) -> RwLockWriteGuard<'_, Table> {
    part.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{
        ContentKind, ContentName, ContentNames, FileKind, FilePlace, FileState, Period, Publication,
    };
    use crate::clock::UnixSeconds;
    use crate::target::{PathToken, RequestTarget};

    const TENANT: TenantId = TenantId(7);

    fn asset(text: &str) -> AssetPath {
        let target = RequestTarget::parse(text, PathToken::Absent, 8192).unwrap();
        AssetPath::parse(&target).unwrap()
    }

    fn file(kind: FileKind, slot: &str, variant: &str, key: &str) -> FileState {
        FileState {
            number: 1,
            place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
            origin: "media".into(),
            key: key.into(),
            name: key.rsplit('/').next().unwrap().into(),
            size: key.len() as u64,
            mime: "video/mp4".into(),
            sha256: None,
        }
    }

    fn content(id: &str, files: Vec<FileState>) -> ContentState {
        ContentState {
            tenant: TENANT,
            id: ContentId::parse(id).unwrap(),
            kind: ContentKind::Video,
            folder: Some(ChannelId(3)),
            publication: Publication::Published,
            periods: Vec::new(),
            version: Some("v1".into()),
            active_thumbnail: Some("78912".into()),
            files,
            names: None,
        }
    }

    #[test]
    fn every_form_of_an_asset_finds_its_own_file() {
        use FileKind as K;
        let catalog = Catalog::new();
        let mut files = Vec::new();
        let mut expected = Vec::new();
        for (kind, slot, variant, path) in [
            (K::Source, "", "", "source"),
            (K::Format, "hd", "", "formats/hd"),
            (K::Format, "sd", "", "formats/sd"),
            (K::Thumbnail, "78912", "360p", "thumbnails/78912"),
            (K::Thumbnail, "78912", "720p", "thumbnails/active?quality=720p"),
            (K::ChapterThumbnail, "4", "360p", "chapters/4/thumbnails"),
            (K::Subtitle, "9", "VTT", "subtitles/9"),
            (K::Subtitle, "9", "SRT", "subtitles/9?source=srt"),
            (K::Attachment, "press", "a b.pdf", "attachments/press/a%20b.pdf"),
        ] {
            let key = format!("v/{kind}/{slot}/{variant}.bin");
            files.push(file(kind, slot, variant, &key));
            expected.push((path, key));
        }
        catalog.set_content(&content("-civ9", files));
        for (path, key) in expected {
            let asset = asset(&format!("/private/videos/-civ9/{path}"));
            let entry = catalog.find(TENANT, &asset).unwrap();
            let found = entry.file(&asset).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((found.key(), found.size), (key.clone(), key.len() as u64), "{path}");
            assert_eq!(found.name(), key.rsplit('/').next().unwrap());
            assert_eq!(catalog.origin(&found).as_deref(), Some("media"));
            assert_eq!(catalog.mime(&found).as_deref(), Some("video/mp4"));
        }
        for path in ["formats/uhd", "thumbnails/1", "thumbnails/78912?quality=1p", "subtitles/8"] {
            let asset = asset(&format!("/private/videos/-civ9/{path}"));
            assert_eq!(catalog.find(TENANT, &asset).unwrap().file(&asset), None, "{path}");
        }
        for (tenant, id) in [(TENANT, "-civ"), (TenantId(8), "-civ9")] {
            let asset = asset(&format!("/private/videos/{id}/source"));
            assert!(catalog.find(tenant, &asset).is_none(), "{tenant} {id}");
        }
    }

    #[test]
    fn a_folder_and_a_video_of_one_name_are_two() {
        let catalog = Catalog::new();
        let attachment = file(FileKind::Attachment, "press", "a.pdf", "c/a.pdf");
        let folder =
            FolderState { tenant: TENANT, number: ChannelId(5), files: vec![attachment.clone()] };
        catalog.set_folder(&folder);
        catalog.set_content(&content("5", Vec::new()));
        let of_channel = asset("/public/channels/5/attachments/press/a.pdf");
        let of_video = asset("/public/videos/5/attachments/press/a.pdf");
        assert!(catalog.find(TENANT, &of_channel).unwrap().file(&of_channel).is_some());
        assert!(catalog.find(TENANT, &of_video).unwrap().file(&of_video).is_none());
        catalog.remove_folder(TENANT, ChannelId(5));
        assert!(catalog.find(TENANT, &of_channel).is_none());
        assert_eq!(catalog.len(), 1);
        catalog.remove_tenant(TENANT);
        assert!(catalog.is_empty());
    }

    #[test]
    fn what_is_published_is_so_in_its_periods() {
        let at = |seconds| Some(UnixSeconds::new(seconds));
        let catalog = Catalog::new();
        let source = asset("/public/videos/a/source");
        let mut state = content("a", Vec::new());
        let expect = |state: &ContentState, expected: [bool; 4]| {
            catalog.set_content(state);
            let entry = catalog.find(TENANT, &source).unwrap();
            let told = [0, 10, 20, 30]
                .map(|now| entry.publication(UnixSeconds::new(now)) == Publication::Published);
            assert_eq!(told, expected, "{state:?}");
        };
        expect(&state, [true; 4]);
        state.periods = vec![
            Period { starts_at: None, ends_at: at(10) },
            Period { starts_at: at(20), ends_at: at(30) },
        ];
        expect(&state, [true, false, true, false]);
        state.periods = vec![Period { starts_at: at(20), ends_at: None }];
        expect(&state, [false, false, true, true]);
        state.publication = Publication::Unpublished;
        expect(&state, [false; 4]);
    }

    fn names(created_at: u64, names: &[ContentName]) -> ContentNames {
        ContentNames { created_at: UnixSeconds::new(created_at), names: names.to_vec() }
    }

    /// The oldest is meant, of two of one second the one of the lesser id; a name that is gone, with
    /// its content, its folder or its tenant, finds nothing.
    #[test]
    fn contents_are_found_by_name_in_their_folder() {
        let catalog = Catalog::new();
        let sku = |value: &str| ContentName::Metadata { name: "sku".into(), value: value.into() };
        let pretty = |id: &str| ContentName::PrettyId { language: "en".into(), id: id.into() };
        let set = |id: &str, folder: u64, names| {
            let (folder, files) =
                (Some(ChannelId(folder)), vec![file(FileKind::Source, "", "", id)]);
            catalog.set_content(&ContentState { folder, names, ..content(id, files) });
        };
        let called = |tenant: u64, folder: u64, name: &ContentName| -> Vec<String> {
            let found = catalog.called(TenantId(tenant), ChannelId(folder), NameRef::of(name));
            found.map(|entry| entry.id().unwrap().to_owned()).collect()
        };
        set("new", 3, Some(names(20, &[sku("x"), pretty("x")])));
        set("old", 3, Some(names(10, &[sku("x"), sku("y")])));
        set("also", 3, Some(names(20, &[sku("x")])));
        set("elsewhere", 4, Some(names(1, &[sku("x")])));
        set("nameless", 3, None);
        assert_eq!(called(7, 3, &sku("x")), ["old", "also", "new"]);
        assert_eq!(called(7, 3, &sku("y")), ["old"]);
        assert_eq!(called(7, 3, &pretty("x")), ["new"]);
        assert_eq!(called(7, 4, &sku("x")), ["elsewhere"]);
        assert!(called(8, 3, &sku("x")).is_empty() && called(7, 3, &sku("X")).is_empty());
        let entry = catalog.get(&video_key(TENANT, "old")).unwrap();
        assert_eq!((entry.folder(), entry.kind()), (Some(ChannelId(3)), Some(ContentKind::Video)));

        set("old", 3, Some(names(10, &[sku("y")])));
        set("also", 4, Some(names(20, &[sku("x")])));
        assert_eq!(called(7, 3, &sku("x")), ["new"]);
        assert_eq!(called(7, 4, &sku("x")), ["elsewhere", "also"]);
        catalog.remove_content(TENANT, &ContentId::parse("new").unwrap());
        assert!(called(7, 3, &sku("x")).is_empty());
        catalog.remove_tenant(TENANT);
        assert!(called(7, 4, &sku("x")).is_empty());
    }

    proptest! {
        /// What comes out is what went in, whatever the texts; and the last state stands.
        #[test]
        fn entries_keep_what_they_are_made_of(
            id in "[!-.0-\\[\\]-~]{1,64}".prop_filter("a name", |id| ContentId::parse(id).is_some()),
            keys in proptest::collection::vec("[a-zé/.]{0,20}", 1..6),
            names in proptest::collection::vec("[a-z./]{1,8}", 6),
            sha in proptest::option::of(proptest::array::uniform32(any::<u8>())),
            tenant in any::<u64>(),
        ) {
            let catalog = Catalog::new();
            let files: Vec<FileState> = keys
                .iter()
                .zip(&names)
                .enumerate()
                .map(|(index, (key, name))| FileState {
                    name: name.as_str().into(),
                    sha256: sha.map(|sha| hex::encode(sha).into()),
                    size: u64::MAX >> index,
                    ..file(FileKind::Format, &index.to_string(), "", key)
                })
                .collect();
            let state = ContentState {
                tenant: TenantId(tenant),
                files: files.clone(),
                ..content(&id, Vec::new())
            };
            catalog.set_content(&content(&id, Vec::new()));
            catalog.set_content(&ContentState { files: Vec::new(), ..state.clone() });
            catalog.set_content(&state);
            let entry = catalog.get(&video_key(TenantId(tenant), &id)).unwrap();
            prop_assert_eq!(catalog.find_video(TenantId(tenant), &id), Some(entry.clone()));
            for (index, file) in files.iter().enumerate() {
                let mut asset = asset(&format!("/private/videos/x/formats/{index}"));
                asset.resource = crate::asset::AssetResource::VideoFormat {
                    video: crate::asset::VideoId::new(&id).unwrap(),
                    profile: index.to_string().into(),
                };
                let found = entry.file(&asset).unwrap();
                prop_assert_eq!(found.key(), file.key.to_string());
                prop_assert_eq!(found.name(), &*file.name);
                prop_assert_eq!(found.size, file.size);
                prop_assert_eq!(found.sha256, sha.as_ref());
            }
        }
    }
}
