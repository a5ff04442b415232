//! What is kept under which name.
//!
//! An origin's identity and the key that the origin was asked with name precisely what is asked:
//! two requests with one key get the same bytes from the origin by definition, whichever site or
//! path they came by, and tokens are no part of it, for they were taken out before. Sites that must
//! not share have origins, or keys, of their own. What the catalog says of an object is part of the
//! name, so that what was kept before it was registered anew is not found any more. Which variant of it is told by the headers that
//! were sent along, and is not in the key (see `stored`).

use std::hash::{Hash, Hasher};

use equivalent::Equivalent;
use http::HeaderMap;

use crate::asset::OriginKey;
use crate::delivery::{Cacheable, Mark, OriginIdentity};

/// The name of an object between requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    origin: OriginIdentity,
    key: OriginKey,
    mark: Option<Box<Mark>>,
}

/// The same without owning it, for looking things up.
#[derive(Clone, Copy, Debug)]
pub(super) struct CacheKeyRef<'a> {
    origin: OriginIdentity,
    key: &'a OriginKey,
    mark: Option<&'a Mark>,
}

impl<'a> CacheKeyRef<'a> {
    pub(super) fn of(cacheable: &'a Cacheable) -> Self {
        Self { origin: cacheable.origin(), key: cacheable.key(), mark: cacheable.mark() }
    }

    pub(super) fn to_key(self) -> CacheKey {
        let mark = self.mark.map(|mark| Box::new(*mark));
        CacheKey { origin: self.origin, key: self.key.clone(), mark }
    }
}

impl Hash for CacheKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As derived for `CacheKey`.
        self.origin.hash(state);
        self.key.hash(state);
        self.mark.hash(state);
    }
}

impl Equivalent<CacheKey> for CacheKeyRef<'_> {
    fn equivalent(&self, key: &CacheKey) -> bool {
        self.origin == key.origin && *self.key == key.key && self.mark == key.mark.as_deref()
    }
}

impl CacheKey {
    #[cfg(test)]
    pub(super) fn of_parts(origin: OriginIdentity, key: OriginKey) -> Self {
        Self { origin, key, mark: None }
    }

    #[cfg(test)]
    pub(super) fn as_ref(&self) -> CacheKeyRef<'_> {
        CacheKeyRef { origin: self.origin, key: &self.key, mark: self.mark.as_deref() }
    }

    /// Bytes that it holds.
    pub(super) fn weight(&self) -> usize {
        text(&self.key).len() + self.mark.as_deref().map_or(0, size_of_val)
    }

    pub(super) fn is_in(&self, scope: &PurgeScope) -> bool {
        match scope {
            PurgeScope::Everything => true,
            PurgeScope::Origin(origin) => self.origin == *origin,
            PurgeScope::Prefix(origin, prefix) => {
                self.origin == *origin && text(&self.key).starts_with(&**prefix)
            }
            PurgeScope::Object(origin, key) => self.origin == *origin && self.key == *key,
        }
    }
}

fn text(key: &OriginKey) -> &str {
    match key {
        OriginKey::Object(text) | OriginKey::Target(text) => text,
    }
}

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeScope {
    /// All there is.
    Everything,
    /// One object, with its variants.
    Object(OriginIdentity, OriginKey),
    /// Everything of one origin.
    Origin(OriginIdentity),
    /// Everything of one origin whose key, or target, begins so.
    Prefix(OriginIdentity, Box<str>),
}

/// What one question to an origin is about: an object, and the headers sent along.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlightKey {
    pub(super) key: CacheKey,
    forwarded: Box<[u8]>,
}

impl FlightKey {
    pub(super) fn new(key: CacheKey, forwarded: &HeaderMap) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in forwarded {
            // Neither holds a line break.
            for part in [name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"] {
                bytes.extend_from_slice(part);
            }
        }
        Self { key, forwarded: bytes.into() }
    }
}
