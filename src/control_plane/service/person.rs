//! People, and their passwords.

use super::application::within;
use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Grantee, Person, PersonDraft, PersonId, Role, Scope};
use crate::control_plane::store::{Expected, Listed, Page};
use crate::secret::Secret;

/// The shortest password of somebody who administers (security.md, "Passwords"), in characters.
const SHORTEST_OF_ADMIN: usize = 12;
/// The shortest password of anybody else.
const SHORTEST: usize = 8;
/// The longest password, in bytes: what is hashed is bounded.
const LONGEST: usize = 1_024;

/// A password as somebody typed it.
#[derive(Debug)]
pub struct PersonPassword(pub Secret<String>);

impl PersonPassword {
    fn accept(&self, role: Role) -> Result<(), Invalid> {
        let shortest = match role {
            Role::Admin => SHORTEST_OF_ADMIN,
            Role::Member => SHORTEST,
        };
        let text = self.0.expose();
        if text.chars().count() < shortest {
            return Err(Invalid::new("/password", format!("needs {shortest} characters")));
        }
        if text.len() > LONGEST {
            return Err(Invalid::new("/password", format!("has at most {LONGEST} bytes")));
        }
        Ok(())
    }
}

impl Services {
    /// The person of that id.
    pub async fn person(&self, caller: &Caller, id: &PersonId) -> Result<Person, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        Ok(self.view(caller).await?.person(id).await?)
    }

    /// People, the oldest first.
    pub async fn person_list(
        &self,
        caller: &Caller,
        page: &Page<PersonId>,
    ) -> Result<Listed<Person, PersonId>, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        Ok(self.view(caller).await?.person_list(page).await?)
    }

    /// Makes somebody; without a password they cannot log in yet.
    pub async fn person_create(
        &self,
        caller: &Caller,
        draft: PersonDraft,
        password: Option<PersonPassword>,
    ) -> Result<Person, ServiceError> {
        accept(caller, &draft)?;
        let hash = match password {
            Some(password) => {
                password.accept(draft.role)?;
                Some(self.passwords().hash(password.0).await.map_err(failed)?)
            }
            None => None,
        };
        let mut change = self.change(caller).await?;
        let mut person = change.person_create(draft).await?;
        if let Some(hash) = hash {
            person = change.person_password_set(&person.id, &hash).await?;
        }
        change.commit().await?;
        Ok(person)
    }

    /// Says something else about somebody. One who is disabled loses their tokens.
    pub async fn person_update(
        &self,
        caller: &Caller,
        id: &PersonId,
        expected: Expected,
        draft: PersonDraft,
    ) -> Result<Person, ServiceError> {
        accept(caller, &draft)?;
        let disables = draft.disabled_at.is_some();
        let mut change = self.change(caller).await?;
        let before = change.view().person(id).await?;
        within(caller, before.scopes)?;
        let person = change.person_update(id, expected, draft).await?;
        if disables && before.disabled_at.is_none() {
            change.access_token_revoke_all(&Grantee::Person(id.clone())).await?;
        }
        change.commit().await?;
        Ok(person)
    }

    /// Gives somebody another password: every session of theirs is over.
    pub async fn person_password_set(
        &self,
        caller: &Caller,
        id: &PersonId,
        password: PersonPassword,
    ) -> Result<Person, ServiceError> {
        let before = self.person(caller, id).await?;
        within(caller, before.scopes)?;
        password.accept(before.role)?;
        let hash = self.passwords().hash(password.0).await.map_err(failed)?;
        let mut change = self.change(caller).await?;
        // Hashing took a while, in which they may have been given more.
        let now = change.view().person(id).await?;
        within(caller, now.scopes)?;
        let person = change.person_password_set(id, &hash).await?;
        change.access_token_revoke_all(&Grantee::Person(id.clone())).await?;
        change.commit().await?;
        Ok(person)
    }

    /// Removes somebody, with their tokens and rights.
    pub async fn person_remove(
        &self,
        caller: &Caller,
        id: &PersonId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        let mut change = self.change(caller).await?;
        let before = change.view().person(id).await?;
        within(caller, before.scopes)?;
        change.person_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }
}

fn accept(caller: &Caller, draft: &PersonDraft) -> Result<(), ServiceError> {
    caller.require(Scope::AccountsAdmin)?;
    text("/username", &draft.username, 128)?;
    within(caller, draft.scopes)
}

pub(super) fn failed(error: crate::control_plane::account::HashingFailed) -> ServiceError {
    ServiceError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_measured() {
        let password = |text: &str| PersonPassword(Secret::new(text.to_owned()));
        assert!(password("eleven char").accept(Role::Admin).is_err());
        assert!(password("twelve chars").accept(Role::Admin).is_ok());
        assert!(password("ääääääää").accept(Role::Member).is_ok());
        assert!(password("ääääääää").accept(Role::Admin).is_err());
        assert!(password(&"x".repeat(1_025)).accept(Role::Member).is_err());
    }
}
