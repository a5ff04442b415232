//! An object that the catalog describes: its origin is held to what is said there.
//!
//! The entity tag is the bytes' SHA-256, whichever origin, edge or key they come from. Until a file
//! was read it has none; then the tag is the origin's with the object's own name before it, for the
//! next version under the same URL is another object, whose origin may call it the same. For the
//! same reason nothing is said of modification dates: the next version may be an older file.

use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::asset::OriginKey;
use crate::origin::{
    Answer, Conditions, EntityTag, IfRange, Object, ObjectMeta, OriginError, OriginFault,
    RangeSpec, Strength, TagMatch, Validators,
};
use crate::policy::{OriginName, RegisteredFile};

/// See the module.
#[derive(Debug)]
pub struct Registered {
    mark: Mark,
    mime: Option<HeaderValue>,
    name: Box<str>,
    tag: Tag,
}

/// Which bytes an object is to have: what is kept of one that was registered otherwise is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    size: u64,
    sha256: Option<[u8; 32]>,
}

#[derive(Debug)]
enum Tag {
    Digest(EntityTag),
    /// What stands before the origin's.
    Prefix(Box<str>),
}

/// What of a client's wishes its origin can be told.
#[derive(Debug)]
pub struct Wishes {
    /// The parts that are wanted; none: the whole.
    pub ranges: Vec<RangeSpec>,
    /// In the origin's own words.
    pub conditions: Conditions,
}

impl Registered {
    pub(super) fn new(file: RegisteredFile, origin: &OriginName, key: &OriginKey) -> Self {
        let RegisteredFile { size, sha256, mime, name } = file;
        let digest = sha256
            .and_then(|digest| EntityTag::new(Strength::Strong, &hex::encode(digest)))
            .map(Tag::Digest);
        Self {
            mark: Mark { size, sha256 },
            mime: HeaderValue::try_from(&*mime).ok().filter(|value| !value.is_empty()),
            name,
            tag: digest.unwrap_or_else(|| Tag::Prefix(prefix(origin, key))),
        }
    }

    /// Which bytes it is to have.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The name it is saved under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells this version from others, where that is known without its origin.
    pub fn validators(&self) -> Option<Validators> {
        match &self.tag {
            Tag::Digest(tag) => {
                Some(Validators { etag: Some(tag.clone()), ..Validators::default() })
            }
            Tag::Prefix(_) => None,
        }
    }

    /// What of a client's wishes its origin can be told. Whatever is left out is seen to when the
    /// answer is made.
    pub fn wishes(&self, ranges: &[RangeSpec], conditions: &Conditions) -> Wishes {
        let if_range = match &conditions.if_range {
            None => Some(None),
            Some(IfRange::Tag(tag)) => self.within_origin(tag),
            Some(IfRange::Date(_) | IfRange::Unreadable) => None,
        };
        // A part of another version is no use: then the whole is wanted.
        let Some(if_range) = if_range else {
            return Wishes { ranges: Vec::new(), conditions: self.if_changed(conditions) };
        };
        let if_range = if_range.map(IfRange::Tag);
        let conditions = Conditions { if_range, ..self.if_changed(conditions) };
        Wishes { ranges: ranges.to_vec(), conditions }
    }

    fn if_changed(&self, conditions: &Conditions) -> Conditions {
        let if_none_match = match (&conditions.if_none_match, &conditions.if_match) {
            // `If-Match` is looked at first, and here (RFC 9110 section 13.2.2).
            (Some(TagMatch::OneOf(tags)), None) => {
                let known = tags.iter().filter_map(|tag| self.within_origin(tag).flatten());
                Some(known.collect::<Vec<_>>()).filter(|tags| !tags.is_empty())
            }
            (Some(TagMatch::Any) | None, _) | (Some(_), Some(_)) => None,
        };
        Conditions { if_none_match: if_none_match.map(TagMatch::OneOf), ..Conditions::default() }
    }

    /// The origin's tag of one of ours: none, if it is of another object or version; within it
    /// none, if there is nothing to ask the origin.
    #[expect(clippy::option_option, reason = "two questions: is it ours, and what is it there")]
    fn within_origin(&self, tag: &EntityTag) -> Option<Option<EntityTag>> {
        match &self.tag {
            Tag::Digest(own) => own.matches_strongly(tag).then_some(None),
            Tag::Prefix(prefix) => {
                let opaque = tag.opaque().strip_prefix(&**prefix)?;
                EntityTag::new(tag.strength(), opaque).map(Some)
            }
        }
    }

