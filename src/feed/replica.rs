//! What was said so far, kept so that the next word costs little.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::change::{BlockedNetwork, Change, RevokedNow};
use crate::asset::TenantId;
use crate::catalog::{Catalog, CatalogChange, Grants};
use crate::clock::UnixSeconds;
use crate::policy::{
    Blocklist, BlocklistBuilder, BlocklistKind, Connectors, ControlState, ImageMarkKeys, Lease,
    LinkKey, LinkKeys, OverrideTable, Purges, PushedFraudLists, Revocations, TenantRevocations,
};

/// Everything that a control plane said, up to one version.
#[derive(Debug, Default)]
pub struct Replica {
    version: u64,
    /// Not of one version like the rest: all states that were made share it.
    catalog: Arc<Catalog>,
    overrides: OverrideTable,
    revoked: BTreeMap<Box<str>, RevokedNow>,
    revocations: HashMap<TenantId, Arc<TenantRevocations>>,
    link_keys: BTreeMap<Box<str>, LinkKey>,
    /// Of `link_keys`.
    links: Arc<LinkKeys>,
    image_mark_keys: Arc<ImageMarkKeys>,
    connectors: Arc<Connectors>,
    purges: Arc<Purges>,
    blocked: BTreeMap<Box<str>, BlockedNetwork>,
    /// Of `blocked`, until something in it changes or ends.
    blocklist: Option<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    list: Arc<Blocklist>,
    fraud_lists: Arc<PushedFraudLists>,
    until: Option<UnixSeconds>,
}

/// A version that is not newer than what is known: a feed never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version {offered} of the feed is not newer than {known}")]
pub struct TooOld {
    /// The version that came.
    pub offered: u64,
    /// The version that is known.
    pub known: u64,
}

impl Replica {
    /// What a snapshot of that version says. It has a catalog of its own: whatever is in force
    /// meanwhile keeps the one that it had.
    pub fn of_snapshot(version: u64, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut replica = Self { version, ..Self::default() };
        replica.extend(changes);
        replica
    }

