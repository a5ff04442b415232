//! What a share shows: its items, with what is said of them in the page's language, and the files of
//! each that may be seen or had (C16).

use std::collections::{HashMap, HashSet};

use super::desk::Services;
use super::error::ServiceError;
use super::share_access::ShareAccess;
use super::share_giving::{FileUse, file_use, is_given};
use super::share_rendition::pictured;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Content, ContentDraft, ContentId, ContentKind, ContentState, ContentText, FileState, Grantee,
    Metadata, Role, Share, ShareInformation, ShareItem,
};
use crate::control_plane::store::{FileFacts, Listed, Page, StoreError, View};

/// Items on each side that are looked at for one that is shown.
const NEAR: u16 = 16;

/// An item, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownItem {
    /// Its number in the share.
    pub number: u64,
    /// The content.
    pub content: ContentId,
    /// What it is.
    pub kind: ContentKind,
    /// The language of its title, where it has one.
    pub language: Option<Box<str>>,
    /// Its title; the content's id, where it has none.
    pub title: Box<str>,
    /// Its description; perhaps nothing.
    pub description: Box<str>,
    /// More that is said of it; none where that is not shown.
    pub complete: Option<CompleteInformation>,
    /// Where it is, for [`ContentKind::Url`].
    pub url: Option<Box<str>>,
    /// The slot of the thumbnail that stands for it.
    pub active_thumbnail: Option<Box<str>>,
    /// Its files that may be seen or had.
    pub files: Vec<ShownFile>,
    /// The number of the file that renditions of it are made of, where there can be some.
    pub pictured: Option<u64>,
}

/// What is said of an item beyond title and description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteInformation {
    /// Its classifications that may be named.
    pub classifications: Vec<Box<str>>,
    /// Its tags.
    pub tags: Vec<Box<str>>,
    /// Its fields, in the page's language or in every one.
    pub metadata: Vec<Metadata>,
}

/// What is next to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The number of the one before.
    pub previous: Option<u64>,
    /// That of the one behind.
    pub next: Option<u64>,
}

/// A file of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownFile {
    /// What it is.
    pub file: FileState,
    /// What may be done with it.
    pub may: FileUse,
    /// How wide it is, in pixels.
    pub width: Option<u32>,
    /// How high it is, in pixels.
    pub height: Option<u32>,
}

impl Services {
    /// A part of what a share shows, in that language where it is said in it. What is gone, or is not
    /// public any more, is not in it: a page may have fewer items then.
    pub async fn share_shown(
        &self,
        access: &ShareAccess,
        language: Option<&str>,
        page: &Page<u64>,
    ) -> Result<Listed<ShownItem, u64>, ServiceError> {
        let share = access.opened()?;
        let classifications = self.classifications_shown(share).await?;
        let mut view = self.view(&Caller::system("share")).await?;
        let listed = view.share_item_list(&share.id, page).await?;
        let seen = Seen { share, language, classifications: &classifications };
        let items = seen.items(&mut view, &listed.items, self.now()).await?;
        Ok(Listed { items, next: listed.next })
    }

    /// What a playlist has, in its order, up to so many: what is not shared is not in it (C3).
    pub async fn share_elements(
        &self,
        access: &ShareAccess,
        language: Option<&str>,
        playlist: &ShownItem,
        most: u16,
    ) -> Result<Vec<ShownItem>, ServiceError> {
        let share = access.opened()?;
        let classifications = self.classifications_shown(share).await?;
        let mut view = self.view(&Caller::system("share")).await?;
        let items = view.share_item_elements(&share.id, &playlist.content, most).await?;
        let seen = Seen { share, language, classifications: &classifications };
        seen.items(&mut view, &items, self.now()).await
    }

    /// The highest number among the items that are left: with it, parts of a share can be counted.
    pub async fn share_last(&self, access: &ShareAccess) -> Result<Option<u64>, ServiceError> {
        let share = access.opened()?;
        let mut view = self.view(&Caller::system("share")).await?;
        Ok(view.share_item_last(&share.id).await?)
    }

    /// The items that are shown next to that one.
    pub async fn share_beside(
        &self,
        access: &ShareAccess,
        item: u64,
    ) -> Result<Beside, ServiceError> {
        let share = access.opened()?;
        let now = self.now();
        let mut view = self.view(&Caller::system("share")).await?;
        let (before, after) = view.share_items_beside(&share.id, item, NEAR).await?;
        let ids = before.iter().chain(&after).map(|it| it.content.clone()).collect();
        let states = view.content_states_of(share.tenant, ids).await?;
        let states: HashMap<_, _> = states.iter().map(|state| (&state.id, state)).collect();
        let first = |items: &[ShareItem]| {
            let given =
                |it: &&ShareItem| states.get(&it.content).is_some_and(|at| is_given(it, at, now));
            items.iter().find(given).map(|it| it.number)
        };
        Ok(Beside { previous: first(&before), next: first(&after) })
    }

    /// The classifications whose contents' tags and metadata are shown: those that the sharer managed
    /// then and still does (G25). Of no share that shows the least, any.
    async fn classifications_shown(&self, share: &Share) -> Result<Shown, ServiceError> {
        match share.draft.information {
            ShareInformation::Minimum => Ok(Shown::Nothing),
            ShareInformation::Complete => {
                let now = self.managed_now(share.tenant, &share.creator).await?;
                Ok(match (share.classifications.clone(), now) {
                    (None, None) => Shown::Every,
                    (Some(names), None) | (None, Some(names)) => {
                        Shown::Of(names.into_iter().collect())
                    }
                    (Some(then), Some(now)) => {
                        let now: HashSet<Box<str>> = now.into_iter().collect();
                        Shown::Of(then.into_iter().filter(|it| now.contains(it)).collect())
                    }
                })
            }
        }
    }

