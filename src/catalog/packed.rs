//! An entry in as few bytes as it takes: a million of them are to fit.
//!
//! ```text
//! entry     = key since publication periods named directory active prefix *file
//! key       = tenant:8 owner:1 id            ; what the index finds it by
//! named     = kind:1 folder length [ created *( name:1 text text ) ]   ; `content_names`
//! directory = length *( tag:1 length )       ; of each file
//! file      = kind:1 slot variant origin rest name size mime number sha256
//! ```
//!
//! Numbers and texts are as `encoding` has them. `prefix` is what the keys of all files
//! begin with; `since` the version of the feed that a reader must know of, or 0. A tag is a digest of
//! where a file belongs: the others, each in memory that is far away, are passed over without a look.
//! A name that is the end of its file's key is not there twice. Entries are made and read here only.

use std::sync::Arc;

use super::content_names::{self, NameRef, Named};
use super::encoding::{Reader, push_number, push_text};
use super::entry::{
    ContentKind, ContentState, FileKind, FilePlace, FileState, FolderState, Period, Publication,
};
use super::names::Names;
use crate::asset::{AssetParameters, AssetPath, AssetResource, ChannelId, TenantId};
use crate::clock::UnixSeconds;

/// What `thumbnails/active` means (requirement D9).
const ACTIVE: &str = "active";

const UNPUBLISHED: u8 = 0;
const PUBLISHED: u8 = 1;
const PUBLISHED_IN_PERIODS: u8 = 2;

/// Bytes that come from memory together.
const LINE: usize = 64;

/// Lines that are asked for at once: of a content of five files all of them.
const FETCHED: usize = 8;

/// A content, or a folder with its attachments, as one request sees it. Clones are the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry(Arc<[u8]>);

/// A file of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRef<'e> {
    origin: u64,
    mime: u64,
    prefix: &'e str,
    rest: &'e str,
    name: &'e str,
    /// Its number, by which the control plane knows it.
    pub number: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256; none before it was read.
    pub sha256: Option<&'e [u8; 32]>,
}

impl FileRef<'_> {
    /// Its key at its origin.
    pub fn key(&self) -> String {
        [self.prefix, self.rest].concat()
    }

    /// The name it is saved under; one that was left empty is the end of the key.
    pub fn name(&self) -> &str {
        if self.name.is_empty() {
            let last = |text: &str| text.rfind('/').map(|at| at + 1);
            match last(self.rest) {
                Some(at) => self.rest.get(at..).unwrap_or_default(),
                None => self.rest,
            }
        } else {
            self.name
        }
    }

    /// Is it the same file, however its entry is packed?
    pub(super) fn is_same(&self, other: &FileRef<'_>) -> bool {
        let Self { origin, mime, prefix: _, rest: _, name: _, number: _, size, sha256 } = *self;
        (origin, mime, size, sha256) == (other.origin, other.mime, other.size, other.sha256)
            && self.name() == other.name()
            && self.key() == other.key()
    }

    pub(super) fn origin_number(&self) -> u64 {
        self.origin
    }

    pub(super) fn mime_number(&self) -> u64 {
        self.mime
    }
}

impl Entry {
    pub(super) fn of_content(state: &ContentState, names: &Names) -> Self {
        let mut bytes = video_key(state.tenant, state.id.as_str());
        push_number(&mut bytes, 0);
        let of_periods = !state.periods.is_empty();
        let (publication, periods) = match (state.publication, of_periods) {
            (Publication::Unpublished, _) => (UNPUBLISHED, &[][..]),
            (Publication::Published, false) => (PUBLISHED, &[][..]),
            (Publication::Published, true) => (PUBLISHED_IN_PERIODS, &*state.periods),
        };
        bytes.push(publication);
        push_number(&mut bytes, periods.len() as u64);
        for Period { starts_at, ends_at } in periods {
            for instant in [starts_at, ends_at] {
                push_number(&mut bytes, instant.map_or(0, |at| at.get().saturating_add(1)));
            }
        }
        content_names::push_content(&mut bytes, state);
        let active = state.active_thumbnail.as_deref().unwrap_or_default();
        let files = if state.version.is_some() { &*state.files } else { &[] };
        push_files(&mut bytes, active, files, names);
        Self(bytes.into())
    }

