//! The names of contents that connectors of their folders need: what edges are told of them with the
//! contents, and nothing more.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::content_part;
use super::error::StoreError;
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, LONGEST_ADDRESSED_NAME};
use crate::control_plane::record::{ContentId, ContentName, ContentNames};

/// What connectors of a folder need to know of its contents.
#[derive(Debug, Default)]
struct Needs {
    pretty_ids: bool,
    fields: HashSet<Box<str>>,
}

impl Needs {
    fn has(&self, name: &ContentName) -> bool {
        match name {
            // What stands in no address is not asked for.
            ContentName::Metadata { name, value } => {
                self.fields.contains(name) && value.len() <= LONGEST_ADDRESSED_NAME
            }
            ContentName::PrettyId { .. } => self.pretty_ids,
        }
    }
}

impl View {
    /// The names of these contents that connectors of their folders need.
    pub(super) async fn content_names(
        &mut self,
        rows: &[Row],
    ) -> Result<HashMap<ContentId, ContentNames>, StoreError> {
        let mut found = HashMap::new();
        let mut folders: BTreeSet<u64> = BTreeSet::new();
        for row in rows {
            folders.extend(row.number_opt::<ChannelId>("folder")?.map(|folder| folder.0));
        }
        let needs = self.names_needed(folders).await?;
        if needs.is_empty() {
            return Ok(found);
        }
        let mut needed_of: HashMap<ContentId, &Needs> = HashMap::new();
        for row in rows {
            let folder = row.number_opt::<ChannelId>("folder")?;
            if let Some(needed) = folder.and_then(|folder| needs.get(&folder)) {
                let id: ContentId = row.text("id")?;
                let created_at = row.number("created_at")?;
                needed_of.insert(id.clone(), needed);
                found.insert(id, ContentNames { created_at, names: Vec::new() });
            }
        }
        let ids = content_part::ids(needed_of.keys());
        for (id, name) in self.every_name(ids).await? {
            let wanted = needed_of.get(&id).is_some_and(|needed| needed.has(&name));
            if let Some(names) = found.get_mut(&id).filter(|_| wanted) {
                names.names.push(name);
            }
        }
        for names in found.values_mut() {
            names.names.sort();
            names.names.dedup();
        }
        found.retain(|_, names| !names.names.is_empty());
        Ok(found)
    }

    async fn names_needed(
        &mut self,
        folders: BTreeSet<u64>,
    ) -> Result<HashMap<ChannelId, Needs>, StoreError> {
        let mut needs: HashMap<ChannelId, Needs> = HashMap::new();
        if folders.is_empty() {
            return Ok(needs);
        }
        let statement = Statement::any_of(
            "SELECT folder, addressed_by, metadata FROM connector \
             WHERE addressed_by <> 'content_id' AND folder IN",
            folders.into_iter().map(Value::from).collect(),
            "",
        );
        for row in self.connection().rows(statement).await? {
            let needed = needs.entry(row.number("folder")?).or_default();
            match row.text_opt("metadata")? {
                Some(field) => drop(needed.fields.insert(field)),
                None => needed.pretty_ids = true,
            }
        }
        Ok(needs)
    }

    /// The names for people, and what stands in their fields, of these contents; without what no
    /// address has: there may be much of it.
    async fn every_name(
        &mut self,
        ids: Vec<Value>,
    ) -> Result<Vec<(ContentId, ContentName)>, StoreError> {
        let mut names = Vec::new();
        if ids.is_empty() {
            return Ok(names);
        }
        let statement = Statement::any_of(
            "SELECT content, language, pretty_id FROM content_text \
             WHERE pretty_id IS NOT NULL AND content IN",
            ids.clone(),
            "",
        );
        for row in self.connection().rows(statement).await? {
            let (language, id) = (row.text("language")?, row.text("pretty_id")?);
            names.push((row.text("content")?, ContentName::PrettyId { language, id }));
        }
        let statement = Statement::any_of(
            "SELECT content, name, value FROM content_metadata WHERE content IN",
            ids,
            "",
        )
        // Characters: no text has fewer bytes than those.
        .followed_by("AND length(value) <= ?", LONGEST_ADDRESSED_NAME as u64);
        for row in self.connection().rows(statement).await? {
            let (name, value) = (row.text("name")?, row.text("value")?);
            names.push((row.text("content")?, ContentName::Metadata { name, value }));
        }
        Ok(names)
    }
}
