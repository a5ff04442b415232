//! What a permit is given up for: one object, and how far its bytes may be shared.
//!
//! Three types, because nobody must be able to forget the difference. Only a [`Cacheable`] can be
//! kept between requests; a source is never kept by anybody, and has no way into a cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};

use super::marking::CopyMeans;
use super::registered::{Mark, Registered};
use crate::asset::OriginKey;
use crate::clock::UnixSeconds;
use crate::origin::{
    Answer, Ask, AskMethod, Caching, Conditions, Divisibility, Object, ObjectMeta, Origin,
    OriginError, OriginFault, Vary,
};
use crate::policy::{
    CacheRules, CacheTimes, Exposure, ImageMarkKeys, OriginName, PermittedCopy, PermittedObject,
};

/// A permit that was given up.
#[derive(Debug)]
pub enum Delivery {
    /// The bytes may answer further requests, each of which has a permit of its own.
    Cacheable(Cacheable),
    /// A copy with a forensic tag: made, for whoever has it, of what the origin is asked for each time.
    /// The object's own bytes are had by nobody with it.
    Copy(Copied),
    /// The bytes are asked of the origin each time.
    Private(Redeemed),
    /// An original: asked of the origin each time, and kept by nobody on the way.
    Source(Redeemed),
}

/// One object, for one request.
#[derive(Debug)]
pub struct Redeemed {
    source: Source,
    name: OriginName,
    key: Option<OriginKey>,
    exposure: Exposure,
    registered: Option<Registered>,
}

/// A copy of one object, for one request.
#[derive(Debug)]
pub struct Copied {
    object: Redeemed,
    /// Whose copy it is: a forensic tag id.
    id: [u8; 16],
    means: CopyMeans,
}

/// One object that has a key and an origin, and rules by which it may be kept.
#[derive(Debug)]
pub struct Cacheable {
    source: Source,
    key: OriginKey,
    name: OriginName,
    exposure: Exposure,
    times: CacheTimes,
    registered: Option<Registered>,
}

/// An origin that is asked.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) origin: Arc<Origin>,
    pub(super) identity: OriginIdentity,
}

/// Tells one origin from every other of this process: two names that a configuration gives to one
/// server are two, and so is one name that came to mean another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginIdentity {
    number: u64,
    lasting: Option<LastingIdentity>,
}

/// Tells origins apart also between one run of the program and the next: a digest of an origin's
/// name, and of what of its configuration says which objects it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LastingIdentity(pub [u8; 16]);

impl OriginIdentity {
    /// One that no origin had before.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::of(None)
    }

    /// One of an origin that is the same after a restart.
    #[cfg(test)]
    pub(crate) fn with_lasting(lasting: LastingIdentity) -> Self {
        Self::of(Some(lasting))
    }

    /// One that no origin of this process had before.
    pub(super) fn of(lasting: Option<LastingIdentity>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { number: LAST.fetch_add(1, Ordering::Relaxed), lasting }
    }

    /// None where nothing says that the origin will have the same objects after a restart.
    pub fn lasting(self) -> Option<LastingIdentity> {
        self.lasting
    }
}

/// Asks for one object on behalf of everybody who wants it, after the one who wanted it first may
/// be gone.
#[derive(Debug)]
pub struct Filler {
    origin: Arc<Origin>,
    key: OriginKey,
}

impl Delivery {
    pub(super) fn of(object: PermittedObject, source: Source) -> Self {
        let PermittedObject { origin: name, key, exposure, cache, registered, copy } = object;
        let registered =
            registered.zip(key.as_ref()).map(|(file, key)| Registered::new(*file, &name, key));
        if let Some(PermittedCopy { id, image_mark_keys }) = copy {
            let object = Redeemed { source, name, key, exposure, registered };
            let means = CopyMeans::of(id.0, &image_mark_keys);
            return Self::Copy(Copied { object, id: id.0, means });
        }
        match (key, cache) {
            (key, _) if exposure == Exposure::Source => {
                Self::Source(Redeemed { source, name, key, exposure, registered })
            }
            (Some(key), CacheRules::On(times)) => {
                Self::Cacheable(Cacheable { source, key, name, exposure, times, registered })
            }
            (key, _) => Self::Private(Redeemed { source, name, key, exposure, registered }),
        }
    }

    /// Who else may keep the answer.
    pub fn exposure(&self) -> Exposure {
        match self {
            Self::Cacheable(cacheable) => cacheable.exposure,
            Self::Copy(Copied { object: redeemed, .. })
            | Self::Private(redeemed)
            | Self::Source(redeemed) => redeemed.exposure,
        }
    }

