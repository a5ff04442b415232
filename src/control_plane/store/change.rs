//! A change: everything that is written, with its audit events and its entries in the feed.
//!
//! Each noun's file adds its writing methods to [`Change`]; there is no other way to write. A
//! method looks first and writes then: one that refuses has written nothing, and the change can
//! still be committed. One whose statement failed has spoilt the change.
//!
//! [`Change::commit`] takes the version and links the audit chain with its last statements, under
//! the lock of the one row of `feed_head`: versions are in the order of commits, without gaps, and
//! nobody waits for the lock longer than those statements take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use tokio::sync::watch;

use super::error::StoreError;
use super::idempotency::{Claim, Growth};
use super::notify;
use super::statement::{Statement, Value};
use super::view::View;
use super::webhook_room::Rooms;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AuditEvent, ContentId, FeedEvent, FeedVersion, PurgedFiles, difference,
};

/// An open change. Dropped without a commit, it never was.
#[derive(Debug)]
pub struct Change {
    view: View,
    now: UnixSeconds,
    audit: Vec<AuditDraft>,
    feed: Vec<FeedEvent>,
    touched_contents: BTreeSet<ContentId>,
    touched_folders: BTreeSet<ChannelId>,
    committed: watch::Sender<()>,
    part_of: Option<Arc<Claim>>,
    rooms: Arc<Rooms>,
}

/// What was done, before it has its place in the chain.
#[derive(Debug)]
struct AuditDraft {
    tenant: Option<TenantId>,
    action: &'static str,
    object: Box<str>,
    diff: Map<String, Json>,
}

impl Change {
    pub(super) fn new(
        view: View,
        now: UnixSeconds,
        committed: watch::Sender<()>,
        part_of: Option<Arc<Claim>>,
        rooms: Arc<Rooms>,
    ) -> Self {
        Self {
            view,
            now,
            audit: Vec::new(),
            feed: Vec::new(),
            touched_contents: BTreeSet::new(),
            touched_folders: BTreeSet::new(),
            committed,
            part_of,
            rooms,
        }
    }

    /// How much room each webhook has.
    pub(super) fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Everything as it is with what this change did so far.
    pub fn view(&mut self) -> &mut View {
        &mut self.view
    }

    /// When the change is made.
    pub fn now(&self) -> UnixSeconds {
        self.now
    }