    pub(super) fn of_folder(state: &FolderState, names: &Names) -> Self {
        let mut bytes = channel_key(state.tenant, state.number).to_vec();
        push_number(&mut bytes, 0);
        // A folder's attachments are as public as the override table says.
        bytes.push(PUBLISHED);
        push_number(&mut bytes, 0);
        content_names::push_none(&mut bytes);
        push_files(&mut bytes, "", &state.files, names);
        Self(bytes.into())
    }

    /// The same, for those only who know the rest of this version of the feed.
    pub(super) fn since(&self, version: u64) -> Self {
        let mut bytes = self.key().to_vec();
        push_number(&mut bytes, version);
        bytes.extend_from_slice(self.behind_since().0);
        Self(bytes.into())
    }

    /// Is it part of a version that is not known to somebody who knows this one? Then there is a
    /// newer state of everything else by now, and this entry is to be seen under that.
    pub fn is_newer_than(&self, version: u64) -> bool {
        self.known_since() > version
    }

    pub(super) fn known_since(&self) -> u64 {
        self.behind_key().number().unwrap_or_default()
    }

    /// What the index finds it by.
    pub(super) fn key(&self) -> &[u8] {
        let mut reader = Reader(&self.0);
        // Never past the end: entries are made by the functions above.
        let _ = reader.take(9);
        let _ = reader.bytes();
        self.0.get(..self.0.len() - reader.0.len()).unwrap_or_default()
    }

    /// Is this what the index finds it by? A key says how long it is, so none begins with another.
    pub(super) fn is_of(&self, key: &[u8]) -> bool {
        self.fetch();
        self.0.starts_with(key)
    }

    /// Asks memory for all of it at once: the file that is wanted is lines behind the key, and would
    /// else be asked for when the key has come.
    fn fetch(&self) {
        let lines = self.0.iter().step_by(LINE).take(FETCHED);
        std::hint::black_box(lines.fold(0, |all, byte| all | byte));
    }

    /// May it be found by a public path at `now`?
    pub fn publication(&self, now: UnixSeconds) -> Publication {
        let mut reader = self.behind_since();
        let covered = match reader.byte() {
            Some(PUBLISHED) => true,
            Some(PUBLISHED_IN_PERIODS) => {
                let count = reader.number().unwrap_or_default();
                (0..count).any(|_| reader.period().is_some_and(|it| it.covers(now)))
            }
            Some(_) | None => false,
        };
        if covered { Publication::Published } else { Publication::Unpublished }
    }

    /// Is anything of it ever given to everybody, as it is?
    pub(super) fn is_ever_given(&self) -> bool {
        self.unpacked().is_some_and(|it| !it.public.is_empty() && !it.files.is_empty())
    }

