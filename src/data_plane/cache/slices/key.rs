//! Which bytes a slice holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::asset::OriginKey;
use crate::delivery::{LastingIdentity, ObjectMeta};

/// Of a digest: enough that no two names meet.
type Name = [u8; 16];

/// One version of one variant of one object, cut in slices of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct VersionId {
    pub(super) origin: Name,
    pub(super) object: Name,
    version: Name,
}

/// One slice of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SliceKey {
    pub(super) version: VersionId,
    pub(super) index: u32,
}

impl VersionId {
    /// `selecting` is what of a request chose the variant.
    pub(in super::super) fn new<'a>(
        origin: LastingIdentity,
        key: &OriginKey,
        meta: &ObjectMeta,
        selecting: impl Iterator<Item = &'a [u8]>,
        slice: u64,
    ) -> Self {
        let mut hash = Sha256::new();
        let validators = &meta.validators;
        let tag = validators.etag.as_ref().map(ToString::to_string).unwrap_or_default();
        let modified = validators.last_modified.map(|it| it.to_string()).unwrap_or_default();
        let complete = meta.complete_length.unwrap_or(0).to_le_bytes();
        let coding = meta.content_encoding.as_ref().map_or(&b""[..], |it| it.as_bytes());
        let slice = slice.to_le_bytes();
        for part in [tag.as_bytes(), modified.as_bytes(), &complete, coding, &slice] {
            mix(&mut hash, part);
        }
        for part in selecting {
            mix(&mut hash, part);
        }
        Self { origin: origin.0, object: object_name(key), version: name(hash) }
    }
}

/// The name of an object at its origin.
pub(super) fn object_name(key: &OriginKey) -> Name {
    let mut hash = Sha256::new();
    let (kind, text) = match key {
        OriginKey::Object(text) => ("object", text),
        OriginKey::Target(text) => ("target", text),
    };
    mix(&mut hash, kind.as_bytes());
    mix(&mut hash, text.as_bytes());
    name(hash)
}

/// With its length, so that no two lists of parts run together to the same.
fn mix(hash: &mut Sha256, part: &[u8]) {
    hash.update(part.len().to_le_bytes());
    hash.update(part);
}

fn name(hash: Sha256) -> Name {
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

impl SliceKey {
    /// Its file below a folder: one directory for each origin, in it one for each object.
    pub(super) fn path(&self, below: &Path) -> PathBuf {
        let VersionId { origin, object, version } = &self.version;
        let name = format!("{}-{:08x}", hex(version), self.index);
        below.join(hex(origin)).join(hex(object)).join(name)
    }

    /// The key of a file by the last three parts of its path; none for what is no slice.
    pub(super) fn from_names(origin: &str, object: &str, name: &str) -> Option<Self> {
        let (version, index) = name.split_once('-')?;
        let version =
            VersionId { origin: unhex(origin)?, object: unhex(object)?, version: unhex(version)? };
        let key = Self { version, index: u32::from_str_radix(index, 16).ok()? };
        // What is written otherwise is no name of ours.
        key.path(Path::new("")).ends_with(name).then_some(key)
    }

    /// What its file says that it is.
    pub(super) fn to_bytes(self) -> [u8; 52] {
        let VersionId { origin, object, version } = self.version;
        let mut bytes = [0; 52];
        let index = self.index.to_le_bytes();
        let parts = origin.iter().chain(&object).chain(&version).chain(&index);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = *from;
        }
        bytes
    }
}

/// As directories are named.
pub(super) fn hex(name: &Name) -> String {
    name.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Name> {
    let mut name = Name::default();
    hex::decode_to_slice(text, &mut name).ok()?;
    Some(name)
}
