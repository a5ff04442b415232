//! What the `data` field of a link of ours says.
//!
//! ```text
//! payload = "1" *( "." item )     ; 1 = the version of this grammar
//! item    = "q" digest            ; of the parameters that were signed, 16 characters of base64url
//!         / "u"                   ; opens what is not published, too (G16)
//! ```
//!
//! An ACL covers a path only; the digest binds the parameters that choose bytes, or how they are
//! saved (requirements G9). Each item stands at most once. Under a key of somebody else's, the
//! field is opaque text and none of this is read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::target::{cut, percent_decode, separated};

/// The parameters that a link of ours signs; others (`cache-buster`) choose nothing.
const SIGNED_PARAMETERS: [&str; 4] = ["quality", "source", "file-name", "streaming"];

/// Bytes of a digest: what it takes to make another query with it is 2^96 hashes.
const DIGEST_BYTES: usize = 12;

/// What a link of ours says beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPayload {
    /// Of the parameters that were signed; none binds none.
    pub query: Option<QueryDigest>,
    /// How far it opens.
    pub opens: LinkOpens,
}

/// How far a link opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOpens {
    /// Also what its editors have not published: it was asked for by somebody who may see that.
    Everything,
    /// What is published, while it is.
    Published,
}

/// A digest of the parameters that a link signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryDigest([u8; DIGEST_BYTES]);

/// A text that is no payload of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAPayload;

impl LinkPayload {
    /// Reads the field's text. Whatever it does not know is refused: it may be what closes
    /// something.
    pub(super) fn parse(text: &str) -> Result<Self, NotAPayload> {
        let mut items = separated(text, b'.');
        if items.next() != Some("1") {
            return Err(NotAPayload);
        }
        let mut payload = Self { query: None, opens: LinkOpens::Published };
        for item in items {
            match (item.strip_prefix('q'), item, payload) {
                (Some(digest), _, Self { query: None, .. }) => {
                    payload.query = Some(QueryDigest::parse(digest)?);
                }
                (None, "u", Self { opens: LinkOpens::Published, .. }) => {
                    payload.opens = LinkOpens::Everything;
                }
                (_, _, _) => return Err(NotAPayload),
            }
        }
        Ok(payload)
    }
}

impl fmt::Display for LinkPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1")?;
        if let Some(QueryDigest(bytes)) = self.query {
            write!(f, ".q{}", URL_SAFE_NO_PAD.encode(bytes))?;
        }
        match self.opens {
            LinkOpens::Everything => f.write_str(".u"),
            LinkOpens::Published => Ok(()),
        }
    }
}

impl QueryDigest {
    /// Of a query as sent: of its parameters that are signed, in their order, each decoded once.
    pub fn of(query: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &[u8]| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        for parameter in separated(query.unwrap_or_default(), b'&') {
            let (name, value) = cut(parameter, b'=').unwrap_or((parameter, ""));
            // A name that is no text is none of ours; the asset grammar refuses such a value.
            let Some(name) = percent_decode(name) else { continue };
            if SIGNED_PARAMETERS.contains(&&*name) {
                part(name.as_bytes());
                part(percent_decode(value).as_deref().unwrap_or(value).as_bytes());
            }
        }
        let digest = hash.finalize();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }

    fn parse(text: &str) -> Result<Self, NotAPayload> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAPayload)?;
        bytes.try_into().map(Self).map_err(|_| NotAPayload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_known_or_there_twice_is_refused() {
        for text in
            ["", "2", "u", "1.", "1.x", "1.u.u", "1.q", "1.qAAAA", "1.u.qAAAAAAAAAAAAAAAA.u", "11"]
        {
            assert_eq!(LinkPayload::parse(text), Err(NotAPayload), "{text}");
        }
        let twice = "1.qAAAAAAAAAAAAAAAA.qAAAAAAAAAAAAAAAA";
        assert_eq!(LinkPayload::parse(twice), Err(NotAPayload));
        let payload = LinkPayload::parse("1.u.qAAAAAAAAAAAAAAAA").unwrap();
        assert_eq!(payload.opens, LinkOpens::Everything);
        assert_eq!(payload.query, Some(QueryDigest([0; 12])));
        let opens_nothing_else = LinkPayload::parse("1").unwrap();
        assert_eq!(opens_nothing_else, LinkPayload { query: None, opens: LinkOpens::Published });
    }

    #[test]
    fn the_digest_is_of_what_chooses_bytes_and_of_nothing_else() {
        let of = |query| QueryDigest::of(Some(query));
        assert_eq!(of("quality=360p&cache-buster=1"), of("cache-buster=2&quality=360p"));
        assert_eq!(of("file-name=a%20b"), of("file%2Dname=a%20%62"));
        assert_eq!(QueryDigest::of(None), of(""));
        for other in ["", "quality=720p", "quality=360p&quality=720p", "quality=360p&streaming=1"] {
            assert_ne!(of("quality=360p"), of(other), "{other}");
        }
        assert_ne!(of("quality=a&source=b"), of("quality=asource&=b"));
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_it_back(
            bytes in proptest::option::of(any::<[u8; 12]>()),
            everything in any::<bool>(),
        ) {
            let opens = if everything { LinkOpens::Everything } else { LinkOpens::Published };
            let payload = LinkPayload { query: bytes.map(QueryDigest), opens };
            prop_assert_eq!(LinkPayload::parse(&payload.to_string()), Ok(payload));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            if let Ok(payload) = LinkPayload::parse(&text) {
                prop_assert!(LinkPayload::parse(&payload.to_string()).is_ok());
            }
        }
    }
}
