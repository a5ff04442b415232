//! What an object is, without its bytes: the other thing that may be learned without a permit.
//!
//! For whoever keeps records of files. The bytes are read here, and shown to nobody who would give them to
//! anybody.

use std::num::NonZeroU64;
use std::time::Duration;

use http::HeaderMap;
use http_body_util::BodyExt;
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::copies::{Copies, CopyWanted};
use super::desk::{DeliveryDesk, Opened};
use super::redeemed::Copied;
use super::registered::Registered;
use crate::asset::{OriginKey, PATH_ESCAPES};
use crate::clock::Clock;
use crate::origin::{
    Answer, Ask, AskMethod, Conditions, Kind, Object, ObjectMeta, OriginError, Validators,
};
use crate::policy::{ImageMarkKeys, OriginName, RegisteredFile};

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDigest {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: [u8; 32],
    /// CRC-32 (ISO-HDLC), as zip archives have it.
    pub crc32: u32,
}

/// A copy, by what it is made of.
#[derive(Debug)]
pub struct CopyOf<'a> {
    /// The origin that has its file.
    pub origin: &'a OriginName,
    /// The file's key there.
    pub key: &'a str,
    /// What is known of the file.
    pub file: RegisteredFile,
    /// The forensic tag id in the copy.
    pub tag: [u8; 16],
    /// The keys that mark pictures.
    pub image_mark_keys: &'a ImageMarkKeys,
}

/// Why it cannot be said what an object is.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// It changed while it was read.
    #[error("it changed while it was read")]
    Changed,
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// There is no such origin here.
    #[error("there is no such origin here")]
    NoOrigin,
    /// The origin failed.
    #[error("the origin failed")]
    Origin(#[from] OriginError),
}

impl DeliveryDesk {
    /// Reads an object from its beginning to its end, no faster than that many bytes a second.
    /// What changes meanwhile has no digest: its description is asked for again at the end.
    pub async fn digest(
        &self,
        origin: &OriginName,
        key: &str,
        bytes_a_second: NonZeroU64,
        clock: Clock,
    ) -> Result<ObjectDigest, DigestError> {
        let mut digesting = Digesting::default();
        let show = |bytes: &[u8]| digesting.feed(bytes);
        let size = self.show(origin, key, bytes_a_second, clock, show).await?;
        Ok(digesting.finish(size))
    }

    /// Shows an object's bytes, from the first to the last, to what finds something out of them and keeps
    /// none; gives how many they are. No faster than that many bytes a second. What changes meanwhile is
    /// [`DigestError::Changed`]: what was found out is of no object.
    pub async fn show(
        &self,
        origin: &OriginName,
        key: &str,
        bytes_a_second: NonZeroU64,
        clock: Clock,
        show: impl FnMut(&[u8]) + Send,
    ) -> Result<u64, DigestError> {
        let opened = self.opened(origin).ok_or(DigestError::NoOrigin)?;
        let key = key_at(opened, key);
        let object = match ask(opened, &key, AskMethod::Get, clock).await? {
            Answer::Found(object) => object,
            Answer::NotFound(_) => return Err(DigestError::Missing),
            // Neither was asked for.
            Answer::Described(_) | Answer::NotModified(_) => return Err(DigestError::Changed),
        };
        let before = version(object.meta());
        let size = shown(object, bytes_a_second, show).await?;
        let after = described(opened, &key, clock).await?;
        if before != after || after.length.is_some_and(|length| length != size) {
            return Err(DigestError::Changed);
        }
        Ok(size)
    }

    /// Makes a copy from its beginning to its end, no faster than that many bytes a second: what of it
    /// would leave is read and kept by nobody.
    pub async fn digest_of_copy(
        &self,
        copies: &Copies,
        copy: CopyOf<'_>,
        bytes_a_second: NonZeroU64,
        clock: Clock,
    ) -> Result<ObjectDigest, DigestError> {
        let CopyOf { origin, key, file, tag, image_mark_keys } = copy;
        let opened = self.opened(origin).ok_or(DigestError::NoOrigin)?;
        let key = key_at(opened, key);
        let registered = Registered::new(file, origin, &key);
        let before = described(opened, &key, clock).await?;
        let (source, name) = (opened.source.clone(), origin.clone());
        let copied = Copied::of_object(source, name, key.clone(), registered, tag, image_mark_keys);
        let wanted = CopyWanted {
            method: AskMethod::Get,
            registered: copied.registered(),
            ranges: &[],
            conditions: &Conditions::default(),
            forwarded: &HeaderMap::new(),
            now: clock.now(),
        };
        let mut digesting = Digesting::default();
        let show = |bytes: &[u8]| digesting.feed(bytes);
        let size = match Box::pin(copies.answer(&copied, wanted)).await? {
            Answer::Found(object) => shown(object, bytes_a_second, show).await?,
            Answer::NotFound(_) => return Err(DigestError::Missing),
            // Neither was asked for.
            Answer::Described(_) | Answer::NotModified(_) => return Err(DigestError::Changed),
        };
        let after = described(opened, &key, clock).await?;
        if before == after { Ok(digesting.finish(size)) } else { Err(DigestError::Changed) }
    }
}

