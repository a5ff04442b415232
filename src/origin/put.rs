//! Putting objects into an origin, and taking them away.
//!
//! A put is begun, made, and recorded by whoever asked for it; what was begun and is not wanted any
//! more is aborted. Every put has a [`PutHandle`], which is kept somewhere durable before a byte is
//! sent: with it a later process makes the put again or aborts it. For one handle one call runs at
//! a time.
//!
//! Invariants:
//! - an object is never replaced, and never seen before it is whole and durable;
//! - a put is idempotent by its handle: the object is marked with it, so one that got through and
//!   whose answer was lost is not taken for somebody else's. Where the place keeps no marks (a file
//!   system without extended attributes) that is [`PutError::Exists`];
//! - an abort undoes whatever the put with its handle did, whole objects included: it is for puts
//!   that were not recorded.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::str::FromStr;

use rustix::fs::{Stat, fstat};

use super::error::Retry;

/// What a put is found by later. Opaque text: [`Display`](fmt::Display) gives it, and [`FromStr`]
/// takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutHandle {
    /// Ours: no other put of any origin has it.
    mark: Box<str>,
    /// The store's name for an upload in parts.
    upload: Option<Box<str>>,
}

/// A text is no handle of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a handle of a put")]
pub struct PutHandleRejection;

/// An object to be.
#[derive(Debug)]
pub struct Put<'a> {
    /// Its key, below the origin's prefix.
    pub key: &'a str,
    /// Its bytes: the whole file, whatever the file's position.
    pub file: File,
    /// How many they are. A file of another length is not put.
    pub length: u64,
    /// Its media type. A folder keeps none and tells it by the key; a store that is told none has
    /// its own idea.
    pub content_type: Option<&'a str>,
}

/// Why an object was not put, or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The file is not as long as was said, or changed while it was read.
    #[error("the file to put is not as long as was said, or changed")]
    Changed,
    /// The media type cannot be sent as it is.
    #[error("the media type is malformed")]
    ContentType,
    /// The key has an object, which stays as it is.
    #[error("the key has an object already")]
    Exists,
    /// No object of this origin can have the key: a segment is empty, `.`, `..`, too long or kept
    /// for ourselves, holds a control character, or leads through a file or a link that is not
    /// followed.
    #[error("no object can have the key")]
    KeyForm,
    /// There is no room.
    #[error("the origin is full")]
    NoSpace,
    /// The handle's put is not under way: it was aborted, the store forgot it, or it was begun
    /// elsewhere. Another is to be begun.
    #[error("the put is not under way")]
    NotBegun,
    /// The origin does not let this process write or take away.
    #[error("the origin may not be written")]
    PermissionDenied,
    /// The origin is one that is only read.
    #[error("the origin is only read")]
    ReadOnly,
    /// The origin answers that it will not, and would again.
    #[error("the origin refuses")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The file to put cannot be read.
    #[error("the file to put cannot be read")]
    Source(#[source] io::Error),
    /// The origin fails, or cannot be reached.
    #[error("the origin is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl PutError {
    /// May the same call succeed if it is made again?
    pub const fn retry(&self) -> Retry {
        match self {
            Self::NoSpace | Self::Source(_) | Self::Unavailable(_) => Retry::Later,
            Self::Changed
            | Self::ContentType
            | Self::Exists
            | Self::KeyForm
            | Self::NotBegun
            | Self::PermissionDenied
            | Self::ReadOnly
            | Self::Refused(_) => Retry::Pointless,
        }
    }

    pub(super) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl PutHandle {
    const MARK_LENGTH: usize = 32;
    /// Longer names of uploads are not taken: Amazon's have some 130 characters.
    const LONGEST_UPLOAD: usize = 2048;

    /// Of a put that nothing else is known of.
    pub(super) fn new() -> Result<Self, PutError> {
        let mut chance = [0; Self::MARK_LENGTH / 2];
        getrandom::fill(&mut chance).map_err(PutError::unavailable)?;
        Ok(Self { mark: hex::encode(chance).into(), upload: None })
    }

    /// Of an upload in parts as well; none where the store gave it a name that is none.
    pub(super) fn with_upload(self, upload: &str) -> Option<Self> {
        let fits = (1..=Self::LONGEST_UPLOAD).contains(&upload.len());
        let visible = upload.bytes().all(|byte| byte.is_ascii_graphic());
        (fits && visible).then(|| Self { upload: Some(upload.into()), ..self })
    }

    /// What an object is marked with: lower-case hexadecimal digits.
    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// The store's name for it.
    pub(super) fn upload(&self) -> Option<&str> {
        self.upload.as_deref()
    }
}

impl fmt::Display for PutHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mark)?;
        self.upload.as_ref().map_or(Ok(()), |upload| write!(f, ".{upload}"))
    }
}

impl FromStr for PutHandle {
    type Err = PutHandleRejection;

