//! Who asks: an authenticated actor, with what they may do and where.
//!
//! Nothing of the store can be read or written without a [`Caller`]. Each write says in the audit
//! log who made it, and a caller that is bound to a tenant sees no other tenant's records: they do
//! not exist for it. What a scope or a right over a folder permits is decided by the services.

use std::fmt;

use super::record::{ApplicationId, EdgeId, PersonId, Scope, ScopeSet};
use crate::asset::TenantId;
use crate::network::ClientIp;

/// An authenticated actor, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Actor,
    scopes: ScopeSet,
    reach: Reach,
    credential: Option<Box<str>>,
    address: Option<ClientIp>,
}

impl Caller {
    /// An actor whose credentials have been checked.
    pub fn authenticated(actor: Actor, scopes: ScopeSet, reach: Reach) -> Self {
        Self { actor, scopes, reach, credential: None, address: None }
    }

    /// A job of the control plane itself. The reason is what the audit log names as the actor.
    pub fn system(reason: &'static str) -> Self {
        Self::authenticated(Actor::System(reason), ScopeSet::EVERY, Reach::EveryTenant)
    }

    /// The same caller, with the id of the token or key that proved who they are.
    #[must_use]
    pub fn with_credential(self, id: &str) -> Self {
        Self { credential: Some(id.into()), ..self }
    }

    /// The same caller, with where they called from, as far as that is known.
    #[must_use]
    pub fn from_address(self, address: Option<ClientIp>) -> Self {
        Self { address, ..self }
    }

    /// The same caller, who sees no tenant but this one; one who is bound to another stays so.
    #[must_use]
    pub fn within(&self, tenant: TenantId) -> Self {
        let reach = match self.reach {
            Reach::EveryTenant => Reach::Tenant(tenant),
            own @ Reach::Tenant(_) => own,
        };
        Self { reach, ..self.clone() }
    }

    /// Who.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they may do.
    pub fn scopes(&self) -> ScopeSet {
        self.scopes
    }

    /// Where they may do it.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// The id of the token or key that proved who they are.
    pub fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    /// Where they called from.
    pub fn address(&self) -> Option<ClientIp> {
        self.address
    }

    /// Refuses a caller without this scope.
    pub fn require(&self, scope: Scope) -> Result<(), MissingScope> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(MissingScope(scope)) }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A program with client credentials.
    Application(ApplicationId),
    /// An edge that follows the control plane.
    Edge(EdgeId),
    /// Somebody who logged in.
    Person(PersonId),
    /// The control plane itself, and why.
    System(&'static str),
}

impl fmt::Display for Actor {
    /// As it stands in the audit log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(id) => id.fmt(f),
            Self::Edge(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
            Self::System(reason) => write!(f, "system:{reason}"),
        }
    }
}

/// Whose records a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody's.
    EveryTenant,
    /// One tenant's.
    Tenant(TenantId),
}

impl From<Option<TenantId>> for Reach {
    /// Whoever is bound to no tenant reaches every one.
    fn from(bound_to: Option<TenantId>) -> Self {
        bound_to.map_or(Self::EveryTenant, Self::Tenant)
    }
}

impl Reach {
    /// Are this tenant's records in reach?
    pub fn covers(self, tenant: TenantId) -> bool {
        match self {
            Self::EveryTenant => true,
            Self::Tenant(own) => own == tenant,
        }
    }
}

/// A caller without a scope that the operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scope {0} is needed")]
pub struct MissingScope(pub Scope);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_that_was_not_given_is_missing() {
        let scopes = ScopeSet::EMPTY.with(Scope::AuditRead);
        let reach = Reach::Tenant(TenantId(7));
        let caller = Caller::authenticated(Actor::System("test"), scopes, reach);
        assert_eq!(caller.require(Scope::AuditRead), Ok(()));
        assert_eq!(caller.require(Scope::CatalogWrite), Err(MissingScope(Scope::CatalogWrite)));
        assert!(caller.reach().covers(TenantId(7)));
        assert!(!caller.reach().covers(TenantId(8)));
        assert!(Caller::system("test").reach().covers(TenantId(8)));
        assert_eq!(caller.actor().to_string(), "system:test");
    }
}
