//! Copies with forensic tags, made while their bytes leave (requirements E8, K.2, K.3).
//!
//! What a copy is made of is the object that a permit names, asked of its origin each time: there is
//! no way from a permit for a copy to the object's own bytes. A few places of the object are read
//! first, to learn where the tag goes and how long the copy is; they are kept, for a client that comes
//! for the next part. Lengths, entity tags and ranges are the copy's from then on. A picture that is to
//! have a mark as well is read and marked as a whole first.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::marking::{CopyMeans, Marked, MarkedName, Marking};
use super::redeemed::{Copied, OriginIdentity};
use super::registered::Registered;
use crate::asset::OriginKey;
use crate::clock::UnixSeconds;
use crate::forensic::{
    Excerpts, Layers, MARKS, MOST_BYTES, MarkKey, Outlook, PLANS, Piece, Refusal, SightedTag, Span,
    SplicePlan, plan,
};
use crate::origin::{
    Answer, Ask, AskMethod, ByteRange, Caching, Conditions, CopyPart, Copying, EntityTag, Object,
    ObjectMeta, OriginError, OriginFault, RangeSpec, Spans, Strength, Validators,
};

/// Bytes that are kept of objects, all together.
const MOST_KEPT: u64 = 32 << 20;

/// Beside the bytes, what is kept of an object costs about so much.
const OVERHEAD: u64 = 2 << 10;

/// Parts of an object up to this length are given from what was read of it, where that has them.
const SHORT: u64 = 64 << 10;

/// Makes copies, and knows what their originals look like. See the module.
#[derive(Debug)]
pub struct Copies {
    known: Cache<(OriginIdentity, OriginKey), Arc<Known>>,
    marking: Marking,
}

/// Nothing of what a client says of its copy is said of the object.
static UNCONDITIONAL: Conditions = Conditions {
    if_match: None,
    if_modified_since: None,
    if_none_match: None,
    if_range: None,
    if_unmodified_since: None,
};

/// For how long an object is read before its copy begins.
const LONGEST: Duration = Duration::from_secs(30);

/// What is known of an object.
#[derive(Clone, Debug)]
struct Known {
    /// In its origin's words.
    meta: ObjectMeta,
    excerpts: Excerpts,
}

/// What a client wants of a copy.
#[derive(Clone, Copy, Debug)]
pub struct CopyWanted<'a> {
    /// The whole of it, or its description.
    pub method: AskMethod,
    /// What the catalog says of the original, if it is from there.
    pub registered: Option<&'a Registered>,
    /// Parts of the copy that will be wanted, in the order they will be; none: the whole.
    pub ranges: &'a [RangeSpec],
    /// Conditions under which less will be wanted.
    pub conditions: &'a Conditions,
    /// What of the client's request travels on.
    pub forwarded: &'a HeaderMap,
    /// Now.
    pub now: UnixSeconds,
}

/// How a copy is made, and what its original is.
struct CopyMade {
    splice: SplicePlan,
    described: ObjectMeta,
}

/// A copy, with what was read of its original at hand.
#[derive(Debug)]
struct Made {
    splice: SplicePlan,
    known: Known,
}

impl Default for Copies {
    fn default() -> Self {
        let weight = |_: &_, known: &Arc<Known>| {
            u32::try_from(known.excerpts.fed().saturating_add(OVERHEAD)).unwrap_or(u32::MAX)
        };
        let known = Cache::builder().max_capacity(MOST_KEPT).weigher(weight).build();
        Self { known, marking: Marking::default() }
    }
}

impl Copies {
    /// The copy, or its description. An object that turns out to have no place for a tag is not the
    /// one that was registered: nothing of it is given.
    pub async fn answer(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
    ) -> Result<Answer, OriginError> {
        let Some((origin, key)) = copied.original() else {
            return Ok(Answer::NotFound(Box::new(Caching::UNSTATED)));
        };
        let name = (origin, key.clone());
        if let Some((known, object)) = self.begun(copied, wanted, &name).await? {
            return self.made_of(copied, wanted, known, Some(object)).await;
        }
        let answer = copied.describe(|key| wanted.ask(key)).await?;
        let meta = match answer {
            Answer::Described(meta) => meta,
            Answer::Found(object) => object.meta().clone(),
            answer @ (Answer::NotFound(_) | Answer::NotModified(_)) => return Ok(answer),
        };
        let length = meta.complete_length.ok_or_else(|| {
            let why = "the origin does not say how long the object is";
            OriginError::caused_by(OriginFault::NotAsRegistered, why)
        })?;
        let kept = self.known.get(&name).filter(|kept| kept.meta.is_version_of(&meta));
        let excerpts = kept.filter(|_| meta.names_its_bytes()).map(|kept| kept.excerpts.clone());
        // What else the origin says is said for this request.
        let known = Known { excerpts: excerpts.unwrap_or_else(|| Excerpts::of(length)), meta };
        self.made_of(copied, wanted, known, None).await
    }

