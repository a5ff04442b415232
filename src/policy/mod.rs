//! May this request have this asset? The one policy engine, for edge, API, page and zip.
//!
//! Pure: facts and a snapshot in, a [`Permit`] or a [`Denial`] out, the clock passed in.

mod anti_fraud;
mod cache_rules;
mod catalog_rules;
mod connected;
mod connectors;
mod control_state;
mod decide;
mod denial;
mod facts;
mod handed;
mod image_mark_keys;
mod lease;
mod link_keys;
mod netset;
mod overrides;
mod permit;
mod purges;
mod reputation;
mod revocations;
mod rules;
mod sharing;
mod snapshot;
mod witness;

pub use anti_fraud::{
    AddressDatabaseError, AnonymousIpDatabase, AnonymousKind, AnonymousKinds, AntiFraud,
    AntiFraudUse, Asn, AsnDatabase, AsnList, AsnListErrors, AsnRejection, BlocklistKind,
    FraudFinding, FraudList, FraudLists, FraudMode, FraudRule, ListState, MAX_ASN_FILE_BYTES,
    ProxyHeader, ProxyHeaderRule, PushedFraudLists, SharingRules, UserAgentRule,
};
pub use cache_rules::{CacheRules, CacheTimes};
pub use catalog_rules::{CatalogRejection, CatalogRules, RegisteredFile};
pub use connectors::{AddressedBy, Ambiguity, Connector, ConnectorKinds, Connectors, HttpsRule};
pub use control_state::ControlState;
pub use decide::{admit, decide, decide_witnessed};
pub use denial::{Denial, DenialCode};
pub use facts::{ClientScheme, RequestFacts, Resource, Way};
pub use handed::{Asker, HandedFile, Promise, decide_handed};
pub use image_mark_keys::{ImageMarkKey, ImageMarkKeys};
pub use lease::Lease;
pub use link_keys::{LinkKey, LinkKeys};
pub use netset::{
    BlocklistBuilder, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINE_BYTES, NetsetError, NetsetErrors,
    NetsetFile, NetsetRejection,
};
pub use overrides::{Opening, OverrideLevel, OverrideTable, TenantOverrides, TenantScope};
pub use permit::{
    Basis, ConnectedFile, Exposure, Permit, PermittedCopy, PermittedObject, WouldRead, would_read,
};
pub use purges::{Due, Purge, PurgeMark, PurgedFiles, Purges};
pub use reputation::{BlockedRange, Blocklist};
#[cfg(test)]
pub(crate) use revocations::Signed;
pub use revocations::{Revocations, RevokedLinks, TenantRevocations};
pub use rules::{
    Access, AssetRules, AssetSource, HostPattern, KeyTemplate, KeyTemplateRejection, OriginName,
    OriginTakes, Route, Scheme, Site, SiteDelivery, SiteTable, TokenRules,
};
pub use sharing::{
    CorsCredentials, CorsGrant, CorsOrigins, CorsRules, ResourcePolicy, WebOrigin,
    WebOriginRejection,
};
pub use snapshot::{EdgeSnapshot, SnapshotPublisher, SnapshotReader};
pub use witness::{Blocked, Listed, MeantBy, Quiet, Step, Witness};

#[cfg(test)]
mod tests;
