//! On which terms a link of ours opens, beside what it is bound to.
//!
//! ```text
//! terms  = [ ".a" ] [ ".o" ] [ ".s" ] [ ".p" count ] [ ".i" mark ] [ ".t" mark ] [ ".g" copy ]
//! count  = a decimal number, 1 to 65535, without leading zeros
//! mark   = 11 characters of base64url, the first 64 bits of a digest
//! copy   = 22 characters of base64url, the 16 bytes of a forensic tag id
//! ```
//!
//! `a` watches for a link that goes round (requirements E11), `o` lets it be used once (G22), `s`
//! says that it hands over an original, which nobody keeps and no CDN carries (A11, G3), `p` limits
//! how many downloads run at once (E16). Marks say who asked for the link (`i`) and which
//! tag it carries (`t`), for whoever takes back all of an application's, or all of a tag's: what a
//! link carries can be revoked without knowing each link. `g` says that every byte it opens is of a
//! copy with that tag id (requirements E8, K.2).

use std::fmt;
use std::iter::Peekable;
use std::num::NonZeroU16;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::payload::{NotAPayload, Parts};

/// Bytes of a mark. Two that are the same revoke each other's links: among a billion of a tenant's,
/// once in forty.
const MARK_BYTES: usize = 8;

/// See the module. Nothing is the default: a link that opens for whoever has it, as often as they
/// like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkTerms {
    /// Is it watched for going round?
    pub sharing: Sharing,
    /// How often it opens.
    pub uses: Uses,
    /// What its bytes count as.
    pub delivers: Delivers,
    /// Most downloads of it at a time.
    pub parallel: Option<NonZeroU16>,
    /// Who asked for it.
    pub issuer: Option<IssuerMark>,
    /// The tag that it carries.
    pub tag: Option<TagMark>,
    /// Whose copy it opens.
    pub copy: Option<CopyId>,
}

/// Whether a link that goes round is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// It is not.
    #[default]
    Allowed,
    /// It is: every request of it passes the anti-fraud step.
    Watched,
}

/// How often a link opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uses {
    /// As often as one likes.
    #[default]
    Any,
    /// Once: its bytes leave one time.
    One,
}

/// What the bytes that a link opens count as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivers {
    /// What they are to whoever may have them otherwise: for the client, which may keep them while
    /// the link opens.
    #[default]
    AsEver,
    /// An original: kept by nobody, and refused to whoever asks through a CDN.
    Original,
}

/// Stands for the application that asked for a link, of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerMark(Mark);

/// Stands for the text that a link is tagged with, of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagMark(Mark);

/// The forensic tag id of the copy that a link opens. Whoever verified the link knows that it was we
/// who put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CopyId(pub [u8; 16]);

type Mark = [u8; MARK_BYTES];

impl IssuerMark {
    /// Of an application, by its id.
    pub fn of(tenant: u64, application: &str) -> Self {
        Self(mark(tenant, "issuer", application))
    }
}

impl TagMark {
    /// Of a tag.
    pub fn of(tenant: u64, tag: &str) -> Self {
        Self(mark(tenant, "tag", tag))
    }
}

fn mark(tenant: u64, kind: &str, text: &str) -> Mark {
    let mut parts = Parts::of(tenant);
    parts.add(kind);
    parts.add(text);
    parts.digest().first_chunk().copied().unwrap_or_default()
}

impl LinkTerms {
    /// Takes what is known from the front of the items, in its order.
    pub(super) fn take<'t>(
        items: &mut Peekable<impl Iterator<Item = &'t str>>,
    ) -> Result<Self, NotAPayload> {
        let mut sharing = Sharing::Allowed;
        if items.next_if_eq(&"a").is_some() {
            sharing = Sharing::Watched;
        }
        let mut uses = Uses::Any;
        if items.next_if_eq(&"o").is_some() {
            uses = Uses::One;
        }
        let mut delivers = Delivers::AsEver;
        if items.next_if_eq(&"s").is_some() {
            delivers = Delivers::Original;
        }
        let mut after = |letter| {
            let item = items.next_if(|item| item.starts_with(letter))?;
            Some(item.strip_prefix(letter).unwrap_or_default())
        };
        Ok(Self {
            sharing,
            uses,
            delivers,
            parallel: after('p').map(count).transpose()?,
            issuer: after('i').map(read).transpose()?.map(IssuerMark),
            tag: after('t').map(read).transpose()?.map(TagMark),
            copy: after('g').map(read).transpose()?.map(CopyId),
        })
    }
}

