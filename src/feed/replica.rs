//! What was said so far, kept so that the next word costs little.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::change::{BlockedNetwork, Change, RevokedNow};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::policy::{
    Blocklist, BlocklistBuilder, ControlState, LinkKey, LinkKeys, OverrideTable, Revocations,
    TenantRevocations,
};

/// Everything that a control plane said, up to one version.
#[derive(Debug, Default)]
pub struct Replica {
    version: u64,
    overrides: OverrideTable,
    revoked: BTreeMap<Box<str>, RevokedNow>,
    revocations: HashMap<TenantId, Arc<TenantRevocations>>,
    link_keys: BTreeMap<Box<str>, LinkKey>,
    /// Of `link_keys`.
    links: Arc<LinkKeys>,
    blocked: BTreeMap<Box<str>, BlockedNetwork>,
    /// Of `blocked`, until something in it changes or ends.
    blocklist: Option<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    list: Arc<Blocklist>,
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
    /// What a snapshot of that version says.
    pub fn of_snapshot(version: u64, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut replica = Self { version, ..Self::default() };
        for change in changes {
            replica.take(change);
        }
        replica
    }

    /// The version it is of.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Applies one version as a whole.
    pub fn apply(
        &mut self,
        version: u64,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(), TooOld> {
        if version <= self.version {
            return Err(TooOld { offered: version, known: self.version });
        }
        for change in changes {
            self.take(change);
        }
        self.version = version;
        Ok(())
    }

    /// What is to be in force at `now`.
    pub fn state(&mut self, now: UnixSeconds) -> ControlState {
        ControlState {
            version: self.version,
            overrides: self.overrides.clone(),
            blocklist: self.blocklist(now),
            revocations: Revocations::of_tenants(self.revocations.clone()),
            links: Arc::clone(&self.links),
        }
    }

    /// The next moment after `now` at which something ends by itself.
    pub fn next_end(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        self.blocked.values().filter_map(|entry| entry.until).filter(|until| *until > now).min()
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Blocked { id, entry } => {
                match entry {
                    Some(entry) => self.blocked.insert(id, entry),
                    None => self.blocked.remove(&id),
                };
                self.blocklist = None;
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
            Change::Revoked { id, links: Some(revoked) } => {
                let known = self.revoked.insert(id, revoked.clone());
                match known {
                    None => Arc::make_mut(self.revocations.entry(revoked.tenant).or_default())
                        .add(&revoked.links, revoked.since),
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
                self.link_keys.retain(|_, key| key.tenant != Some(tenant));
                self.compile_links();
            }
        }
    }

    fn compile_links(&mut self) {
        self.links = Arc::new(LinkKeys::new(self.link_keys.iter().map(|(id, key)| (&**id, key))));
    }

    /// One that is taken back leaves what others of the same links say.
    fn compile_revocations(&mut self, tenant: TenantId) {
        let mut compiled = TenantRevocations::default();
        for revoked in self.revoked.values().filter(|revoked| revoked.tenant == tenant) {
            compiled.add(&revoked.links, revoked.since);
        }
        self.revocations.insert(tenant, Arc::new(compiled));
    }

    fn blocklist(&mut self, now: UnixSeconds) -> Arc<Blocklist> {
        let known = self.blocklist.take().filter(|it| it.until.is_none_or(|until| now < until));
        let compiled = known.unwrap_or_else(|| {
            let in_force = |entry: &&BlockedNetwork| entry.until.is_none_or(|until| now < until);
            let networks = self.blocked.values().filter(in_force).map(|entry| entry.network);
            let list = Arc::new(BlocklistBuilder::list_of(networks));
            Compiled { list, until: self.next_end(now) }
        });
        let list = Arc::clone(&compiled.list);
        self.blocklist = Some(compiled);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{AssetPath, VideoId, Visibility};
    use crate::network::ClientIp;
    use crate::policy::{Opening, OverrideLevel};
    use crate::target::{PathToken, RequestTarget};

    const NOW: UnixSeconds = UnixSeconds::new(100);

    fn open(id: &str, opens: Option<Opening>) -> Change {
        let level = OverrideLevel::Video(VideoId::new(id).unwrap());
        Change::Override { tenant: TenantId(1), level, opens }
    }

    fn visibility(state: &ControlState, id: &str) -> Visibility {
        let text = format!("/private/videos/{id}/source");
        let target = RequestTarget::parse(&text, PathToken::Absent, 8192).unwrap();
        state.overrides.effective(TenantId(1), &AssetPath::parse(&target).unwrap())
    }

    #[test]
    fn versions_are_applied_once_and_in_order() {
        let mut replica = Replica::of_snapshot(4, [open("a", Some(Opening::Everything))]);
        let first = replica.state(NOW);
        assert_eq!(first.version, 4);
        replica.apply(6, [open("a", None), open("b", Some(Opening::Everything))]).unwrap();
        for version in [0, 5, 6] {
            let again = replica.apply(version, [open("a", Some(Opening::Everything))]);
            assert_eq!(again, Err(TooOld { offered: version, known: 6 }));
        }
        let second = replica.state(NOW);
        let of = |state| ["a", "b"].map(|id| visibility(state, id));
        assert_eq!(of(&first), [Visibility::Public, Visibility::Private]);
        assert_eq!(of(&second), [Visibility::Private, Visibility::Public]);
        replica.apply(7, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap();
        assert_eq!(of(&replica.state(NOW)), [Visibility::Private; 2]);
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
            state.links.signer(TenantId(1), NOW).map(|(_, key)| key.id().to_string())
        };
        let keys = [set("all", Some(key(None))), set("own", Some(key(Some(TenantId(1)))))];
        replica.apply(1, keys).unwrap();
        assert_eq!(signer(&mut replica).as_deref(), Some("own"));
        replica.apply(2, [Change::TenantRemoved { tenant: TenantId(1) }]).unwrap();
        assert_eq!(signer(&mut replica).as_deref(), Some("all"));
        replica.apply(3, [set("all", None)]).unwrap();
        assert_eq!(signer(&mut replica), None);
    }

    #[test]
    fn a_network_is_blocked_until_its_end() {
        let client = |text: &str| ClientIp::new(text.parse().unwrap());
        let entry = |until| {
            let network = "192.0.2.0/24".parse().unwrap();
            Some(BlockedNetwork { network, until })
        };
        let block = |entry| Change::Blocked { id: "b".into(), entry };
        let mut replica = Replica::default();
        replica.apply(1, [block(entry(Some(UnixSeconds::new(200))))]).unwrap();
        let blocked = |replica: &mut Replica, now| {
            let state = replica.state(UnixSeconds::new(now));
            assert!(!state.blocklist.contains(client("192.0.3.1")));
            state.blocklist.contains(client("192.0.2.9"))
        };
        assert_eq!(replica.next_end(NOW), Some(UnixSeconds::new(200)));
        assert_eq!([199, 200].map(|now| blocked(&mut replica, now)), [true, false]);
        replica.apply(2, [block(entry(None))]).unwrap();
        assert_eq!(replica.next_end(NOW), None);
        assert!(blocked(&mut replica, 200));
        replica.apply(3, [block(None)]).unwrap();
        assert!(!blocked(&mut replica, 200));
    }
}