    fn from_str(text: &str) -> Result<Self, PutHandleRejection> {
        let (mark, upload) =
            text.split_once('.').map_or((text, None), |(mark, upload)| (mark, Some(upload)));
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if mark.len() != Self::MARK_LENGTH || !mark.bytes().all(is_digit) {
            return Err(PutHandleRejection);
        }
        let handle = Self { mark: mark.into(), upload: None };
        match upload {
            None => Ok(handle),
            Some(upload) => handle.with_upload(upload).ok_or(PutHandleRejection),
        }
    }
}

/// Can an object of any origin have this key? What no request can name, and what no list could
/// tell, cannot.
pub(super) fn check_key(key: &str) -> Result<(), PutError> {
    let odd = |segment: &str| matches!(segment, "" | "." | "..");
    if key.split('/').any(odd) || key.contains(char::is_control) {
        return Err(PutError::KeyForm);
    }
    Ok(())
}

/// Can this media type be sent?
pub(super) fn check_content_type(content_type: Option<&str>) -> Result<(), PutError> {
    let fits = |text: &str| !text.is_empty() && text.bytes().all(|it| matches!(it, b' '..=b'~'));
    if content_type.is_none_or(fits) { Ok(()) } else { Err(PutError::ContentType) }
}

/// What a put finds where its object would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    /// Nothing.
    None,
    /// The object of this very put.
    Ours,
    /// Something else.
    Other,
}

/// A file to put, which is as long as was said and stays as it is.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    facts: (i128, i128, i128),
    length: u64,
}

impl Source {
    pub(super) fn new(file: File, length: u64) -> Result<Self, PutError> {
        let stat = stat(&file)?;
        if u64::try_from(stat.st_size) != Ok(length) {
            return Err(PutError::Changed);
        }
        Ok(Self { file, facts: facts(&stat), length })
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from there on fill the buffer.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), PutError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| {
            let ended = error.kind() == io::ErrorKind::UnexpectedEof;
            if ended { PutError::Changed } else { PutError::Source(error) }
        })
    }

    /// Is it the file that it was? Asked when all of it was read, before anybody sees the object.
    pub(super) fn check_unchanged(&self) -> Result<(), PutError> {
        if facts(&stat(&self.file)?) == self.facts { Ok(()) } else { Err(PutError::Changed) }
    }
}

fn stat(file: &File) -> Result<Stat, PutError> {
    fstat(file).map_err(|errno| PutError::Source(errno.into()))
}

/// The fields have other types on other architectures.
fn facts(stat: &Stat) -> (i128, i128, i128) {
    (i128::from(stat.st_size), i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_handle_comes_back_from_its_text() {
        let plain = PutHandle::new().unwrap();
        assert_ne!(plain, PutHandle::new().unwrap());
        assert_eq!(plain.to_string().parse(), Ok(plain.clone()));
        let named = plain.with_upload("2~a.b/c+d=_-").unwrap();
        assert_eq!(named.to_string().parse(), Ok(named.clone()));
        assert_eq!(named.upload(), Some("2~a.b/c+d=_-"));
        let mark = named.mark();
        for text in ["", ".", "x", mark.split_at(1).1, &format!("{mark}."), &format!("{mark}.a b")]
        {
            assert_eq!(text.parse::<PutHandle>(), Err(PutHandleRejection), "{text}");
        }
        assert_eq!(
            mark.to_uppercase().replace('0', "A").parse::<PutHandle>(),
            Err(PutHandleRejection)
        );
    }

    #[test]
    fn keys_that_name_nothing() {
        for key in ["", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../b", "a/.", "a\0", "a\nb"]
        {
            assert!(matches!(check_key(key), Err(PutError::KeyForm)), "{key:?}");
        }
        for key in ["a", "a/b", "...", ".a", "a b/ü"] {
            check_key(key).unwrap();
        }
    }

    #[test]
    fn a_file_that_is_not_what_it_was_is_told() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"12345").unwrap();
        for length in [4, 6] {
            let error = Source::new(file.try_clone().unwrap(), length).unwrap_err();
            assert!(matches!(error, PutError::Changed));
        }
        let source = Source::new(file.try_clone().unwrap(), 5).unwrap();
        source.check_unchanged().unwrap();
        file.set_len(3).unwrap();
        assert!(matches!(source.read_at(&mut [0; 5], 0), Err(PutError::Changed)));
        assert!(matches!(source.check_unchanged(), Err(PutError::Changed)));
    }

    #[test]
    fn what_passes_is_worth_another_try() {
        assert_eq!(PutError::NoSpace.retry(), Retry::Later);
        assert_eq!(PutError::unavailable("busy").retry(), Retry::Later);
        assert_eq!(PutError::Exists.retry(), Retry::Pointless);
        assert_eq!(PutError::PermissionDenied.retry(), Retry::Pointless);
    }
}
