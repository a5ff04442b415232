//! Copies with forensic tags: each file that can carry one, for another reader, and whose each is once
//! it was renamed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::Uri;

use super::administrator::{Administrator, AdministratorError, unclear};
use super::folder::{PRIVATE_VIDEO, samples};
use super::tour::{Visit, get};
use super::visit::{Seen, VisitError, visit};
use crate::app::{self, FoundOrigin, ProvisionError};
use crate::clock::Clock;

/// A link to one reader's copy of one file.
pub(super) struct DemoCopy {
    /// The file's name.
    pub(super) file: String,
    /// Whom it is for.
    pub(super) tag: String,
    /// The link's path and query.
    pub(super) link: String,
}

/// What came of a copy that was downloaded, renamed and traced.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("the copy cannot be written")]
    Write(#[source] std::io::Error),
    #[error("it cannot be traced")]
    Trace(#[source] ProvisionError),
    #[error("no tag of its reader is in it")]
    NotFound,
}

/// Orders a link for each file of the protected video that can carry a tag.
pub(super) async fn order(
    administrator: &Administrator,
    files: &HashMap<String, u64>,
) -> Result<Vec<DemoCopy>, AdministratorError> {
    let mut copies = Vec::new();
    let of_video = samples().into_iter().filter(|sample| {
        sample.registered.as_ref().is_some_and(|it| it.video == PRIVATE_VIDEO && it.carries_tags())
    });
    for sample in of_video {
        let Some(number) = files.get(&sample.url_path) else { continue };
        let tag = format!("reader-{}", copies.len() + 1);
        let path = format!("/v1/files/downloads/?file_id={number}&autograph_tag={tag}");
        let answer = administrator.get(&path).await?;
        let url = answer.pointer("/download/url").and_then(|url| url.as_str());
        let url = url.and_then(|url| url.parse::<Uri>().ok());
        let link = url.as_ref().and_then(Uri::path_and_query).map(ToString::to_string);
        let link = link.ok_or_else(|| unclear(&path, &answer))?;
        let file = sample.object_key.rsplit('/').next().unwrap_or_default().to_owned();
        copies.push(DemoCopy { file, tag, link });
    }
    Ok(copies)
}

impl DemoCopy {
    /// The request for it.
    pub(super) fn request(&self) -> Visit {
        get(self.link.clone())
    }

    /// Downloads it.
    pub(super) async fn fetch(&self, edge: SocketAddr) -> Result<Seen, VisitError> {
        visit(edge, &self.request()).await
    }

    /// A name that tells nothing of it.
    pub(super) fn renamed(&self) -> String {
        format!("leaked-{}", self.tag.trim_start_matches("reader-"))
    }

    /// Writes it under a name that tells nothing, and asks the records of that configuration whose it
    /// is.
    pub(super) fn trace(&self, config: &Path, folder: &Path, copy: &[u8]) -> Result<(), CopyError> {
        let path: PathBuf = folder.join(self.renamed());
        std::fs::write(&path, copy).map_err(CopyError::Write)?;
        let traced = app::trace(config, Clock::System, &[path], None).map_err(CopyError::Trace)?;
        let mut tags = traced.iter().flat_map(|file| &file.tags);
        let is_theirs = |origin: &FoundOrigin| match origin {
            FoundOrigin::Issued(issued) => *issued.autograph_tag == *self.tag,
            FoundOrigin::Forged | FoundOrigin::Unlogged => false,
        };
        if tags.any(|tag| is_theirs(&tag.origin)) { Ok(()) } else { Err(CopyError::NotFound) }
    }

    /// The lines to paste into a shell.
    pub(super) fn shell(&self, edge: SocketAddr, config: &Path) -> String {
        let renamed = self.renamed();
        format!(
            "curl -s -o {renamed} 'http://{edge}{}'\ncountersign trace --config '{}' {renamed}",
            self.link,
            config.display()
        )
    }
}
