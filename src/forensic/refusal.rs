//! Why a file is not tagged.

/// A file that has no place for a tag, or none that can be found. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It is encrypted, so that nobody can tell whether it is signed.
    #[error("the file is encrypted")]
    Encrypted,
    /// What it says of itself contradicts itself or its format.
    #[error("the file is not of its format")]
    Malformed,
    /// Its format has no place for a tag, or nobody here knows it.
    #[error("files of this kind cannot carry a tag")]
    NoCarrier,
    /// The places for a tag are full.
    #[error("the file has no room left for a tag")]
    NoRoom,
    /// More or larger places of it would have to be read than a plan may cost.
    #[error("the file would have to be read in too many places")]
    Scattered,
    /// It is signed, and would show as changed after its signing.
    #[error("the file is signed: a tag would break the signature")]
    Signed,
    /// It is shorter than it says.
    #[error("the file is cut off")]
    Truncated,
    /// Of a known format, in a form of it that is not handled.
    #[error("the file has a form that cannot be tagged")]
    UnsupportedForm,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: &'static [Self] = &[
        Self::Encrypted,
        Self::Malformed,
        Self::NoCarrier,
        Self::NoRoom,
        Self::Scattered,
        Self::Signed,
        Self::Truncated,
        Self::UnsupportedForm,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Encrypted => "tag_file_encrypted",
            Self::Malformed => "tag_file_malformed",
            Self::NoCarrier => "tag_no_carrier",
            Self::NoRoom => "tag_no_room",
            Self::Scattered => "tag_file_scattered",
            Self::Signed => "tag_file_signed",
            Self::Truncated => "tag_file_truncated",
            Self::UnsupportedForm => "tag_unsupported_form",
        }
    }
}
