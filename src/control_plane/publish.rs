//! From what is meant to what is in force: follows the change feed, and gives each state of it.
//!
//! It is woken by changes of this process, and by those of others that the database tells of; and
//! it looks by itself now and then, so that a wake-up that is lost costs a quarter of a second and
//! nothing else. A store that is away changes nothing about what is in force.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::caller::Caller;
use super::link::MasterKey;
use super::record::{
    BlocklistEntry, BlocklistId, Connector, ConnectorDraft, ConnectorId, ConnectorState, ContentId,
    FeedEntry, FeedEvent, FeedHead, FeedPage, FeedVersion, KeptPurges, KeyUse, PathOverride,
    Revocation, RevocationId, SealedKey, SigningKey, SigningKeyId,
};
use super::store::{Page, Store, StoreError, View};
use super::tag_key::{image_mark_material, tag_key_number};
use crate::catalog::{CatalogChange, Grants};
use crate::clock::{Clock, UnixSeconds};
use crate::feed::{BlockedNetwork, Change, Replica, RevokedNow};
use crate::keyring::{KeyMaterial, KeyWindow};
use crate::policy::{self, ControlState, ImageMarkKey, LinkKey, Purge};
use crate::telemetry::ErrorChain;

/// Between two looks at the feed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Before a store that failed is asked again.
pub(super) const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Entries of the feed that are read at once.
pub(super) const ENTRIES: u16 = 1_000;

/// Records of one kind that are read at once.
const RECORDS: u16 = 1_000;

/// Follows one store's feed.
#[derive(Debug)]
pub struct Publisher {
    store: Store,
    clock: Clock,
    caller: Caller,
    unsealing: Unsealing,
    head: FeedHead,
    replica: Replica,
    /// When the last state was made.
    made: UnixSeconds,
}

impl Publisher {
    /// Reads everything there is. Without a master key, or under another than they were sealed
    /// under, keys for links stay closed, and so does what they signed.
    pub async fn start(
        store: Store,
        clock: Clock,
        master_key: Option<MasterKey>,
    ) -> Result<Self, StoreError> {
        let caller = Caller::system("publish");
        let unsealing = Unsealing::by(master_key);
        let (head, replica) = read_everything(&mut store.view(&caller).await?, &unsealing).await?;
        Ok(Self { store, clock, caller, unsealing, head, replica, made: clock.now() })
    }

    /// What is to be in force now.
    pub fn state(&mut self) -> Arc<ControlState> {
        self.made = self.clock.now();
        Arc::new(self.replica.state(self.made))
    }

    /// Gives every new state to `put`, for ever.
    pub async fn run(mut self, put: impl Fn(Arc<ControlState>)) -> Infallible {
        let mut changed = self.store.subscribe();
        let mut away = false;
        loop {
            match self.follow().await {
                Ok(Followed::Nothing) => wait(&mut changed).await,
                Ok(Followed::Changes(grants)) => {
                    put(self.state());
                    grants.give();
                    tracing::debug!(version = self.head.version.0, "published");
                }
                Err(error) => {
                    if !away {
                        tracing::error!(
                            error = %ErrorChain(&error),
                            "the store is away: what is in force stays so"
                        );
                    }
                    away = true;
                    sleep(LEFT_ALONE).await;
                    continue;
                }
            }
            if std::mem::take(&mut away) {
                tracing::info!("the store is back");
            }
        }
    }

    async fn follow(&mut self) -> Result<Followed, StoreError> {
        let mut view = self.store.view(&self.caller).await?;
        match view.feed_since(&self.head, ENTRIES).await? {
            FeedPage::Entries { entries, reached } => {
                if reached == self.head.version {
                    return Ok(self.ended_by_itself());
                }
                Ok(Followed::Changes(self.take(entries, reached)))
            }
            FeedPage::SnapshotNeeded => {
                (self.head, self.replica) = read_everything(&mut view, &self.unsealing).await?;
                Ok(Followed::Changes(Grants::default()))
            }
        }
    }

    /// Did something end since the last state was made?
    fn ended_by_itself(&self) -> Followed {
        match self.replica.next_end(self.made) {
            Some(end) if end <= self.clock.now() => Followed::Changes(Grants::default()),
            Some(_) | None => Followed::Nothing,
        }
    }

    /// Entries are whole versions, in order.
    fn take(&mut self, entries: Vec<FeedEntry>, reached: FeedVersion) -> Grants {
        let changes = entries.into_iter().filter_map(|entry| change(entry, &self.unsealing));
        self.head.version = reached;
        // The feed gave what is newer than the head; another history has another lineage.
        self.replica.apply(reached.0, changes).unwrap_or_else(|error| {
            tracing::error!(%error, "the feed goes back");
            Grants::default()
        })
    }
}

#[derive(Debug)]
enum Followed {
    /// What is in force is to be replaced, and these are to be given then.
    Changes(Grants),
    Nothing,
}

