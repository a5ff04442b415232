//! The store itself: opening it, and the two ways into it.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;

use super::change::Change;
use super::database::{Database, StoreAddress};
use super::error::StoreError;
use super::idempotency;
use super::notify;
use super::statement::Statement;
use super::view::View;
use super::webhook_room::Rooms;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{FIRST_AUDIT_HASH, chance};

/// An open store. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    changed: watch::Sender<()>,
    rooms: Arc<Rooms>,
}

impl Store {
    /// Opens the store at that address: makes it where there is none, brings it up to date, and
    /// refuses one that a newer program wrote.
    pub async fn open(address: &StoreAddress) -> Result<Self, StoreError> {
        let database = Database::open(address).await?;
        let mut connection = database.begin_write().await?;
        let head = Statement::new(
            "INSERT INTO feed_head \
             (id, lineage, version, compacted, audit_sequence, audit_hash) \
             VALUES (1, $1, 0, 0, 0, $2) ON CONFLICT (id) DO NOTHING",
        );
        let lineage = hex::encode(chance::<16>()?);
        connection.execute(head.bind(lineage).bind(FIRST_AUDIT_HASH)).await?;
        connection.commit().await?;
        Ok(Self { database, changed: watch::Sender::new(()), rooms: Arc::default() })
    }

    /// One state of everything this caller may see. Nothing that is committed later shows in it.
    pub async fn view(&self, caller: &Caller) -> Result<View, StoreError> {
        Ok(View::new(caller.clone(), self.database.begin_read().await?))
    }

    /// A change by this caller: what it does is done when it is committed, or not at all. Within
    /// work that is done [once](Store::once), it is when the whole of that is.
    pub async fn change(&self, caller: &Caller, now: UnixSeconds) -> Result<Change, StoreError> {
        let Some(claim) = idempotency::under_way() else {
            return self.change_apart(caller, now).await;
        };
        let view = View::new(caller.clone(), claim.connection(&self.database, now).await?);
        let (changed, rooms) = (self.changed.clone(), Arc::clone(&self.rooms));
        Ok(Change::new(view, now, changed, Some(claim), rooms))
    }

    /// The same, by itself in any case.
    pub async fn change_apart(
        &self,
        caller: &Caller,
        now: UnixSeconds,
    ) -> Result<Change, StoreError> {
        let view = View::new(caller.clone(), self.database.begin_write().await?);
        let (changed, rooms) = (self.changed.clone(), Arc::clone(&self.rooms));
        Ok(Change::new(view, now, changed, None, rooms))
    }

    /// Messages to webhooks that were not kept by this program, for too many waited.
    pub fn webhook_unkept(&self) -> u64 {
        self.rooms.unkept()
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Wakes up whoever waits for the feed to grow.
    pub(super) fn announce(&self) {
        self.changed.send_replace(());
    }

    /// Wakes up after the feed grew by a change of this process, or of another that
    /// [`Store::hear`] heard of. A hint: read the feed now and then as well.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Listens for changes of other control planes until that fails; to be called again then, after
    /// a while. On SQLite there are none, and it waits for ever.
    pub async fn hear(&self) -> Result<Infallible, StoreError> {
        notify::hear(&self.database, &self.changed).await
    }

    /// Closes every connection, after what they do now.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
