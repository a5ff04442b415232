//! What an origin answers.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::body::Body;
use super::caching::Caching;
use super::copy::Copying;
use super::disk::DiskObject;
use super::http::HttpObject;
use super::pulled::Pulled;
use super::range::{ByteRange, Spans};
use super::validator::{Strength, Validators};

/// The answer to one [`Ask`](super::Ask).
#[derive(Debug)]
pub enum Answer {
    /// There is such an object: its description, as asked.
    Described(ObjectMeta),
    /// There is such an object.
    Found(Object),
    /// There is no such object; and what is said of keeping that.
    NotFound(Box<Caching>),
    /// The version that the conditions name is still the current one.
    NotModified(Box<Freshening>),
}

/// The description of an object. Nothing else of what an origin says about itself or its objects
/// leaves this module: no cookies, no server names, no vendor headers, unless the operator lists them.
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
    /// How far the origin lets its answer be kept, and by whom.
    pub caching: Caching,
    /// Headers that the operator lets travel from this origin to clients.
    pub forwarded: HeaderMap,
}

impl ObjectMeta {
    /// Do both describe one version, as far as its origin tells them apart?
    pub fn is_version_of(&self, other: &Self) -> bool {
        let Validators { etag, last_modified, stated_at: _ } = &self.validators;
        let named = etag.is_some() || last_modified.is_some();
        named
            && self.complete_length == other.complete_length
            && *etag == other.validators.etag
            && *last_modified == other.validators.last_modified
    }
}

impl ObjectMeta {
    /// Does what it says of its version promise the same bytes also later?
    pub fn names_its_bytes(&self) -> bool {
        match &self.validators.etag {
            Some(etag) => etag.strength() == Strength::Strong,
            None => self.validators.date_is_strong(),
        }
    }
}

/// What an origin says when a version is still the current one: the same object, described anew.
/// What is not said again stays as it was (RFC 9111 section 3.2).
#[derive(Clone, Debug)]
pub struct Freshening {
    /// The version, as far as it is named again.
    pub validators: Validators,
    /// The media type, where it is stated again.
    pub content_type: Option<HeaderValue>,
    /// What is said of keeping the answer from now on; none where nothing is.
    pub caching: Option<Caching>,
    /// Headers that travel on to the client.
    pub forwarded: HeaderMap,
}

/// An object whose bytes can be had once.
#[derive(Debug)]
pub struct Object {
    meta: ObjectMeta,
    content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Begun(Bytes, Body),
    /// A copy of what may be had in any spans.
    Copy(Box<Self>, Box<dyn Copying>),
    Disk(DiskObject),
    Http(Box<HttpObject>),
    Memory(Bytes),
    Pieces(Box<dyn Pieces>),
}

/// The bytes of one version of an object, put together by whoever keeps pieces of it.
pub trait Pieces: fmt::Debug + Send + Sync {
    /// The bytes of these ranges, one after the other. The [`Body`] around them keeps the books.
    fn into_spans(self: Box<Self>, spans: &Spans) -> Pulled;
}

impl Object {
    /// An object of which any parts can be had from somewhere else than its origin alone.
    pub fn from_pieces(meta: ObjectMeta, pieces: Box<dyn Pieces>) -> Self {
        Self { meta, content: Content::Pieces(pieces) }
    }

    /// An object whose bytes are all here. Its `complete_length` is theirs.
    pub fn from_memory(mut meta: ObjectMeta, bytes: Bytes) -> Self {
        meta.complete_length = u64::try_from(bytes.len()).ok();
        Self { meta, content: Content::Memory(bytes) }
    }

    /// An object again of which all bytes were being read: these first, then the rest.
    pub fn begun(meta: ObjectMeta, first: Bytes, rest: Body) -> Self {
        Self { meta, content: Content::Begun(first, rest) }
    }

    pub(super) fn new(meta: ObjectMeta, content: Content) -> Self {
        Self { meta, content }
    }

    /// The description.
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// The same object as somebody else describes it, who knows more of it than its origin. Its
    /// bytes are still asked for by the origin's own validators.
    #[must_use]
    pub fn described(mut self, validators: Validators, content_type: HeaderValue) -> Self {
        self.meta.validators = validators;
        self.meta.content_type = content_type;
        self
    }

    /// A copy of it that has some bytes of its own, and so is described otherwise. Parts
    /// of a copy can be had where any [`Divisibility::Spans`] of the object can; else it is no use.
    #[must_use]
    pub fn copied(self, meta: ObjectMeta, copying: Box<dyn Copying>) -> Self {
        Self { meta, content: Content::Copy(Box::new(self.content), copying) }
    }

    /// Which parts of this version can be had.
    pub fn divisibility(&self) -> Divisibility {
        if self.meta.complete_length.is_none() {
            return Divisibility::Whole;
        }
        match &self.content {
            Content::Begun(..) => Divisibility::Whole,
            Content::Copy(..) | Content::Disk(_) | Content::Memory(_) | Content::Pieces(_) => {
                Divisibility::Spans
            }
            Content::Http(object) => object.divisibility(),
        }
    }

    /// Where in the object the bytes begin that a server is sending already; none where none are
    /// under way.
    pub fn under_way_from(&self) -> Option<u64> {
        match &self.content {
            Content::Begun(..)
            | Content::Copy(..)
            | Content::Disk(_)
            | Content::Memory(_)
            | Content::Pieces(_) => None,
            Content::Http(object) => object.under_way_from(),
        }
    }

    /// All bytes.
    pub fn into_whole(self) -> Body {
        match (self.meta.complete_length.map(ByteRange::whole), self.content) {
            (complete, Content::Begun(first, rest)) => {
                let length = complete.map(|range| range.map_or(0, ByteRange::length));
                Body::begun(first, rest, length)
            }
            (Some(Some(range)), content) => content.into_spans(&range.into()),
            (Some(None), _)
            | (
                None,
                Content::Copy(..) | Content::Disk(_) | Content::Memory(_) | Content::Pieces(_),
            ) => Body::empty(),
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
            // It has no parts (see `divisibility`).
            Self::Begun(..) => Body::from_memory(&Bytes::new(), spans),
            Self::Copy(object, copying) => {
                Body::from_copy(&*copying, spans, |parts| object.into_spans(parts))
            }
            Self::Disk(file) => Body::from_disk(file, spans),
            Self::Http(object) => Body::from_http_spans(*object, spans),
            Self::Memory(bytes) => Body::from_memory(&bytes, spans),
            Self::Pieces(pieces) => Body::from_pieces(pieces.into_spans(spans), spans),
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