pub(super) async fn wait(changed: &mut watch::Receiver<()>) {
    // An error: the store is closed, and the task about to end. A timeout: time for a look.
    if let Ok(Err(_)) = timeout(LOOK_EVERY, changed.changed()).await {
        sleep(LOOK_EVERY).await;
    }
}

async fn read_everything(
    view: &mut View,
    unsealing: &Unsealing,
) -> Result<(FeedHead, Replica), StoreError> {
    let head = view.feed_head().await?;
    let mut replica = Replica::of_snapshot(head.version.0, []);
    replica.set_lineage(&head.lineage);
    let mut everything = Everything::Purges;
    // Packed some at a time: a million contents are never here as they are read.
    while let Some(some) = everything.next(view, unsealing).await? {
        replica.extend(some);
    }
    Ok((head, replica))
}

/// Everything that edges know, read some records at a time: what comes next.
#[derive(Debug)]
pub(super) enum Everything {
    Purges,
    Overrides,
    Keys,
    Revocations(Page<RevocationId>),
    Blocklist(Page<BlocklistId>),
    Connectors(Page<ConnectorId>),
    Contents(Page<ContentId>),
    Folders,
    End,
}

impl Everything {
    /// Reads on, in the same view each time.
    pub(super) async fn next(
        &mut self,
        view: &mut View,
        unsealing: &Unsealing,
    ) -> Result<Option<Vec<Change>>, StoreError> {
        let (changes, next) = match self {
            Self::Purges => {
                let KeptPurges { forgotten, purges } = view.feed_purges().await?;
                let forgotten = Change::PurgesForgotten { version: forgotten.0 };
                let purges = purges.into_iter().map(|(version, tenant, files)| {
                    Change::Purged(Purge { version: version.0, tenant, files })
                });
                (std::iter::once(forgotten).chain(purges).collect(), Self::Overrides)
            }
            Self::Overrides => {
                let overrides = view.override_list_all().await?.into_iter().map(opened).collect();
                (overrides, Self::Keys)
            }
            Self::Keys => {
                let keys = view.signing_key_list().await?.into_iter();
                let keys = keys.filter_map(|key| unsealing.changed(key)).collect();
                (keys, Self::Revocations(Page::first(RECORDS)))
            }
            Self::Revocations(page) => {
                let listed = view.revocation_list(page).await?;
                let next = match listed.next {
                    Some(next) => Self::Revocations(Page::after(next, RECORDS)),
                    None => Self::Blocklist(Page::first(RECORDS)),
                };
                (listed.items.into_iter().map(revoked).collect(), next)
            }
            Self::Blocklist(page) => {
                let listed = view.blocklist_list(page).await?;
                let next = match listed.next {
                    Some(next) => Self::Blocklist(Page::after(next, RECORDS)),
                    None => Self::Connectors(Page::first(RECORDS)),
                };
                (listed.items.into_iter().map(blocked).collect(), next)
            }
            Self::Connectors(page) => {
                let listed = view.connector_list_all(page).await?;
                let next = match listed.next {
                    Some(next) => Self::Connectors(Page::after(next, RECORDS)),
                    None => Self::Contents(Page::first(RECORDS)),
                };
                (listed.items.into_iter().map(connected).collect(), next)
            }
            Self::Contents(page) => {
                let listed = view.content_state_list(page).await?;
                let next = match listed.next {
                    Some(next) => Self::Contents(Page::after(next, RECORDS)),
                    None => Self::Folders,
                };
                let contents = listed.items.into_iter();
                let contents = contents.map(|state| CatalogChange::ContentSet(state.into()));
                (contents.map(Change::Catalog).collect(), next)
            }
            Self::Folders => {
                let folders = view.folder_state_list().await?.into_iter();
                let folders = folders.map(CatalogChange::FolderSet);
                (folders.map(Change::Catalog).collect(), Self::End)
            }
            Self::End => return Ok(None),
        };
        *self = next;
        Ok(Some(changes))
    }
}