    /// The answer in the words of the catalog; an error where the origin has another object.
    pub fn describe(&self, answer: Answer) -> Result<Answer, OriginError> {
        Ok(match answer {
            Answer::Described(mut meta) => {
                let (validators, content_type) = self.description(&meta)?;
                meta.validators = validators;
                meta.content_type = content_type;
                Answer::Described(meta)
            }
            Answer::Found(object) => Answer::Found(self.found(object)?),
            Answer::NotFound(caching) => Answer::NotFound(caching),
            Answer::NotModified(mut fresh) => {
                fresh.validators = self.told(&fresh.validators);
                Answer::NotModified(fresh)
            }
        })
    }

    fn found(&self, object: Object) -> Result<Object, OriginError> {
        let (validators, content_type) = self.description(object.meta())?;
        Ok(object.described(validators, content_type))
    }

    fn description(&self, meta: &ObjectMeta) -> Result<(Validators, HeaderValue), OriginError> {
        let content_type = self.mime.as_ref().unwrap_or(&meta.content_type).clone();
        let validators = match (meta.complete_length, &self.tag) {
            (Some(length), _) if length != self.mark.size => {
                let size = self.mark.size;
                return Err(OriginError::caused_by(
                    OriginFault::NotAsRegistered,
                    format!("it has {length} bytes, and was registered with {size}"),
                ));
            }
            (Some(_), _) | (None, Tag::Prefix(_)) => self.told(&meta.validators),
            // Nobody can say yet that these are the bytes.
            (None, Tag::Digest(_)) => {
                Validators { etag: None, last_modified: None, ..meta.validators.clone() }
            }
        };
        Ok((validators, content_type))
    }

    fn told(&self, origins: &Validators) -> Validators {
        let etag = match &self.tag {
            Tag::Digest(tag) => Some(tag.clone()),
            Tag::Prefix(prefix) => origins
                .etag
                .as_ref()
                .and_then(|tag| EntityTag::new(tag.strength(), &[prefix, tag.opaque()].concat())),
        };
        Validators { etag, last_modified: None, stated_at: origins.stated_at }
    }
}