    /// The file that an asset URL names, if the content has it.
    pub fn file(&self, asset: &AssetPath) -> Option<FileRef<'_>> {
        let mut reader = self.behind_periods()?;
        Named::read(&mut reader)?;
        let mut files = reader.files()?;
        let (kind, slot, variant) = place(asset, files.active)?;
        let wanted = tag(kind as u8, slot, variant);
        while let Some((tag, mut file)) = files.next() {
            let is_it = tag == wanted
                && file.byte()? == kind as u8
                && file.text()? == slot
                && file.text()? == variant;
            if is_it {
                return file.file(files.prefix);
            }
        }
        None
    }

    /// What the content is; none of a folder.
    pub fn kind(&self) -> Option<ContentKind> {
        let kind = self.named()?.kind;
        ContentKind::ALL.iter().copied().find(|known| *known as u8 == kind)
    }

    /// The folder the content is in.
    pub fn folder(&self) -> Option<ChannelId> {
        self.named()?.folder.checked_sub(1).map(ChannelId)
    }

    /// What connectors call the content.
    pub fn names(&self) -> impl Iterator<Item = NameRef<'_>> {
        self.named().into_iter().flat_map(Named::names)
    }

    /// What orders the content among others of one name.
    pub(super) fn created_at(&self) -> UnixSeconds {
        self.named().and_then(Named::created_at).unwrap_or(UnixSeconds::new(0))
    }

    fn named(&self) -> Option<Named<'_>> {
        Named::read(&mut self.behind_periods()?)
    }

    /// Whose it is.
    pub(super) fn tenant(&self) -> Option<TenantId> {
        let (tenant, _) = self.0.split_first_chunk()?;
        Some(TenantId(u64::from_be_bytes(*tenant)))
    }

    /// The id of the content, or what stands for one of a folder.
    pub fn id(&self) -> Option<&str> {
        let mut reader = Reader(&self.0);
        reader.take(9)?;
        reader.text()
    }

    /// Every file of it.
    pub fn files(&self) -> impl Iterator<Item = FileRef<'_>> {
        self.unpacked().into_iter().flat_map(|it| it.files).map(|(_, file)| file)
    }

    /// What it hands out, to compare it with another.
    pub(super) fn unpacked(&self) -> Option<Unpacked<'_>> {
        let mut reader = self.behind_since();
        let always = reader.byte()? == PUBLISHED;
        let count = reader.number()?;
        let mut public: Vec<Period> = (0..count).map(|_| reader.period()).collect::<Option<_>>()?;
        if always {
            public.push(Period { starts_at: None, ends_at: None });
        }
        let named = Named::read(&mut reader)?;
        let mut packed = reader.files()?;
        let mut files = Vec::new();
        while let Some((_, mut file)) = packed.next() {
            let place = (file.byte()?, file.text()?, file.text()?);
            files.push((place, file.file(packed.prefix)?));
        }
        Some(Unpacked { public, named, active: packed.active, files })
    }

    /// Bytes that it holds.
    pub fn weight(&self) -> usize {
        self.0.len()
    }

    fn behind_periods(&self) -> Option<Reader<'_>> {
        let mut reader = self.behind_since();
        reader.byte()?;
        for _ in 0..reader.number()? {
            reader.period()?;
        }
        Some(reader)
    }

    fn behind_since(&self) -> Reader<'_> {
        let mut reader = self.behind_key();
        let _ = reader.number();
        reader
    }

    fn behind_key(&self) -> Reader<'_> {
        Reader(self.0.get(self.key().len()..).unwrap_or_default())
    }
}

/// What an entry hands out.
#[derive(Debug)]
pub(super) struct Unpacked<'e> {
    /// When it is public; those of an unpublished content are none.
    pub(super) public: Vec<Period>,
    /// What connectors ask for.
    pub(super) named: Named<'e>,
    /// The thumbnail that `active` means; empty where none is.
    pub(super) active: &'e str,
    /// Its files, each with where it belongs.
    pub(super) files: Vec<((u8, &'e str, &'e str), FileRef<'e>)>,
}

/// Where the file that an asset URL names belongs.
fn place<'a>(asset: &'a AssetPath, active: &'a str) -> Option<(FileKind, &'a str, &'a str)> {
    let quality = match &asset.parameters {
        AssetParameters::Quality(quality) => Some(&**quality),
        AssetParameters::None | AssetParameters::QualityUnknown | AssetParameters::Subtitle(_) => {
            None
        }
    };
    Some(match &asset.resource {
        AssetResource::ChannelAttachment { type_name, file_name, .. }
        | AssetResource::VideoAttachment { type_name, file_name, .. } => {
            (FileKind::Attachment, type_name, file_name)
        }
        AssetResource::ChapterThumbnail { chapter, .. } => {
            (FileKind::ChapterThumbnail, chapter, quality?)
        }
        AssetResource::Subtitle { subtitle, .. } => {
            let AssetParameters::Subtitle(format) = &asset.parameters else { return None };
            (FileKind::Subtitle, subtitle, format.wire_name())
        }
        AssetResource::Thumbnail { thumbnail, .. } => {
            let slot = if **thumbnail == *ACTIVE { active } else { thumbnail };
            (!slot.is_empty()).then_some((FileKind::Thumbnail, slot, quality?))?
        }
        AssetResource::VideoFormat { profile, .. } => (FileKind::Format, profile, ""),
        AssetResource::VideoSource { .. } => (FileKind::Source, "", ""),
    })
}

/// The key of a content.
pub(super) fn video_key(tenant: TenantId, id: &str) -> Vec<u8> {
    let mut bytes = tenant.0.to_be_bytes().to_vec();
    bytes.push(b'v');
    push_text(&mut bytes, id);
    bytes
}

