//! What the `data` field of a link of ours says.
//!
//! ```text
//! payload = "1." binding [ ".u" ] terms  ; 1 = the version of this grammar
//! binding = "q" digest             ; of the parameters that were signed: one file in one form
//!         / "c" digest             ; of the content or channel: every file of it
//! ```
//!
//! A digest is 16 characters of base64url, `u` opens what is not published, too (G16); for the rest
//! see [`LinkTerms`]. An ACL
//! covers a path only: of a link the digest binds the parameters that choose bytes, or how they are
//! saved (requirements G9). A cookie opens a content in every form (G31), so it binds none of them;
//! what it is bound to is whose file the path names, whatever its ACL covers. Either is bound to the
//! tenant as well: one key may sign for all of them. A payload that says neither, or both, is
//! refused: there is no text that binds nothing. Under a key of somebody else's, the field is opaque
//! text and none of this is read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::Subject;
use super::terms::LinkTerms;
use crate::target::{cut, percent_decode, separated};

/// The parameters that a link of ours signs; others (`cache-buster`) choose nothing.
const SIGNED_PARAMETERS: [&str; 4] = ["quality", "source", "file-name", "streaming"];

/// Bytes of a digest: what it takes to make another text with it is 2^96 hashes.
const DIGEST_BYTES: usize = 12;

/// What a link of ours says beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPayload {
    /// What it is bound to.
    pub binding: LinkBinding,
    /// How far it opens.
    pub opens: LinkOpens,
    /// On which terms.
    pub terms: LinkTerms,
}

/// What a link is bound to, within what its ACL covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkBinding {
    /// One content or channel: every file of it, whatever the query says.
    Owner(OwnerDigest),
    /// The parameters that were signed.
    Query(QueryDigest),
}

/// How far a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOpens {
    /// Also what its editors have not published: it was asked for by somebody who may see that.
    Everything,
    /// What is published, while it is.
    Published,
}

/// A digest of a tenant, and of whose file a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerDigest(Bytes);

/// A digest of a tenant, and of the parameters that a link signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryDigest(Bytes);

type Bytes = [u8; DIGEST_BYTES];

/// A text that is no payload of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAPayload;

impl LinkPayload {
    /// Reads the field's text. Whatever it does not know is refused: it may be what closes
    /// something.
    pub(super) fn parse(text: &str) -> Result<Self, NotAPayload> {
        let mut items = separated(text, b'.').peekable();
        if items.next() != Some("1") {
            return Err(NotAPayload);
        }
        let binding = LinkBinding::parse(items.next().ok_or(NotAPayload)?)?;
        let opens = match items.next_if_eq(&"u") {
            None => LinkOpens::Published,
            Some(_) => LinkOpens::Everything,
        };
        let terms = LinkTerms::take(&mut items)?;
        match items.next() {
            None => Ok(Self { binding, opens, terms }),
            Some(_) => Err(NotAPayload),
        }
    }

    /// Whether it is worth the trouble to look for the tag id of a copy in a text.
    pub(super) fn may_say_copy(text: &str) -> bool {
        text.contains(".g")
    }

    /// Is it of this request?
    pub(super) fn is_of(self, subject: Subject<'_>) -> bool {
        match self.binding {
            LinkBinding::Owner(digest) => {
                OwnerDigest::of(subject.tenant, subject.decoded) == Some(digest)
            }
            LinkBinding::Query(digest) => QueryDigest::of(subject.tenant, subject.query) == digest,
        }
    }
}

impl LinkBinding {
    fn parse(item: &str) -> Result<Self, NotAPayload> {
        let digest = |text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAPayload)?;
            Bytes::try_from(bytes).map_err(|_| NotAPayload)
        };
        match (item.strip_prefix('c'), item.strip_prefix('q')) {
            (Some(text), _) => Ok(Self::Owner(OwnerDigest(digest(text)?))),
            (None, Some(text)) => Ok(Self::Query(QueryDigest(digest(text)?))),
            (None, None) => Err(NotAPayload),
        }
    }
}

impl fmt::Display for LinkPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self.binding {
            LinkBinding::Owner(OwnerDigest(bytes)) => ('c', bytes),
            LinkBinding::Query(QueryDigest(bytes)) => ('q', bytes),
        };
        write!(f, "1.{kind}{}", URL_SAFE_NO_PAD.encode(bytes))?;
        match self.opens {
            LinkOpens::Everything => f.write_str(".u")?,
            LinkOpens::Published => {}
        }
        self.terms.fmt(f)
    }
}

impl OwnerDigest {
    /// Of a tenant and a decoded path, such as `/private/videos/a/source`: of its second and third
    /// segment. None where it names nothing of theirs.
    pub fn of(tenant: u64, path: &str) -> Option<Self> {
        let mut segments = separated(path.strip_prefix('/')?, b'/').skip(1);
        let (kind, id, _of_theirs) = (segments.next()?, segments.next()?, segments.next()?);
        let mut parts = Parts::of(tenant);
        parts.add(kind);
        parts.add(id);
        Some(Self(parts.digest()))
    }
}

impl QueryDigest {
    /// Of a tenant and a query as sent: of its parameters that are signed, in their order, each
    /// decoded once.
    pub fn of(tenant: u64, query: Option<&str>) -> Self {
        let mut parts = Parts::of(tenant);
        for parameter in separated(query.unwrap_or_default(), b'&') {
            let (name, value) = cut(parameter, b'=').unwrap_or((parameter, ""));
            // A name that is no text is none of ours; the asset grammar refuses such a value.
            let Some(name) = percent_decode(name) else { continue };
            if SIGNED_PARAMETERS.contains(&&*name) {
                parts.add(&name);
                parts.add(percent_decode(value).as_deref().unwrap_or(value));
            }
        }
        Self(parts.digest())
    }
}

