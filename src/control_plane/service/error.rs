//! Why a service did not do what was asked. Knows nothing of HTTP.

use std::borrow::Cow;

use crate::catalog::ContentKind;
use crate::control_plane::caller::MissingScope;
use crate::control_plane::link::LinkRefusal;
use crate::control_plane::record::{ContentId, Scope};
use crate::control_plane::rendering::NotMade;
use crate::control_plane::store::{Retry, StoreError, StoreErrorKind};
use crate::control_plane::upload::StagingError;
use crate::delivery::OriginError;
use crate::policy::DenialCode;
use crate::rendition::RenditionError;
use crate::response::Denied;

/// A refusal or a failure of a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An archive is over, or something in it is not what it was.
    #[error("the archive is not to be had any more: it is over, or something in it changed")]
    ArchiveGone,
    /// Pictures of others are being compared.
    #[error("other pictures are being compared: come again")]
    ComparingBusy,
    /// Something of that name is there, or was changed at that moment.
    #[error("something of that name is there already, or was changed at that moment")]
    Conflict,
    /// Something is wrong here.
    #[error("the request could not be worked on")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database has no room: nothing was changed.
    #[error("the database has no room")]
    Full(#[source] StoreError),
    /// A value that is not one.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The caller may not do this.
    #[error(transparent)]
    MissingScope(#[from] MissingScope),
    /// The caller would give more than they have.
    #[error("nobody can give a scope they do not have: {0}")]
    MoreThanOwn(Scope),
    /// A link cannot be made here.
    #[error(transparent)]
    NoLink(#[from] LinkRefusal),
    /// Keys cannot be made here.
    #[error("no master key is configured: keys cannot be kept")]
    NoMasterKey,
    /// It is not there, or not the caller's to see.
    #[error("there is nothing of that id")]
    NotFound,
    /// The file is one that no address names now.
    #[error(
        "the file is not handed out: it is of a version that is not the active one, or in a place \
         that no address names"
    )]
    NotHandedOut,
    /// The caller is bound to one tenant, and this is for whoever reaches every one.
    #[error("only whoever reaches every tenant may do this")]
    OneTenantOnly,
    /// An original is not handed over.
    #[error(transparent)]
    Original(#[from] OriginalRefusal),
    /// The connection to the database broke as the change was committed: it may have been made.
    #[error("whether the change was made is not known")]
    OutcomeUnknown(#[source] StoreError),
    /// Everybody may have the file: no link can keep anybody from it.
    #[error("the file is public: a link to it cannot be bound, limited or tagged")]
    Public,
    /// The table would lose most of what is in it, and nobody said that this is meant.
    #[error(
        "{removed} of the {entries} entries that the table has would be gone: compare with \
         dry_run=1, and say force=1 if it is meant"
    )]
    Shrinks {
        /// Entries that the table has.
        entries: usize,
        /// Those that would be gone.
        removed: usize,
    },
    /// It names something that is not there, or something that is there names it.
    #[error("something it names is missing, or something names it")]
    Referenced,
    /// There is no such rendition of an image, or not now.
    #[error(transparent)]
    Rendition(#[from] RenditionRefusal),
    /// A share is not made, not changed or not opened.
    #[error(transparent)]
    Share(#[from] ShareRefusal),
    /// It has been changed since the caller looked.
    #[error("it has been changed since")]
    Stale,
    /// The database does not answer.
    #[error("the database is unavailable")]
    Unavailable(#[source] StoreError),
    /// Too many of a tenant's files wait to be traced.
    #[error("{most} backtraces of the tenant wait already: come again when some are done")]
    TooManyTraces {
        /// How many may.
        most: u64,
    },
    /// Files of an archive were not read yet.
    #[error("the checksums of {files} files are not known yet: try again in a while")]
    Unread {
        /// How many.
        files: usize,
    },
    /// An upload is not taken, or not so.
    #[error(transparent)]
    Upload(#[from] UploadRefusal),
}

/// Why an original is not handed over to somebody who has the right to it.
#[derive(Debug, thiserror::Error)]
#[error("the original is not handed over: {}", code.meaning())]
pub struct OriginalRefusal {
    /// The code that edges would refuse it with.
    pub code: DenialCode,
    /// The whole length of the file, where a range missed it.
    pub complete_length: Option<u64>,
    /// What its origin did.
    #[source]
    pub error: Option<OriginError>,
}

impl From<DenialCode> for OriginalRefusal {
    fn from(code: DenialCode) -> Self {
        Self { code, complete_length: None, error: None }
    }
}

impl From<Denied> for OriginalRefusal {
    fn from(Denied { code, complete_length, error }: Denied) -> Self {
        Self { code, complete_length, error }
    }
}

/// Why a share is not made, not changed or not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareRefusal {
    /// Nothing is added to a share (C30).
    #[error("nothing is added to a share: make a new one of what both are to have")]
    Fixed,
    /// Some of the contents are not the caller's to share.
    #[error("{} of the contents are not yours to share", contents.len())]
    Forbidden {
        /// Which.
        contents: Vec<ContentId>,
    },
    /// It is over, or the visitor's address is closed.
    #[error("the share is over")]
    Gone,
    /// A password is wanted, or the terms are to be accepted.
    #[error("the share is not open: its password is wanted, or its terms are to be accepted")]
    Locked,
    /// Too many passwords were wrong, or too much was asked for at once.
    #[error("too much at once: try again in {retry_after} seconds")]
    Throttled {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// It would have more than a share may have.
    #[error("a share has at most {most} contents of {of}")]
    TooLarge {
        /// How many it may have.
        most: usize,
        /// Of what.
        of: &'static str,
    },
    /// All of its downloads were begun.
    #[error("the share has no download left")]
    UsedUp,
    /// Its contents can be looked at only.
    #[error("what is shared can be looked at, and not be saved")]
    ViewOnly,
    /// The password is another one.
    #[error("the password is not right")]
    WrongPassword,
}

/// Why there is no rendition of a file.
#[derive(Debug, thiserror::Error)]
pub enum RenditionRefusal {
    /// Too many are being made.
    #[error("too many renditions are being made: come again")]
    Busy,
    /// It is none that is read here.
    #[error("the file is no image that can be read: JPEG, PNG, WebP and GIF are")]
    NotAnImage,
    /// The part that is wanted is not in it.
    #[error("the part that is wanted is not in the image, which has {width} × {height} pixels")]
    Outside {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// It has more pixels than images may have of which renditions are made.
    #[error("the image is too large: it has {width} × {height} pixels")]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// It has more bytes.
    #[error("the image is too large: it has more than {most} bytes")]
    TooLong {
        /// How many it may have.
        most: u64,
    },
}

impl From<NotMade> for ServiceError {
    fn from(why: NotMade) -> Self {
        let refusal = match why {
            NotMade::Busy => RenditionRefusal::Busy,
            NotMade::OtherBytes => return Self::Failed(why.into()),
            NotMade::Image(RenditionError::NotAnImage(_)) => RenditionRefusal::NotAnImage,
            NotMade::Image(RenditionError::Outside { width, height }) => {
                RenditionRefusal::Outside { width, height }
            }
            NotMade::Image(RenditionError::TooLarge { width, height }) => {
                RenditionRefusal::TooLarge { width, height }
            }
            NotMade::Image(RenditionError::Failed(why)) => return Self::Failed(why),
        };
        refusal.into()
    }
}

/// Why an upload is not taken, or what it brings is not.
#[derive(Debug, thiserror::Error)]
pub enum UploadRefusal {
    /// Its bytes are not what was said.
    #[error("the bytes are not those of the checksum: none of them was taken")]
    Checksum,
    /// Another control plane has what came of it.
    #[error(
        "what came of the upload is at another control plane: share the upload folder, or have a \
         client's requests go to one"
    )]
    Elsewhere,
    /// It is complete already, failed, or is none any more.
    #[error("nothing more is awaited for the upload")]
    Ended,
    /// The content that it is to be a version of has no files.
    #[error("a content of the kind {} has no file", content.wire_name())]
    NoFile {
        /// What the content is.
        content: ContentKind,
    },
    /// There is no folder for uploads.
    #[error("uploads are not taken here: there is no [control.uploads] folder")]
    NoFolder,
    /// The pipeline's origin is none of this program.
    #[error("the pipeline's origin is no [[origin]] of this control plane")]
    NoOrigin,
    /// The client goes on elsewhere than where the upload is.
    #[error("the upload is at {at} bytes")]
    Offset {
        /// How many bytes there are.
        at: u64,
    },
    /// The content that it is to be a version of is something else.
    #[error(
        "the content is of the kind {}, and the file is of the kind {}: a version is of its \
         content's",
        content.wire_name(), file.wire_name()
    )]
    OtherKind {
        /// What the content is.
        content: ContentKind,
        /// What the file is.
        file: ContentKind,
    },
    /// The tenant would have more than it may.
    #[error("the tenant would have more than its quota of {quota} bytes")]
    OverQuota {
        /// How many bytes it may have.
        quota: u64,
    },
    /// Another request goes on with it.
    #[error("another request goes on with the upload")]
    Overtaken,
    /// The pipeline's origin is an HTTP server.
    #[error("the pipeline's origin is only read: uploads go to folders and object stores")]
    ReadOnly,
    /// The folder's disk is full.
    #[error("there is no room for uploads")]
    NoRoom,
    /// It is longer than uploads may be.
    #[error("the upload is longer than {most} bytes")]
    TooLong {
        /// How many it may have.
        most: u64,
    },
    /// The tenant has begun too many.
    #[error("the tenant has {most} uploads under way: finish or remove some")]
    TooMany {
        /// How many it may have.
        most: u64,
    },
}

impl From<StagingError> for ServiceError {
    fn from(error: StagingError) -> Self {
        let refusal = match error {
            StagingError::Checksum => UploadRefusal::Checksum,
            StagingError::Disk(_) => return Self::Failed(Box::new(error)),
            StagingError::Full => UploadRefusal::NoRoom,
            StagingError::Gone => UploadRefusal::Ended,
            StagingError::Offset { at } => UploadRefusal::Offset { at },
            StagingError::Overtaken => UploadRefusal::Overtaken,
            StagingError::TooLong { most } => UploadRefusal::TooLong { most },
        };
        refusal.into()
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        if error.retry() == Retry::OutcomeUnknown {
            return Self::OutcomeUnknown(error);
        }
        match error.kind() {
            StoreErrorKind::Conflict => Self::Conflict,
            StoreErrorKind::Corrupt
            | StoreErrorKind::SchemaForeign
            | StoreErrorKind::SchemaNewer => Self::Failed(Box::new(error)),
            StoreErrorKind::Full => Self::Full(error),
            StoreErrorKind::Unavailable => Self::Unavailable(error),
            StoreErrorKind::Invalid => Invalid::new("", "a value cannot be stored").into(),
            StoreErrorKind::NotFound => Self::NotFound,
            StoreErrorKind::Referenced => Self::Referenced,
            StoreErrorKind::Stale => Self::Stale,
        }
    }
}

impl From<getrandom::Error> for ServiceError {
    fn from(error: getrandom::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// A value that is not one: where it stands, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Invalid {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole.
    pub pointer: Cow<'static, str>,
    /// What is wrong, without the value.
    pub detail: Cow<'static, str>,
}

impl Invalid {
    /// What is wrong at that place.
    pub fn new(
        pointer: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A text that people gave: not empty, not endless, and without control characters.
pub(super) fn text(
    pointer: impl Into<Cow<'static, str>>,
    text: &str,
    most: usize,
) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > most {
        return Err(Invalid::new(pointer, format!("must have 1 to {most} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(pointer, "must have no control characters"));
    }
    Ok(())
}

/// A name that is one segment of a path.
pub(super) fn name_in_paths(pointer: &'static str, name: &str) -> Result<(), Invalid> {
    text(pointer, name, 100)?;
    if name.contains(['/', '\\']) || name == "." || name == ".." {
        return Err(Invalid::new(pointer, "must have no slashes, and be neither . nor .."));
    }
    Ok(())
}

/// A text that people wrote: perhaps empty, perhaps in lines, not endless.
pub(super) fn prose(
    pointer: impl Into<Cow<'static, str>>,
    text: &str,
    most: usize,
) -> Result<(), Invalid> {
    if text.len() > most {
        return Err(Invalid::new(pointer, format!("must have at most {most} bytes")));
    }
    if text.chars().any(|it| it.is_control() && !matches!(it, '\n' | '\r' | '\t')) {
        return Err(Invalid::new(
            pointer,
            "must have no control characters but line ends and tabs",
        ));
    }
    Ok(())
}

/// A language tag (BCP 47), as long as requirement B8 has it.
pub(super) fn language(pointer: impl Into<Cow<'static, str>>, tag: &str) -> Result<(), Invalid> {
    let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=50).contains(&tag.len()) && tag.bytes().all(is_tag) {
        Ok(())
    } else {
        Err(Invalid::new(pointer, "must be a language tag of 1 to 50 letters, digits and hyphens"))
    }
}

/// A list that is not endless.
pub(super) fn at_most<T>(
    pointer: impl Into<Cow<'static, str>>,
    list: &[T],
    most: usize,
) -> Result<(), Invalid> {
    if list.len() > most {
        return Err(Invalid::new(pointer, format!("must have at most {most} items")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_store_has_its_own_meaning() {
        let of = |kind: StoreErrorKind| ServiceError::from(StoreError::from(kind));
        assert!(matches!(of(StoreErrorKind::Conflict), ServiceError::Conflict));
        assert!(matches!(of(StoreErrorKind::NotFound), ServiceError::NotFound));
        assert!(matches!(of(StoreErrorKind::Stale), ServiceError::Stale));
        assert!(matches!(of(StoreErrorKind::Full), ServiceError::Full(_)));
        assert!(matches!(of(StoreErrorKind::Corrupt), ServiceError::Failed(_)));
    }

    #[test]
    fn a_text_is_bounded_and_printable() {
        assert!(text("/name", "a name", 10).is_ok());
        for wrong in ["", "12345678901", "a\nb"] {
            assert!(text("/name", wrong, 10).is_err(), "{wrong:?}");
        }
    }
}
