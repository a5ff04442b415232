//! One kept object: its description, when it is fresh, and where its body is.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::freshness::Freshness;
use super::slices::{Pinned, Slices, Tier, VersionId};
use super::store::PurgeCount;
use crate::clock::UnixSeconds;
use crate::delivery::{
    Answer, AskMethod, Conditions, Freshening, Object, ObjectMeta, TagMatch, Vary,
};
use crate::policy::CacheTimes;

/// What an entry costs beside its texts and bytes: maps, counters, reference counts, the head that
/// is made of it; estimated.
const OVERHEAD: usize = 2816;

/// One variant of one object.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    meta: ObjectMeta,
    head: ReadyHead,
    body: StoredBody,
    pub(super) freshness: Freshness,
    /// The request headers it was chosen by, as they were sent.
    selecting: Box<[(HeaderName, Box<[HeaderValue]>)]>,
    /// Its origin failed when it was asked; it may be asked again from this moment.
    failing_until: Option<Instant>,
}

/// What answers with an object's bytes begin with. Made by the first who needs it; what it says is
/// not the cache's business.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct ReadyHead(Arc<OnceLock<HeaderMap>>);

impl ReadyHead {
    /// It, made if need be. Everybody makes the same of one object.
    pub(in super::super) fn get_or_make(&self, make: impl FnOnce() -> HeaderMap) -> HeaderMap {
        self.0.get_or_init(make).clone()
    }
}

/// Where the bytes are.
#[derive(Clone, Debug)]
enum StoredBody {
    Memory(Bytes),
    Slices(Arc<Tier>, VersionId),
}

impl Stored {
    pub(super) fn in_memory(
        meta: ObjectMeta,
        bytes: Bytes,
        freshness: Freshness,
        forwarded: &HeaderMap,
    ) -> Self {
        let selecting = selecting(&meta.caching.vary, forwarded);
        let body = StoredBody::Memory(bytes);
        Self { head: ReadyHead::default(), meta, body, freshness, selecting, failing_until: None }
    }

    /// Describes an object of a version that has a name, whose bytes are kept in slices.
    pub(super) fn in_slices(
        mut meta: ObjectMeta,
        tier: Arc<Tier>,
        named: impl FnOnce(&ObjectMeta, &mut dyn Iterator<Item = &[u8]>) -> VersionId,
        freshness: Freshness,
        forwarded: &HeaderMap,
    ) -> Self {
        // These are of the content that came along, which may have been a part.
        for name in ["content-digest", "content-md5"] {
            meta.forwarded.remove(name);
        }
        let selecting = selecting(&meta.caching.vary, forwarded);
        let mut chosen_by = selecting.iter().flat_map(|(name, values)| {
            let values = values.iter().map(HeaderValue::as_bytes);
            std::iter::once(name.as_str().as_bytes()).chain(values)
        });
        let version = named(&meta, &mut chosen_by);
        drop(chosen_by);
        let body = StoredBody::Slices(tier, version);
        Self { head: ReadyHead::default(), meta, body, freshness, selecting, failing_until: None }
    }

    /// The description.
    pub(super) fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// What every answer with its bytes says.
    pub(super) fn head(&self) -> &ReadyHead {
        &self.head
    }

    /// Where its slices are, if it has any.
    pub(super) fn slices(&self) -> Option<(&Arc<Tier>, VersionId)> {
        match &self.body {
            StoredBody::Memory(_) => None,
            StoredBody::Slices(tier, version) => Some((tier, *version)),
        }
    }

    /// Is it for a request that these headers travel on of (RFC 9111 section 4.1)? A header that
    /// does not travel was absent when it was chosen, and is now.
    pub(super) fn answers(&self, forwarded: &HeaderMap) -> bool {
        self.selecting.iter().all(|(name, values)| forwarded.get_all(name).iter().eq(values))
    }

    /// Was it chosen by the same headers with the same values?
    pub(super) fn is_variant_of(&self, other: &Self) -> bool {
        self.selecting == other.selecting
    }

