//! What a caller may do, as OAuth2 names it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::asset::wire_names;

wire_names! {
    /// One permission.
    Scope {
        /// Make and change applications, people, their tokens and their rights.
        AccountsAdmin = "accounts.admin",
        /// Read and export the audit log.
        AuditRead = "audit.read",
        /// Read the catalog.
        CatalogRead = "catalog.read",
        /// Change the catalog.
        CatalogWrite = "catalog.write",
        /// Follow the control plane as an edge.
        Edge = "edge",
        /// Enrol, list and remove edges.
        EdgesAdmin = "edges.admin",
        /// Have files and their download addresses.
        FilesRead = "files.read",
        /// Have links signed.
        FilesSign = "files.sign",
        /// Make, rotate and drop signing keys.
        KeysAdmin = "keys.admin",
        /// Revoke links; block addresses.
        LinksRevoke = "links.revoke",
        /// Change what is public.
        OverridesAdmin = "overrides.admin",
        /// Change the settings of a tenant: sharing pages, mail, webhooks.
        SettingsAdmin = "settings.admin",
        /// Make and change shares.
        SharesWrite = "shares.write",
        /// Make and change tenants.
        TenantsAdmin = "tenants.admin",
        /// Ask who got a copy.
        Trace = "trace",
    }
}

/// A set of permissions. As text, names with a space between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(u32);

impl ScopeSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All of them.
    pub const EVERY: Self = Self((1 << Scope::ALL.len()) - 1);

    /// The set with one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u32)
    }

    /// Is it in the set?
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u32 != 0
    }

    /// Is all of it in `other`?
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The scopes, by name.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    /// Reads names with spaces, or commas as some vendors write them, between; none when a name is
    /// unknown.
    pub fn parse(text: &str) -> Option<Self> {
        text.split([' ', ',']).filter(|name| !name.is_empty()).map(Scope::from_wire_name).collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::wire_name))
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|name| Scope::from_wire_name(name))
            .collect::<Option<_>>()
            .ok_or_else(|| serde::de::Error::custom("unknown scope"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for &scope in Scope::ALL {
            assert_eq!(Scope::from_wire_name(scope.wire_name()), Some(scope));
            assert!(ScopeSet::EVERY.contains(scope));
        }
        assert_eq!(ScopeSet::parse(&ScopeSet::EVERY.to_string()), Some(ScopeSet::EVERY));
        assert_eq!(ScopeSet::parse(""), Some(ScopeSet::EMPTY));
        let two = ScopeSet::EMPTY.with(Scope::Trace).with(Scope::FilesRead);
        assert_eq!(ScopeSet::parse("trace,files.read"), Some(two));
        assert_eq!(two.to_string(), "files.read trace");
        assert_eq!(serde_json::to_string(&two).unwrap(), r#"["files.read","trace"]"#);
        assert_eq!(ScopeSet::parse("files.read root"), None);
        assert!(two.is_within(ScopeSet::EVERY) && !ScopeSet::EVERY.is_within(two));
    }
}
