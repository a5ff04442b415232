//! Which contents a list is of.
//!
//! One condition, the one that few contents meet most likely, says by its index which contents are
//! looked at, in the order of the list; the others are asked of each of those. So a list costs what
//! its conditions find and not what a tenant has, but for titles: any part of one may be asked for,
//! and they are read one after the other.

use super::content_part;
use super::statement::{Condition, Statement, Value};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ContentKind, Publication};

/// Characters of a value that are in its index.
const INDEXED: usize = 200;

/// Which contents of a tenant; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct ContentFilter {
    /// Those in a folder.
    pub folder: Option<FolderFilter>,
    /// Those of a kind.
    pub kind: Option<ContentKind>,
    /// Those that are published, or are not.
    pub publication: Option<Publication>,
    /// Those with this tag.
    pub tag: Option<Box<str>>,
    /// Those with this classification.
    pub classification: Option<Box<str>>,
    /// Those with a title, in any language, that has this text in it, in any case.
    pub title: Option<Box<str>>,
    /// Those with this field.
    pub metadata: Option<MetadataFilter>,
    /// Those with this name for people; in `language`, where one is asked for.
    pub pretty_id: Option<Box<str>>,
    /// Those of which something is said in this language.
    pub language: Option<Box<str>>,
    /// Those that changed then or later.
    pub updated_since: Option<UnixSeconds>,
}

/// A field with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFilter {
    /// The field.
    pub name: Box<str>,
    /// In this language; empty: that of every language; none: any.
    pub language: Option<Box<str>>,
    /// What it says.
    pub value: Box<str>,
}

/// Which folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderFilter {
    /// This one.
    Itself(ChannelId),
    /// This one and all below.
    WithBelow(ChannelId),
}

/// What says which contents are looked at. `DISTINCT` where one content may be found twice. Where the
/// planner of SQLite may choose an order, `CROSS JOIN` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Classification,
    Itself,
    Language,
    Metadata,
    PrettyId,
    Tag,
}

/// The columns of a content, of which `$lead` finds the id.
macro_rules! from {
    ($distinct:literal, $id:literal, $lead:literal) => {
        concat!(
            "SELECT ",
            $distinct,
            $id,
            " AS id, content.tenant, content.folder, content.kind, content.url, \
             content.publication, content.active_version, content.created_at, \
             content.updated_at, content.revision FROM ",
            $lead,
        )
    };
}

impl Lead {
    const fn before(self) -> &'static str {
        match self {
            Self::Classification => from!(
                "",
                "lead.content",
                "content_classification AS lead CROSS JOIN content \
                 WHERE content.id = lead.content AND"
            ),
            Self::Itself => from!("", "content.id", "content WHERE"),
            Self::Language => from!(
                "",
                "lead.content",
                "content_text AS lead CROSS JOIN content WHERE content.id = lead.content AND"
            ),
            Self::Metadata => from!(
                "DISTINCT ",
                "lead.content",
                "content_metadata AS lead CROSS JOIN content WHERE content.id = lead.content AND"
            ),
            Self::PrettyId => from!(
                "DISTINCT ",
                "lead.content",
                "content_text AS lead CROSS JOIN content WHERE content.id = lead.content AND"
            ),
            Self::Tag => from!(
                "",
                "lead.content",
                "content_tag AS lead CROSS JOIN content WHERE content.id = lead.content AND"
            ),
        }
    }

    const fn after(self) -> (&'static str, &'static str) {
        match self {
            Self::Itself => ("content.id > ?", "ORDER BY content.id LIMIT ?"),
            Self::Classification | Self::Language | Self::Metadata | Self::PrettyId | Self::Tag => {
                ("lead.content > ?", "ORDER BY lead.content LIMIT ?")
            }
        }
    }
}

impl ContentFilter {
    /// The rows of so many contents that come behind `after`.
    pub(super) fn statement(&self, tenant: TenantId, after: &str, limit: Value) -> Statement {
        let lead = self.lead();
        let (behind, order) = lead.after();
        let mut conditions =
            vec![Condition::of("content.tenant = ?", tenant), Condition::of(behind, after)];
        conditions.extend(self.found_by(lead, tenant));
        conditions.extend(self.met_by_each(lead));
        Statement::all_of(lead.before(), conditions, order, limit)
    }

    fn lead(&self) -> Lead {
        if self.pretty_id.is_some() {
            Lead::PrettyId
        } else if self.metadata.is_some() {
            Lead::Metadata
        } else if self.tag.is_some() {
            Lead::Tag
        } else if self.classification.is_some() {
            Lead::Classification
        } else if self.language.is_some() {
            Lead::Language
        } else {
            Lead::Itself
        }
    }