    /// The classifications whose contents' tags and metadata somebody may have shown now (C16): none
    /// of them is every one. Nobody who is gone or disabled has any.
    async fn managed_now(
        &self,
        tenant: TenantId,
        creator: &str,
    ) -> Result<Option<Vec<Box<str>>>, ServiceError> {
        let caller = Caller::system("share");
        let mut view = self.view(&caller).await?;
        let grantee = Grantee::parse(creator);
        let rights = match &grantee {
            Some(Grantee::Application(id)) => {
                let found = there(view.application(id).await)?;
                found.filter(|it| it.disabled_at.is_none()).map(|_| None)
            }
            Some(Grantee::Person(id)) => {
                let found = there(view.person(id).await)?;
                found.filter(|it| it.disabled_at.is_none()).map(|it| match it.role {
                    Role::Admin => None,
                    Role::Member => grantee.as_ref(),
                })
            }
            // What the program itself shares, in its tests, is everything.
            None => Some(None),
        };
        match rights {
            None => Ok(Some(Vec::new())),
            Some(None) => Ok(None),
            Some(Some(member)) => Ok(Some(view.classification_list_managed(tenant, member).await?)),
        }
    }
}

/// What was looked for, if it is there.
fn there<T>(found: Result<T, StoreError>) -> Result<Option<T>, ServiceError> {
    match found.map_err(ServiceError::from) {
        Ok(found) => Ok(Some(found)),
        Err(ServiceError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of which contents tags and metadata are shown.
enum Shown {
    /// Of all.
    Every,
    /// Of none.
    Nothing,
    /// Of those that have one of these classifications, and no other.
    Of(HashSet<Box<str>>),
}

/// How items are shown.
struct Seen<'a> {
    share: &'a Share,
    language: Option<&'a str>,
    classifications: &'a Shown,
}

impl Seen<'_> {
    /// Those of these items that are given now, in their order.
    async fn items(
        &self,
        view: &mut View,
        listed: &[ShareItem],
        now: UnixSeconds,
    ) -> Result<Vec<ShownItem>, ServiceError> {
        let ids: Vec<ContentId> = listed.iter().map(|it| it.content.clone()).collect();
        let tenant = self.share.tenant;
        let states = view.content_states_of(tenant, ids.iter().cloned().collect()).await?;
        let mut states: HashMap<ContentId, ContentState> =
            states.into_iter().map(|state| (state.id.clone(), state)).collect();
        let contents = view.contents_of(tenant, &ids).await?;
        let mut contents: HashMap<ContentId, Content> =
            contents.into_iter().map(|content| (content.id.clone(), content)).collect();
        let files = states.values().flat_map(|it| &it.files).map(|file| file.number).collect();
        let facts = view.file_facts(files).await?;
        let mut items = Vec::with_capacity(listed.len());
        for item in listed {
            let (Some(state), Some(content)) =
                (states.remove(&item.content), contents.remove(&item.content))
            else {
                continue;
            };
            if is_given(item, &state, now) {
                items.push(self.item(item, state, content, &facts));
            }
        }
        Ok(items)
    }

    fn item(
        &self,
        item: &ShareItem,
        state: ContentState,
        content: Content,
        facts: &HashMap<u64, FileFacts>,
    ) -> ShownItem {
        let Content { id, draft, .. } = content;
        let text = self.text(&draft.texts);
        let complete = self.complete(&draft);
        let shown = |file: FileState| {
            // What no address names is not handed out.
            file.place.of_content(&id)?;
            let may = file_use(self.share, file.place.kind)?;
            let facts = facts.get(&file.number);
            let (width, height) = facts.map_or((None, None), |facts| (facts.width, facts.height));
            Some(ShownFile { file, may, width, height })
        };
        ShownItem {
            number: item.number,
            kind: draft.kind,
            language: text.map(|text| text.language.clone()),
            title: text.map_or_else(|| id.as_str().into(), |text| text.title.clone()),
            description: text.map(|text| text.description.clone()).unwrap_or_default(),
            complete,
            url: draft.url.clone(),
            active_thumbnail: state.active_thumbnail.clone(),
            pictured: pictured(&state).map(|it| it.number),
            files: state.files.into_iter().filter_map(shown).collect(),
            content: id,
        }
    }

    /// What is said in the page's language, or in one of the same family, or first.
    fn text<'t>(&self, texts: &'t [ContentText]) -> Option<&'t ContentText> {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let asked = self.language.unwrap_or_default();
        let titled = || texts.iter().filter(|text| !text.title.is_empty());
        titled()
            .find(|text| text.language.eq_ignore_ascii_case(asked))
            .or_else(|| titled().find(|text| primary(&text.language) == primary(asked)))
            .or_else(|| titled().next())
    }

    fn complete(&self, draft: &ContentDraft) -> Option<CompleteInformation> {
        let names = &draft.classifications;
        match self.classifications {
            Shown::Every => {}
            Shown::Nothing => return None,
            // Nobody knows of which of its classifications a tag is: all of them must be the sharer's.
            Shown::Of(shown) => {
                if names.is_empty() || !names.iter().all(|name| shown.contains(name)) {
                    return None;
                }
            }
        }
        let asked = self.language.unwrap_or_default();
        let fields = draft.metadata.iter().filter(|field| {
            field.language.is_empty() || field.language.eq_ignore_ascii_case(asked)
        });
        Some(CompleteInformation {
            classifications: names.clone(),
            tags: draft.tags.clone(),
            metadata: fields.cloned().collect(),
        })
    }
}
