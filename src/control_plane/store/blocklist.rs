//! The blocklist's entries.

use ipnet::IpNet;

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, ONLY_REVISION, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{BlocklistEntry, BlocklistId, BlocklistKind, FeedEvent};
use crate::network::parse_network;

fn read(row: &Row) -> Result<BlocklistEntry, StoreError> {
    let network = parse_network(&row.text::<Box<str>>("network")?)
        .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))?;
    Ok(BlocklistEntry {
        id: row.text("id")?,
        network,
        kind: read_kind(row)?,
        reason: row.text("reason")?,
        created_at: row.number("created_at")?,
        expires_at: row.number_opt("expires_at")?,
    })
}

fn read_kind(row: &Row) -> Result<BlocklistKind, StoreError> {
    let name = row.text::<Box<str>>("kind")?;
    let kind = BlocklistKind::ALL.iter().find(|kind| kind.wire_name() == &*name);
    kind.copied().ok_or_else(|| StoreErrorKind::Corrupt.into())
}

impl View {
    /// Entries, the oldest first. They are nobody's, and hold for every tenant.
    pub async fn blocklist_list(
        &mut self,
        page: &Page<BlocklistId>,
    ) -> Result<Listed<BlocklistEntry, BlocklistId>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, network, kind, reason, created_at, expires_at FROM blocklist \
             WHERE id > $1 ORDER BY id LIMIT $2",
        );
        let after = page.after.as_ref().map_or("", BlocklistId::as_str);
        let rows = self.connection().rows(statement.bind(after).bind(page.probe())).await?;
        let entries = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(entries, page, |entry: &BlocklistEntry| entry.id.clone()))
    }
}

impl Change {
    /// Blocks a network.
    pub async fn blocklist_create(
        &mut self,
        network: IpNet,
        kind: BlocklistKind,
        reason: &str,
        expires_at: Option<UnixSeconds>,
    ) -> Result<BlocklistEntry, StoreError> {
        self.view().reach(None)?;
        let created_at = self.now();
        let entry = BlocklistEntry {
            id: BlocklistId::random(created_at)?,
            network: network.trunc(),
            kind,
            reason: reason.into(),
            created_at,
            expires_at,
        };
        let statement = Statement::new(
            "INSERT INTO blocklist (id, network, kind, reason, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(entry.id.as_str())
        .bind(entry.network.to_string())
        .bind(kind.wire_name())
        .bind(reason)
        .bind(created_at)
        .bind(expires_at);
        self.view().connection().execute(statement).await?;
        self.note("blocklist.create", None, entry.id.as_str(), None, Some(&entry));
        self.publish(FeedEvent::BlocklistSet(entry.clone()));
        Ok(entry)
    }

    /// Lets a network in again.
    pub async fn blocklist_remove(
        &mut self,
        id: &BlocklistId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM blocklist WHERE id = $1 \
             RETURNING id, network, kind, reason, created_at, expires_at",
        );
        let before = read(&self.view().found(statement.bind(id.as_str())).await?)?;
        expected.meet(ONLY_REVISION)?;
        self.note("blocklist.remove", None, id.as_str(), Some(&before), None);
        self.publish(FeedEvent::BlocklistRemoved { id: before.id });
        Ok(())
    }
}