    /// The origin's name.
    pub fn origin(&self) -> &OriginName {
        match self {
            Self::Cacheable(cacheable) => &cacheable.name,
            Self::Copy(Copied { object: redeemed, .. })
            | Self::Private(redeemed)
            | Self::Source(redeemed) => &redeemed.name,
        }
    }

    /// What the catalog says of it, if it is from there.
    pub fn registered(&self) -> Option<&Registered> {
        match self {
            Self::Cacheable(cacheable) => cacheable.registered.as_ref(),
            Self::Copy(Copied { object: redeemed, .. })
            | Self::Private(redeemed)
            | Self::Source(redeemed) => redeemed.registered.as_ref(),
        }
    }

    /// The name that the catalog has for it; else the object's own: the last segment of its key.
    pub fn file_name(&self) -> &str {
        if let Some(registered) = self.registered() {
            return registered.name();
        }
        let key = match self {
            Self::Cacheable(cacheable) => Some(&cacheable.key),
            Self::Copy(Copied { object: redeemed, .. })
            | Self::Private(redeemed)
            | Self::Source(redeemed) => redeemed.key.as_ref(),
        };
        let key = match key {
            Some(OriginKey::Object(key)) => key,
            Some(OriginKey::Target(target)) => target.split('?').next().unwrap_or_default(),
            None => "",
        };
        key.rsplit('/').next().unwrap_or_default()
    }

    /// What to tell of the request headers that an answer was chosen by: nothing, where none of
    /// them travels, for then it was not.
    pub fn vary<'c>(&self, caching: &'c Caching) -> Option<&'c HeaderValue> {
        let forwarding = self.source().origin.forwarding();
        let travels = match &caching.vary {
            Vary::Everything => true,
            Vary::Nothing => false,
            Vary::On(names) => {
                names.iter().any(|name| forwarding.is_some_and(|it| it.requests.contains(name)))
            }
        };
        caching.vary_text.as_ref().filter(|_| travels)
    }

    /// What of a client's request travels on to the origin.
    pub fn forwarded(&self, headers: &HeaderMap) -> HeaderMap {
        let forwarding = self.source().origin.forwarding();
        forwarding.map_or_else(HeaderMap::new, |forwarding| forwarding.of_request(headers))
    }

    fn source(&self) -> &Source {
        match self {
            Self::Cacheable(cacheable) => &cacheable.source,
            Self::Copy(Copied { object: redeemed, .. })
            | Self::Private(redeemed)
            | Self::Source(redeemed) => &redeemed.source,
        }
    }
}

impl Redeemed {
    /// Asks the origin for the object. `ask` may say how, not what: the key is the permit's.
    pub async fn ask<'a>(
        &'a self,
        ask: impl FnOnce(&'a OriginKey) -> Ask<'a>,
    ) -> Result<Answer, OriginError> {
        let Some(key) = &self.key else {
            return Ok(Answer::NotFound(Box::new(Caching::UNSTATED)));
        };
        // Boxed here and below: an ask is large, and requests that need none move its room about.
        Box::pin(self.source.origin.ask(Ask { key, ..ask(key) })).await
    }
}

impl Copied {
    /// A copy that is made for nobody: to learn what it is as a whole.
    pub(super) fn of_object(
        source: Source,
        name: OriginName,
        key: OriginKey,
        registered: Registered,
        id: [u8; 16],
        keys: &ImageMarkKeys,
    ) -> Self {
        let registered = Some(registered);
        let exposure = Exposure::Source;
        let object = Redeemed { source, name, key: Some(key), exposure, registered };
        Self { object, id, means: CopyMeans::of(id, keys) }
    }

    /// What it is made with.
    pub(super) fn means(&self) -> &CopyMeans {
        &self.means
    }

    /// What the catalog says of the original, if it is from there.
    pub(super) fn registered(&self) -> Option<&Registered> {
        self.object.registered.as_ref()
    }

    /// Whose copy it is: the bytes of a forensic tag id.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// What it is a copy of; none where no file can answer to what was asked.
    pub fn original(&self) -> Option<(OriginIdentity, &OriginKey)> {
        Some((self.object.source.identity, self.object.key.as_ref()?))
    }

