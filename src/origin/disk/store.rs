//! Asking a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;
use rustix::fd::OwnedFd;
use rustix::fs::Stat;

use super::super::answer::{Answer, Content, Object, ObjectMeta};
use super::super::ask::{Ask, AskMethod};
use super::super::config::OriginSetupError;
use super::super::error::{OriginError, OriginFault};
use super::jail::{Jail, Lookup, LookupFailure, Symlinks};
use super::object::{DiskObject, InodeFacts};
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
    jail: Arc<Jail>,
}

impl DiskOrigin {
    pub(in super::super) fn open(config: &DiskConfig) -> Result<Self, OriginSetupError> {
        let jail = Jail::open(&config.root, config.symlinks)?;
        Ok(Self { jail: Arc::new(jail) })
    }

    pub(in super::super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, OriginError> {
        let OriginKey::Object(key) = ask.key else { return Err(OriginFault::KeyForm.into()) };
        let (file, stat) = match self.open_file(key).await {
            Ok(opened) => opened,
            Err(LookupFailure::NotFound) => return Ok(Answer::NotFound),
            Err(LookupFailure::PermissionDenied) => {
                return Err(OriginFault::PermissionDenied.into());
            }
            Err(LookupFailure::Failed(errno)) => {
                return Err(OriginError::caused_by(OriginFault::ReadFailed, errno));
            }
            Err(LookupFailure::WouldWait) => return Err(OriginFault::ReadFailed.into()),
        };
        let facts = InodeFacts::new(&stat);
        let meta = ObjectMeta {
            complete_length: Some(facts.length),
            validators: facts.validators(ask.now),
            content_type: content_type(key),
            content_language: None,
            content_encoding: None,
        };
        Ok(match ask.method {
            AskMethod::Get => Answer::Found(Object::new(meta, Content::Disk(DiskObject { file }))),
            AskMethod::Head => Answer::Described(meta),
        })
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

/// The media type by the name's extension.
fn content_type(key: &str) -> HeaderValue {
    let extension = Path::new(key).extension().and_then(|extension| extension.to_str());
    let guessed = match extension {
        // The table has Nintendo's and DLNA's ideas for these; the web has others.
        Some("ts") => Some("video/mp2t"),
        Some("m3u8") => Some("application/vnd.apple.mpegurl"),
        Some(extension) => mime_guess::from_ext(extension).first_raw(),
        None => None,
    };
    HeaderValue::from_static(guessed.unwrap_or("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (key, expected) in [
            ("a/b.mp4", "video/mp4"),
            ("seg.ts", "video/mp2t"),
            ("x.m3u8", "application/vnd.apple.mpegurl"),
            ("X.JPG", "image/jpeg"),
            ("x.vtt", "text/vtt"),
            ("x.pdf", "application/pdf"),
            ("x.svg", "image/svg+xml"),
            ("x", "application/octet-stream"),
            (".png", "application/octet-stream"),
            ("x.no-such-extension", "application/octet-stream"),
            ("a.png/b", "application/octet-stream"),
        ] {
            assert_eq!(content_type(key), expected, "{key}");
        }
    }
}
