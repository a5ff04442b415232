//! People, who log in with a password.

use std::fmt;

use serde::Serialize;

use super::{ApplicationId, PersonId, ScopeSet};
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

wire_names! {
    /// What a person is to their tenant.
    Role {
        /// Everything, rights and protection included (D15).
        Admin = "admin",
        /// What their folder rights say (D14).
        Member = "member",
    }
}

/// Somebody who can log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// The tenant they belong to; none reaches every tenant.
    pub tenant: Option<TenantId>,
    /// The name they log in with, as they write it. Unique without regard to case.
    pub username: Box<str>,
    /// What they are to their tenant.
    pub role: Role,
    /// What their tokens may do at most.
    pub scopes: ScopeSet,
    /// Their password as an Argon2id text (PHC); none cannot log in by password.
    #[serde(skip)]
    pub password: Option<PasswordHash>,
    /// Counts the passwords they had. Sessions of an earlier one are over.
    pub password_version: u64,
    /// Since when they exist.
    pub created_at: UnixSeconds,
    /// Since when they may not log in any more.
    pub disabled_at: Option<UnixSeconds>,
    /// Counts their changes, from 1.
    pub revision: u64,
}

/// What can be said about a person when they are made or changed, their password apart.
#[derive(Clone, Debug)]
pub struct PersonDraft {
    /// The tenant they belong to; none reaches every tenant.
    pub tenant: Option<TenantId>,
    /// The name they log in with.
    pub username: Box<str>,
    /// What they are to their tenant.
    pub role: Role,
    /// What their tokens may do at most.
    pub scopes: ScopeSet,
    /// Since when they may not log in any more.
    pub disabled_at: Option<UnixSeconds>,
}

/// A password's Argon2id text: salt and parameters included, and worth a dictionary attack.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes the PHC text of an Argon2id hash; none when it is something else, such as a password.
    pub fn parse(text: &str) -> Option<Self> {
        text.starts_with("$argon2id$").then(|| Self(text.into()))
    }

    /// The text, for the one who checks a password.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// To whom a right is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grantee {
    /// A program.
    Application(ApplicationId),
    /// Somebody.
    Person(PersonId),
}

impl Grantee {
    /// The grantee of that id.
    pub fn parse(text: &str) -> Option<Self> {
        PersonId::parse(text)
            .map(Self::Person)
            .or_else(|| ApplicationId::parse(text).map(Self::Application))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Application(id) => id.as_str(),
            Self::Person(id) => id.as_str(),
        }
    }
}

impl Serialize for Grantee {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
