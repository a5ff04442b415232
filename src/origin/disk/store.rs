//! Asking a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use rustix::fd::OwnedFd;
use rustix::fs::Stat;

use super::super::answer::{Answer, Content, Object, ObjectMeta};
use super::super::ask::{Ask, AskMethod};
use super::super::caching::Caching;
use super::super::config::OriginSetupError;
use super::super::error::{OriginError, OriginFault};
use super::jail::{Jail, Lookup, LookupFailure, Symlinks};
use super::object::{DiskObject, InodeFacts};
use super::sniff::{sniff, sniff_cached};
use super::unfinished::Naming;
use crate::asset::OriginKey;

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// The root; keys are paths beneath it.
    pub root: PathBuf,
    /// What happens at links.
    pub symlinks: Symlinks,
}

/// A folder, open. Its descriptors and threads are the system's, so a clone costs nothing.
#[derive(Clone, Debug)]
pub struct DiskOrigin {
    pub(super) jail: Arc<Jail>,
    pub(super) naming: Naming,
}

impl DiskOrigin {
    pub(in super::super) fn open(config: &DiskConfig) -> Result<Self, OriginSetupError> {
        let jail = Jail::open(&config.root, config.symlinks)?;
        Ok(Self { jail: Arc::new(jail), naming: Naming::WhenWhole })
    }

    pub(in super::super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        let OriginKey::Object(key) = ask.key else { return Err(OriginFault::KeyForm.into()) };
        let (file, stat) = match self.open_file(key).await {
            Ok(opened) => opened,
            Err(LookupFailure::NotFound) => {
                return Ok(Answer::NotFound(Box::new(Caching::UNSTATED)));
            }
            Err(LookupFailure::PermissionDenied) => {
                return Err(OriginFault::PermissionDenied.into());
            }
            Err(LookupFailure::Failed(errno)) => {
                return Err(OriginError::caused_by(OriginFault::ReadFailed, errno));
            }
            Err(LookupFailure::WouldWait) => return Err(OriginFault::ReadFailed.into()),
        };
        let (content_type, file) = self.content_type(key, file).await?;
        let facts = InodeFacts::new(&stat);
        let meta = ObjectMeta {
            complete_length: Some(facts.length),
            validators: facts.validators(ask.now),
            content_type,
            content_language: None,
            content_encoding: None,
            caching: Caching::UNSTATED,
            forwarded: HeaderMap::new(),
        };
        Ok(match ask.method {
            AskMethod::Get => Answer::Found(Object::new(meta, Content::Disk(DiskObject { file }))),
            AskMethod::Head => Answer::Described(meta),
        })
    }

    /// By the name's extension or, where it has none, by the first bytes, where they are not in memory
    /// on a thread that may wait for them.
    async fn content_type(
        &self,
        key: &str,
        file: OwnedFd,
    ) -> Result<(HeaderValue, OwnedFd), OriginError> {
        if let Some(named) = named_type(key) {
            return Ok((HeaderValue::from_static(named), file));
        }
        let (sniffed, file) = match sniff_cached(&file) {
            Ok(sniffed) => (sniffed, file),
            Err(_) => tokio::task::spawn_blocking(move || (sniff(&file), file))
                .await
                .map_err(|error| OriginError::caused_by(OriginFault::ReadFailed, error))?,
        };
        Ok((HeaderValue::from_static(sniffed.unwrap_or(UNKNOWN_TYPE)), file))
    }

    /// A name the kernel has at hand is opened here, any other on a thread that may wait.
    async fn open_file(&self, key: &str) -> Result<(OwnedFd, Stat), LookupFailure> {
        match self.jail.open_file(key, Lookup::Cached) {
            Err(LookupFailure::WouldWait) => {}
            answered => return answered,
        }
        let (jail, key) = (Arc::clone(&self.jail), Box::<str>::from(key));
        tokio::task::spawn_blocking(move || jail.open_file(&key, Lookup::Waiting))
            .await
            .unwrap_or(Err(LookupFailure::WouldWait))
    }
}

const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The media type by the name's extension; none where it has none. An extension that nobody knows
/// is still a statement, and the bytes are not asked.
fn named_type(key: &str) -> Option<&'static str> {
    let extension = Path::new(key).extension()?.to_str().unwrap_or_default();
    Some(match extension {
        // The table has Nintendo's and DLNA's ideas for these; the web has others.
        "ts" => "video/mp2t",
        "m3u8" => "application/vnd.apple.mpegurl",
        extension => mime_guess::from_ext(extension).first_raw().unwrap_or(UNKNOWN_TYPE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (key, expected) in [
            ("a/b.mp4", Some("video/mp4")),
            ("seg.ts", Some("video/mp2t")),
            ("x.m3u8", Some("application/vnd.apple.mpegurl")),
            ("X.JPG", Some("image/jpeg")),
            ("x.vtt", Some("text/vtt")),
            ("x.pdf", Some("application/pdf")),
            ("x.svg", Some("image/svg+xml")),
            ("x", None),
            (".png", None),
            ("x.no-such-extension", Some("application/octet-stream")),
            ("a.png/b", None),
        ] {
            assert_eq!(named_type(key), expected, "{key}");
        }
    }
}