/// The key of a folder.
pub(super) fn channel_key(tenant: TenantId, channel: ChannelId) -> [u8; 18] {
    let mut bytes = [0; 18];
    let parts = tenant.0.to_be_bytes().into_iter().chain([b'c', 8]).chain(channel.0.to_be_bytes());
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = from;
    }
    bytes
}

fn push_files(bytes: &mut Vec<u8>, active: &str, files: &[FileState], names: &Names) {
    let prefix = common_prefix(files.iter().map(|file| &*file.key));
    let (mut directory, mut packed) = (Vec::new(), Vec::new());
    for file in files {
        let FileState { number, place, origin, key, name, size, mime, sha256 } = file;
        let FilePlace { kind, slot, variant } = place;
        let begin = packed.len();
        packed.push(*kind as u8);
        push_text(&mut packed, slot);
        push_text(&mut packed, variant);
        push_number(&mut packed, names.number(origin));
        let rest = key.get(prefix.len()..).unwrap_or_default();
        push_text(&mut packed, rest);
        let implied = rest.rsplit('/').next() == Some(&**name);
        push_text(&mut packed, if implied { "" } else { name });
        push_number(&mut packed, *size);
        push_number(&mut packed, names.number(mime));
        push_number(&mut packed, *number);
        let mut digest = [0; 32];
        if let Some(hex) = sha256
            && hex::decode_to_slice(hex.as_bytes(), &mut digest).is_ok()
        {
            packed.extend_from_slice(&digest);
        }
        directory.push(tag(*kind as u8, slot, variant));
        push_number(&mut directory, (packed.len() - begin) as u64);
    }
    push_number(bytes, directory.len() as u64);
    bytes.extend_from_slice(&directory);
    push_text(bytes, active);
    push_text(bytes, prefix);
    bytes.extend_from_slice(&packed);
}

/// Where a file belongs, in a byte: its kind, and how long its names are and what they begin and end
/// with. Of files with one tag, each is looked at.
fn tag(kind: u8, slot: &str, variant: &str) -> u8 {
    let mut tag = kind;
    for text in [slot.as_bytes(), variant.as_bytes()] {
        let [length, ..] = text.len().to_le_bytes();
        for byte in [Some(&length), text.first(), text.last()] {
            tag = tag.wrapping_mul(31).wrapping_add(byte.copied().unwrap_or_default());
        }
    }
    tag
}

/// What all texts begin with, up to a slash: so that the end of a key is a name.
fn common_prefix<'k>(mut keys: impl Iterator<Item = &'k str>) -> &'k str {
    let folder = |key: &'k str| key.get(..key.rfind('/').map_or(0, |at| at + 1));
    let Some(mut prefix) = keys.next().and_then(folder) else { return "" };
    for key in keys {
        while !key.starts_with(prefix) {
            let shorter = prefix.strip_suffix('/').and_then(folder);
            prefix = shorter.unwrap_or_default();
        }
    }
    prefix
}

/// The files of an entry, one after the other.
struct Files<'e> {
    active: &'e str,
    prefix: &'e str,
    directory: Reader<'e>,
    packed: Reader<'e>,
}

impl<'e> Files<'e> {
    /// The next one's tag, and its bytes, unread.
    fn next(&mut self) -> Option<(u8, Reader<'e>)> {
        let tag = self.directory.byte()?;
        let length = usize::try_from(self.directory.number()?).ok()?;
        Some((tag, Reader(self.packed.take(length)?)))
    }
}

impl<'e> Reader<'e> {
    /// What is behind what connectors ask for.
    fn files(mut self) -> Option<Files<'e>> {
        let directory = Reader(self.bytes()?);
        let (active, prefix) = (self.text()?, self.text()?);
        Some(Files { active, prefix, directory, packed: self })
    }

    /// The rest of a file, behind where it belongs.
    fn file(&mut self, prefix: &'e str) -> Option<FileRef<'e>> {
        let (origin, rest, name) = (self.number()?, self.text()?, self.text()?);
        let (size, mime, number) = (self.number()?, self.number()?, self.number()?);
        let sha256 = self.0.first_chunk();
        Some(FileRef { origin, mime, prefix, rest, name, number, size, sha256 })
    }

    fn period(&mut self) -> Option<Period> {
        let mut instant = || Some(self.number()?.checked_sub(1).map(UnixSeconds::new));
        Some(Period { starts_at: instant()?, ends_at: instant()? })
    }
}
