//! What contents of an archive must be like: THRON's tags and metadata, over what this catalog says of a
//! content.
//!
//! The vendor's tags and fields are those of a classification. Here a content has classifications, tags
//! and fields beside each other. So one of a classification is one of a content that has both, and a
//! tag has nothing below it.

use std::collections::{HashMap, HashSet};

use super::error::{Invalid, ServiceError, at_most, prose, text};
use super::right::Rights;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{Content, ContentDraft, ContentId};
use crate::control_plane::store::{ContentFilter, MetadataFilter, PAGE_LIMIT, Page, View};

/// What one request may ask for of a sort (the vendor's limit).
const MOST: usize = 5;

/// The longest name, and the longest value, in bytes.
const NAME: usize = 256;
const VALUE: usize = 4_096;

/// A tag, with a classification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCriterion {
    /// The classification.
    pub classification: Box<str>,
    /// The tag.
    pub tag: Box<str>,
}

/// A field that says something, with a classification; in whatever language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCriterion {
    /// The classification.
    pub classification: Box<str>,
    /// The field.
    pub name: Box<str>,
    /// What it says, to the letter.
    pub value: Box<str>,
}

/// How many of several must be so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combined {
    /// All of them.
    All,
    /// One of them.
    #[default]
    Any,
}

/// What must be so of a content; nothing, where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<T> {
    /// Each of them.
    pub each: Vec<T>,
    /// How many must be so.
    pub combined: Combined,
}

/// What contents must be like, all of it.
#[derive(Clone, Debug, Default)]
pub struct ContentCriteria {
    /// Their tags.
    pub tags: Described<TagCriterion>,
    /// Their fields.
    pub fields: Described<FieldCriterion>,
}

trait Criterion {
    fn is_met(&self, draft: &ContentDraft) -> bool;
    fn filter(&self) -> ContentFilter;
}

impl<T> Default for Described<T> {
    fn default() -> Self {
        Self { each: Vec::new(), combined: Combined::default() }
    }
}

impl Criterion for TagCriterion {
    fn is_met(&self, draft: &ContentDraft) -> bool {
        draft.classifications.contains(&self.classification) && draft.tags.contains(&self.tag)
    }

    fn filter(&self) -> ContentFilter {
        let Self { classification, tag } = self.clone();
        ContentFilter {
            classification: Some(classification),
            tag: Some(tag),
            ..ContentFilter::default()
        }
    }
}

impl Criterion for FieldCriterion {
    fn is_met(&self, draft: &ContentDraft) -> bool {
        let Self { classification, name, value } = self;
        draft.classifications.contains(classification)
            && draft.metadata.iter().any(|it| it.name == *name && it.value == *value)
    }

    fn filter(&self) -> ContentFilter {
        let Self { classification, name, value } = self.clone();
        ContentFilter {
            classification: Some(classification),
            metadata: Some(MetadataFilter { name, language: None, value }),
            ..ContentFilter::default()
        }
    }
}

fn is_met<T: Criterion>(described: &Described<T>, draft: &ContentDraft) -> bool {
    let mut each = described.each.iter();
    match described.combined {
        _ if described.each.is_empty() => true,
        Combined::All => each.all(|it| it.is_met(draft)),
        Combined::Any => each.any(|it| it.is_met(draft)),
    }
}

/// Lists that have every content of which it is so.
fn lists<T: Criterion>(described: &Described<T>) -> Vec<ContentFilter> {
    let enough = match described.combined {
        Combined::All => 1,
        Combined::Any => described.each.len(),
    };
    described.each.iter().take(enough).map(Criterion::filter).collect()
}

impl ContentCriteria {
    /// Is nothing asked for?
    pub(super) fn is_empty(&self) -> bool {
        self.tags.each.is_empty() && self.fields.each.is_empty()
    }

    /// Refuses what cannot be asked for.
    pub(super) fn accept(&self) -> Result<(), Invalid> {
        const TAGS: &str = "/criteria/itagOp/itags";
        const FIELDS: &str = "/criteria/imetadataKeyOp/imetadata";
        at_most(TAGS, &self.tags.each, MOST)?;
        at_most(FIELDS, &self.fields.each, MOST)?;
        for TagCriterion { classification, tag } in &self.tags.each {
            text(TAGS, classification, NAME)?;
            text(TAGS, tag, NAME)?;
        }
        for FieldCriterion { classification, name, value } in &self.fields.each {
            text(FIELDS, classification, NAME)?;
            text(FIELDS, name, NAME)?;
            prose(FIELDS, value, VALUE)?;
        }
        Ok(())
    }

    /// Is a content like that?
    pub(super) fn is_met(&self, draft: &ContentDraft) -> bool {
        is_met(&self.tags, draft) && is_met(&self.fields, draft)
    }

    /// Those that are like that, each once, wherever they are. What the caller may not see is not there
    /// for them: nobody named it.
    pub(super) async fn found(
        &self,
        view: &mut View,
        rights: &Rights,
        tenant: TenantId,
        most: usize,
    ) -> Result<Vec<ContentId>, ServiceError> {
        let lists = if self.tags.each.is_empty() { lists(&self.fields) } else { lists(&self.tags) };
        let mut seen = Seen { rights, folders: HashMap::new() };
        let (mut ids, mut known) = (Vec::new(), HashSet::new());
        for filter in lists {
            let mut page = Page::first(PAGE_LIMIT);
            loop {
                let listed = view.content_list(tenant, &filter, &page).await?;
                for Content { id, draft, .. } in listed.items {
                    if self.is_met(&draft)
                        && seen.may_see(view, draft.folder).await?
                        && known.insert(id.clone())
                    {
                        ids.push(id);
                    }
                }
                at_most("/criteria", &ids, most)?;
                let Some(next) = listed.next else { break };
                page = Page::after(next, PAGE_LIMIT);
            }
        }
        Ok(ids)
    }
}

/// Folders of which it is known whether somebody sees what lies in them.
struct Seen<'r> {
    rights: &'r Rights,
    folders: HashMap<Option<ChannelId>, bool>,
}

impl Seen<'_> {
    async fn may_see(
        &mut self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<bool, ServiceError> {
        if let Some(known) = self.folders.get(&folder) {
            return Ok(*known);
        }
        let may = self.rights.may_see(view, folder).await?;
        self.folders.insert(folder, may);
        Ok(may)
    }
}
