//! Whose copy files are, by a control plane's records and without its API.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::load::{self, CheckError};
use super::provision::{ProvisionError, with_store_at};
use crate::clock::Clock;
use crate::control_plane::Caller;
use crate::control_plane::account::PasswordHasher;
use crate::control_plane::record::CopyIssue;
use crate::control_plane::service::{
    AlikeCopy, CompareWith, Comparison, Inspecting, Inspection, PictureOriginal, Services,
    TagOrigin, Traced, TracedTag,
};

/// A file, and whose copy it is.
#[derive(Clone, Debug)]
pub struct TracedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256, as hex.
    pub sha256: Box<str>,
    /// Whose copy it is as a whole, byte by byte.
    pub exact: Option<Box<IssuedCopy>>,
    /// The tags in it, in their order.
    pub tags: Vec<FoundTag>,
    /// Tags beyond those.
    pub more: u64,
    /// What comparing it with an original said; none where none was named.
    pub compared: Option<ComparedPicture>,
}

/// What a picture is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginalPicture {
    /// The file of that number, and its copies.
    File(u64),
    /// A picture on this machine, and every copy that has a mark.
    Path(PathBuf),
}

impl From<&str> for OriginalPicture {
    /// A number is a file's; whatever else it is leads to a picture.
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Path(text.into()), Self::File)
    }
}

/// What comparing a picture with an original said.
#[derive(Clone, Debug)]
pub enum ComparedPicture {
    /// These copies' marks are in it, the likeliest first; none where there is none.
    Alike(Vec<LikelyCopy>),
    /// It is another picture, or too little of this one.
    OtherPicture,
    /// It cannot be compared, for this reason.
    NotComparable(Box<str>),
}

/// A copy whose mark is in a picture.
#[derive(Clone, Debug)]
pub struct LikelyCopy {
    /// Whose it is.
    pub issued: IssuedCopy,
    /// How much more of its mark is in it than chance would put there, in standard deviations.
    pub z: f64,
    /// How likely chance would put so much of the mark of any of the copies there that were tried.
    pub p: f64,
}

/// A tag in a file.
#[derive(Clone, Debug)]
pub struct FoundTag {
    /// The byte it begins at.
    pub offset: u64,
    /// In what it was found.
    pub carrier: &'static str,
    /// Its 16 bytes, as hex.
    pub id: String,
    /// Where it is from.
    pub origin: FoundOrigin,
}

/// Where a tag is from.
#[derive(Clone, Debug)]
pub enum FoundOrigin {
    /// A key of ours made it, and the log has no such issue.
    Unlogged,
    /// No key of ours made it.
    Forged,
    /// It was issued.
    Issued(Box<IssuedCopy>),
}

/// To whom a copy was issued.
#[derive(Clone, Debug)]
pub struct IssuedCopy {
    /// What whoever asked for the link calls the one it is for.
    pub autograph_tag: Box<str>,
    /// Whose file it is a copy of.
    pub tenant: u64,
    /// The link that opened it.
    pub link: String,
    /// Who asked for the link.
    pub issuer: Box<str>,
    /// The file's number.
    pub file: u64,
    /// The content that it is of, if it is of one.
    pub content: Option<String>,
    /// The file's asset path.
    pub path: Box<str>,
    /// When, in seconds since 1970.
    pub issued_at: u64,
    /// The last second at which the link opened it.
    pub expires_at: u64,
}

/// Says of each file whose copy it is; where an original is named, also by what they show. That it was
/// asked is in the audit log.
pub fn trace(
    config: &Path,
    clock: Clock,
    files: &[PathBuf],
    original: Option<&OriginalPicture>,
) -> Result<Vec<TracedFile>, ProvisionError> {
    let loaded = load::read(config).map_err(ProvisionError::Config)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ProvisionError::File { path, source }
    };
    let (mut original_bytes, mut desk) = (None, None);
    match original {
        None => {}
        Some(OriginalPicture::File(_)) => {
            let opened = load::open_origins(&loaded, None).map_err(CheckError::Delivery);
            desk = Some(Arc::new(opened.map_err(ProvisionError::Config)?));
        }
        Some(OriginalPicture::Path(path)) => {
            original_bytes = Some(Bytes::from(fs::read(path).map_err(failed(path))?));
        }
    }
    let control = loaded.control.ok_or(ProvisionError::NoControl)?;
    let mut inspected = Vec::with_capacity(files.len());
    for path in files {
        let file = File::open(path).map_err(failed(path))?;
        let inspecting = match original {
            Some(_) => Inspecting::keeping(),
            None => Inspecting::default(),
        };
        inspected.push((path, Inspection::of(file, inspecting).map_err(failed(path))?));
    }
    with_store_at(&control.store, async |store| {
        let services = Services::new(store, clock, PasswordHasher::new()?)
            .with_master_key(control.master_key()?)
            .with_originals(move || desk.clone());
        let caller = Caller::system("trace");
        let mut traced = Vec::with_capacity(inspected.len());
        for (path, inspection) in inspected {
            let original = match (original, &original_bytes) {
                (Some(OriginalPicture::File(number)), _) => Some(PictureOriginal::File(*number)),
                (_, bytes) => bytes.clone().map(PictureOriginal::Bytes),
            };
            let compare = match original {
                Some(original) => {
                    let turn = services.comparing_turn(&caller).await?;
                    Some(CompareWith { original, turn })
                }
                None => None,
            };
            let Traced { exact, tags, comparison } =
                services.trace(&caller, &inspection, compare).await?;
            traced.push(TracedFile {
                path: path.clone(),
                size: inspection.size,
                sha256: inspection.sha256,
                exact: exact.map(|issue| Box::new(issued(issue))),
                tags: tags.into_iter().map(found).collect(),
                more: inspection.more,
                compared: comparison.map(compared),
            });
        }
        Ok(traced)
    })
}

fn found(TracedTag { sighting, origin }: TracedTag) -> FoundTag {
    FoundTag {
        offset: sighting.offset,
        carrier: sighting.carrier.wire_name(),
        id: hex::encode(sighting.tag.bytes()),
        origin: match origin {
            TagOrigin::Forged => FoundOrigin::Forged,
            TagOrigin::Unlogged => FoundOrigin::Unlogged,
            TagOrigin::Issued(issue) => FoundOrigin::Issued(Box::new(issued(issue))),
        },
    }
}

fn compared(comparison: Comparison) -> ComparedPicture {
    match comparison {
        Comparison::Alike(copies) => {
            let likely = |AlikeCopy { issue, z, p }| LikelyCopy { issued: issued(issue), z, p };
            ComparedPicture::Alike(copies.into_iter().map(likely).collect())
        }
        Comparison::NotComparable(reason) => ComparedPicture::NotComparable(reason),
        Comparison::OtherPicture => ComparedPicture::OtherPicture,
    }
}

fn issued(issue: CopyIssue) -> IssuedCopy {
    IssuedCopy {
        autograph_tag: issue.tag,
        tenant: issue.tenant.0,
        link: issue.link.to_string(),
        issuer: issue.issuer,
        file: issue.file,
        content: issue.content.map(|content| content.to_string()),
        path: issue.path,
        issued_at: issue.created_at.get(),
        expires_at: issue.expires_at.get(),
    }
}
