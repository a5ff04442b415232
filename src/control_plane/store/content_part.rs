//! What a content has several of: periods, texts, metadata, tags, classifications.
//!
//! They are read for many contents at a time, and written as a whole.

use std::collections::HashMap;

use super::connection::Connection;
use super::error::StoreError;
use super::statement::{Row, Statement, Value};
use crate::asset::TenantId;
use crate::control_plane::record::{ContentDraft, ContentId, ContentText, Metadata, Period};

/// The parts of one content.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) periods: Vec<Period>,
    pub(super) texts: Vec<ContentText>,
    pub(super) metadata: Vec<Metadata>,
    pub(super) tags: Vec<Box<str>>,
    pub(super) classifications: Vec<Box<str>>,
}

/// `$1, $2, …` values of ids.
pub(super) fn ids<'a>(contents: impl Iterator<Item = &'a ContentId>) -> Vec<Value> {
    contents.map(|id| id.as_str().into()).collect()
}

/// The periods of each of these contents.
pub(super) async fn periods(
    connection: &mut Connection,
    ids: Vec<Value>,
) -> Result<HashMap<ContentId, Vec<Period>>, StoreError> {
    let statement = Statement::any_of(
        "SELECT content, starts_at, ends_at FROM content_period WHERE content IN",
        ids,
        "ORDER BY content, place",
    );
    gather(connection, statement, |row| {
        Ok(Period { starts_at: row.number_opt("starts_at")?, ends_at: row.number_opt("ends_at")? })
    })
    .await
}

/// Every part of each of these contents.
pub(super) async fn parts(
    connection: &mut Connection,
    ids: Vec<Value>,
) -> Result<HashMap<ContentId, Parts>, StoreError> {
    let mut parts: HashMap<ContentId, Parts> = HashMap::new();
    for (id, periods) in periods(connection, ids.clone()).await? {
        parts.entry(id).or_default().periods = periods;
    }
    let statement = Statement::any_of(
        "SELECT content, language, title, description, pretty_id FROM content_text \
         WHERE content IN",
        ids.clone(),
        "ORDER BY content, language",
    );
    let texts = gather(connection, statement, |row| {
        Ok(ContentText {
            language: row.text("language")?,
            title: row.text("title")?,
            description: row.text("description")?,
            pretty_id: row.text_opt("pretty_id")?,
        })
    });
    for (id, texts) in texts.await? {
        parts.entry(id).or_default().texts = texts;
    }
    let statement = Statement::any_of(
        "SELECT content, language, name, value FROM content_metadata WHERE content IN",
        ids.clone(),
        "ORDER BY content, language, name",
    );
    let metadata = gather(connection, statement, |row| {
        Ok(Metadata {
            language: row.text("language")?,
            name: row.text("name")?,
            value: row.text("value")?,
        })
    });
    for (id, metadata) in metadata.await? {
        parts.entry(id).or_default().metadata = metadata;
    }
    let statement = Statement::any_of(
        "SELECT content, tag FROM content_tag WHERE content IN",
        ids.clone(),
        "ORDER BY content, tag",
    );
    for (id, tags) in gather(connection, statement, |row| row.text("tag")).await? {
        parts.entry(id).or_default().tags = tags;
    }
    let statement = Statement::any_of(
        "SELECT content, classification FROM content_classification WHERE content IN",
        ids,
        "ORDER BY content, classification",
    );
    let classifications = gather(connection, statement, |row| row.text("classification"));
    for (id, classifications) in classifications.await? {
        parts.entry(id).or_default().classifications = classifications;
    }
    Ok(parts)
}

async fn gather<T>(
    connection: &mut Connection,
    statement: Statement,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<HashMap<ContentId, Vec<T>>, StoreError> {
    let mut gathered: HashMap<ContentId, Vec<T>> = HashMap::new();
    for row in connection.rows(statement).await? {
        gathered.entry(row.text("content")?).or_default().push(read(&row)?);
    }
    Ok(gathered)
}

/// A title as it is searched: two that differ in case alone are the same.
pub(super) fn folded(title: &str) -> String {
    title.to_lowercase()
}

/// Removes every part of a content.
pub(super) async fn clear(
    connection: &mut Connection,
    content: &ContentId,
) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM content_period WHERE content = $1",
        "DELETE FROM content_text WHERE content = $1",
        "DELETE FROM content_metadata WHERE content = $1",
        "DELETE FROM content_tag WHERE content = $1",
        "DELETE FROM content_classification WHERE content = $1",
    ] {
        connection.execute(Statement::new(sql).bind(content.as_str())).await?;
    }
    Ok(())
}

/// Writes every part of contents that have none yet.
pub(super) async fn write<'a>(
    connection: &mut Connection,
    tenant: TenantId,
    contents: impl Iterator<Item = (&'a ContentId, &'a ContentDraft)>,
) -> Result<(), StoreError> {
    let (mut periods, mut texts, mut metadata) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tags, mut classifications) = (Vec::new(), Vec::new());
    for (id, draft) in contents {
        let id = id.as_str();
        periods.extend((0_u64..).zip(&draft.periods).map(|(place, period)| {
            vec![id.into(), place.into(), period.starts_at.into(), period.ends_at.into()]
        }));
        texts.extend(draft.texts.iter().map(|text| {
            let ContentText { language, title, description, pretty_id } = text;
            vec![
                id.into(),
                language.into(),
                tenant.into(),
                title.into(),
                description.into(),
                pretty_id.as_deref().into(),
                folded(title).into(),
            ]
        }));
        metadata.extend(draft.metadata.iter().map(|field| {
            let Metadata { language, name, value } = field;
            vec![id.into(), language.into(), name.into(), value.into()]
        }));
        tags.extend(draft.tags.iter().map(|tag| vec![id.into(), tag.into()]));
        classifications.extend(
            draft.classifications.iter().map(|name| vec![id.into(), tenant.into(), name.into()]),
        );
    }
    let columns = &["content", "place", "starts_at", "ends_at"];
    connection.insert_all("content_period", columns, periods).await?;
    let columns =
        &["content", "language", "tenant", "title", "description", "pretty_id", "title_folded"];
    connection.insert_all("content_text", columns, texts).await?;
    let columns = &["content", "language", "name", "value"];
    connection.insert_all("content_metadata", columns, metadata).await?;
    connection.insert_all("content_tag", &["content", "tag"], tags).await?;
    let columns = &["content", "tenant", "classification"];
    connection.insert_all("content_classification", columns, classifications).await
}
