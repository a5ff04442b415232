//! Contexts: names under which contents are shown (THRON's), with what people call them.

use serde::{Deserialize, Serialize};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// Whose.
    pub tenant: TenantId,
    /// Its name; unique within the tenant.
    pub name: Box<str>,
    /// What can be said about it.
    #[serde(flatten)]
    pub draft: ContextDraft,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a context. As JSON it is what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextDraft {
    /// What people call it, at most one a language.
    pub texts: Vec<ContextText>,
}

/// What people call a context in one language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextText {
    /// The language (BCP 47).
    pub language: Box<str>,
    /// Its label.
    pub label: Box<str>,
    /// Its description.
    pub description: Box<str>,
}
