//! Links that were handed out and shall not open any more.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::target::{PathPattern, percent_decode};
use crate::token::{IssuerMark, LinkTerms, TagMark, VerifiedToken};

/// What is revoked: ids for everybody, and links of single tenants.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    ids: Ids,
    tenants: HashMap<TenantId, Arc<TenantRevocations>>,
}

/// Which links of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "by", content = "subject", rename_all = "snake_case", deny_unknown_fields)]
pub enum RevokedLinks {
    /// Those that an application or a person asked for, by their id, signed before the revocation.
    Issuer(Box<str>),
    /// Those to one asset, or to those whose paths a pattern covers, signed before the revocation:
    /// `/private/videos/…`, decoded. A token says when it was signed by `st`; one that does not
    /// is of before.
    Asset(Box<str>),
    /// Those signed with one key.
    Key(Box<str>),
    /// The one of that id.
    Link(Box<str>),
    /// Those that carry a tag, by its text, signed before the revocation.
    Tag(Box<str>),
    /// All of the tenant's that were signed before the revocation, which began this epoch.
    TenantEpoch(u64),
}

/// What revocations go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'t> {
    /// The link's id, as written.
    pub(crate) id: Option<&'t str>,
    /// The key's id.
    pub(crate) key: &'t str,
    /// When it was signed, as far as it says.
    pub(crate) start: Option<UnixSeconds>,
    /// On which terms.
    pub(crate) terms: LinkTerms,
}

#[cfg(test)]
impl<'t> Signed<'t> {
    /// What was signed without terms.
    pub(crate) fn of(id: Option<&'t str>, key: &'t str, start: Option<UnixSeconds>) -> Self {
        Self { id, key, start, terms: LinkTerms::default() }
    }

    /// The same of a link that somebody of that tenant asked for, perhaps with a tag.
    pub(crate) fn ordered_by(self, tenant: TenantId, issuer: &str, tag: Option<&str>) -> Self {
        let issuer = Some(IssuerMark::of(tenant.0, issuer));
        let tag = tag.map(|tag| TagMark::of(tenant.0, tag));
        Self { terms: LinkTerms { issuer, tag, ..self.terms }, ..self }
    }
}

/// What is revoked of one tenant.
#[derive(Clone, Debug, Default)]
pub struct TenantRevocations {
    links: Ids,
    keys: HashSet<Box<str>>,
    /// Since when.
    assets: HashMap<Box<str>, UnixSeconds>,
    patterns: Vec<(Box<str>, UnixSeconds)>,
    issuers: HashMap<IssuerMark, UnixSeconds>,
    tags: HashMap<TagMark, UnixSeconds>,
    everything: Option<UnixSeconds>,
}

impl TenantRevocations {
    /// One more of this tenant's, made at that moment.
    pub fn add(&mut self, tenant: TenantId, links: &RevokedLinks, at: UnixSeconds) {
        match links {
            RevokedLinks::Issuer(id) => {
                since(&mut self.issuers, IssuerMark::of(tenant.0, id), at);
            }
            RevokedLinks::Asset(path) if path.contains(['*', '?']) => {
                self.patterns.push((path.clone(), at));
            }
            RevokedLinks::Asset(path) => since(&mut self.assets, path.clone(), at),
            RevokedLinks::Key(key) => drop(self.keys.insert(key.clone())),
            RevokedLinks::Link(id) => drop(self.links.0.insert(id.clone())),
            RevokedLinks::Tag(tag) => since(&mut self.tags, TagMark::of(tenant.0, tag), at),
            RevokedLinks::TenantEpoch(_) => self.everything = self.everything.max(Some(at)),
        }
    }

    fn revokes(&self, path: &str, Signed { id, key, start, terms }: Signed<'_>) -> bool {
        let signed_before = |at: UnixSeconds| start.is_none_or(|start| start < at);
        let covers = |pattern: &str| PathPattern::from_bytes(pattern.as_bytes()).matches(path);
        self.keys.contains(key)
            || id.is_some_and(|id| self.links.contains(id))
            || self.everything.is_some_and(signed_before)
            || self.assets.get(path).copied().is_some_and(signed_before)
            || self.patterns.iter().any(|(pattern, at)| signed_before(*at) && covers(pattern))
            || terms
                .issuer
                .and_then(|mark| self.issuers.get(&mark).copied())
                .is_some_and(signed_before)
            || terms.tag.and_then(|mark| self.tags.get(&mark).copied()).is_some_and(signed_before)
    }
}

/// Keeps the latest.
fn since<K: Eq + Hash>(known: &mut HashMap<K, UnixSeconds>, key: K, at: UnixSeconds) {
    let since = known.entry(key).or_insert(at);
    *since = at.max(*since);
}

impl Revocations {
    /// These ids are revoked.
    pub fn new(ids: impl IntoIterator<Item = Box<str>>) -> Self {
        Self { ids: Ids(ids.into_iter().collect()), tenants: HashMap::new() }
    }

    /// These links of single tenants are revoked.
    pub fn of_tenants(tenants: HashMap<TenantId, Arc<TenantRevocations>>) -> Self {
        Self { ids: Ids::default(), tenants }
    }

    /// Is a token of this tenant dead, for the asset or file of this decoded path?
    pub fn revokes(&self, tenant: TenantId, path: &str, token: &VerifiedToken<'_>) -> bool {
        let claims = token.claims();
        let (id, key, start) = (claims.id, token.key().as_str(), claims.start);
        let terms = token.payload().map(|payload| payload.terms).unwrap_or_default();
        let signed = Signed { id, key, start, terms };
        self.revokes_signed(tenant, path, signed)
    }

    /// The same of what was signed, whose signature is none of its business.
    pub(crate) fn revokes_signed(&self, tenant: TenantId, path: &str, signed: Signed<'_>) -> bool {
        signed.id.is_some_and(|id| self.ids.contains(id))
            || self.tenants.get(&tenant).is_some_and(|it| it.revokes(path, signed))
    }

    /// Reads one id a line; blank lines and lines that begin with `#` are passed over.
    pub fn lines(text: &str) -> impl Iterator<Item = Box<str>> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(Into::into)
    }

    /// Is this id revoked for everybody?
    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// How many ids are revoked for everybody.
    pub fn len(&self) -> usize {
        self.ids.0.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.ids.0.is_empty() && self.tenants.is_empty()
    }
}

/// Ids of links.
#[derive(Clone, Debug, Default)]
struct Ids(HashSet<Box<str>>);

impl Ids {
    /// Is the id, as written in the token, revoked? A signer that escapes early writes it
    /// percent-encoded, two of the official libraries a space as `+`; the list holds any of the
    /// spellings.
    fn contains(&self, id: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let decoded = |text: &str| percent_decode(text).is_some_and(|id| self.0.contains(&*id));
        self.0.contains(id)
            || id.contains('%') && decoded(id)
            || id.contains('+') && decoded(&id.replace('+', " "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_either_spelling() {
        let revoked = Revocations::new(Revocations::lines("# lost\n\n s 1 \nlnk_2\r\n"));
        assert_eq!(revoked.len(), 2);
        for (id, expected) in [
            ("s 1", true),
            ("s%201", true),
            ("s+1", true),
            ("%73+1", true),
            ("s+", false),
            ("lnk_2", true),
            ("lnk_", false),
        ] {
            assert_eq!(revoked.ids.contains(id), expected, "{id}");
        }
    }
}
