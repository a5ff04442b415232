//! What is in shares.

use super::change::Change;
use super::content_part;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ContentId, LinkRelation, Publication, Share, ShareId, ShareItem,
};

/// A content that could be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareCandidate {
    /// Which.
    pub content: ContentId,
    /// Where it is.
    pub folder: Option<ChannelId>,
    /// Is it public at this time?
    pub publication: Publication,
}

/// Contents that could be shared, of which `$which`: at the time `$1`, of the tenant `$2`.
macro_rules! candidates {
    ($which:literal) => {
        concat!(
            "SELECT content.id, content.folder, \
             CASE WHEN content.publication = 'published' \
             AND (NOT EXISTS (SELECT 1 FROM content_period WHERE content = content.id) \
             OR EXISTS (SELECT 1 FROM content_period WHERE content = content.id \
             AND (starts_at IS NULL OR starts_at <= $1) AND (ends_at IS NULL OR ends_at > $1))) \
             THEN 'published' ELSE 'unpublished' END AS standing \
             FROM content WHERE content.tenant = $2 AND ",
            $which
        )
    };
}

fn read(row: &Row) -> Result<ShareItem, StoreError> {
    Ok(ShareItem {
        number: row.number("number")?,
        content: row.text("content")?,
        publication: row.text("publication")?,
        removed_at: row.number_opt("removed_at")?,
    })
}

fn read_candidate(row: &Row) -> Result<ShareCandidate, StoreError> {
    Ok(ShareCandidate {
        content: row.text("id")?,
        folder: row.number_opt("folder")?,
        publication: row.text("standing")?,
    })
}

impl View {
    /// Those of these contents that the tenant has, in no order.
    pub async fn share_candidates(
        &mut self,
        tenant: TenantId,
        contents: &[ContentId],
        now: UnixSeconds,
    ) -> Result<Vec<ShareCandidate>, StoreError> {
        self.reach(Some(tenant))?;
        if contents.is_empty() {
            return Ok(Vec::new());
        }
        let statement = Statement::new(candidates!("content.id IN"))
            .bind(now)
            .bind(tenant)
            .one_of(content_part::ids(contents.iter()));
        self.connection().rows(statement).await?.iter().map(read_candidate).collect()
    }