    /// The object, where it need not be asked what it is first: enough is kept of it, its bytes are
    /// wanted whatever they are, and it still is what it was.
    async fn begun(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
        name: &(OriginIdentity, OriginKey),
    ) -> Result<Option<(Known, Object)>, OriginError> {
        let marked_first = !matches!(copied.means(), CopyMeans::Tag);
        let conditional = *wanted.conditions != Conditions::default();
        if wanted.method != AskMethod::Get || conditional || marked_first {
            return Ok(None);
        }
        let kept = self.known.get(name).filter(|kept| kept.meta.names_its_bytes());
        let Some(kept) = kept else { return Ok(None) };
        let ranges: Option<Vec<RangeSpec>> = match wanted.ranges {
            [] => Some(Vec::new()),
            [range] => kept.range_of_object(copied, wanted, *range).map(|range| vec![range]),
            _ => None,
        };
        let Some(ranges) = ranges else { return Ok(None) };
        let asked = copied.begin(|key| Ask { ranges: &ranges, ..wanted.ask(key) }).await?;
        let Some(object) = asked.filter(|it| it.meta().is_version_of(&kept.meta)) else {
            return Ok(None);
        };
        // What else the origin says is said for this request.
        let known = Known { excerpts: kept.excerpts.clone(), meta: object.meta().clone() };
        Ok(Some((known, object)))
    }

    /// The copy of what is known; `begun` is the object, where its bytes are on their way.
    async fn made_of(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
        mut known: Known,
        begun: Option<Object>,
    ) -> Result<Answer, OriginError> {
        let Some((origin, key)) = copied.original() else {
            return Err(OriginFault::Changed.into());
        };
        let name = (origin, key.clone());
        let asked = known.excerpts.asks();
        let made = self.made(copied, wanted, &mut known);
        let made = timeout(LONGEST, made).await;
        if known.excerpts.asks() > asked && known.meta.names_its_bytes() {
            // Also of one that cannot be tagged: it is not read for each who asks.
            self.known.insert(name, Arc::new(known.clone()));
        }
        let made = match made {
            Ok(made) => made?,
            Err(late) => return Err(OriginError::caused_by(OriginFault::HeadTimedOut, late)),
        };
        match copied.means() {
            CopyMeans::Tag => {}
            CopyMeans::TagAndMark(mark_key) => {
                let marked = self.marked(copied, wanted, &known, mark_key);
                match timeout(LONGEST, marked).await {
                    Ok(Ok(Marked::Picture(picture))) => {
                        return marked_copy(copied, wanted.method, picture, made.described);
                    }
                    Ok(Ok(Marked::TakesNone)) => {}
                    Ok(Err(error)) => return Err(error),
                    Err(late) => {
                        return Err(OriginError::caused_by(OriginFault::CopyNotMade, late));
                    }
                }
            }
            CopyMeans::KeyUnknown => {
                let why = "nobody said yet what marks its pictures";
                return Err(OriginError::caused_by(OriginFault::CopyNotMade, why));
            }
        }
        let CopyMade { splice, described } = made;
        let length = splice.length();
        let mut described = ObjectMeta {
            complete_length: Some(length),
            validators: validators_of_copy(&described.validators, copied.id()),
            ..described
        };
        drop_digests(&mut described.forwarded);
        match wanted.method {
            AskMethod::Head => Ok(Answer::Described(described)),
            AskMethod::Get => {
                let object = match begun {
                    Some(object) => object,
                    None => copied.of_version(&known.meta, |key| wanted.ask(key)).await?,
                };
                let made = Made { splice, known };
                Ok(Answer::Found(object.copied(described, Box::new(made))))
            }
        }
    }

