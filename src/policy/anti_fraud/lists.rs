//! Whose addresses step 8 finds. Immutable: another version takes their place whole.

use super::address_database::{AnonymousIpDatabase, AnonymousKinds, AsnDatabase};
use super::asn_list::AsnList;
use super::finding::FraudFinding;
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::policy::Blocklist;

/// What the configuration names.
#[derive(Debug, Default)]
pub struct FraudLists {
    /// Networks of known pirates.
    pub blacklist: Blocklist,
    /// Networks of proxies.
    pub anonymizers: Blocklist,
    /// Autonomous systems of proxies; found by `asn_database`.
    pub asns: AsnList,
    /// Whose network an address is in.
    pub asn_database: Option<AsnDatabase>,
    /// What is known to hide behind an address.
    pub anonymous_ips: Option<AnonymousIpDatabase>,
    /// What of that is a finding.
    pub anonymous_kinds: AnonymousKinds,
    /// When each of the files was made.
    pub made: Vec<(FraudList, UnixSeconds)>,
}

/// What a control plane pushes.
#[derive(Debug, Default)]
pub struct PushedFraudLists {
    /// Networks of known pirates.
    pub blacklist: Blocklist,
    /// Networks of proxies.
    pub anonymizers: Blocklist,
}

/// What an entry refuses that a control plane pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlocklistKind {
    /// A proxy that hides its clients: refused where a link or a site asks.
    Anonymizer,
    /// Whoever it is: refused everything.
    #[default]
    Everything,
    /// A known pirate: refused where a link or a site asks.
    Pirate,
}

impl BlocklistKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Anonymizer, Self::Everything, Self::Pirate];

    /// The name in APIs.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Anonymizer => "anonymizer",
            Self::Everything => "everything",
            Self::Pirate => "pirate",
        }
    }
}

impl FraudLists {
    /// Is the client behind a proxy?
    pub(super) fn anonymizer(
        &self,
        client: ClientIp,
        pushed: Option<&PushedFraudLists>,
    ) -> Option<FraudFinding> {
        let in_list = self.anonymizers.find(client);
        let of_network = in_list.or_else(|| pushed.and_then(|it| it.anonymizers.find(client)));
        of_network
            .map(FraudFinding::AnonymizerNetwork)
            .or_else(|| {
                let asn = self.asn_database.as_ref()?.asn(client)?;
                self.asns.contains(asn).then_some(FraudFinding::AnonymizerAsn(asn))
            })
            .or_else(|| {
                let kind = self.anonymous_ips.as_ref()?.kind(client, self.anonymous_kinds)?;
                Some(FraudFinding::AnonymizerDatabase(kind))
            })
    }

    /// Is the client a known pirate?
    pub(super) fn pirate(
        &self,
        client: ClientIp,
        pushed: Option<&PushedFraudLists>,
    ) -> Option<FraudFinding> {
        let in_list = self.blacklist.find(client);
        in_list
            .or_else(|| pushed.and_then(|it| it.blacklist.find(client)))
            .map(FraudFinding::Blacklist)
    }

    /// How large and how old each list is, for metrics.
    pub fn states<'a>(
        &'a self,
        pushed: Option<&'a PushedFraudLists>,
    ) -> impl Iterator<Item = ListState> + 'a {
        FraudList::ALL.iter().map(move |&list| {
            let networks =
                |of: fn(&PushedFraudLists) -> &Blocklist| pushed.map_or(0, |it| of(it).entries());
            let entries = match list {
                FraudList::AnonymizerAsns => self.asns.len(),
                FraudList::Anonymizers => self.anonymizers.entries(),
                FraudList::AnonymousIps => {
                    self.anonymous_ips.as_ref().map_or(0, AnonymousIpDatabase::nodes)
                }
                FraudList::AsnDatabase => self.asn_database.as_ref().map_or(0, AsnDatabase::nodes),
                FraudList::Blacklists => self.blacklist.entries(),
                FraudList::PushedAnonymizers => networks(|it| &it.anonymizers),
                FraudList::PushedBlacklist => networks(|it| &it.blacklist),
            };
            let made = self.made.iter().find(|(of, _)| *of == list).map(|(_, made)| *made);
            ListState { list, entries, made }
        })
    }
}

/// The lists, by the names that metrics know them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FraudList {
    /// Autonomous systems of proxies.
    AnonymizerAsns,
    /// Networks of proxies.
    Anonymizers,
    /// The database of anonymous addresses.
    AnonymousIps,
    /// The database of autonomous systems.
    AsnDatabase,
    /// Networks of known pirates.
    Blacklists,
    /// Networks of proxies that a control plane pushed.
    PushedAnonymizers,
    /// Networks of known pirates that a control plane pushed.
    PushedBlacklist,
}

impl FraudList {
    /// Every list.
    pub const ALL: &'static [Self] = &[
        Self::AnonymizerAsns,
        Self::Anonymizers,
        Self::AnonymousIps,
        Self::AsnDatabase,
        Self::Blacklists,
        Self::PushedAnonymizers,
        Self::PushedBlacklist,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnonymizerAsns => "anonymizer_asns",
            Self::Anonymizers => "anonymizers",
            Self::AnonymousIps => "anonymous_ip_database",
            Self::AsnDatabase => "asn_database",
            Self::Blacklists => "blacklists",
            Self::PushedAnonymizers => "pushed_anonymizers",
            Self::PushedBlacklist => "pushed_blacklist",
        }
    }
}

/// How large and how old a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListState {
    /// Which.
    pub list: FraudList,
    /// Entries as written; of a database the nodes of its tree.
    pub entries: usize,
    /// When it was made, where a file says so; of several the oldest.
    pub made: Option<UnixSeconds>,
}
