//! From a bearer token to a caller.

use super::error::AccountError;
use super::password::PasswordHasher;
use super::secret_text::SecretKind;
use crate::asset::TenantId;
use crate::clock::Clock;
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::link::MasterKey;
use crate::control_plane::record::{
    AccessToken, Application, Edge, Grantee, Person, Role, Scope, ScopeSet, SecretHash, TokenUse,
};
use crate::control_plane::store::{Store, View};
use crate::network::ClientIp;

/// Who there is, and how they prove it.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) passwords: PasswordHasher,
    pub(super) master_key: Option<MasterKey>,
}

/// What a member may do at most; protection and accounts are an administrator's (D15).
const OF_MEMBERS: ScopeSet = ScopeSet::EMPTY
    .with(Scope::CatalogRead)
    .with(Scope::CatalogWrite)
    .with(Scope::FilesRead)
    .with(Scope::FilesSign)
    .with(Scope::SharesWrite);

/// Where a token's holder stands now.
pub(super) struct Holder {
    pub(super) actor: Actor,
    pub(super) tenant: Option<TenantId>,
    pub(super) scopes: ScopeSet,
    pub(super) name: Box<str>,
}

impl Accounts {
    /// Accounts over that store.
    pub fn new(store: Store, clock: Clock, passwords: PasswordHasher) -> Self {
        Self { store, clock, passwords, master_key: None }
    }

    /// The same, with what secrets that sign are sealed under.
    #[must_use]
    pub fn with_master_key(self, master_key: Option<MasterKey>) -> Self {
        Self { master_key, ..self }
    }

    /// Who shows that token.
    pub async fn authenticate(
        &self,
        token: &str,
        address: Option<ClientIp>,
    ) -> Result<Caller, AccountError> {
        let mut view = self.store.view(&Caller::system("authenticate")).await?;
        if token.starts_with(SecretKind::Edge.prefix()) {
            let caller = edge_caller(view.edge_by_token(&SecretHash::of(token)).await?)?;
            return Ok(caller.from_address(address));
        }
        let token = view.access_token(&SecretHash::of(token)).await?;
        self.in_force(&token, TokenUse::Access)?;
        let holder = holder(&mut view, &token.grantee).await?;
        let caller = caller(&token, holder).with_credential(token.id.as_str());
        Ok(caller.from_address(address))
    }

    /// Refuses a token of another use, and one that has ended.
    pub(super) fn in_force(
        &self,
        token: &AccessToken,
        expected: TokenUse,
    ) -> Result<(), AccountError> {
        let ended = token.expires_at <= self.clock.now() || token.revoked_at.is_some();
        if ended || token.token_use != expected { Err(AccountError::NotValid) } else { Ok(()) }
    }
}

/// An edge serves every tenant, and may do nothing but follow.
fn edge_caller(edge: Edge) -> Result<Caller, AccountError> {
    let Edge { id, revoked_at: None, .. } = edge else { return Err(AccountError::NotValid) };
    let scopes = ScopeSet::EMPTY.with(Scope::Edge);
    let credential = id.to_string();
    let caller = Caller::authenticated(Actor::Edge(id), scopes, Reach::EveryTenant);
    Ok(caller.with_credential(&credential))
}

/// The holder of a token, who may have been disabled, or may do less, since it was issued.
pub(super) async fn holder(view: &mut View, grantee: &Grantee) -> Result<Holder, AccountError> {
    match grantee {
        Grantee::Application(id) => application_holder(view.application(id).await?),
        Grantee::Person(id) => person_holder(view.person(id).await?),
    }
}

pub(super) fn application_holder(application: Application) -> Result<Holder, AccountError> {
    let Application { id, tenant, name, scopes, disabled_at, created_at: _, revision: _ } =
        application;
    if disabled_at.is_some() {
        return Err(AccountError::NotValid);
    }
    Ok(Holder { actor: Actor::Application(id), tenant, scopes, name })
}

pub(super) fn person_holder(person: Person) -> Result<Holder, AccountError> {
    let Person { id, tenant, username, role, scopes, disabled_at, .. } = person;
    if disabled_at.is_some() {
        return Err(AccountError::NotValid);
    }
    let scopes = match role {
        Role::Admin => scopes,
        Role::Member => scopes.intersection(OF_MEMBERS),
    };
    Ok(Holder { actor: Actor::Person(id), tenant, scopes, name: username })
}

/// The narrower of what the token says and what its holder may do.
pub(super) fn caller(token: &AccessToken, holder: Holder) -> Caller {
    let reach = Reach::from(holder.tenant.or(token.tenant));
    Caller::authenticated(holder.actor, token.scopes.intersection(holder.scopes), reach)
}