/// A tenant and texts to be digested, each with its length: no two lists of texts are one text.
pub(super) struct Parts(Sha256);

impl Parts {
    pub(super) fn of(tenant: u64) -> Self {
        Self(Sha256::new_with_prefix(tenant.to_le_bytes()))
    }

    pub(super) fn add(&mut self, text: &str) {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    pub(super) fn digest(self) -> Bytes {
        self.0.finalize().first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::terms::tests::any_terms;
    use super::*;

    /// Sixteen characters of a digest.
    const ZEROS: &str = "AAAAAAAAAAAAAAAA";

    #[test]
    fn what_binds_nothing_or_is_not_known_or_there_twice_is_refused() {
        for text in [
            "",
            "1",
            "1.",
            "1.u",
            "2",
            "u",
            "1.x",
            "1.q",
            "1.c",
            "1.qAAAA",
            "1.cAAAA",
            "11",
            "2.q0",
            "2.c0",
            "1.q0.",
            "1.q0.u.u",
            "1.u.q0",
            "1.q0.q0",
            "1.c0.c0",
            "1.q0.c0",
            "1.c0.q0",
            "1.c0.x",
            "1.c0.u.q0",
            "1.C0",
            "1.q0.a.u",
            "1.q0.o.a",
            "1.q0.s.o",
            "1.q0.s.u",
            "1.s.q0",
            "1.q0.a.x",
            "1.a.q0",
            "1.c0=",
        ] {
            let text = text.replace('0', ZEROS);
            assert_eq!(LinkPayload::parse(&text), Err(NotAPayload), "{text}");
        }
        let (owner, query) = (OwnerDigest([0; 12]), QueryDigest([0; 12]));
        for (text, binding, opens) in [
            ("1.q0", LinkBinding::Query(query), LinkOpens::Published),
            ("1.q0.u", LinkBinding::Query(query), LinkOpens::Everything),
            ("1.c0", LinkBinding::Owner(owner), LinkOpens::Published),
            ("1.c0.u", LinkBinding::Owner(owner), LinkOpens::Everything),
        ] {
            let text = text.replace('0', ZEROS);
            let terms = LinkTerms::default();
            let payload = LinkPayload { binding, opens, terms };
            assert_eq!(LinkPayload::parse(&text), Ok(payload), "{text}");
        }
    }

    #[test]
    fn an_owner_is_the_same_in_all_its_paths_and_no_other() {
        let of = |path| OwnerDigest::of(1, path);
        let own = of("/private/videos/a/source");
        assert!(own.is_some());
        for same in ["/public/videos/a/source", "/private/videos/a/attachments/t/f"] {
            assert_eq!(of(same), own, "{same}");
        }
        for other in
            ["/private/videos/b/source", "/private/channels/a/x", "/private/videosa//x", "/a/b/c/d"]
        {
            assert_ne!(of(other), own, "{other}");
        }
        assert_ne!(OwnerDigest::of(2, "/private/videos/a/source"), own);
        for nobodys in ["", "/", "/private/videos/a", "private/videos/a/source"] {
            assert_eq!(of(nobodys), None, "{nobodys}");
        }
    }

    #[test]
    fn the_digest_is_of_what_chooses_bytes_and_of_nothing_else() {
        let of = |query| QueryDigest::of(1, Some(query));
        assert_eq!(of("quality=360p&cache-buster=1"), of("cache-buster=2&quality=360p"));
        assert_eq!(of("file-name=a%20b"), of("file%2Dname=a%20%62"));
        assert_eq!(QueryDigest::of(1, None), of(""));
        assert_ne!(QueryDigest::of(2, None), of(""));
        for other in ["", "quality=720p", "quality=360p&quality=720p", "quality=360p&streaming=1"] {
            assert_ne!(of("quality=360p"), of(other), "{other}");
        }
        assert_ne!(of("quality=a&source=b"), of("quality=asource&=b"));
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_it_back(
            bytes in any::<[u8; 12]>(),
            of_owner in any::<bool>(),
            everything in any::<bool>(),
            terms in any_terms(),
        ) {
            let opens = if everything { LinkOpens::Everything } else { LinkOpens::Published };
            let binding = if of_owner {
                LinkBinding::Owner(OwnerDigest(bytes))
            } else {
                LinkBinding::Query(QueryDigest(bytes))
            };
            let payload = LinkPayload { binding, opens, terms };
            prop_assert_eq!(LinkPayload::parse(&payload.to_string()), Ok(payload));
        }

        #[test]
        fn any_text_is_read_in_one_way_or_refused(text in "(1\\.[cqu][A-Za-z0-9_.-]{0,40}|.{0,60})") {
            if let Ok(payload) = LinkPayload::parse(&text) {
                prop_assert_eq!(payload.to_string(), text);
            }
        }

        /// Whose file it is decides, and nothing else of the path or the query.
        #[test]
        fn a_binding_to_an_owner_is_of_its_files_only(
            owner in "[a-z]{1,6}", other in "[a-z]{1,6}", rest in "[a-z/]{1,12}", query in ".{0,20}",
        ) {
            let path = |id: &str| format!("/private/videos/{id}/{rest}");
            let digest = OwnerDigest::of(1, &path(&owner)).unwrap();
            let binding = LinkBinding::Owner(digest);
            let (opens, terms) = (LinkOpens::Published, LinkTerms::default());
            let payload = LinkPayload { binding, opens, terms };
            let asked = path(&other);
            let subject = Subject { wire: "", decoded: &asked, query: Some(&query), tenant: 1 };
            prop_assert_eq!(payload.is_of(subject), owner == other);
            let elsewhere = Subject { tenant: 2, ..subject };
            prop_assert!(!payload.is_of(elsewhere));
        }
    }
}