    /// What the object shows with the mark of the copy in it, if it takes one.
    async fn marked(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
        known: &Known,
        key: &MarkKey,
    ) -> Result<Marked, OriginError> {
        // The tag says so, whatever the file is called by now: its bytes tell what it is.
        let length = known.meta.complete_length.filter(|length| *length <= MOST_BYTES);
        let (Some(length), Some((origin, object))) = (length, copied.original()) else {
            return Ok(Marked::TakesNone);
        };
        let version = validators_of_copy(&known.meta.validators, copied.id()).etag;
        // Of a file that was written a moment ago, or an origin that is not sure, it is weak.
        let version = version.filter(|etag| etag.strength() == Strength::Strong);
        let version = version.map(|etag| etag.opaque().into());
        let name = MarkedName { origin, key: object.clone(), version, id: copied.id() };
        if let Some(kept) = self.marking.kept(&name) {
            return Ok(kept);
        }
        let read = async || {
            let object = copied.of_version(&known.meta, |key| wanted.ask(key)).await?;
            read(object, Span { offset: 0, length }).await
        };
        self.marking.marked(name, key, read).await
    }

    /// How the copy is made, with what has to be read of its original for that.
    async fn made(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
        known: &mut Known,
    ) -> Result<CopyMade, OriginError> {
        let refused = |refusal| OriginError::caused_by(OriginFault::NotAsRegistered, refusal);
        if known.meta.content_encoding.is_some() {
            return Err(refused(Refusal::UnsupportedForm));
        }
        let described = known.described(wanted)?;
        let tag = SightedTag::from_bytes(copied.id());
        loop {
            match plan(&known.excerpts, described.content_type.to_str().ok(), tag) {
                Outlook::Planned(planned) => {
                    return Ok(CopyMade { splice: planned.splice, described });
                }
                Outlook::Refused(refusal) => return Err(refused(refusal)),
                Outlook::Need(span) => {
                    let object = copied.of_version(&known.meta, |key| wanted.ask(key)).await?;
                    known.excerpts.feed(span.offset, read(object, span).await?);
                }
            }
        }
    }
}

impl Known {
    /// What it is in the catalog's words, if it is from there.
    fn described(&self, wanted: CopyWanted<'_>) -> Result<ObjectMeta, OriginError> {
        let meta = self.meta.clone();
        let Some(registered) = wanted.registered else { return Ok(meta) };
        match registered.describe(Answer::Described(meta))? {
            Answer::Described(meta) => Ok(meta),
            Answer::Found(_) | Answer::NotFound(_) | Answer::NotModified(_) => {
                Err(OriginFault::Changed.into())
            }
        }
    }

    /// What is read of the object for a range of the copy; none where that is nothing, or not known.
    fn range_of_object(
        &self,
        copied: &Copied,
        wanted: CopyWanted<'_>,
        range: RangeSpec,
    ) -> Option<RangeSpec> {
        let described = self.described(wanted).ok()?;
        let tag = SightedTag::from_bytes(copied.id());
        let content_type = described.content_type.to_str().ok();
        let Outlook::Planned(planned) = plan(&self.excerpts, content_type, tag) else {
            return None;
        };
        let range = range.resolve(planned.splice.length())?;
        let made = Made { splice: planned.splice, known: self.clone() };
        let mut parts = made.parts(range).into_iter().filter_map(|part| match part {
            CopyPart::Object(range) => Some(range),
            CopyPart::Own(_) => None,
        });
        let first = parts.next()?;
        let last = parts.last().unwrap_or(first);
        Some(RangeSpec::FromTo(first.first(), last.last()))
    }
}

impl CopyWanted<'_> {
    fn ask<'a>(&'a self, key: &'a OriginKey) -> Ask<'a> {
        let Self { method, forwarded, now, registered: _, ranges: _, conditions: _ } = *self;
        // Ranges and conditions are the copy's.
        Ask { key, method, ranges: &[], conditions: &UNCONDITIONAL, forwarded, now }
    }
}