    /// Waits until it is this change's turn: from now on no other is committed before it, and what it
    /// says of a time is true when it is known. Everybody else waits: it is for brief changes.
    pub async fn wait_for_turn(&mut self) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE feed_head SET id = id WHERE id = 1");
        self.view.connection().execute(statement).await?;
        Ok(())
    }

    /// Has the change made at that moment: who waited for others made it when they were done.
    pub fn happens_at(&mut self, now: UnixSeconds) {
        self.now = now;
    }

    /// Has edges drop what they cached of a tenant's files.
    pub fn cache_purge(&mut self, tenant: TenantId, files: PurgedFiles) -> Result<(), StoreError> {
        self.view.reach(Some(tenant))?;
        self.note("cache.purge", Some(tenant), &tenant.to_string(), None, Some(&files));
        self.publish(FeedEvent::CachePurge { tenant, files });
        Ok(())
    }

    /// Notes in the audit log that something was done, with a record before and after.
    pub(super) fn note<T: Serialize>(
        &mut self,
        action: &'static str,
        tenant: Option<TenantId>,
        object: &str,
        before: Option<&T>,
        after: Option<&T>,
    ) {
        let diff = difference(before, after);
        self.audit.push(AuditDraft { tenant, action, object: object.into(), diff });
    }

    /// Notes that a list took another's place, if it is another.
    pub(super) fn note_list<T: Serialize + PartialEq>(
        &mut self,
        action: &'static str,
        tenant: Option<TenantId>,
        object: &str,
        before: &[T],
        after: &[T],
    ) {
        if before != after {
            let list = |items| BTreeMap::from([("items", items)]);
            self.note(action, tenant, object, Some(&list(before)), Some(&list(after)));
        }
    }

    /// Puts an entry into the feed.
    pub(super) fn publish(&mut self, event: FeedEvent) {
        self.feed.push(event);
    }

    /// Puts a content, as it is when the change is committed, into the feed.
    pub(super) fn touch_content(&mut self, content: &ContentId) {
        self.touched_contents.insert(content.clone());
    }

    /// A content that is gone has no state to put into the feed.
    pub(super) fn forget_content(&mut self, content: &ContentId) {
        self.touched_contents.remove(content);
    }

    /// Puts a folder's attachments, as they are when the change is committed, into the feed.
    pub(super) fn touch_folder(&mut self, folder: ChannelId) {
        self.touched_folders.insert(folder);
    }

    /// A folder that is gone has no state to put into the feed.
    pub(super) fn forget_folder(&mut self, folder: ChannelId) {
        self.touched_folders.remove(&folder);
    }

    /// Makes the change last. Gives its version in the feed; none where edges need not know of it.
    ///
    /// On PostgreSQL, [`super::Retry::OutcomeUnknown`] says that the connection broke at the last
    /// moment, and the change was made or was not.
    pub async fn commit(mut self) -> Result<Option<FeedVersion>, StoreError> {
        let contents = std::mem::take(&mut self.touched_contents);
        for state in self.view.content_states(contents).await? {
            self.feed.push(FeedEvent::ContentSet(Box::new(state)));
        }
        for folder in std::mem::take(&mut self.touched_folders) {
            let state = self.view.folder_state(folder).await?;
            self.feed.push(FeedEvent::FolderSet(state));
        }
        if self.audit.is_empty() && self.feed.is_empty() {
            self.end(Growth::None).await?;
            return Ok(None);
        }
        let grows = !self.feed.is_empty();
        let version = self.write_logs(u64::from(grows)).await?;
        if grows {
            notify::announce(self.view.connection()).await?;
        }
        self.end(if grows { Growth::Grown } else { Growth::None }).await?;
        Ok(grows.then_some(version))
    }

    async fn end(self, growth: Growth) -> Result<(), StoreError> {
        let connection = self.view.into_connection();
        if let Some(claim) = self.part_of {
            return claim.hand_over(connection, growth);
        }
        connection.commit().await?;
        if growth == Growth::Grown {
            self.committed.send_replace(());
        }
        Ok(())
    }

    async fn write_logs(&mut self, step: u64) -> Result<FeedVersion, StoreError> {
        let events = std::mem::take(&mut self.audit);
        let count = events.len() as u64;
        let head = self
            .view
            .found(
                Statement::new(
                    "UPDATE feed_head \
                     SET version = version + $1, audit_sequence = audit_sequence + $2 \
                     WHERE id = 1 RETURNING version, audit_sequence, audit_hash",
                )
                .bind(step)
                .bind(count),
            )
            .await?;
        let version: FeedVersion = head.number("version")?;
        let mut sequence = head.number::<u64>("audit_sequence")?.saturating_sub(count);
        let mut hash: Box<str> = head.text("audit_hash")?;

        let mut feed = Vec::with_capacity(self.feed.len());
        for (place, event) in (0_u64..).zip(&self.feed) {
            feed.push(vec![
                version.into(),
                place.into(),
                event.kind().into(),
                event.subject().into(),
                Value::json(event)?,
            ]);
        }
        let connection = self.view.connection();
        let columns = &["version", "sequence", "kind", "subject", "payload"];
        connection.insert_all("feed", columns, feed).await?;

        let mut audit = Vec::with_capacity(events.len());
        for draft in events {
            sequence += 1;
            let event = self.chained(draft, sequence, version, hash);
            audit.push(super::audit::values(&event)?);
            hash = event.hash;
        }
        let connection = self.view.connection();
        connection.insert_all("audit", super::audit::COLUMNS, audit).await?;
        let statement = Statement::new("UPDATE feed_head SET audit_hash = $1 WHERE id = 1");
        connection.execute(statement.bind(&hash)).await?;
        Ok(version)
    }

    fn chained(
        &self,
        draft: AuditDraft,
        sequence: u64,
        version: FeedVersion,
        previous_hash: Box<str>,
    ) -> AuditEvent {
        let AuditDraft { tenant, action, object, diff } = draft;
        let caller = self.view.caller();
        let mut event = AuditEvent {
            sequence,
            version,
            at: self.now,
            actor: caller.actor().to_string().into(),
            credential: caller.credential().map(Into::into),
            address: caller.address().map(|address| address.get().to_string().into()),
            tenant,
            action: action.into(),
            object,
            diff,
            previous_hash,
            hash: "".into(),
        };
        event.hash = event.expected_hash().into();
        event
    }
}