/// Tells an object from every other of a configuration.
fn prefix(origin: &OriginName, key: &OriginKey) -> Box<str> {
    let (OriginKey::Object(key) | OriginKey::Target(key)) = key;
    let mut hash = Sha256::new();
    for part in [origin.as_str(), key] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    format!("{}-", hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]))).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::origin::{Caching, Freshening, HttpTime};

    const SHA256: [u8; 32] = [0xab; 32];

    fn registered(sha256: Option<[u8; 32]>, mime: &str, key: &str) -> Registered {
        let file =
            RegisteredFile { size: 5, sha256, mime: Arc::from(mime), name: "film.mp4".into() };
        Registered::new(file, &OriginName::new("media"), &OriginKey::Object(key.into()))
    }

    fn tag(text: &str) -> EntityTag {
        EntityTag::parse(text).unwrap()
    }

    fn meta(length: Option<u64>, etag: &str) -> ObjectMeta {
        ObjectMeta {
            complete_length: length,
            validators: Validators {
                etag: EntityTag::parse(etag),
                last_modified: HttpTime::parse("Sun, 06 Nov 1994 08:49:37 GMT"),
                stated_at: None,
            },
            content_type: HeaderValue::from_static("text/html"),
            content_language: None,
            content_encoding: None,
            caching: Caching::UNSTATED,
            forwarded: HeaderMap::new(),
        }
    }

    fn described(registered: &Registered, meta: ObjectMeta) -> (Option<String>, HeaderValue) {
        let answer = registered.describe(Answer::Described(meta)).unwrap();
        let Answer::Described(meta) = answer else { panic!("{answer:?}") };
        assert_eq!(meta.validators.last_modified, None);
        (meta.validators.etag.map(|tag| tag.to_text()), meta.content_type)
    }

    #[test]
    fn the_digest_is_the_tag_where_the_length_is_right() {
        let file = registered(Some(SHA256), "video/mp4", "a");
        let digest = format!("\"{}\"", "ab".repeat(32));
        let (etag, kind) = described(&file, meta(Some(5), "W/\"origins\""));
        assert_eq!(
            (etag.as_deref(), kind),
            (Some(&*digest), HeaderValue::from_static("video/mp4"))
        );
        // Whether an origin that says no length has these bytes shows at the end only.
        assert_eq!(described(&file, meta(None, "\"origins\"")).0, None);
        // Of a type that nobody registered the origin is asked.
        let untyped = registered(Some(SHA256), "", "a");
        assert_eq!(described(&untyped, meta(Some(5), "\"x\"")).1, "text/html");
        assert_eq!(file.validators().unwrap().etag.unwrap().to_text(), digest);
    }

    #[test]
    fn another_length_is_another_object() {
        for sha256 in [Some(SHA256), None] {
            let file = registered(sha256, "video/mp4", "a");
            let object = Object::from_memory(meta(None, "\"x\""), Bytes::from_static(b"longer"));
            for answer in [Answer::Found(object), Answer::Described(meta(Some(4), "\"x\""))] {
                let error = file.describe(answer).unwrap_err();
                assert_eq!(error.fault(), OriginFault::NotAsRegistered);
            }
        }
    }

    #[test]
    fn an_unread_files_tag_is_of_its_object_and_version() {
        let (one, other) = (registered(None, "", "a"), registered(None, "", "b"));
        let of = |file: &Registered, etag: &str| described(file, meta(Some(5), etag)).0.unwrap();
        let mine = of(&one, "\"v1\"");
        assert_ne!(mine, of(&other, "\"v1\""));
        assert_ne!(mine, of(&one, "\"v2\""));
        assert!(of(&one, "W/\"v1\"").starts_with("W/\""), "a tag is never made stronger");
        assert!(one.validators().is_none());
        let fresh = Freshening {
            validators: meta(None, "\"v1\"").validators,
            content_type: None,
            caching: None,
            forwarded: HeaderMap::new(),
        };
        let answer = one.describe(Answer::NotModified(Box::new(fresh))).unwrap();
        let Answer::NotModified(fresh) = answer else { panic!("{answer:?}") };
        assert_eq!(fresh.validators.etag.map(|tag| tag.to_text()), Some(mine));
        assert_eq!(fresh.validators.last_modified, None);
    }

    /// What an origin is told, by what a client wants.
    #[test]
    fn wishes_are_in_the_origins_words() {
        let ranges = [RangeSpec::From(3)];
        let unread = registered(None, "", "a");
        let mine = tag(&described(&unread, meta(Some(5), "\"v1\"")).0.unwrap());
        let hashed = registered(Some(SHA256), "", "a");
        let digest = hashed.validators().unwrap().etag.unwrap();
        let date = HttpTime::parse("Sun, 06 Nov 1994 08:49:37 GMT");
        let if_range = |tag: &EntityTag| Conditions {
            if_range: Some(IfRange::Tag(tag.clone())),
            ..Conditions::default()
        };
        let none_match = |tags: Vec<EntityTag>| Conditions {
            if_none_match: Some(TagMatch::OneOf(tags)),
            ..Conditions::default()
        };
        let plain = Conditions::default();
        let dated =
            Conditions { if_modified_since: date, if_unmodified_since: date, ..plain.clone() };
        let matching = Conditions {
            if_match: Some(TagMatch::OneOf(vec![mine.clone()])),
            ..none_match(vec![mine.clone()])
        };
        for (file, asked, parts, told) in [
            (&unread, plain.clone(), 1, plain.clone()),
            (&unread, if_range(&mine), 1, if_range(&tag("\"v1\""))),
            (&unread, if_range(&tag("\"v1\"")), 0, plain.clone()),
            (&unread, if_range(&digest), 0, plain.clone()),
            (
                &unread,
                none_match(vec![tag("\"x\""), mine.clone()]),
                1,
                none_match(vec![tag("\"v1\"")]),
            ),
            (&unread, none_match(vec![tag("\"v1\"")]), 1, plain.clone()),
            (&unread, dated.clone(), 1, plain.clone()),
            (&unread, matching, 1, plain.clone()),
            (&hashed, if_range(&digest), 1, plain.clone()),
            (&hashed, if_range(&mine), 0, plain.clone()),
            (&hashed, none_match(vec![digest.clone()]), 1, plain.clone()),
            (&hashed, dated, 1, plain.clone()),
        ] {
            let wishes = file.wishes(&ranges, &asked);
            assert_eq!((wishes.ranges.len(), &wishes.conditions), (parts, &told), "{asked:?}");
        }
        for unsure in [IfRange::Unreadable, IfRange::Date(date.unwrap())] {
            let asked = Conditions { if_range: Some(unsure), ..Conditions::default() };
            assert!(unread.wishes(&ranges, &asked).ranges.is_empty());
        }
    }
}