    /// More of the snapshot that it is of, before anything of it is in force.
    pub fn extend(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            let change = self.take(change);
            self.catalog.fill(change);
        }
    }

    /// A snapshot that is whole.
    pub(super) fn at_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// Says which history its versions count.
    pub fn set_lineage(&mut self, lineage: &str) {
        Arc::make_mut(&mut self.purges).set_lineage(lineage);
    }

    /// The version it is of.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Applies one version as a whole. What it closes in the catalog is closed at once; what it
    /// opens there is handed back, to be given once [`Self::state`] is in force.
    pub fn apply(
        &mut self,
        version: u64,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Grants, TooOld> {
        if version <= self.version {
            return Err(TooOld { offered: version, known: self.version });
        }
        let of_catalog: Vec<_> = changes.into_iter().filter_map(|it| self.take(it)).collect();
        self.version = version;
        Ok(self.catalog.restrict(version, of_catalog))
    }

    /// What is to be in force at `now`.
    pub fn state(&mut self, now: UnixSeconds) -> ControlState {
        let (blocklist, fraud_lists) = self.blocklists(now);
        ControlState {
            version: self.version,
            catalog: Arc::clone(&self.catalog),
            overrides: self.overrides.clone(),
            blocklist,
            fraud_lists,
            revocations: Revocations::of_tenants(self.revocations.clone()),
            links: Arc::clone(&self.links),
            image_mark_keys: Arc::clone(&self.image_mark_keys),
            connectors: Arc::clone(&self.connectors),
            purges: Arc::clone(&self.purges),
            lease: Arc::new(Lease::endless()),
        }
    }

    /// The next moment after `now` at which something ends by itself.
    pub fn next_end(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        self.blocked.values().filter_map(|entry| entry.until).filter(|until| *until > now).min()
    }

    /// Gives back what is the catalog's.
    fn take(&mut self, change: Change) -> Option<CatalogChange> {
        match change {
            Change::Catalog(change) => return Some(change),
            Change::Blocked { id, entry } => {
                match entry {
                    Some(entry) => self.blocked.insert(id, entry),
                    None => self.blocked.remove(&id),
                };
                self.blocklist = None;
            }
            Change::Connector { id, connector } => {
                Arc::make_mut(&mut self.connectors).set(id, connector);
            }
            Change::ImageMarkKey { id, key } => {
                Arc::make_mut(&mut self.image_mark_keys).set(id, key);
            }
            Change::LinkKey { id, key } => {
                match key {
                    Some(key) => self.link_keys.insert(id, key),
                    None => self.link_keys.remove(&id),
                };
                self.compile_links();
            }
            Change::Override { tenant, level, opens } => {
                self.overrides.tenant_mut(tenant).set(&level, opens);
            }
            Change::Purged(purge) => Arc::make_mut(&mut self.purges).add(purge),
            Change::PurgesForgotten { version } => Arc::make_mut(&mut self.purges).forget(version),
            Change::Revoked { id, links: Some(revoked) } => {
                let known = self.revoked.insert(id, revoked.clone());
                match known {
                    None => Arc::make_mut(self.revocations.entry(revoked.tenant).or_default()).add(
                        revoked.tenant,
                        &revoked.links,
                        revoked.since,
                    ),
                    Some(known) if known == revoked => {}
                    Some(known) => {
                        self.compile_revocations(known.tenant);
                        self.compile_revocations(revoked.tenant);
                    }
                }
            }
            Change::Revoked { id, links: None } => {
                if let Some(known) = self.revoked.remove(&id) {
                    self.compile_revocations(known.tenant);
                }
            }
            Change::TenantRemoved { tenant } => {
                self.overrides.remove_tenant(tenant);
                self.revoked.retain(|_, revoked| revoked.tenant != tenant);
                self.revocations.remove(&tenant);
                Arc::make_mut(&mut self.connectors).remove_tenant(tenant);
                self.link_keys.retain(|_, key| key.tenant != Some(tenant));
                self.compile_links();
                return Some(CatalogChange::TenantRemoved { tenant });
            }
        }
        None
    }

    fn compile_links(&mut self) {
        self.links = Arc::new(LinkKeys::new(self.link_keys.iter().map(|(id, key)| (&**id, key))));
    }

    /// One that is taken back leaves what others of the same links say.
    fn compile_revocations(&mut self, tenant: TenantId) {
        let mut compiled = TenantRevocations::default();
        for revoked in self.revoked.values().filter(|revoked| revoked.tenant == tenant) {
            compiled.add(tenant, &revoked.links, revoked.since);
        }
        self.revocations.insert(tenant, Arc::new(compiled));
    }

    fn blocklists(&mut self, now: UnixSeconds) -> (Arc<Blocklist>, Arc<PushedFraudLists>) {
        let known = self.blocklist.take().filter(|it| it.until.is_none_or(|until| now < until));
        let compiled = known.unwrap_or_else(|| {
            let in_force = |entry: &&BlockedNetwork| entry.until.is_none_or(|until| now < until);
            let list_of = |kind| {
                let entries = self.blocked.values().filter(in_force);
                let of_kind = entries.filter(|entry| entry.kind == kind);
                BlocklistBuilder::list_of(of_kind.map(|entry| entry.network))
            };
            let fraud_lists = PushedFraudLists {
                blacklist: list_of(BlocklistKind::Pirate),
                anonymizers: list_of(BlocklistKind::Anonymizer),
            };
            let list = Arc::new(list_of(BlocklistKind::Everything));
            let fraud_lists = Arc::new(fraud_lists);
            Compiled { list, fraud_lists, until: self.next_end(now) }
        });
        let lists = (Arc::clone(&compiled.list), Arc::clone(&compiled.fraud_lists));
        self.blocklist = Some(compiled);
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{AssetPath, ChannelId, ContentId, VideoId, Visibility};
    use crate::catalog::{ContentKind, ContentState, Publication};
    use crate::network::ClientIp;
    use crate::policy::{
        AddressedBy, Ambiguity, Connector, ConnectorKinds, HttpsRule, Opening, OverrideLevel,
        SiteDelivery,
    };
    use crate::target::{PathToken, RequestTarget};

    const NOW: UnixSeconds = UnixSeconds::new(100);

    fn open(id: &str, opens: Option<Opening>) -> Change {
        let level = OverrideLevel::Video(VideoId::new(id).unwrap());
        Change::Override { tenant: TenantId(1), level, opens }
    }

    fn source(id: &str) -> AssetPath {
        let text = format!("/private/videos/{id}/source");
        let target = RequestTarget::parse(&text, PathToken::Absent, 8192).unwrap();
        AssetPath::parse(&target).unwrap()
    }

    fn visibility(state: &ControlState, id: &str) -> Visibility {
        state.overrides.effective(TenantId(1), &source(id))
    }

    #[test]
    fn versions_are_applied_once_and_in_order() {
        let mut replica = Replica::of_snapshot(4, [open("a", Some(Opening::Everything))]);
        let first = replica.state(NOW);
        assert_eq!(first.version, 4);
        let changes = [open("a", None), open("b", Some(Opening::Everything))];
        replica.apply(6, changes).unwrap().give();
        for version in [0, 5, 6] {
            let again = replica.apply(version, [open("a", Some(Opening::Everything))]);
            assert_eq!(again.unwrap_err(), TooOld { offered: version, known: 6 });
        }
        let second = replica.state(NOW);
        let of = |state| ["a", "b"].map(|id| visibility(state, id));
        assert_eq!(of(&first), [Visibility::Public, Visibility::Private]);
        assert_eq!(of(&second), [Visibility::Private, Visibility::Public]);
        replica.apply(7, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap().give();
        assert_eq!(of(&replica.state(NOW)), [Visibility::Private; 2]);
    }

    fn content(id: &str, publication: Publication) -> Change {
        Change::Catalog(CatalogChange::ContentSet(Box::new(ContentState {
            tenant: TenantId(1),
            id: ContentId::parse(id).unwrap(),
            kind: ContentKind::Video,
            folder: None,
            publication,
            periods: Vec::new(),
            version: Some("v".into()),
            active_thumbnail: None,
            files: Vec::new(),
            names: None,
        })))
    }

    /// Is it open to everybody: published, and by an override?
    fn is_open(state: &ControlState, id: &str) -> bool {
        let entry = state.catalog.find(TenantId(1), &source(id));
        let published = entry.is_some_and(|it| it.publication(NOW) == Publication::Published);
        published && visibility(state, id) == Visibility::Public
    }

    /// One version publishes what an override opened, and closes the override; and the reverse.
    #[test]
    fn what_closes_comes_before_the_swap_and_what_opens_after_it() {
        let opened = |id| open(id, Some(Opening::Everything));
        let mut replica = Replica::of_snapshot(
            1,
            [
                opened("a"),
                content("a", Publication::Unpublished),
                content("b", Publication::Published),
            ],
        );
        let before = replica.state(NOW);
        let changes = [
            open("a", None),
            content("a", Publication::Published),
            opened("b"),
            content("b", Publication::Unpublished),
        ];
        let grants = replica.apply(2, changes).unwrap();
        let after = replica.state(NOW);
        let open = |state: &ControlState| ["a", "b"].map(|id| is_open(state, id));
        assert_eq!(open(&before), [false; 2], "until the swap");
        assert_eq!(open(&after), [false; 2], "after the swap");
        grants.give();
        assert_eq!(open(&after), [false; 2], "at the end");
        // A request that took the state of before, and looks only now, can tell.
        assert_eq!(open(&before), [true, false]);
        let entry = before.catalog.find(TenantId(1), &source("a")).unwrap();
        assert!(entry.is_newer_than(before.version) && !entry.is_newer_than(after.version));
        let published = content("b", Publication::Published);
        replica.apply(3, [published]).unwrap().give();
        assert_eq!(open(&replica.state(NOW)), [false, true]);
        replica.apply(4, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap().give();
        assert!(replica.state(NOW).catalog.is_empty());
    }

    /// What is in force goes on with what it had, and the swap takes all of it at once.
    #[test]
    fn a_snapshot_has_a_catalog_of_its_own() {
        let mut first = Replica::of_snapshot(1, [content("a", Publication::Published)]);
        let in_force = first.state(NOW);
        let mut second = Replica::of_snapshot(9, [content("b", Publication::Published)]);
        second.extend([content("c", Publication::Published)]);
        assert_eq!((in_force.catalog.len(), second.state(NOW).catalog.len()), (1, 2));
    }

    #[test]
    fn a_connector_is_open_until_it_is_closed_or_its_tenant_is_gone() {
        let open = |id: &str, tenant| Change::Connector {
            id: id.into(),
            connector: Some(Connector {
                tenant: TenantId(tenant),
                folder: ChannelId(3),
                kinds: ConnectorKinds::All,
                addressed_by: AddressedBy::ContentId,
                https: HttpsRule::Optional,
                ambiguity: Ambiguity::First,
            }),
        };
        let is_open = |state: &ControlState| {
            [(1, "cnr_a"), (1, "cnr_b"), (2, "cnr_c")]
                .map(|(tenant, id)| state.connectors.find(TenantId(tenant), id).is_some())
        };
        let three = [open("cnr_a", 1), open("cnr_b", 1), open("cnr_c", 2)];
        let mut replica = Replica::of_snapshot(1, three);
        let first = replica.state(NOW);
        let closed = Change::Connector { id: "cnr_a".into(), connector: None };
        replica.apply(2, [closed]).unwrap().give();
        let second = replica.state(NOW);
        replica.apply(3, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap().give();
        assert_eq!(is_open(&first), [true; 3]);
        assert_eq!(is_open(&second), [false, true, true]);
        assert_eq!(is_open(&replica.state(NOW)), [false, false, true]);
    }

    #[test]
    fn a_key_signs_until_it_is_dropped_or_its_tenant_is_gone() {
        let key = |tenant| {
            let material = crate::keyring::KeyMaterial::from_hex("abcd").unwrap();
            let window = crate::keyring::KeyWindow::default();
            LinkKey { tenant, material, window, retired: None }
        };
        let set = |id: &str, key| Change::LinkKey { id: id.into(), key };
        let mut replica = Replica::default();
        let signer = |replica: &mut Replica| {
            let state = replica.state(NOW);
            let signer = state.links.signer(TenantId(1), SiteDelivery::Standard, NOW);
            signer.map(|(_, key)| key.id().to_string())
        };
        let keys = [set("all", Some(key(None))), set("own", Some(key(Some(TenantId(1)))))];
        replica.apply(1, keys).unwrap().give();
        assert_eq!(signer(&mut replica).as_deref(), Some("own"));
        replica.apply(2, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap().give();
        assert_eq!(signer(&mut replica).as_deref(), Some("all"));
        replica.apply(3, [set("all", None)]).unwrap().give();
        assert_eq!(signer(&mut replica), None);
    }

    #[test]
    fn whom_an_entry_refuses_is_its_kind() {
        let mut replica = Replica::default();
        let network = "192.0.2.0/24".parse().unwrap();
        let lists = |replica: &mut Replica, version, kind: Option<BlocklistKind>| {
            let entry = kind.map(|kind| BlockedNetwork { network, until: None, kind });
            replica.apply(version, [Change::Blocked { id: "b".into(), entry }]).unwrap().give();
            let state = replica.state(UnixSeconds::new(100));
            let client = ClientIp::new("192.0.2.9".parse().unwrap());
            [&state.blocklist, &state.fraud_lists.anonymizers, &state.fraud_lists.blacklist]
                .map(|list| list.contains(client))
        };
        for (version, kind, refused) in [
            (1, Some(BlocklistKind::Everything), [true, false, false]),
            (2, Some(BlocklistKind::Anonymizer), [false, true, false]),
            (3, Some(BlocklistKind::Pirate), [false, false, true]),
            (4, None, [false, false, false]),
        ] {
            assert_eq!(lists(&mut replica, version, kind), refused, "{kind:?}");
        }
    }

    #[test]
    fn a_network_is_blocked_until_its_end() {
        let client = |text: &str| ClientIp::new(text.parse().unwrap());
        let entry = |until| {
            let network = "192.0.2.0/24".parse().unwrap();
            Some(BlockedNetwork { network, until, kind: BlocklistKind::Everything })
        };
        let block = |entry| Change::Blocked { id: "b".into(), entry };
        let mut replica = Replica::default();
        replica.apply(1, [block(entry(Some(UnixSeconds::new(200))))]).unwrap().give();
        let blocked = |replica: &mut Replica, now| {
            let state = replica.state(UnixSeconds::new(now));
            assert!(!state.blocklist.contains(client("192.0.3.1")));
            state.blocklist.contains(client("192.0.2.9"))
        };
        assert_eq!(replica.next_end(NOW), Some(UnixSeconds::new(200)));
        assert_eq!([199, 200].map(|now| blocked(&mut replica, now)), [true, false]);
        replica.apply(2, [block(entry(None))]).unwrap().give();
        assert_eq!(replica.next_end(NOW), None);
        assert!(blocked(&mut replica, 200));
        replica.apply(3, [block(None)]).unwrap().give();
        assert!(!blocked(&mut replica, 200));
    }
}