/// The copy of a picture that shows its mark.
fn marked_copy(
    copied: &Copied,
    method: AskMethod,
    picture: Bytes,
    described: ObjectMeta,
) -> Result<Answer, OriginError> {
    let tag = SightedTag::from_bytes(copied.id());
    let mut excerpts = Excerpts::of(picture.len() as u64);
    let splice = loop {
        match plan(&excerpts, described.content_type.to_str().ok(), tag) {
            Outlook::Planned(planned) => break planned.splice,
            Outlook::Refused(refusal) => {
                return Err(OriginError::caused_by(OriginFault::NotAsRegistered, refusal));
            }
            Outlook::Need(Span { offset, length }) => {
                let [from, to] = [offset, offset.saturating_add(length)].map(|at| {
                    usize::try_from(at).map_or(picture.len(), |at| at.min(picture.len()))
                });
                excerpts.feed(offset, picture.slice(from..to));
            }
        }
    };
    let mut meta = ObjectMeta {
        validators: validators_of_copy(&described.validators, copied.id()),
        ..described
    };
    drop_digests(&mut meta.forwarded);
    let described = ObjectMeta { complete_length: Some(splice.length()), ..meta.clone() };
    Ok(match method {
        AskMethod::Head => Answer::Described(described),
        AskMethod::Get => {
            let made = Made { splice, known: Known { meta: meta.clone(), excerpts } };
            Answer::Found(Object::from_memory(meta, picture).copied(described, Box::new(made)))
        }
    })
}

/// What tells a copy from its original and from everybody else's, where it is known what tells the
/// original from its other versions.
pub fn validators_of_copy(original: &Validators, id: [u8; 16]) -> Validators {
    let named = match (&original.etag, original.last_modified) {
        (Some(etag), _) => Some((etag.strength(), etag.opaque().to_owned())),
        (None, Some(date)) if original.date_is_strong() => Some((Strength::Strong, date.to_text())),
        (None, Some(date)) => Some((Strength::Weak, date.to_text())),
        (None, None) => None,
    };
    let etag = named.and_then(|(strength, name)| {
        let mut hash = Sha256::new();
        hash.update(PLANS.to_be_bytes());
        match SightedTag::from_bytes(id).layers() {
            Some(Layers::Container) | None => {}
            Some(Layers::Image) => hash.update(MARKS.to_be_bytes()),
        }
        hash.update(id);
        hash.update(name);
        let digest = hex::encode(hash.finalize());
        EntityTag::new(strength, digest.get(..32)?)
    });
    // The date is the original's, and every other copy's.
    Validators { etag, last_modified: None, ..original.clone() }
}

/// Origins' own digests of the object are none of the copy.
fn drop_digests(forwarded: &mut HeaderMap) {
    const WHOLE: [&str; 6] = [
        "content-digest",
        "content-md5",
        "digest",
        "repr-digest",
        "x-goog-hash",
        "x-ms-blob-content-md5",
    ];
    const BEGINNINGS: [&str; 2] = ["x-amz-checksum-", "x-ms-content-"];
    let names: Vec<HeaderName> = forwarded
        .keys()
        .filter(|name| {
            let name = name.as_str();
            WHOLE.contains(&name) || BEGINNINGS.iter().any(|it| name.starts_with(it))
        })
        .cloned()
        .collect();
    for name in names {
        forwarded.remove(name);
    }
}

/// Bytes of an object, all of them, and no more memory than that.
async fn read(object: Object, span: Span) -> Result<Bytes, OriginError> {
    let end = span.offset.saturating_add(span.length);
    let Some(range) = ByteRange::new(span.offset, end.saturating_sub(1)) else {
        return Ok(Bytes::new());
    };
    let bytes = object.into_spans(&Spans::from(range)).collect().await?.to_bytes();
    Ok(Bytes::copy_from_slice(&bytes))
}

impl Copying for Made {
    fn parts(&self, range: ByteRange) -> Vec<CopyPart> {
        let span = Span { offset: range.first(), length: range.length() };
        self.splice
            .pieces(span)
            .filter_map(|piece| match piece {
                Piece::Literal(bytes) => Some(CopyPart::Own(bytes)),
                Piece::Source(span) => {
                    let held =
                        if span.length <= SHORT { self.known.excerpts.held(span) } else { None };
                    if let Some(bytes) = held {
                        return Some(CopyPart::Own(bytes));
                    }
                    let last = span.offset.checked_add(span.length)?.checked_sub(1)?;
                    ByteRange::new(span.offset, last).map(CopyPart::Object)
                }
            })
            .collect()
    }
}