    /// The contents of a folder, the oldest first; at most so many.
    pub async fn share_candidates_in(
        &mut self,
        tenant: TenantId,
        folder: ChannelId,
        now: UnixSeconds,
        most: u64,
    ) -> Result<Vec<ShareCandidate>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(candidates!(
            "content.folder = $3 ORDER BY content.created_at, content.id LIMIT $4"
        ));
        let statement = statement.bind(now).bind(tenant).bind(folder).bind(most);
        self.connection().rows(statement).await?.iter().map(read_candidate).collect()
    }

    /// The contents of a folder and of all below, the oldest first; at most so many.
    pub async fn share_candidates_below(
        &mut self,
        tenant: TenantId,
        folder: ChannelId,
        now: UnixSeconds,
        most: u64,
    ) -> Result<Vec<ShareCandidate>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(candidates!(
            "content.folder IN (WITH RECURSIVE below (number) AS ( \
             SELECT number FROM folder WHERE number = $3 \
             UNION SELECT folder.number FROM folder \
             JOIN below ON folder.parent = below.number) SELECT number FROM below) \
             ORDER BY content.created_at, content.id LIMIT $4"
        ));
        let statement = statement.bind(now).bind(tenant).bind(folder).bind(most);
        self.connection().rows(statement).await?.iter().map(read_candidate).collect()
    }

    /// What is left in a share, by number.
    pub async fn share_item_list(
        &mut self,
        id: &ShareId,
        page: &Page<u64>,
    ) -> Result<Listed<ShareItem, u64>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND removed_at IS NULL AND ($2 IS NULL OR number > $2) \
             ORDER BY number LIMIT $3",
        );
        let statement = statement.bind(id.as_str()).bind(page.after).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |item: &ShareItem| item.number))
    }

    /// The highest number among what is left in a share.
    pub async fn share_item_last(&mut self, id: &ShareId) -> Result<Option<u64>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number FROM share_item WHERE share = $1 AND removed_at IS NULL \
             ORDER BY number DESC LIMIT 1",
        );
        let row = self.connection().row(statement.bind(id.as_str())).await?;
        row.map(|row| row.number("number")).transpose()
    }

    /// What is left in a share before that number, and behind it: the nearest first, at most so many
    /// of each.
    pub async fn share_items_beside(
        &mut self,
        id: &ShareId,
        number: u64,
        most: u16,
    ) -> Result<(Vec<ShareItem>, Vec<ShareItem>), StoreError> {
        self.share(id).await?;
        let before = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND removed_at IS NULL AND number < $2 \
             ORDER BY number DESC LIMIT $3",
        );
        let after = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND removed_at IS NULL AND number > $2 ORDER BY number LIMIT $3",
        );
        let mut sides = [Vec::new(), Vec::new()];
        for (side, statement) in sides.iter_mut().zip([before, after]) {
            let statement = statement.bind(id.as_str()).bind(number).bind(u64::from(most));
            let rows = self.connection().rows(statement).await?;
            *side = rows.iter().map(read).collect::<Result<_, _>>()?;
        }
        let [before, after] = sides;
        Ok((before, after))
    }

    /// All that is left in a share, by number.
    pub async fn share_items(&mut self, id: &ShareId) -> Result<Vec<ShareItem>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND removed_at IS NULL ORDER BY number",
        );
        self.connection().rows(statement.bind(id.as_str())).await?.iter().map(read).collect()
    }

    /// The item of that number, if it is left.
    pub async fn share_item(&mut self, id: &ShareId, number: u64) -> Result<ShareItem, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND number = $2 AND removed_at IS NULL",
        );
        read(&self.found(statement.bind(id.as_str()).bind(number)).await?)
    }

    /// The items left in a share that are a content: one, or none.
    pub async fn share_item_of(
        &mut self,
        id: &ShareId,
        content: &ContentId,
    ) -> Result<Option<ShareItem>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT number, content, publication, removed_at FROM share_item \
             WHERE share = $1 AND content = $2 AND removed_at IS NULL",
        );
        let statement = statement.bind(id.as_str()).bind(content.as_str());
        self.connection().row(statement).await?.as_ref().map(read).transpose()
    }

    /// What a playlist has of a share, in its order, up to so many.
    pub async fn share_item_elements(
        &mut self,
        id: &ShareId,
        playlist: &ContentId,
        most: u16,
    ) -> Result<Vec<ShareItem>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT share_item.number, share_item.content, share_item.publication, \
             share_item.removed_at FROM content_link \
             JOIN share_item ON share_item.content = content_link.target \
             WHERE share_item.share = $1 AND share_item.removed_at IS NULL \
             AND content_link.source = $2 AND content_link.relation = $3 \
             ORDER BY content_link.place LIMIT $4",
        )
        .bind(id.as_str())
        .bind(playlist.as_str())
        .bind(LinkRelation::Enclosed.wire_name())
        .bind(u64::from(most));
        self.connection().rows(statement).await?.iter().map(read).collect()
    }

    /// The folders of what is left in a share and still is, each once.
    pub async fn share_folders(
        &mut self,
        id: &ShareId,
    ) -> Result<Vec<Option<ChannelId>>, StoreError> {
        self.share(id).await?;
        let statement = Statement::new(
            "SELECT DISTINCT content.folder FROM share_item \
             JOIN content ON content.id = share_item.content \
             WHERE share_item.share = $1 AND share_item.removed_at IS NULL",
        );
        let rows = self.connection().rows(statement.bind(id.as_str())).await?;
        rows.iter().map(|row| row.number_opt("folder")).collect()
    }
}

impl Change {
    /// Puts items into a share that is being made.
    pub(super) async fn share_items_create(
        &mut self,
        id: &ShareId,
        items: &[ShareItem],
    ) -> Result<(), StoreError> {
        let rows = items.iter().map(|item| {
            let ShareItem { number, content, publication, removed_at } = item;
            vec![
                Value::from(id.as_str()),
                (*number).into(),
                content.as_str().into(),
                publication.wire_name().into(),
                (*removed_at).into(),
            ]
        });
        let columns = &["share", "number", "content", "publication", "removed_at"];
        let rows = rows.collect();
        self.view().connection().insert_all("share_item", columns, rows).await
    }

    /// Takes an item out of a share.
    pub async fn share_item_remove(
        &mut self,
        share: &Share,
        number: u64,
    ) -> Result<ShareItem, StoreError> {
        let before = self.view().share_item(&share.id, number).await?;
        let now = self.now();
        let statement = Statement::new(
            "UPDATE share_item SET removed_at = $1 \
             WHERE share = $2 AND number = $3 AND removed_at IS NULL",
        );
        let statement = statement.bind(now).bind(share.id.as_str()).bind(number);
        if self.view().connection().execute(statement).await? == 0 {
            return Err(StoreErrorKind::NotFound.into());
        }
        let statement = Statement::new(
            "UPDATE share SET items = items - 1, revision = revision + 1 WHERE id = $1",
        );
        self.view().connection().execute(statement.bind(share.id.as_str())).await?;
        let (tenant, id) = (Some(share.tenant), share.id.as_str());
        self.note("share.item_remove", tenant, id, Some(&before), None);
        Ok(ShareItem { removed_at: Some(now), ..before })
    }
}
