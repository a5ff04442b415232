//! Identifiers, one type a role.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS};
use serde::{Deserialize, Serialize};

/// The tenant (movingimage's videoManagerId) that owns a site's assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub u64);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A video's id: one path segment, any alphabet, often 22 base64url characters; it may begin
/// with `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct VideoId(Box<str>);

impl VideoId {
    /// Takes a decoded path segment; none when it is empty or holds a slash.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('/')).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no path segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a video id is one path segment")]
pub struct NotAVideoId;

impl TryFrom<String> for VideoId {
    type Error = NotAVideoId;

    fn try_from(text: String) -> Result<Self, NotAVideoId> {
        Self::new(&text).ok_or(NotAVideoId)
    }
}

impl std::borrow::Borrow<str> for VideoId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A content's id in every dialect: 22 characters of base64url where we make it, any one path
/// segment of up to 64 bytes where somebody else did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ContentId(Box<str>);

impl ContentId {
    /// The one of these bits.
    pub fn of_bits(mut bits: u128) -> Self {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::with_capacity(22);
        for _ in 0..22 {
            text.extend(DIGITS.get((bits & 63) as usize).map(|digit| char::from(*digit)));
            bits >>= 6;
        }
        Self(text.into())
    }

    /// The id of that text.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\')
            && text != "."
            && text != "..";
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no content's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct NotAContentId;

impl TryFrom<String> for ContentId {
    type Error = NotAContentId;

    fn try_from(text: String) -> Result<Self, NotAContentId> {
        Self::parse(&text).ok_or(NotAContentId)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A channel's (folder's) number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelId(pub u64);

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an origin is asked for.
///
/// A disk or object origin gets decoded text, segments joined by `/`, without a leading slash. An
/// HTTP origin gets the request target byte for byte as it was authorised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginKey {
    /// A decoded object key or relative file path.
    Object(Box<str>),
    /// `/path[?query]` for an HTTP origin, to be sent as it is.
    Target(Box<str>),
}

/// What the path of a URL must escape when it is made from decoded text: everything but RFC 3986
/// `pchar` and `/`, and `%` itself.
pub const PATH_ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
