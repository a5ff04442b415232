//! Whose copy files are, by a control plane's records and without its API.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::provision::{ProvisionError, control_config, with_store_at};
use crate::clock::Clock;
use crate::control_plane::Caller;
use crate::control_plane::account::PasswordHasher;
use crate::control_plane::record::CopyIssue;
use crate::control_plane::service::{Inspection, Services, TagOrigin, Traced, TracedTag};

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

/// Says of each file whose copy it is. That it was asked is in the audit log.
pub fn trace(
    config: &Path,
    clock: Clock,
    files: &[PathBuf],
) -> Result<Vec<TracedFile>, ProvisionError> {
    let control = control_config(config)?;
    let mut inspected = Vec::with_capacity(files.len());
    for path in files {
        let failed = |source| ProvisionError::File { path: path.clone(), source };
        let file = File::open(path).map_err(failed)?;
        inspected.push((path, Inspection::of(file).map_err(failed)?));
    }
    with_store_at(&control.store, async |store| {
        let services = Services::new(store, clock, PasswordHasher::new()?)
            .with_master_key(control.master_key()?);
        let caller = Caller::system("trace");
        let mut traced = Vec::with_capacity(inspected.len());
        for (path, inspection) in inspected {
            let Traced { exact, tags } = services.trace(&caller, &inspection).await?;
            traced.push(TracedFile {
                path: path.clone(),
                size: inspection.size,
                sha256: inspection.sha256,
                exact: exact.map(|issue| Box::new(issued(issue))),
                tags: tags.into_iter().map(found).collect(),
                more: inspection.more,
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