    /// Bytes that it holds.
    pub(super) fn weight(&self) -> usize {
        let body = match &self.body {
            StoredBody::Memory(bytes) => bytes.len(),
            StoredBody::Slices(..) => 0,
        };
        let headers: usize = self
            .meta
            .forwarded
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 64)
            .sum();
        let selecting: usize = self
            .selecting
            .iter()
            .map(|(name, values)| {
                name.as_str().len() + values.iter().map(|it| it.len() + 32).sum::<usize>() + 48
            })
            .sum();
        body + headers + selecting + self.meta.content_type.len() + OVERHEAD
    }

    /// What an origin that has it would answer. `pin` asks the origin for what is not here, and
    /// `in_hand` is its answer, if it has just described the object.
    pub(super) fn to_answer(
        &self,
        method: AskMethod,
        pin: impl FnOnce(&ObjectMeta) -> Pinned,
        in_hand: Option<(Object, PurgeCount)>,
    ) -> Answer {
        let meta = self.meta.clone();
        match (method, &self.body) {
            (AskMethod::Get, StoredBody::Memory(bytes)) => {
                Answer::Found(Object::from_memory(meta, bytes.clone()))
            }
            (AskMethod::Get, StoredBody::Slices(tier, version)) => {
                let slices = Slices::new(Arc::clone(tier), *version, pin(&meta), in_hand);
                self.with_slices(slices)
            }
            (AskMethod::Head, StoredBody::Memory(bytes)) => {
                let length = u64::try_from(bytes.len()).ok();
                Answer::Described(ObjectMeta { complete_length: length, ..meta })
            }
            (AskMethod::Head, StoredBody::Slices(..)) => Answer::Described(meta),
        }
    }

    /// The same, of slices that were begun.
    pub(super) fn with_slices(&self, slices: Slices) -> Answer {
        Answer::Found(Object::from_pieces(self.meta.clone(), Box::new(slices)))
    }

    /// Asks whether it is still current. An object without validators has no such question, and
    /// is asked for anew.
    pub(super) fn question(&self) -> Conditions {
        let validators = &self.meta.validators;
        Conditions {
            if_none_match: validators.etag.clone().map(|tag| TagMatch::OneOf(vec![tag])),
            // Section 4.3.1: both, where there are both; which of them are sent is the origin's
            // business.
            if_modified_since: validators.last_modified,
            ..Conditions::default()
        }
    }

    /// The same object, current again (RFC 9111 section 4.3.4). What describes the bytes that are
    /// here stays as it is; the version is the one that was asked about.
    pub(super) fn freshened(
        &self,
        freshening: Freshening,
        times: CacheTimes,
        asked: Instant,
        now: UnixSeconds,
    ) -> Self {
        let Freshening { validators, content_type, caching, forwarded } = freshening;
        let mut meta = self.meta.clone();
        meta.validators.stated_at = validators.stated_at;
        if let Some(content_type) = content_type {
            meta.content_type = content_type;
        }
        match caching {
            Some(caching) => meta.caching = caching,
            None => meta.caching.age = 0,
        }
        for name in forwarded.keys() {
            if describes_the_bytes(name) {
                continue;
            }
            meta.forwarded.remove(name);
            for value in forwarded.get_all(name) {
                meta.forwarded.append(name.clone(), value.clone());
            }
        }
        meta.caching.vary = self.meta.caching.vary.clone();
        let freshness = Freshness::new(&meta.caching, &meta.validators, times, asked, now);
        Self { head: ReadyHead::default(), meta, freshness, failing_until: None, ..self.clone() }
    }

    /// The same object, whose origin failed and is left alone until then.
    pub(super) fn failing(&self, until: Instant) -> Self {
        Self { failing_until: Some(until), ..self.clone() }
    }

    /// When may its origin, which failed, be asked again? None where it did not fail.
    pub(super) fn failing_until(&self) -> Option<Instant> {
        self.failing_until
    }
}

fn selecting(vary: &Vary, forwarded: &HeaderMap) -> Box<[(HeaderName, Box<[HeaderValue]>)]> {
    match vary {
        Vary::Everything | Vary::Nothing => Box::default(),
        Vary::On(names) => names
            .iter()
            .map(|name| (name.clone(), forwarded.get_all(name).iter().cloned().collect()))
            .collect(),
    }
}

/// Digests of the content are the stored content's (RFC 9111 section 3.2 excepts what the stored
/// answer depends on).
fn describes_the_bytes(name: &HeaderName) -> bool {
    ["content-digest", "content-md5", "digest", "repr-digest"].contains(&name.as_str())
}