    /// Asks for what the object is. `ask` may say how, not what. Of an origin that knows no HEAD the
    /// object is asked for, and not read.
    pub async fn describe<'a>(
        &'a self,
        ask: impl Fn(&'a OriginKey) -> Ask<'a> + Copy,
    ) -> Result<Answer, OriginError> {
        let by = |method| self.object.ask(move |key| Ask { method, ranges: &[], ..ask(key) });
        match by(AskMethod::Head).await {
            Err(error) if error.fault() == OriginFault::StatusUnexpected => {
                by(AskMethod::Get).await
            }
            answer => answer,
        }
    }

    /// Asks for the object: only to make the copy of, where it is of the version that is known. None where
    /// there is none, or no parts of one version can be had of it.
    pub async fn begin<'a>(
        &'a self,
        ask: impl FnOnce(&'a OriginKey) -> Ask<'a>,
    ) -> Result<Option<Object>, OriginError> {
        match self.object.ask(ask).await? {
            Answer::Found(object) if object.divisibility() == Divisibility::Spans => {
                Ok(Some(object))
            }
            Answer::Described(_)
            | Answer::Found(_)
            | Answer::NotFound(_)
            | Answer::NotModified(_) => Ok(None),
        }
    }

    /// The object of that version, of which any part may be had: only to make the copy of. It is an
    /// error where there is another version by now, or parts of one version cannot be had.
    pub async fn of_version<'a>(
        &'a self,
        meta: &ObjectMeta,
        ask: impl FnOnce(&'a OriginKey) -> Ask<'a>,
    ) -> Result<Object, OriginError> {
        let Some(key) = &self.object.key else { return Err(OriginFault::Changed.into()) };
        let ask = Ask { method: AskMethod::Get, ranges: &[], ..ask(key) };
        let origin = &self.object.source.origin;
        let object = match origin.known(meta.clone(), ask) {
            Some(object) => object,
            None => match Box::pin(origin.ask(ask)).await? {
                Answer::Found(object) if object.meta().is_version_of(meta) => object,
                Answer::Described(_)
                | Answer::Found(_)
                | Answer::NotFound(_)
                | Answer::NotModified(_) => return Err(OriginFault::Changed.into()),
            },
        };
        match object.divisibility() {
            Divisibility::Spans => Ok(object),
            Divisibility::OneSpan | Divisibility::Whole => Err(OriginError::caused_by(
                OriginFault::HeadMalformed,
                "the origin names no version, so that no copy can be made of parts of one",
            )),
        }
    }
}

impl Cacheable {
    /// The origin that has it.
    pub fn origin(&self) -> OriginIdentity {
        self.source.identity
    }

    /// What it is there.
    pub fn key(&self) -> &OriginKey {
        &self.key
    }

    /// Which bytes it is to have, where the catalog says so.
    pub fn mark(&self) -> Option<&Mark> {
        self.registered.as_ref().map(Registered::mark)
    }

    /// What stands where the origin says nothing.
    pub fn times(&self) -> CacheTimes {
        self.times
    }

    /// Asks the origin for the object, for this request alone.
    pub async fn ask<'a>(
        &'a self,
        ask: impl FnOnce(&'a OriginKey) -> Ask<'a>,
    ) -> Result<Answer, OriginError> {
        Box::pin(self.source.origin.ask(Ask { key: &self.key, ..ask(&self.key) })).await
    }

    /// One that asks for the same object and outlives this request.
    pub fn filler(&self) -> Filler {
        Filler { origin: Arc::clone(&self.source.origin), key: self.key.clone() }
    }
}

impl Filler {
    /// What it asks for.
    pub fn key(&self) -> &OriginKey {
        &self.key
    }

    /// The object of that version, whose bytes are asked for as they are read: those of another
    /// version end in an error. None where its origin cannot be asked so.
    pub fn known(
        &self,
        meta: ObjectMeta,
        forwarded: &HeaderMap,
        now: UnixSeconds,
    ) -> Option<Object> {
        let (method, conditions) = (AskMethod::Get, &Conditions::default());
        let ask = Ask { key: &self.key, method, ranges: &[], conditions, forwarded, now };
        self.origin.known(meta, ask)
    }

    /// Asks for the whole object, or whether it is still the version that the conditions name.
    pub async fn ask(
        &self,
        conditions: &Conditions,
        forwarded: &HeaderMap,
        now: UnixSeconds,
    ) -> Result<Answer, OriginError> {
        let ask =
            Ask { key: &self.key, method: AskMethod::Get, ranges: &[], conditions, forwarded, now };
        Box::pin(self.origin.ask(ask)).await
    }
}
