//! Connectors: what makes the published contents of a folder public, under short addresses
//! (requirements B).
//!
//! A connector is of one folder, those below it apart. Whatever of the kinds it takes is published
//! in there has an address as long as it is, and nothing else has.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::asset::{ChannelId, TenantId, wire_names};
use crate::catalog::ContentKind;

wire_names! {
    /// What becomes of a name that several contents have.
    Ambiguity {
        /// The oldest of them is meant (G4).
        First = "first",
        /// None of them is given.
        Refused = "refused",
    }
}

wire_names! {
    /// Whether addresses work in the clear.
    HttpsRule {
        /// They send to HTTPS (B10).
        Forced = "forced",
        /// As well as over HTTPS.
        Optional = "optional",
    }
}

/// What stands for a content in an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", content = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum AddressedBy {
    /// Its id.
    ContentId,
    /// What a field of its metadata says, in whatever language.
    Metadata(Box<str>),
    /// Its name for people, and the language of it.
    PrettyId,
}

/// The kinds of contents that a connector takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorKinds {
    /// Every one.
    All,
    /// Those of which the bits are set.
    Some(u16),
}

impl ConnectorKinds {
    /// The kinds that people choose from: videos, images, audio, documents (B5).
    pub const CHOICE: [ContentKind; 4] =
        [ContentKind::Audio, ContentKind::Image, ContentKind::Other, ContentKind::Video];

    /// These kinds; none: every one. None of it where one is not to be chosen.
    pub fn of(kinds: &[ContentKind]) -> Option<Self> {
        if kinds.is_empty() {
            return Some(Self::All);
        }
        let all_known = kinds.iter().all(|kind| Self::CHOICE.contains(kind));
        all_known.then(|| Self::Some(kinds.iter().fold(0, |bits, kind| bits | bit(*kind))))
    }

    /// The kinds that were chosen; none: every one.
    pub fn chosen(self) -> Vec<ContentKind> {
        match self {
            Self::All => Vec::new(),
            Self::Some(_) => Self::CHOICE.into_iter().filter(|kind| self.takes(*kind)).collect(),
        }
    }

    /// Are contents of that kind taken? A ring of pictures is an image.
    pub fn takes(self, kind: ContentKind) -> bool {
        let kind = match kind {
            ContentKind::Image360 => ContentKind::Image,
            ContentKind::Audio
            | ContentKind::Image
            | ContentKind::Other
            | ContentKind::Playlist
            | ContentKind::Url
            | ContentKind::Video => kind,
        };
        match self {
            Self::All => true,
            Self::Some(bits) => bits & bit(kind) != 0,
        }
    }
}

const fn bit(kind: ContentKind) -> u16 {
    1 << kind as u16
}

/// A list of kinds; an empty one is of all.
impl Serialize for ConnectorKinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.chosen().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ConnectorKinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kinds = Vec::<ContentKind>::deserialize(deserializer)?;
        Self::of(&kinds).ok_or_else(|| serde::de::Error::custom("a kind that connectors know"))
    }
}

/// A connector that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Whose.
    pub tenant: TenantId,
    /// The folder of its contents.
    pub folder: ChannelId,
    /// What it takes of them.
    pub kinds: ConnectorKinds,
    /// What stands for a content in its addresses.
    pub addressed_by: AddressedBy,
    /// Do they work in the clear?
    pub https: HttpsRule,
    /// What becomes of a name that several have.
    pub ambiguity: Ambiguity,
}

/// The connectors that are open, by id.
#[derive(Clone, Debug, Default)]
pub struct Connectors(HashMap<Box<str>, Arc<Connector>>);

impl Connectors {
    /// A connector is as this says; none: it is not open.
    pub fn set(&mut self, id: Box<str>, connector: Option<Connector>) {
        match connector {
            Some(connector) => self.0.insert(id, Arc::new(connector)),
            None => self.0.remove(&id),
        };
    }

    /// Those of a tenant are gone.
    pub fn remove_tenant(&mut self, tenant: TenantId) {
        self.0.retain(|_, connector| connector.tenant != tenant);
    }

    /// A tenant's connector of that id.
    pub fn find(&self, tenant: TenantId, id: &str) -> Option<&Arc<Connector>> {
        self.0.get(id).filter(|connector| connector.tenant == tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_chosen_of_four_and_a_ring_of_pictures_is_an_image() {
        use ContentKind as K;
        let taken = |kinds: &[K]| {
            let kinds = ConnectorKinds::of(kinds).unwrap();
            K::ALL.iter().copied().filter(|kind| kinds.takes(*kind)).collect::<Vec<_>>()
        };
        assert_eq!(taken(&[]), K::ALL);
        assert_eq!(taken(&[K::Image]), [K::Image, K::Image360]);
        assert_eq!(taken(&[K::Other, K::Video]), [K::Other, K::Video]);
        for kind in [K::Image360, K::Playlist, K::Url] {
            assert_eq!(ConnectorKinds::of(&[kind]), None, "{kind}");
        }
        let some = ConnectorKinds::of(&[K::Video, K::Audio]).unwrap();
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"["AUDIO","VIDEO"]"#);
        assert_eq!(serde_json::from_str::<ConnectorKinds>(&text).unwrap(), some);
        assert_eq!(serde_json::from_str::<ConnectorKinds>("[]").unwrap(), ConnectorKinds::All);
        assert!(serde_json::from_str::<ConnectorKinds>(r#"["URL"]"#).is_err());
    }

    #[test]
    fn a_connector_is_its_tenants() {
        let connector = Connector {
            tenant: TenantId(1),
            folder: ChannelId(3),
            kinds: ConnectorKinds::All,
            addressed_by: AddressedBy::ContentId,
            https: HttpsRule::Optional,
            ambiguity: Ambiguity::First,
        };
        let mut connectors = Connectors::default();
        connectors.set("cnr_1".into(), Some(connector));
        assert!(connectors.find(TenantId(1), "cnr_1").is_some());
        assert!(connectors.find(TenantId(2), "cnr_1").is_none());
        connectors.remove_tenant(TenantId(1));
        assert!(connectors.find(TenantId(1), "cnr_1").is_none());
    }
}
