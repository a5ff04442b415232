//! Contents that belong to others.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{ContentId, ContentLink, ContentLinkDraft, ContentLinkId};

fn read(row: &Row) -> Result<ContentLink, StoreError> {
    Ok(ContentLink {
        id: row.text("id")?,
        draft: ContentLinkDraft { relation: row.text("relation")?, target: row.text("target")? },
    })
}

impl View {
    /// What belongs to a content, in its order.
    pub async fn content_link_list(
        &mut self,
        content: &ContentId,
    ) -> Result<Vec<ContentLink>, StoreError> {
        self.content(content).await?;
        let statement = Statement::new(
            "SELECT id, relation, target FROM content_link WHERE source = $1 ORDER BY place",
        );
        let rows = self.connection().rows(statement.bind(content.as_str())).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Puts links in place of a content's. One to a content of another tenant, or to none, is
    /// [`StoreErrorKind::Referenced`]; one to itself [`StoreErrorKind::Invalid`].
    pub async fn content_link_replace(
        &mut self,
        content: &ContentId,
        drafts: Vec<ContentLinkDraft>,
    ) -> Result<Vec<ContentLink>, StoreError> {
        let owner = self.content_lock(content).await?;
        let targets: Vec<ContentId> = drafts.iter().map(|draft| draft.target.clone()).collect();
        let known = self.view().content_folders(owner.tenant, &targets).await?;
        if !targets.iter().all(|target| known.contains_key(target)) {
            return Err(StoreErrorKind::Referenced.into());
        }
        if targets.contains(content) {
            return Err(StoreErrorKind::Invalid.into());
        }
        let before = self.view().content_link_list(content).await?;
        let now = self.now();
        let mut links = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let same = before.iter().find(|link| link.draft == draft);
            let id = match same {
                Some(link) => link.id.clone(),
                None => ContentLinkId::random(now)?,
            };
            links.push(ContentLink { id, draft });
        }
        let statement = Statement::new("DELETE FROM content_link WHERE source = $1");
        self.view().connection().execute(statement.bind(content.as_str())).await?;
        let rows = (0_u64..).zip(&links).map(|(place, link)| {
            let ContentLink { id, draft: ContentLinkDraft { relation, target } } = link;
            vec![
                id.as_str().into(),
                content.as_str().into(),
                target.as_str().into(),
                relation.wire_name().into(),
                place.into(),
            ]
        });
        let columns = &["id", "source", "target", "relation", "place"];
        self.view().connection().insert_all("content_link", columns, rows.collect()).await?;
        self.note_list("content_link.set", Some(owner.tenant), content.as_str(), &before, &links);
        self.content_touched(content).await?;
        Ok(links)
    }
}
