//! Changes as they are spelt between programs.
//!
//! These shapes are a promise to programs of other versions, and not the shapes we work with: a
//! kind of [`Change`] that is added does not compile until it is spelt here, both ways. Whatever a
//! reader does not know (a kind, a field, a type of assets) is an error, never passed over: it may
//! be the one that closes something.

use serde::{Deserialize, Deserializer, Serialize};

use super::change::{BlockedNetwork, Change, RevokedNow};
use crate::asset::{AssetTypeSet, ChannelId, ContentId, TenantId, VideoId};
use crate::catalog::{CatalogChange, ContentState, FolderState};
use crate::clock::UnixSeconds;
use crate::keyring::{KeyMaterial, KeyWindow};
use crate::network::parse_network;
use crate::policy::{
    AddressedBy, Ambiguity, BlocklistKind, Connector, ConnectorKinds, HttpsRule, ImageMarkKey,
    LinkKey, Opening, OverrideLevel, Purge, PurgedFiles, RevokedLinks,
};

/// A change on its way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum WireChange {
    Blocked {
        id: Box<str>,
        network: Box<str>,
        until: Option<u64>,
    },
    /// What is refused only where a link or a site asks. Apart from the one above, which older
    /// programs read: they would refuse everything.
    Suspected {
        id: Box<str>,
        network: Box<str>,
        until: Option<u64>,
        kind: WireSuspicion,
    },
    Unblocked {
        id: Box<str>,
    },
    ConnectorOpened {
        id: Box<str>,
        tenant: u64,
        folder: u64,
        kinds: ConnectorKinds,
        addressed_by: AddressedBy,
        https: HttpsRule,
        ambiguity: Ambiguity,
    },
    ConnectorClosed {
        id: Box<str>,
    },
    /// Entries of the catalog are spelt as in the store's own feed, whose rows outlive programs, too.
    ContentSet(Box<ContentState>),
    ContentRemoved {
        tenant: u64,
        id: ContentId,
    },
    FolderSet(FolderState),
    FolderRemoved {
        tenant: u64,
        number: u64,
    },
    ImageMarkKey {
        id: Box<str>,
        number: u8,
        #[serde(with = "key_text")]
        key: KeyMaterial,
    },
    ImageMarkKeyDropped {
        id: Box<str>,
    },
    LinkKey {
        id: Box<str>,
        #[serde(deserialize_with = "stated")]
        tenant: Option<u64>,
        #[serde(with = "key_text")]
        key: KeyMaterial,
        #[serde(deserialize_with = "stated")]
        not_before: Option<u64>,
        #[serde(deserialize_with = "stated")]
        not_after: Option<u64>,
        #[serde(deserialize_with = "stated")]
        retired: Option<u64>,
    },
    LinkKeyDropped {
        id: Box<str>,
    },
    Opened {
        tenant: u64,
        level: WireLevel,
        opens: WireOpening,
    },
    Closed {
        tenant: u64,
        level: WireLevel,
    },
    Purged {
        version: u64,
        tenant: u64,
        files: WirePurged,
    },
    PurgesForgotten {
        version: u64,
    },
    Revoked {
        id: Box<str>,
        tenant: u64,
        links: WireLinks,
        since: u64,
        until: Option<u64>,
    },
    Unrevoked {
        id: Box<str>,
    },
    TenantRemoved {
        tenant: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireLevel {
    AssetTypes,
    Channel(u64),
    Tenant,
    Video(Box<str>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireOpening {
    Everything,
    Types(AssetTypeSet),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireLinks {
    Asset(Box<str>),
    Issuer(Box<str>),
    Key(Box<str>),
    Link(Box<str>),
    Tag(Box<str>),
    TenantEpoch(u64),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WirePurged {
    Content(ContentId),
    Everything,
    Site(Box<str>),
}

/// A change that is spelt as one and says nothing that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChange {
    /// What is blocked is no network.
    #[error("what is blocked is no network")]
    Network,
    /// What is opened is no video.
    #[error("what is opened is no video")]
    Video,
}

/// Whom a network is suspected to be of.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireSuspicion {
    Anonymizer,
    Pirate,
}

impl From<&Change> for WireChange {
    fn from(change: &Change) -> Self {
        match change {
            Change::Blocked { id, entry: Some(entry) } => {
                let BlockedNetwork { network, until, kind } = entry;
                let (id, network) = (id.clone(), network.to_string().into());
                let until = until.map(UnixSeconds::get);
                let kind = match kind {
                    BlocklistKind::Anonymizer => WireSuspicion::Anonymizer,
                    BlocklistKind::Everything => return Self::Blocked { id, network, until },
                    BlocklistKind::Pirate => WireSuspicion::Pirate,
                };
                Self::Suspected { id, network, until, kind }
            }
            Change::Blocked { id, entry: None } => Self::Unblocked { id: id.clone() },
            Change::Catalog(CatalogChange::ContentSet(state)) => Self::ContentSet(state.clone()),
            Change::Catalog(CatalogChange::ContentRemoved { tenant, id }) => {
                Self::ContentRemoved { tenant: tenant.0, id: id.clone() }
            }
            Change::Catalog(CatalogChange::FolderSet(state)) => Self::FolderSet(state.clone()),
            Change::Catalog(CatalogChange::FolderRemoved { tenant, number }) => {
                Self::FolderRemoved { tenant: tenant.0, number: number.0 }
            }
            Change::Connector { id, connector: Some(connector) } => {
                let Connector { tenant, folder, kinds, addressed_by, https, ambiguity } = connector;
                Self::ConnectorOpened {
                    id: id.clone(),
                    tenant: tenant.0,
                    folder: folder.0,
                    kinds: *kinds,
                    addressed_by: addressed_by.clone(),
                    https: *https,
                    ambiguity: *ambiguity,
                }
            }
            Change::Connector { id, connector: None } => Self::ConnectorClosed { id: id.clone() },
            Change::ImageMarkKey { id, key: Some(key) } => {
                Self::ImageMarkKey { id: id.clone(), number: key.number, key: key.material.clone() }
            }
            Change::ImageMarkKey { id, key: None } => Self::ImageMarkKeyDropped { id: id.clone() },
            Change::LinkKey { id, key: Some(key) } => {
                let LinkKey { tenant, material, window, retired } = key;
                let KeyWindow { not_before, not_after } = *window;
                Self::LinkKey {
                    id: id.clone(),
                    tenant: tenant.map(|tenant| tenant.0),
                    key: material.clone(),
                    not_before: not_before.map(UnixSeconds::get),
                    not_after: not_after.map(UnixSeconds::get),
                    retired: retired.map(UnixSeconds::get),
                }
            }
            Change::LinkKey { id, key: None } => Self::LinkKeyDropped { id: id.clone() },
            Change::Override { tenant, level, opens: Some(opens) } => {
                Self::Opened { tenant: tenant.0, level: level.into(), opens: (*opens).into() }
            }
            Change::Override { tenant, level, opens: None } => {
                Self::Closed { tenant: tenant.0, level: level.into() }
            }
            Change::Purged(Purge { version, tenant, files }) => {
                Self::Purged { version: *version, tenant: tenant.0, files: files.into() }
            }
            Change::PurgesForgotten { version } => Self::PurgesForgotten { version: *version },
            Change::Revoked { id, links: Some(revoked) } => {
                let RevokedNow { tenant, links, since, until } = revoked;
                Self::Revoked {
                    id: id.clone(),
                    tenant: tenant.0,
                    links: links.into(),
                    since: since.get(),
                    until: until.map(UnixSeconds::get),
                }
            }
            Change::Revoked { id, links: None } => Self::Unrevoked { id: id.clone() },
            Change::Catalog(CatalogChange::TenantRemoved { tenant })
            | Change::TenantRemoved { tenant } => Self::TenantRemoved { tenant: tenant.0 },
        }
    }
}

impl TryFrom<WireChange> for Change {
    type Error = InvalidChange;

    fn try_from(change: WireChange) -> Result<Self, InvalidChange> {
        Ok(match change {
            WireChange::Blocked { id, network, until } => {
                let network = parse_network(&network).map_err(|_| InvalidChange::Network)?;
                let until = until.map(UnixSeconds::new);
                let kind = BlocklistKind::Everything;
                Self::Blocked { id, entry: Some(BlockedNetwork { network, until, kind }) }
            }
            WireChange::Suspected { id, network, until, kind } => {
                let network = parse_network(&network).map_err(|_| InvalidChange::Network)?;
                let until = until.map(UnixSeconds::new);
                let kind = match kind {
                    WireSuspicion::Anonymizer => BlocklistKind::Anonymizer,
                    WireSuspicion::Pirate => BlocklistKind::Pirate,
                };
                Self::Blocked { id, entry: Some(BlockedNetwork { network, until, kind }) }
            }
            WireChange::Unblocked { id } => Self::Blocked { id, entry: None },
            WireChange::ContentSet(state) => Self::Catalog(CatalogChange::ContentSet(state)),
            WireChange::ContentRemoved { tenant, id } => {
                let tenant = TenantId(tenant);
                Self::Catalog(CatalogChange::ContentRemoved { tenant, id })
            }
            WireChange::FolderSet(state) => Self::Catalog(CatalogChange::FolderSet(state)),
            WireChange::FolderRemoved { tenant, number } => {
                let (tenant, number) = (TenantId(tenant), ChannelId(number));
                Self::Catalog(CatalogChange::FolderRemoved { tenant, number })
            }
            WireChange::ConnectorOpened {
                id,
                tenant,
                folder,
                kinds,
                addressed_by,
                https,
                ambiguity,
            } => {
                let (tenant, folder) = (TenantId(tenant), ChannelId(folder));
                let connector = Connector { tenant, folder, kinds, addressed_by, https, ambiguity };
                Self::Connector { id, connector: Some(connector) }
            }
            WireChange::ConnectorClosed { id } => Self::Connector { id, connector: None },
            WireChange::ImageMarkKey { id, number, key } => {
                Self::ImageMarkKey { id, key: Some(ImageMarkKey { number, material: key }) }
            }
            WireChange::ImageMarkKeyDropped { id } => Self::ImageMarkKey { id, key: None },
            WireChange::LinkKey { id, tenant, key, not_before, not_after, retired } => {
                let window = KeyWindow {
                    not_before: not_before.map(UnixSeconds::new),
                    not_after: not_after.map(UnixSeconds::new),
                };
                let key = LinkKey {
                    tenant: tenant.map(TenantId),
                    material: key,
                    window,
                    retired: retired.map(UnixSeconds::new),
                };
                Self::LinkKey { id, key: Some(key) }
            }
            WireChange::LinkKeyDropped { id } => Self::LinkKey { id, key: None },
            WireChange::Opened { tenant, level, opens } => {
                let (tenant, level) = (TenantId(tenant), level.try_into()?);
                Self::Override { tenant, level, opens: Some(opens.into()) }
            }
            WireChange::Closed { tenant, level } => {
                let (tenant, level) = (TenantId(tenant), level.try_into()?);
                Self::Override { tenant, level, opens: None }
            }
            WireChange::Purged { version, tenant, files } => {
                Self::Purged(Purge { version, tenant: TenantId(tenant), files: files.into() })
            }
            WireChange::PurgesForgotten { version } => Self::PurgesForgotten { version },
            WireChange::Revoked { id, tenant, links, since, until } => {
                let links = RevokedNow {
                    tenant: TenantId(tenant),
                    links: links.into(),
                    since: UnixSeconds::new(since),
                    until: until.map(UnixSeconds::new),
                };
                Self::Revoked { id, links: Some(links) }
            }
            WireChange::Unrevoked { id } => Self::Revoked { id, links: None },
            WireChange::TenantRemoved { tenant } => {
                Self::TenantRemoved { tenant: TenantId(tenant) }
            }
        })
    }
}

/// A value that may be null and must be there: what is left out is not the same as nothing.
fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A key in hexadecimal digits. Lines with keys go to edges that proved who they are, and into
/// files that only this user reads.
mod key_text {
    use std::borrow::Cow;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    use crate::keyring::KeyMaterial;

    pub(super) fn serialize<S: Serializer>(
        key: &KeyMaterial,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // Onto the wire, and wiped here.
        serializer.serialize_str(&Zeroizing::new(hex::encode(key.expose())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<KeyMaterial, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        // Without what is wrong with it: that could show some of it.
        KeyMaterial::from_hex(&text).map_err(|_| Error::custom("no key"))
    }
}

impl From<&OverrideLevel> for WireLevel {
    fn from(level: &OverrideLevel) -> Self {
        match level {
            OverrideLevel::AssetTypes => Self::AssetTypes,
            OverrideLevel::Channel(channel) => Self::Channel(channel.0),
            OverrideLevel::Tenant => Self::Tenant,
            OverrideLevel::Video(video) => Self::Video(video.as_str().into()),
        }
    }
}

impl TryFrom<WireLevel> for OverrideLevel {
    type Error = InvalidChange;

    fn try_from(level: WireLevel) -> Result<Self, InvalidChange> {
        Ok(match level {
            WireLevel::AssetTypes => Self::AssetTypes,
            WireLevel::Channel(channel) => Self::Channel(ChannelId(channel)),
            WireLevel::Tenant => Self::Tenant,
            WireLevel::Video(video) => {
                Self::Video(VideoId::new(&video).ok_or(InvalidChange::Video)?)
            }
        })
    }
}

impl From<Opening> for WireOpening {
    fn from(opening: Opening) -> Self {
        match opening {
            Opening::Everything => Self::Everything,
            Opening::Types(types) => Self::Types(types),
        }
    }
}

impl From<WireOpening> for Opening {
    fn from(opening: WireOpening) -> Self {
        match opening {
            WireOpening::Everything => Self::Everything,
            WireOpening::Types(types) => Self::Types(types),
        }
    }
}

impl From<&RevokedLinks> for WireLinks {
    fn from(links: &RevokedLinks) -> Self {
        match links {
            RevokedLinks::Asset(path) => Self::Asset(path.clone()),
            RevokedLinks::Issuer(id) => Self::Issuer(id.clone()),
            RevokedLinks::Key(key) => Self::Key(key.clone()),
            RevokedLinks::Link(id) => Self::Link(id.clone()),
            RevokedLinks::Tag(tag) => Self::Tag(tag.clone()),
            RevokedLinks::TenantEpoch(epoch) => Self::TenantEpoch(*epoch),
        }
    }
}

impl From<&PurgedFiles> for WirePurged {
    fn from(files: &PurgedFiles) -> Self {
        match files {
            PurgedFiles::Content(id) => Self::Content(id.clone()),
            PurgedFiles::Everything => Self::Everything,
            PurgedFiles::Site(host) => Self::Site(host.clone()),
        }
    }
}

impl From<WirePurged> for PurgedFiles {
    fn from(files: WirePurged) -> Self {
        match files {
            WirePurged::Content(id) => Self::Content(id),
            WirePurged::Everything => Self::Everything,
            WirePurged::Site(host) => Self::Site(host),
        }
    }
}

impl From<WireLinks> for RevokedLinks {
    fn from(links: WireLinks) -> Self {
        match links {
            WireLinks::Asset(path) => Self::Asset(path),
            WireLinks::Issuer(id) => Self::Issuer(id),
            WireLinks::Key(key) => Self::Key(key),
            WireLinks::Link(id) => Self::Link(id),
            WireLinks::Tag(tag) => Self::Tag(tag),
            WireLinks::TenantEpoch(epoch) => Self::TenantEpoch(epoch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::AssetType;
    use crate::catalog::{
        ContentKind, ContentName, ContentNames, FileKind, FilePlace, FileState, Period, Publication,
    };

    const KEY: &str = "00112233445566778899aabbccddeeff";

    fn one_of_each() -> Vec<Change> {
        let tenant = TenantId(7);
        let level = |level| move |opens| Change::Override { tenant, level, opens };
        let video = OverrideLevel::Video(VideoId::new("-civ9qE3JUjntKQM1HnGtU").unwrap());
        let types = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Subtitle));
        let until = Some(UnixSeconds::new(9));
        let revoked = |id: &str, links, until| {
            let since = UnixSeconds::new(3);
            Change::Revoked {
                id: id.into(),
                links: Some(RevokedNow { tenant, links, since, until }),
            }
        };
        let purged = |files| Change::Purged(Purge { version: 8, tenant, files });
        let listed = |network: &str, until, kind| {
            let network = network.parse().unwrap();
            Change::Blocked { id: "b".into(), entry: Some(BlockedNetwork { network, until, kind }) }
        };
        let blocked = |network, until| listed(network, until, BlocklistKind::Everything);
        let connector = |id: &str, said: Option<(&[ContentKind], AddressedBy)>| Change::Connector {
            id: id.into(),
            connector: said.map(|(kinds, addressed_by)| Connector {
                tenant,
                folder: ChannelId(4),
                kinds: ConnectorKinds::of(kinds).unwrap(),
                addressed_by,
                https: HttpsRule::Forced,
                ambiguity: Ambiguity::First,
            }),
        };
        let id = ContentId::parse("-civ9qE3JUjntKQM1HnGtU").unwrap();
        let file = FileState {
            number: 5,
            place: FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() },
            origin: "media".into(),
            key: "a.mp4".into(),
            name: "".into(),
            size: 7,
            mime: "video/mp4".into(),
            sha256: None,
        };
        let content = ContentState {
            tenant,
            id: id.clone(),
            kind: ContentKind::Video,
            folder: Some(ChannelId(4)),
            publication: Publication::Published,
            periods: vec![Period { starts_at: None, ends_at: until }],
            version: Some("ver_1".into()),
            active_thumbnail: None,
            files: vec![file],
            names: None,
        };
        let (language, value) = ("en".into(), "b".into());
        let named = ContentState {
            periods: Vec::new(),
            files: Vec::new(),
            names: Some(ContentNames {
                created_at: UnixSeconds::new(5),
                names: vec![
                    ContentName::PrettyId { language, id: "a".into() },
                    ContentName::Metadata { name: "SKU".into(), value },
                ],
            }),
            ..content.clone()
        };
        let folder = FolderState { tenant, number: ChannelId(4), files: Vec::new() };
        vec![
            blocked("192.0.2.0/24", None),
            blocked("2001:db8::/32", until),
            listed("192.0.2.0/24", until, BlocklistKind::Anonymizer),
            listed("192.0.2.0/24", None, BlocklistKind::Pirate),
            Change::Blocked { id: "b".into(), entry: None },
            connector(
                "cnr_1",
                Some((&[ContentKind::Audio, ContentKind::Video], AddressedBy::PrettyId)),
            ),
            connector("cnr_2", Some((&[], AddressedBy::Metadata("SKU".into())))),
            connector("cnr_3", Some((&[], AddressedBy::ContentId))),
            connector("cnr_1", None),
            Change::LinkKey {
                id: "key_1".into(),
                key: Some(LinkKey {
                    tenant: Some(tenant),
                    material: KeyMaterial::from_hex(KEY).unwrap(),
                    window: KeyWindow { not_before: Some(UnixSeconds::new(1)), not_after: None },
                    retired: until,
                }),
            },
            Change::LinkKey { id: "key_1".into(), key: None },
            Change::ImageMarkKey {
                id: "key_2".into(),
                key: Some(ImageMarkKey {
                    number: 7,
                    material: KeyMaterial::from_hex(KEY).unwrap(),
                }),
            },
            Change::ImageMarkKey { id: "key_2".into(), key: None },
            level(video)(Some(Opening::Everything)),
            level(OverrideLevel::AssetTypes)(Some(types)),
            level(OverrideLevel::Channel(ChannelId(4)))(None),
            level(OverrideLevel::Tenant)(None),
            purged(PurgedFiles::Content(id.clone())),
            purged(PurgedFiles::Everything),
            purged(PurgedFiles::Site("a.example".into())),
            Change::PurgesForgotten { version: 8 },
            revoked("r", RevokedLinks::Asset("/private/videos/a/source".into()), None),
            revoked("r", RevokedLinks::Key("k".into()), until),
            revoked("r", RevokedLinks::Link("l".into()), until),
            revoked("r", RevokedLinks::TenantEpoch(2), None),
            Change::Revoked { id: "r".into(), links: None },
            Change::TenantRemoved { tenant },
            Change::Catalog(CatalogChange::ContentSet(Box::new(content))),
            Change::Catalog(CatalogChange::ContentSet(Box::new(named))),
            Change::Catalog(CatalogChange::ContentRemoved { tenant, id }),
            Change::Catalog(CatalogChange::FolderSet(folder)),
            Change::Catalog(CatalogChange::FolderRemoved { tenant, number: ChannelId(4) }),
        ]
    }

    #[test]
    fn every_change_comes_back_as_it_went() {
        for change in one_of_each() {
            let text = serde_json::to_string(&WireChange::from(&change)).unwrap();
            let read: WireChange = serde_json::from_str(&text).unwrap();
            assert_eq!(Change::try_from(read).unwrap(), change, "{text}");
        }
    }

    #[test]
    fn the_spelling_is_a_promise() {
        let spelt: Vec<String> = one_of_each()
            .iter()
            .map(|change| serde_json::to_string(&WireChange::from(change)).unwrap())
            .collect();
        assert_eq!(
            spelt,
            [
                r#"{"blocked":{"id":"b","network":"192.0.2.0/24","until":null}}"#,
                r#"{"blocked":{"id":"b","network":"2001:db8::/32","until":9}}"#,
                r#"{"suspected":{"id":"b","network":"192.0.2.0/24","until":9,"kind":"anonymizer"}}"#,
                r#"{"suspected":{"id":"b","network":"192.0.2.0/24","until":null,"kind":"pirate"}}"#,
                r#"{"unblocked":{"id":"b"}}"#,
                r#"{"connector_opened":{"id":"cnr_1","tenant":7,"folder":4,"kinds":["AUDIO","VIDEO"],"addressed_by":{"by":"pretty_id"},"https":"forced","ambiguity":"first"}}"#,
                r#"{"connector_opened":{"id":"cnr_2","tenant":7,"folder":4,"kinds":[],"addressed_by":{"by":"metadata","name":"SKU"},"https":"forced","ambiguity":"first"}}"#,
                r#"{"connector_opened":{"id":"cnr_3","tenant":7,"folder":4,"kinds":[],"addressed_by":{"by":"content_id"},"https":"forced","ambiguity":"first"}}"#,
                r#"{"connector_closed":{"id":"cnr_1"}}"#,
                r#"{"link_key":{"id":"key_1","tenant":7,"key":"00112233445566778899aabbccddeeff","not_before":1,"not_after":null,"retired":9}}"#,
                r#"{"link_key_dropped":{"id":"key_1"}}"#,
                r#"{"image_mark_key":{"id":"key_2","number":7,"key":"00112233445566778899aabbccddeeff"}}"#,
                r#"{"image_mark_key_dropped":{"id":"key_2"}}"#,
                r#"{"opened":{"tenant":7,"level":{"video":"-civ9qE3JUjntKQM1HnGtU"},"opens":"everything"}}"#,
                r#"{"opened":{"tenant":7,"level":"asset_types","opens":{"types":["SUBTITLE"]}}}"#,
                r#"{"closed":{"tenant":7,"level":{"channel":4}}}"#,
                r#"{"closed":{"tenant":7,"level":"tenant"}}"#,
                r#"{"purged":{"version":8,"tenant":7,"files":{"content":"-civ9qE3JUjntKQM1HnGtU"}}}"#,
                r#"{"purged":{"version":8,"tenant":7,"files":"everything"}}"#,
                r#"{"purged":{"version":8,"tenant":7,"files":{"site":"a.example"}}}"#,
                r#"{"purges_forgotten":{"version":8}}"#,
                r#"{"revoked":{"id":"r","tenant":7,"links":{"asset":"/private/videos/a/source"},"since":3,"until":null}}"#,
                r#"{"revoked":{"id":"r","tenant":7,"links":{"key":"k"},"since":3,"until":9}}"#,
                r#"{"revoked":{"id":"r","tenant":7,"links":{"link":"l"},"since":3,"until":9}}"#,
                r#"{"revoked":{"id":"r","tenant":7,"links":{"tenant_epoch":2},"since":3,"until":null}}"#,
                r#"{"unrevoked":{"id":"r"}}"#,
                r#"{"tenant_removed":{"tenant":7}}"#,
                r#"{"content_set":{"tenant":7,"id":"-civ9qE3JUjntKQM1HnGtU","kind":"VIDEO","folder":4,"publication":"published","periods":[{"starts_at":null,"ends_at":9}],"version":"ver_1","active_thumbnail":null,"files":[{"number":5,"place":{"kind":"source","slot":"","variant":""},"origin":"media","key":"a.mp4","name":"","size":7,"mime":"video/mp4","sha256":null}]}}"#,
                r#"{"content_set":{"tenant":7,"id":"-civ9qE3JUjntKQM1HnGtU","kind":"VIDEO","folder":4,"publication":"published","periods":[],"version":"ver_1","active_thumbnail":null,"files":[],"names":{"created_at":5,"names":[{"pretty_id":{"language":"en","id":"a"}},{"metadata":{"name":"SKU","value":"b"}}]}}}"#,
                r#"{"content_removed":{"tenant":7,"id":"-civ9qE3JUjntKQM1HnGtU"}}"#,
                r#"{"folder_set":{"tenant":7,"number":4,"files":[]}}"#,
                r#"{"folder_removed":{"tenant":7,"number":4}}"#,
            ]
        );
    }

    #[test]
    fn a_key_is_not_printed() {
        for change in one_of_each() {
            assert!(!format!("{:?}", WireChange::from(&change)).contains("0, 17, 34"));
            assert!(!format!("{:?}", WireChange::from(&change)).contains(KEY));
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            r#"{"suspended":{"tenant":7}}"#,
            r#"{"suspected":{"id":"b","network":"192.0.2.0/24","until":9,"kind":"everything"}}"#,
            r#"{"tenant_removed":{"tenant":7,"softly":true}}"#,
            r#"{"opened":{"tenant":7,"level":"tenant"}}"#,
            r#"{"link_key":{"id":"k","tenant":null,"key":"00112233445566778899aabbccddeeff","not_before":null,"not_after":null}}"#,
            r#"{"link_key":{"id":"k","key":"00112233445566778899aabbccddeeff","not_before":null,"not_after":null,"retired":null}}"#,
            r#"{"link_key":{"id":"k","tenant":null,"key":"0","not_before":null,"not_after":null,"retired":null}}"#,
            r#"{"opened":{"tenant":7,"level":"tenant","opens":{"types":["FILM"]}}}"#,
            r#"{"opened":{"tenant":7,"level":{"playlist":"a"},"opens":"everything"}}"#,
            r#"{"revoked":{"id":"r","tenant":7,"links":{"viewer":"v"},"since":3,"until":null}}"#,
        ] {
            assert!(serde_json::from_str::<WireChange>(text).is_err(), "{text}");
        }
        for (text, expected) in [
            (r#"{"blocked":{"id":"b","network":"192.0.2.0/33"}}"#, InvalidChange::Network),
            (r#"{"closed":{"tenant":7,"level":{"video":"a/b"}}}"#, InvalidChange::Video),
        ] {
            let read: WireChange = serde_json::from_str(text).unwrap();
            assert_eq!(Change::try_from(read), Err(expected), "{text}");
        }
    }
}
