//! The blocklist's entries that were made through the control plane.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::BlocklistId;
use crate::clock::UnixSeconds;
pub use crate::policy::BlocklistKind;

/// A network that gets nothing, or nothing where a link or a site asks who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocklistEntry {
    /// Its id.
    pub id: BlocklistId,
    /// The network, host bits cleared. One entry a network.
    #[serde(with = "network_text")]
    pub network: IpNet,
    /// What is refused. Entries of older programs have none: everything.
    #[serde(default)]
    pub kind: BlocklistKind,
    /// Why, in the words of whoever did it.
    pub reason: Box<str>,
    /// Since when.
    pub created_at: UnixSeconds,
    /// Until when.
    pub expires_at: Option<UnixSeconds>,
}

mod network_text {
    //! A network as its text, read as the blocklist files are.

    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::network::parse_network;

    pub(super) fn serialize<S: Serializer>(
        network: &IpNet,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(network)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<IpNet, D::Error> {
        parse_network(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
