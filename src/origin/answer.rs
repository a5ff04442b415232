//! What an origin answers.

use bytes::Bytes;
use http::HeaderValue;

use super::body::Body;
use super::disk::DiskObject;
use super::http::HttpObject;
use super::range::{ByteRange, Spans};
use super::validator::Validators;

/// The answer to one [`Ask`](super::Ask).
#[derive(Debug)]
pub enum Answer {
    /// There is such an object: its description, as asked.
    Described(ObjectMeta),
    /// There is such an object.
    Found(Object),
    /// There is no such object.
    NotFound,
    /// The version that the conditions name is still the current one.
    NotModified(Validators),
}

/// The description of an object. Nothing else of what an origin says about itself or its objects
/// leaves this module: no cookies, no server names, no vendor headers.
#[derive(Clone, Debug)]
pub struct ObjectMeta {
    /// Bytes in the whole object; none where the origin will only say at its end.
    pub complete_length: Option<u64>,
    /// Which version this is.
    pub validators: Validators,
    /// The media type; `application/octet-stream` where the origin does not know.
    pub content_type: HeaderValue,
    /// The natural languages of the intended audience, where stated.
    pub content_language: Option<HeaderValue>,
    /// The coding the object is stored in, where stated. We ask for `identity`; an object that
    /// exists only compressed is passed on as it is, and lengths and ranges count coded bytes.
    pub content_encoding: Option<HeaderValue>,
    /// How far the origin lets its answer be kept; it may only restrict what we would say.
    pub keeping: Keeping,
}

/// What an origin says of keeping its answer (RFC 9111 section 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nobody may keep it.
    Nobody,
    /// The client alone may, for so many seconds at most.
    OnlyClient(u64),
    /// Everybody may, for so many seconds at most.
    Everybody(u64),
}

impl Keeping {
    /// Nothing is said.
    pub const UNSTATED: Self = Self::Everybody(u64::MAX);

    /// Reads the values of `Cache-Control`. What a cache must ask again about each time is kept
    /// for no time; a date in `Expires` alone is treated the same, since nobody compared clocks.
    pub fn read<'v>(values: impl Iterator<Item = &'v str>, expires: Expires) -> Self {
        let (mut private, mut age) = (false, None);
        for directive in values.flat_map(|value| value.split(',')) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let name = name.trim().to_ascii_lowercase();
            match &*name {
                "no-store" => return Self::Nobody,
                "private" => private = true,
                "no-cache" | "must-understand" => age = Some(0),
                "max-age" | "s-maxage" => {
                    let stated = value.trim().trim_matches('"').parse().unwrap_or(0);
                    age = Some(age.map_or(stated, |age: u64| age.min(stated)));
                }
                _ => {}
            }
        }
        let age = match (age, expires) {
            (Some(age), _) => age,
            (None, Expires::Stated) => 0,
            (None, Expires::Unstated) => u64::MAX,
        };
        if private { Self::OnlyClient(age) } else { Self::Everybody(age) }
    }
}

/// Is there an `Expires`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    /// There is.
    Stated,
    /// There is none.
    Unstated,
}

/// An object whose bytes can be had once.
#[derive(Debug)]
pub struct Object {
    meta: ObjectMeta,
    content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Disk(DiskObject),
    Http(Box<HttpObject>),
    Memory(Bytes),
}

impl Object {
    /// An object whose bytes are all here. Its `complete_length` is theirs.
    pub fn from_memory(mut meta: ObjectMeta, bytes: Bytes) -> Self {
        meta.complete_length = u64::try_from(bytes.len()).ok();
        Self { meta, content: Content::Memory(bytes) }
    }

    pub(super) fn new(meta: ObjectMeta, content: Content) -> Self {
        Self { meta, content }
    }

    /// The description.
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// Which parts of this version can be had.
    pub fn divisibility(&self) -> Divisibility {
        if self.meta.complete_length.is_none() {
            return Divisibility::Whole;
        }
        match &self.content {
            Content::Disk(_) | Content::Memory(_) => Divisibility::Spans,
            Content::Http(object) => object.divisibility(),
        }
    }

    /// All bytes.
    pub fn into_whole(self) -> Body {
        match (self.meta.complete_length.map(ByteRange::whole), self.content) {
            (Some(Some(range)), content) => content.into_spans(&range.into()),
            (Some(None), _) | (None, Content::Disk(_) | Content::Memory(_)) => Body::empty(),
            (None, Content::Http(object)) => Body::from_http(*object),
        }
    }

    /// The bytes of these ranges one after the other, and not one byte more or less: a body that
    /// cannot keep that promise ends in an error.
    ///
    /// The ranges must lie in the object and respect its [`Object::divisibility`]; where they do
    /// not, the body ends in an error as well.
    pub fn into_spans(self, spans: &Spans) -> Body {
        self.content.into_spans(spans)
    }
}

impl Content {
    fn into_spans(self, spans: &Spans) -> Body {
        match self {
            Self::Disk(file) => Body::from_disk(file, spans),
            Self::Http(object) => Body::from_http_spans(*object, spans),
            Self::Memory(bytes) => Body::from_memory(&bytes, spans),
        }
    }
}

/// Which parts of an object can be had such that all are of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisibility {
    /// One range.
    OneSpan,
    /// Any ranges.
    Spans,
    /// Only all of it: its length is not known before its end.
    Whole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_word_counts() {
        let read = |value: &str| Keeping::read([value].into_iter(), Expires::Unstated);
        for (value, expected) in [
            ("", Keeping::UNSTATED),
            ("public, max-age=60", Keeping::Everybody(60)),
            ("max-age=60, s-maxage=5", Keeping::Everybody(5)),
            ("max-age=x", Keeping::Everybody(0)),
            ("no-cache, max-age=60", Keeping::Everybody(0)),
            ("Private, Max-Age=60", Keeping::OnlyClient(60)),
            ("private=\"set-cookie\"", Keeping::OnlyClient(u64::MAX)),
            ("public, no-store", Keeping::Nobody),
        ] {
            assert_eq!(read(value), expected, "{value}");
        }
        let dated = Keeping::read([].into_iter(), Expires::Stated);
        assert_eq!(dated, Keeping::Everybody(0));
    }
}
