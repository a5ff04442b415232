//! What is asked of an origin.

use http::HeaderMap;

use super::range::RangeSpec;
use super::validator::{EntityTag, HttpTime, TagMatch};
use crate::asset::OriginKey;
use crate::clock::UnixSeconds;

/// One ask.
///
/// An origin answers with the object as it is; it need not honour ranges or conditions. They are
/// here so that an origin across a network can send less. Whoever asked evaluates them against
/// the validators that came back, and takes from the object the bytes they want.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Which object. Only ever the key that was authorised.
    pub key: &'a OriginKey,
    /// Its bytes, or only its description.
    pub method: AskMethod,
    /// Parts that will be wanted, in the order they will be; none: the whole.
    pub ranges: &'a [RangeSpec],
    /// Conditions under which less will be wanted.
    pub conditions: &'a Conditions,
    /// What else of a request travels on to the origin, as [`Forwarding`](super::Forwarding) took
    /// it.
    pub forwarded: &'a HeaderMap,
    /// The current time.
    pub now: UnixSeconds,
}

/// What of an object is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskMethod {
    /// Bytes and description.
    Get,
    /// The description.
    Head,
}

/// A client's conditions (RFC 9110 section 13.1), parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<TagMatch>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<HttpTime>,
    /// `If-None-Match`.
    pub if_none_match: Option<TagMatch>,
    /// `If-Range`.
    pub if_range: Option<IfRange>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<HttpTime>,
}

/// The operand of `If-Range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfRange {
    /// The object was last modified at exactly that second.
    Date(HttpTime),
    /// The object has this tag.
    Tag(EntityTag),
    /// Neither a tag nor a date: it matches nothing.
    Unreadable,
}