fn count(text: &str) -> Result<NonZeroU16, NotAPayload> {
    let number: NonZeroU16 = text.parse().map_err(|_| NotAPayload)?;
    // One text for each number: `+4` and `04` are not it.
    if number.to_string() == text { Ok(number) } else { Err(NotAPayload) }
}

fn read<const N: usize>(text: &str) -> Result<[u8; N], NotAPayload> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAPayload)?;
    bytes.try_into().map_err(|_| NotAPayload)
}

impl fmt::Display for LinkTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sharing, uses, delivers, parallel, issuer, tag, copy } = self;
        match sharing {
            Sharing::Allowed => {}
            Sharing::Watched => f.write_str(".a")?,
        }
        match uses {
            Uses::Any => {}
            Uses::One => f.write_str(".o")?,
        }
        match delivers {
            Delivers::AsEver => {}
            Delivers::Original => f.write_str(".s")?,
        }
        if let Some(count) = parallel {
            write!(f, ".p{count}")?;
        }
        if let Some(IssuerMark(bytes)) = issuer {
            write!(f, ".i{}", URL_SAFE_NO_PAD.encode(bytes))?;
        }
        if let Some(TagMark(bytes)) = tag {
            write!(f, ".t{}", URL_SAFE_NO_PAD.encode(bytes))?;
        }
        if let Some(CopyId(bytes)) = copy {
            write!(f, ".g{}", URL_SAFE_NO_PAD.encode(bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::separated;

    fn parse(text: &str) -> Option<LinkTerms> {
        let mut items = separated(text, b'.').peekable();
        let terms = LinkTerms::take(&mut items).ok()?;
        items.next().is_none().then_some(terms)
    }

    #[test]
    fn terms_have_one_order_and_one_spelling() {
        let mark = "AAAAAAAAAAA";
        let all = format!("a.o.s.p4.i{mark}.t{mark}.g{mark}{mark}");
        assert_eq!(parse(&all).unwrap().to_string(), format!(".{all}"));
        for text in [
            "o.a",
            "a.a",
            "s.o",
            "s.a",
            "s.s",
            "S",
            "p4.o",
            "p4.s",
            "p0",
            "p04",
            "p+4",
            "p65536",
            "p",
            "i",
            "iAAAA",
            "iAAAAAAAAAAB",
            "tAAAAAAAAAAA=",
            "tAAAAAAAAAAA.iAAAAAAAAAAA",
            "g",
            "gAAAAAAAAAAA",
            "gAAAAAAAAAAAAAAAAAAAAAB",
            "gAAAAAAAAAAAAAAAAAAAAAA.tAAAAAAAAAAA",
            "x",
            "A",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_mark_is_of_one_tenant_one_kind_and_one_text() {
        let of = |tenant, text| IssuerMark::of(tenant, text).0;
        assert_eq!(of(1, "app_a"), of(1, "app_a"));
        for other in [of(2, "app_a"), of(1, "app_b"), of(1, ""), TagMark::of(1, "app_a").0] {
            assert_ne!(of(1, "app_a"), other);
        }
    }

    pub(in crate::token) fn any_terms() -> impl Strategy<Value = LinkTerms> {
        let mark = any::<Option<Mark>>();
        let flags = any::<[bool; 3]>();
        (flags, any::<Option<NonZeroU16>>(), mark.clone(), mark, any::<Option<[u8; 16]>>())
            .prop_map(|([watched, once, original], parallel, issuer, tag, copy)| LinkTerms {
                sharing: if watched { Sharing::Watched } else { Sharing::Allowed },
                uses: if once { Uses::One } else { Uses::Any },
                delivers: if original { Delivers::Original } else { Delivers::AsEver },
                parallel,
                issuer: issuer.map(IssuerMark),
                tag: tag.map(TagMark),
                copy: copy.map(CopyId),
            })
    }
}
