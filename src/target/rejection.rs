//! Why bytes are not a request target.

/// A refused request target. `code` is what an operator sees; [`TargetRejection::reason`] is the
/// one sentence behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TargetRejection {
    /// `\` in the path, raw or by decoding: some file systems and proxies read it as `/`.
    #[error("a backslash in the path")]
    Backslash,
    /// A control character or NUL by decoding.
    #[error("a control character in the path")]
    ControlCharacter,
    /// A segment `.` or `..`, also before `;…`: the path would mean another path.
    #[error("a dot segment in the path")]
    DotSegment,
    /// Text that decodes again into a separator, a dot segment, a control character or no UTF-8.
    #[error("text that a second decoding would change into another path")]
    DoubleEncoding,
    /// Two slashes in a row: some servers merge them, some do not.
    #[error("an empty segment inside the path")]
    EmptySegment,
    /// `/` that appears only by decoding (`%2F`).
    #[error("an encoded slash in the path")]
    EncodedSlash,
    /// `%` that two hexadecimal digits do not follow.
    #[error("a malformed percent escape in the path")]
    MalformedEscape,
    /// The target does not begin with `/`.
    #[error("the target does not begin with a slash")]
    NotAbsolute,
    /// The decoded path is not UTF-8.
    #[error("the decoded path is not UTF-8")]
    NotUtf8,
    /// A token in the path whose raw slashes cut it in pieces: they must be sent as `%2F`.
    #[error("a token in the path is cut by its own slashes, which must be sent as %2F")]
    PathTokenCut,
    /// A byte outside printable ASCII, which must be sent percent-encoded (RFC 3986 section 2).
    #[error("a byte outside printable ASCII")]
    RawByte,
    /// More than one segment carries a path token.
    #[error("more than one token in the path")]
    SeveralPathTokens,
    /// Longer than the configured limit.
    #[error("the target is longer than the limit")]
    TooLong,
}

impl TargetRejection {
    /// Every reason, for tests that enumerate them.
    pub const ALL: &'static [Self] = &[
        Self::Backslash,
        Self::ControlCharacter,
        Self::DotSegment,
        Self::DoubleEncoding,
        Self::EmptySegment,
        Self::EncodedSlash,
        Self::MalformedEscape,
        Self::NotAbsolute,
        Self::NotUtf8,
        Self::PathTokenCut,
        Self::RawByte,
        Self::SeveralPathTokens,
        Self::TooLong,
    ];

    /// The stable code: several reasons share one, as an outsider needs no finer answer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ControlCharacter
            | Self::MalformedEscape
            | Self::NotAbsolute
            | Self::NotUtf8
            | Self::RawByte => "target_malformed",
            Self::Backslash
            | Self::DotSegment
            | Self::DoubleEncoding
            | Self::EmptySegment
            | Self::EncodedSlash
            | Self::PathTokenCut
            | Self::SeveralPathTokens => "target_ambiguous",
            Self::TooLong => "target_too_long",
        }
    }
}
