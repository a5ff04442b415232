//! Which contents a list is of.

use super::content_part;
use super::statement::Value;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{ContentKind, Publication};

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
    /// Those that changed then or later.
    pub updated_since: Option<UnixSeconds>,
}

/// Which folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderFilter {
    /// This one.
    Itself(ChannelId),
    /// This one and all below.
    WithBelow(ChannelId),
}

impl ContentFilter {
    /// The conditions of the contents that come behind `after`.
    pub(super) fn conditions(&self, tenant: TenantId, after: &str) -> Vec<(&'static str, Value)> {
        let Self { folder, kind, publication, tag, classification, title, updated_since } = self;
        let mut conditions = vec![("tenant = ?", tenant.into()), ("id > ?", after.into())];
        match folder {
            Some(FolderFilter::Itself(folder)) => conditions.push(("folder = ?", (*folder).into())),
            Some(FolderFilter::WithBelow(folder)) => conditions.push((
                "folder IN (WITH RECURSIVE below (number) AS ( \
                 SELECT number FROM folder WHERE number = ? \
                 UNION SELECT folder.number FROM folder \
                 JOIN below ON folder.parent = below.number) SELECT number FROM below)",
                (*folder).into(),
            )),
            None => {}
        }
        if let Some(kind) = kind {
            conditions.push(("kind = ?", kind.wire_name().into()));
        }
        if let Some(publication) = publication {
            conditions.push(("publication = ?", publication.wire_name().into()));
        }
        if let Some(tag) = tag {
            conditions.push((
                "EXISTS (SELECT 1 FROM content_tag \
                 WHERE content_tag.content = content.id AND content_tag.tag = ?)",
                tag.into(),
            ));
        }
        if let Some(classification) = classification {
            conditions.push((
                "EXISTS (SELECT 1 FROM content_classification AS of_it \
                 WHERE of_it.content = content.id AND of_it.classification = ?)",
                classification.into(),
            ));
        }
        if let Some(title) = title {
            // What is found can be taken out. LIKE would read wildcards in it.
            conditions.push((
                "EXISTS (SELECT 1 FROM content_text WHERE content_text.content = content.id \
                 AND REPLACE(title_folded, ?, '') <> title_folded)",
                content_part::folded(title).into(),
            ));
        }
        if let Some(since) = updated_since {
            conditions.push(("updated_at >= ?", (*since).into()));
        }
        conditions
    }
}
