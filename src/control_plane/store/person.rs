//! People.

use super::change::Change;
use super::error::StoreError;
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{PasswordHash, Person, PersonDraft, PersonId};

fn read(row: &Row) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.text("id")?,
        tenant: row.number_opt("tenant")?,
        username: row.text("username")?,
        role: row.text("role")?,
        scopes: row.text("scopes")?,
        password: row.text_opt("password")?,
        password_version: row.number("password_version")?,
        created_at: row.number("created_at")?,
        disabled_at: row.number_opt("disabled_at")?,
        revision: row.number("revision")?,
    })
}

/// What a name is compared by.
fn username_key(username: &str) -> String {
    username.to_lowercase()
}

impl View {
    /// The person of that id.
    pub async fn person(&mut self, id: &PersonId) -> Result<Person, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, username, role, scopes, password, password_version, created_at, \
             disabled_at, revision FROM person WHERE id = $1",
        );
        let person = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(person.tenant)?;
        Ok(person)
    }

    /// The person of that name, without regard to case.
    pub async fn person_by_username(&mut self, username: &str) -> Result<Person, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, username, role, scopes, password, password_version, created_at, \
             disabled_at, revision FROM person WHERE username_key = $1",
        );
        let person = read(&self.found(statement.bind(username_key(username))).await?)?;
        self.reach(person.tenant)?;
        Ok(person)
    }

    /// People, the oldest first.
    pub async fn person_list(
        &mut self,
        page: &Page<PersonId>,
    ) -> Result<Listed<Person, PersonId>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT id, tenant, username, role, scopes, password, password_version, created_at, \
             disabled_at, revision FROM person \
             WHERE id > $1 AND ($2 IS NULL OR tenant = $2) ORDER BY id LIMIT $3",
        );
        let after = page.after.as_ref().map_or("", PersonId::as_str);
        let statement = statement.bind(after).bind(only).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let people = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(people, page, |person: &Person| person.id.clone()))
    }
}

impl Change {
    /// Makes somebody who can log in, once they have a password.
    pub async fn person_create(&mut self, draft: PersonDraft) -> Result<Person, StoreError> {
        self.view().reach(draft.tenant)?;
        let PersonDraft { tenant, username, role, scopes, disabled_at } = draft;
        let created_at = self.now();
        let person = Person {
            id: PersonId::random(created_at)?,
            tenant,
            username,
            role,
            scopes,
            password: None,
            password_version: 0,
            created_at,
            disabled_at,
            revision: 1,
        };
        let statement = Statement::new(
            "INSERT INTO person (id, tenant, username, username_key, role, scopes, \
             password_version, created_at, disabled_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, 1)",
        )
        .bind(person.id.as_str())
        .bind(tenant)
        .bind(&person.username)
        .bind(username_key(&person.username))
        .bind(role.wire_name())
        .bind(scopes.to_string())
        .bind(created_at)
        .bind(disabled_at);
        self.view().connection().execute(statement).await?;
        self.note("person.create", tenant, person.id.as_str(), None, Some(&person));
        Ok(person)
    }

    /// Says something else about somebody, their password apart.
    pub async fn person_update(
        &mut self,
        id: &PersonId,
        expected: Expected,
        draft: PersonDraft,
    ) -> Result<Person, StoreError> {
        self.view().reach(draft.tenant)?;
        let before = self.person_lock(id).await?;
        expected.meet(before.revision)?;
        let PersonDraft { tenant, username, role, scopes, disabled_at } = draft;
        let statement = Statement::new(
            "UPDATE person SET tenant = $2, username = $3, username_key = $4, role = $5, \
             scopes = $6, disabled_at = $7, revision = revision + 1 WHERE id = $1 \
             RETURNING id, tenant, username, role, scopes, password, password_version, \
             created_at, disabled_at, revision",
        )
        .bind(id.as_str())
        .bind(tenant)
        .bind(&username)
        .bind(username_key(&username))
        .bind(role.wire_name())
        .bind(scopes.to_string())
        .bind(disabled_at);
        let after = read(&self.view().found(statement).await?)?;
        self.note("person.update", tenant, id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }

    /// Gives somebody another password: sessions of the earlier one are over.
    pub async fn person_password_set(
        &mut self,
        id: &PersonId,
        password: &PasswordHash,
    ) -> Result<Person, StoreError> {
        let before = self.person_lock(id).await?;
        let statement = Statement::new(
            "UPDATE person SET password = $2, password_version = password_version + 1, \
             revision = revision + 1 WHERE id = $1 \
             RETURNING id, tenant, username, role, scopes, password, password_version, \
             created_at, disabled_at, revision",
        );
        let statement = statement.bind(id.as_str()).bind(password.as_str());
        let after = read(&self.view().found(statement).await?)?;
        self.note("person.password_set", after.tenant, id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }

    /// Keeps the same password under other parameters, if it is still that one. Not audited: it
    /// changes nothing for anybody.
    pub async fn person_password_rehash(
        &mut self,
        id: &PersonId,
        before: &PasswordHash,
        after: &PasswordHash,
    ) -> Result<(), StoreError> {
        let statement =
            Statement::new("UPDATE person SET password = $3 WHERE id = $1 AND password = $2");
        let statement = statement.bind(id.as_str()).bind(before.as_str()).bind(after.as_str());
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Removes somebody, with their tokens and rights.
    pub async fn person_remove(
        &mut self,
        id: &PersonId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.person_lock(id).await?;
        expected.meet(before.revision)?;
        let rights = Statement::new("DELETE FROM folder_right WHERE grantee = $1");
        self.view().connection().execute(rights.bind(id.as_str())).await?;
        let statement = Statement::new("DELETE FROM person WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note("person.remove", before.tenant, id.as_str(), Some(&before), None);
        Ok(())
    }

    /// A person whom nobody else changes until then.
    pub async fn person_lock(&mut self, id: &PersonId) -> Result<Person, StoreError> {
        let statement = Statement::new(
            "UPDATE person SET revision = revision WHERE id = $1 \
             RETURNING id, tenant, username, role, scopes, password, password_version, \
             created_at, disabled_at, revision",
        );
        let person = read(&self.view().found(statement.bind(id.as_str())).await?)?;
        self.view().reach(person.tenant)?;
        Ok(person)
    }
}
