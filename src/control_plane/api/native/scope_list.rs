//! Scopes, as the document names them.

use utoipa::ToSchema;

/// One permission.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[expect(dead_code, reason = "the document shows it; `record::Scope` is what is used")]
pub(super) enum ScopeName {
    #[schema(rename = "accounts.admin")]
    AccountsAdmin,
    #[schema(rename = "audit.read")]
    AuditRead,
    #[schema(rename = "catalog.read")]
    CatalogRead,
    #[schema(rename = "catalog.write")]
    CatalogWrite,
    #[schema(rename = "edge")]
    Edge,
    #[schema(rename = "edges.admin")]
    EdgesAdmin,
    #[schema(rename = "files.read")]
    FilesRead,
    #[schema(rename = "files.sign")]
    FilesSign,
    #[schema(rename = "keys.admin")]
    KeysAdmin,
    #[schema(rename = "links.revoke")]
    LinksRevoke,
    #[schema(rename = "overrides.admin")]
    OverridesAdmin,
    #[schema(rename = "settings.admin")]
    SettingsAdmin,
    #[schema(rename = "shares.write")]
    SharesWrite,
    #[schema(rename = "tenants.admin")]
    TenantsAdmin,
    #[schema(rename = "trace")]
    Trace,
}

#[cfg(test)]
mod unit_tests {
    use utoipa::PartialSchema;

    use super::ScopeName;
    use crate::control_plane::record::{Scope, ScopeSet};

    #[test]
    fn the_document_knows_every_scope() {
        let schema = serde_json::to_value(ScopeName::schema()).unwrap();
        let names: Vec<_> = ScopeSet::EVERY.iter().map(Scope::wire_name).collect();
        assert_eq!(schema["enum"], serde_json::json!(names));
    }
}
