//! The change feed: reading it, and forgetting its oldest part. It is written by `change` alone.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{
    FeedEntry, FeedEvent, FeedHead, FeedPage, FeedVersion, KeptPurges,
};

fn read(row: &Row) -> Result<FeedEntry, StoreError> {
    let event: FeedEvent = row.json("payload")?;
    if row.text::<Box<str>>("kind")?.as_ref() != event.kind() {
        let why = "the feed's payload is not of the row's kind";
        return Err(StoreError::caused_by(StoreErrorKind::Corrupt, why));
    }
    Ok(FeedEntry { version: row.number("version")?, sequence: row.number("sequence")?, event })
}

impl View {
    /// How far the feed is.
    pub async fn feed_head(&mut self) -> Result<FeedHead, StoreError> {
        let row = self
            .found(Statement::new("SELECT lineage, version FROM feed_head WHERE id = 1"))
            .await?;
        Ok(FeedHead { lineage: row.text("lineage")?, version: row.number("version")? })
    }

    /// What was committed after a version of a history, in whole versions: about `limit` entries,
    /// more only where one version has more. Only whoever reaches every tenant may follow.
    pub async fn feed_since(
        &mut self,
        reader: &FeedHead,
        limit: u16,
    ) -> Result<FeedPage, StoreError> {
        self.reach(None)?;
        let row = self
            .found(Statement::new("SELECT lineage, version, compacted FROM feed_head WHERE id = 1"))
            .await?;
        let head: FeedVersion = row.number("version")?;
        if row.text::<Box<str>>("lineage")? != reader.lineage
            || reader.version < row.number("compacted")?
            || reader.version > head
        {
            return Ok(FeedPage::SnapshotNeeded);
        }
        // The version in which the page ends is the one its `limit`th entry is of.
        let limit = i64::from(limit.max(1));
        let last = self
            .connection()
            .row(
                Statement::new(
                    "SELECT version FROM feed WHERE version > $1 \
                     ORDER BY version, sequence LIMIT 1 OFFSET $2",
                )
                .bind(reader.version)
                .bind(limit - 1),
            )
            .await?
            .map(|row| row.number("version"))
            .transpose()?
            .unwrap_or(head);
        let rows = self
            .connection()
            .rows(
                Statement::new(
                    "SELECT version, sequence, kind, payload FROM feed \
                     WHERE version > $1 AND version <= $2 ORDER BY version, sequence",
                )
                .bind(reader.version)
                .bind(last),
            )
            .await?;
        let entries = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(FeedPage::Entries { entries, reached: last })
    }

    /// The purges among what was not forgotten: a snapshot says them, too, for whoever was away.
    pub async fn feed_purges(&mut self) -> Result<KeptPurges, StoreError> {
        self.reach(None)?;
        let statement = Statement::new("SELECT compacted FROM feed_head WHERE id = 1");
        let forgotten = self.found(statement).await?.number("compacted")?;
        let statement = Statement::new(
            "SELECT version, sequence, kind, payload FROM feed WHERE kind = 'cache_purge' \
             ORDER BY version, sequence",
        );
        let mut purges = Vec::new();
        for row in self.connection().rows(statement).await? {
            let FeedEntry { version, sequence: _, event } = read(&row)?;
            if let FeedEvent::CachePurge { tenant, files } = event {
                purges.push((version, tenant, files));
            }
        }
        Ok(KeptPurges { forgotten, purges })
    }
}

impl Change {
    /// Forgets what is older than the last `keep` versions. Readers that are further behind need a
    /// snapshot. Gives how many entries are gone.
    pub async fn feed_compact(&mut self, keep: u64) -> Result<u64, StoreError> {
        let view = self.view();
        view.reach(None)?;
        let head = view.feed_head().await?.version;
        let compacted = FeedVersion(head.0.saturating_sub(keep));
        let statement =
            Statement::new("UPDATE feed_head SET compacted = $1 WHERE id = 1 AND compacted < $1");
        if view.connection().execute(statement.bind(compacted)).await? == 0 {
            return Ok(0);
        }
        let statement = Statement::new("DELETE FROM feed WHERE version <= $1");
        view.connection().execute(statement.bind(compacted)).await
    }

    /// Begins another history: after the store was restored from a copy, versions mean something
    /// else than they did, and every edge needs a snapshot.
    pub async fn feed_restart(&mut self) -> Result<FeedHead, StoreError> {
        self.view().reach(None)?;
        let before = self.view().feed_head().await?;
        let lineage = hex::encode(crate::control_plane::record::chance::<16>()?);
        let statement = Statement::new("UPDATE feed_head SET lineage = $1 WHERE id = 1");
        self.view().connection().execute(statement.bind(&*lineage)).await?;
        let after = FeedHead { lineage: lineage.into(), ..before.clone() };
        self.note("feed.restart", None, "feed", Some(&before), Some(&after));
        Ok(after)
    }
}
