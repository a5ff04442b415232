//! The proof that a token was verified, and what it was verified against.

use crate::keyring::{KeyId, KeyPurpose};
use crate::target::RequestTarget;

use super::{Carrier, Claims, CopyId, Delivers, LinkPayload};

/// A token whose signature, dates, scope and address were checked for one request.
///
/// Only the schemes' `verify.rs` make one; the fields are private to `token`.
#[derive(Clone, Debug)]
#[must_use]
pub struct VerifiedToken<'t> {
    pub(in crate::token) claims: Claims<'t>,
    pub(in crate::token) key: KeyId,
    pub(in crate::token) purpose: KeyPurpose,
    pub(in crate::token) payload: Option<LinkPayload>,
    pub(in crate::token) carrier: Carrier,
}

impl<'t> VerifiedToken<'t> {
    /// What it says.
    pub fn claims(&self) -> &Claims<'t> {
        &self.claims
    }

    /// The key that verified it.
    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// Whose key that is.
    pub fn purpose(&self) -> KeyPurpose {
        self.purpose
    }

    /// The id of the link that it is, where it is one of our own.
    pub fn own_link(&self) -> Option<&'t str> {
        match self.purpose {
            KeyPurpose::Links => self.claims.id,
            KeyPurpose::Vendor => None,
        }
    }

    /// What it says beside its fields; none under a key of somebody else's.
    pub fn payload(&self) -> Option<LinkPayload> {
        self.payload
    }

    /// What the bytes that it opens count as.
    pub fn delivers(&self) -> Delivers {
        self.payload.map_or(Delivers::AsEver, |payload| payload.terms.delivers)
    }

    /// Whose copy it opens; none: the object itself.
    pub fn copy(&self) -> Option<CopyId> {
        self.payload.and_then(|payload| payload.terms.copy)
    }

    /// Where it rode.
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }
}

/// The request as a token sees it. For asset URLs the paths are the effective ones.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// The path as sent, tokens taken out.
    pub wire: &'s str,
    /// Its one decoding.
    pub decoded: &'s str,
    /// The query as sent, with every parameter; a scheme leaves out its own.
    pub query: Option<&'s str>,
    /// The number of the tenant whose site it is.
    pub tenant: u64,
}

impl<'s> Subject<'s> {
    /// A request to a tenant's site for what it names, as it names it.
    pub fn as_asked(target: &'s RequestTarget, tenant: u64) -> Self {
        let (wire, decoded, query) = (target.wire(), target.decoded(), target.query());
        Self { wire, decoded, query, tenant }
    }
}

/// How many MACs one request may cost: a bound on the work that a stranger can ask for.
#[derive(Debug)]
pub struct MacBudget(u32);

impl MacBudget {
    /// At most 32 a request.
    pub const PER_REQUEST: u32 = 32;

    /// A fresh budget for one request.
    pub fn new() -> Self {
        Self(Self::PER_REQUEST)
    }

    /// Takes one; refuses when none is left.
    pub fn take(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

impl Default for MacBudget {
    fn default() -> Self {
        Self::new()
    }
}