/// Which version an origin says that it has.
async fn described(opened: &Opened, key: &OriginKey, clock: Clock) -> Result<Version, DigestError> {
    match ask(opened, key, AskMethod::Head, clock).await? {
        Answer::Described(meta) => Ok(version(&meta)),
        Answer::Found(object) => Ok(version(object.meta())),
        Answer::NotFound(_) | Answer::NotModified(_) => Err(DigestError::Changed),
    }
}

/// How an origin knows the object of that key.
fn key_at(opened: &Opened, key: &str) -> OriginKey {
    match &opened.config.kind {
        Kind::Disk(_) | Kind::ObjectStore(_) => OriginKey::Object(key.into()),
        Kind::Http(_) => {
            OriginKey::Target(format!("/{}", utf8_percent_encode(key, PATH_ESCAPES)).into())
        }
    }
}

/// Shows all bytes, no faster than that, and gives how many they are.
async fn shown(
    object: Object,
    bytes_a_second: NonZeroU64,
    mut show: impl FnMut(&[u8]) + Send,
) -> Result<u64, DigestError> {
    let mut body = object.into_whole();
    let mut size = 0_u64;
    let begun = Instant::now();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame?.into_data() else { continue };
        show(&bytes);
        size += bytes.len() as u64;
        // Waits until so much may have been read.
        let millis = size.saturating_mul(1_000) / bytes_a_second;
        sleep_until(begun + Duration::from_millis(millis)).await;
    }
    Ok(size)
}

/// A digest of bytes that are shown.
#[derive(Default)]
struct Digesting {
    sha256: Sha256,
    crc32: crc32fast::Hasher,
}

impl Digesting {
    fn feed(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc32.update(bytes);
    }

    fn finish(self, size: u64) -> ObjectDigest {
        ObjectDigest { size, sha256: self.sha256.finalize().into(), crc32: self.crc32.finalize() }
    }
}

pub(super) async fn ask(
    opened: &Opened,
    key: &OriginKey,
    method: AskMethod,
    clock: Clock,
) -> Result<Answer, OriginError> {
    let (conditions, forwarded) = (Conditions::default(), HeaderMap::new());
    let now = clock.now();
    let ask = Ask { key, method, ranges: &[], conditions: &conditions, forwarded: &forwarded, now };
    Box::pin(opened.source.origin.ask(ask)).await
}

/// What tells one version of an object from another.
#[derive(PartialEq, Eq)]
struct Version {
    length: Option<u64>,
    validators: Validators,
}

fn version(meta: &ObjectMeta) -> Version {
    // When the origin said so is another time at each answer.
    let validators = Validators { stated_at: None, ..meta.validators.clone() };
    Version { length: meta.complete_length, validators }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;

    const QUICK: NonZeroU64 = NonZeroU64::MAX;

    fn desk() -> (TempDir, DeliveryDesk) {
        let folder = tempfile::tempdir().unwrap();
        let desk = DeliveryDesk::of_folder(folder.path());
        (folder, desk)
    }

    #[tokio::test]
    async fn an_object_is_what_its_bytes_are() {
        let (folder, desk) = desk();
        fs::write(folder.path().join("check"), "123456789").unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        let media = OriginName::new("media");
        let digest = desk.digest(&media, "check", QUICK, Clock::System).await.unwrap();
        // The check value of CRC-32/ISO-HDLC, and FIPS 180's of SHA-256.
        assert_eq!((digest.size, digest.crc32), (9, 0xcbf4_3926));
        assert!(hex::encode(digest.sha256).starts_with("15e2b0d3c33891eb"));
        let empty = desk.digest(&media, "empty", QUICK, Clock::System).await.unwrap();
        assert_eq!((empty.size, empty.crc32), (0, 0));
        let missing = desk.digest(&media, "none", QUICK, Clock::System).await;
        assert!(matches!(missing, Err(DigestError::Missing)), "{missing:?}");
        let nowhere = desk.digest(&OriginName::new("far"), "a", QUICK, Clock::System).await;
        assert!(matches!(nowhere, Err(DigestError::NoOrigin)), "{nowhere:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_under_its_hands_has_no_digest() {
        let (folder, desk) = desk();
        let path = folder.path().join("film");
        fs::write(&path, vec![7; 4 << 20]).unwrap();
        let media = OriginName::new("media");
        let slow = NonZeroU64::new(1_000).unwrap();
        let digest = desk.digest(&media, "film", slow, Clock::System);
        tokio::pin!(digest);
        // It waits behind its first bytes for longer than that.
        timeout(Duration::from_secs(1), &mut digest).await.unwrap_err();
        let other = folder.path().join("other");
        fs::write(&other, vec![8; 4 << 20]).unwrap();
        fs::rename(&other, &path).unwrap();
        let outcome = digest.await;
        assert!(matches!(outcome, Err(DigestError::Changed)), "{outcome:?}");
    }
}