/// What an event means to an edge; none: nothing, so far.
pub(super) fn change(entry: FeedEntry, unsealing: &Unsealing) -> Option<Change> {
    let FeedEntry { version, sequence: _, event } = entry;
    Some(match event {
        FeedEvent::BlocklistSet(entry) => blocked(entry),
        FeedEvent::BlocklistRemoved { id } => {
            Change::Blocked { id: id.to_string().into(), entry: None }
        }
        FeedEvent::ConnectorSet(connector) => connected(connector),
        FeedEvent::ConnectorRemoved { id } => {
            Change::Connector { id: id.to_string().into(), connector: None }
        }
        FeedEvent::ContentSet(state) => Change::Catalog(CatalogChange::ContentSet(state)),
        FeedEvent::ContentRemoved { tenant, id } => {
            Change::Catalog(CatalogChange::ContentRemoved { tenant, id })
        }
        FeedEvent::FolderSet(state) => Change::Catalog(CatalogChange::FolderSet(state)),
        FeedEvent::FolderRemoved { tenant, number } => {
            Change::Catalog(CatalogChange::FolderRemoved { tenant, number })
        }
        FeedEvent::OverrideSet(set) => opened(set),
        FeedEvent::OverrideRemoved { tenant, level } => {
            Change::Override { tenant, level, opens: None }
        }
        FeedEvent::RevocationSet(set) => revoked(set),
        FeedEvent::RevocationRemoved { id } => {
            Change::Revoked { id: id.to_string().into(), links: None }
        }
        FeedEvent::SigningKeySet(key) => return unsealing.changed(key),
        FeedEvent::SigningKeyRemoved { id } => unsealing.removed(&id),
        FeedEvent::TenantRemoved { number } => Change::TenantRemoved { tenant: number },
        FeedEvent::CachePurge { tenant, files } => {
            Change::Purged(Purge { version: version.0, tenant, files })
        }
        FeedEvent::TenantSet(_) => return None,
    })
}

/// Opens keys on their way to the edges. The bytes of a key never change: one that was opened stays
/// so, whatever master key it is sealed under meanwhile.
#[derive(Debug)]
pub(super) struct Unsealing {
    master_key: Option<MasterKey>,
    opened: Mutex<HashMap<SigningKeyId, KeyMaterial>>,
}

impl Unsealing {
    /// By that master key, where there is one.
    pub(super) fn by(master_key: Option<MasterKey>) -> Self {
        Self { master_key, opened: Mutex::default() }
    }

    /// What a key means to an edge; none where it means nothing there.
    fn changed(&self, key: SigningKey) -> Option<Change> {
        let SigningKey {
            id,
            tenant,
            key_use,
            sealed,
            created_at: _,
            not_before,
            not_after,
            retired_at,
        } = key;
        match key_use {
            KeyUse::Links => {}
            KeyUse::Tags => {
                let key = self.open(&id, &sealed).map(|material| ImageMarkKey {
                    number: tag_key_number(&id).0,
                    material: image_mark_material(&material),
                });
                return Some(Change::ImageMarkKey { id: id.to_string().into(), key });
            }
            KeyUse::Api | KeyUse::Sessions => return None,
        }
        let window = KeyWindow { not_before: Some(not_before), not_after };
        let key = self.open(&id, &sealed).map(|material| LinkKey {
            tenant,
            material,
            window,
            retired: retired_at,
        });
        Some(Change::LinkKey { id: id.to_string().into(), key })
    }

    fn open(&self, id: &SigningKeyId, sealed: &SealedKey) -> Option<KeyMaterial> {
        if let Some(material) = self.opened().get(id) {
            return Some(material.clone());
        }
        let Some(master_key) = &self.master_key else {
            tracing::error!(key = %id, "there is no master key: a key stays closed");
            return None;
        };
        match master_key.open(id.as_str(), sealed) {
            Ok(material) => {
                self.opened().insert(id.clone(), material.clone());
                Some(material)
            }
            Err(error) => {
                tracing::error!(key = %id, error = %ErrorChain(&error), "a key stays closed");
                None
            }
        }
    }

    fn removed(&self, id: &SigningKeyId) -> Change {
        self.opened().remove(id);
        Change::LinkKey { id: id.to_string().into(), key: None }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<SigningKeyId, KeyMaterial>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(PathOverride { tenant, level, opens }: PathOverride) -> Change {
    Change::Override { tenant, level, opens: Some(opens) }
}

fn blocked(entry: BlocklistEntry) -> Change {
    let BlocklistEntry { id, network, kind, expires_at, reason: _, created_at: _ } = entry;
    let entry = Some(BlockedNetwork { network, until: expires_at, kind });
    Change::Blocked { id: id.to_string().into(), entry }
}

fn revoked(revocation: Revocation) -> Change {
    let Revocation { id, tenant, subject, created_at, made_before, expires_at, reason: _ } =
        revocation;
    let since = made_before.unwrap_or(created_at);
    let links = Some(RevokedNow { tenant, links: subject, since, until: expires_at });
    Change::Revoked { id: id.to_string().into(), links }
}

/// One that is disabled is none to an edge.
fn connected(connector: Connector) -> Change {
    let Connector { id, tenant, draft, created_at: _, revision: _ } = connector;
    let ConnectorDraft { name: _, folder, kinds, addressed_by, https, ambiguity, state } = draft;
    let open = policy::Connector { tenant, folder, kinds, addressed_by, https, ambiguity };
    let connector = match state {
        ConnectorState::Enabled => Some(open),
        ConnectorState::Disabled => None,
    };
    Change::Connector { id: id.to_string().into(), connector }
}