    /// What finds them.
    fn found_by(&self, lead: Lead, tenant: TenantId) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut is = |text, value: Option<&Box<str>>| {
            conditions.extend(value.map(|value| Condition::of(text, value)));
        };
        match lead {
            Lead::Itself => {}
            Lead::Tag => is("lead.tag = ?", self.tag.as_ref()),
            Lead::Classification => {
                is("lead.classification = ?", self.classification.as_ref());
                conditions.push(Condition::of("lead.tenant = ?", tenant));
            }
            Lead::Language => {
                is("lead.language = ?", self.language.as_ref());
                conditions.push(Condition::of("lead.tenant = ?", tenant));
            }
            Lead::PrettyId => {
                is("lead.pretty_id = ?", self.pretty_id.as_ref());
                is("lead.language = ?", self.language.as_ref());
                conditions.push(Condition::of("lead.tenant = ?", tenant));
            }
            Lead::Metadata => {
                if let Some(MetadataFilter { name, language, value }) = &self.metadata {
                    let begins: String = value.chars().take(INDEXED).collect();
                    // With `lead.value = ?` SQLite would put that value into `substr`, and not see
                    // that the index is of it.
                    conditions.push(Condition(
                        "lead.name = ? AND substr(lead.value, 1, 200) = ? \
                         AND NOT (lead.value <> ?)",
                        vec![name.into(), begins.into(), value.into()],
                    ));
                    conditions
                        .extend(language.as_ref().map(|it| Condition::of("lead.language = ?", it)));
                }
            }
        }
        conditions
    }

    /// What is asked of each that was found.
    fn met_by_each(&self, lead: Lead) -> Vec<Condition> {
        let Self {
            folder,
            kind,
            publication,
            tag,
            classification,
            title,
            metadata,
            pretty_id: _,
            language,
            updated_since,
        } = self;
        let mut conditions = Vec::new();
        match folder {
            Some(FolderFilter::Itself(folder)) => {
                conditions.push(Condition::of("content.folder = ?", *folder));
            }
            Some(FolderFilter::WithBelow(folder)) => conditions.push(Condition::of(
                "content.folder IN (WITH RECURSIVE below (number) AS ( \
                 SELECT number FROM folder WHERE number = ? \
                 UNION SELECT folder.number FROM folder \
                 JOIN below ON folder.parent = below.number) SELECT number FROM below)",
                *folder,
            )),
            None => {}
        }
        if let Some(kind) = kind {
            conditions.push(Condition::of("content.kind = ?", kind.wire_name()));
        }
        if let Some(publication) = publication {
            conditions.push(Condition::of("content.publication = ?", publication.wire_name()));
        }
        if let Some(tag) = tag.as_ref().filter(|_| lead != Lead::Tag) {
            conditions.push(Condition::of(
                "EXISTS (SELECT 1 FROM content_tag \
                 WHERE content_tag.content = content.id AND content_tag.tag = ?)",
                tag,
            ));
        }
        if let Some(name) = classification.as_ref().filter(|_| lead != Lead::Classification) {
            conditions.push(Condition::of(
                "EXISTS (SELECT 1 FROM content_classification AS of_it \
                 WHERE of_it.content = content.id AND of_it.classification = ?)",
                name,
            ));
        }
        if let Some(title) = title {
            // What is found can be taken out. LIKE would read wildcards in it.
            conditions.push(Condition::of(
                "EXISTS (SELECT 1 FROM content_text AS named WHERE named.content = content.id \
                 AND REPLACE(named.title_folded, ?, '') <> named.title_folded)",
                content_part::folded(title),
            ));
        }
        if let Some(MetadataFilter { name, language, value }) =
            metadata.as_ref().filter(|_| lead != Lead::Metadata)
        {
            let (text, mut values) = match language {
                Some(_) => (
                    "EXISTS (SELECT 1 FROM content_metadata AS field \
                     WHERE field.content = content.id AND field.name = ? AND field.value = ? \
                     AND field.language = ?)",
                    vec![name.into(), value.into()],
                ),
                None => (
                    "EXISTS (SELECT 1 FROM content_metadata AS field \
                     WHERE field.content = content.id AND field.name = ? AND field.value = ?)",
                    vec![name.into(), value.into()],
                ),
            };
            values.extend(language.as_ref().map(Value::from));
            conditions.push(Condition(text, values));
        }
        if let Some(language) =
            language.as_ref().filter(|_| !matches!(lead, Lead::Language | Lead::PrettyId))
        {
            conditions.push(Condition::of(
                "EXISTS (SELECT 1 FROM content_text AS said \
                 WHERE said.content = content.id AND said.language = ?)",
                language,
            ));
        }
        if let Some(since) = updated_since {
            conditions.push(Condition::of("content.updated_at >= ?", *since));
        }
        conditions
    }
}
