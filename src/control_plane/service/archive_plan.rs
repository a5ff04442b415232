//! Archives of many contents (requirement A12): what is to be in one is found, looked at and pinned
//! when it is asked for, so that all that is had of it, now or days later, is of one archive.

use std::collections::{HashMap, HashSet};

use super::archive_channel::{Channel, Channels};
use super::archive_criteria::ContentCriteria;
use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most};
use super::right::Rights;
use crate::archive::EntryNames;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ArchivePlan, ArchivePlanEntry, ArchivePlanId, ContentId, ContentKind, ContentState, FileState,
    Manifest, Publication, Scope, VersionId,
};
use crate::control_plane::store::{ContentFilter, FileFacts, FolderFilter, PAGE_LIMIT, Page, View};

/// Contents that one request may name.
const MOST_NAMED: usize = 1_000;

/// Folders that it may name, and if those below are meant as well.
const MOST_FOLDERS: usize = 1_000;
const MOST_FOLDERS_WITH_BELOW: usize = 50;

/// Channels that it may name for each kind of content: each is looked for in each content.
const MOST_CHANNELS: usize = 100;

/// Entries of one archive.
const MOST_ENTRIES: usize = 10_000;

/// Seconds for which an archive can be had, and gone on with: a week.
const LIFETIME: u64 = 7 * 24 * 3600;

/// What is to be in an archive.
#[derive(Clone, Debug, Default)]
pub struct ArchiveOrder {
    /// These contents; none: those in the folders, or all that are like that.
    pub contents: Vec<ContentId>,
    /// Contents in these folders; none: wherever they are.
    pub folders: Vec<ChannelId>,
    /// Also in the folders below?
    pub depth: FolderDepth,
    /// Contents that are like this.
    pub criteria: ContentCriteria,
    /// Contents of these kinds; none: of all.
    pub kinds: Vec<ContentKind>,
    /// Which of their files.
    pub channels: Channels,
    /// With a list of them?
    pub manifest: Manifest,
}

/// Are folders meant with those below?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FolderDepth {
    /// Themselves only.
    #[default]
    Itself,
    /// With all below.
    WithBelow,
}

impl Services {
    /// Promises an archive. All that is in it must be the caller's to share.
    pub async fn archive_plan_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        order: ArchiveOrder,
    ) -> Result<ArchivePlan, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        accept(&order)?;
        let now = self.now();
        let mut wanted = meant(&mut view, &rights, tenant, &order, now).await?;
        drop(view);
        if let Wanted::Unread(files) = wanted {
            self.files_read(files).await;
            let mut view = self.tenant_view(caller, Scope::SharesWrite, tenant).await?;
            wanted = meant(&mut view, &rights, tenant, &order, now).await?;
        }
        let entries = match wanted {
            Wanted::Known(entries) => entries,
            Wanted::Unread(files) => return Err(ServiceError::Unread { files: files.len() }),
        };
        let plan = ArchivePlan {
            id: ArchivePlanId::random(now)?,
            tenant,
            issuer: caller.actor().to_string().into(),
            manifest: order.manifest,
            created_at: now,
            expires_at: now.plus(LIFETIME),
            entries,
        };
        let mut change = self.tenant_change(caller, Scope::SharesWrite, tenant).await?;
        change.archive_plan_create(&plan).await?;
        change.commit().await?;
        Ok(plan)
    }
}

/// Is it handed out to the public at that time?
pub(super) fn publication(state: &ContentState, now: UnixSeconds) -> Publication {
    let in_period = state.periods.is_empty() || state.periods.iter().any(|it| it.covers(now));
    if in_period { state.publication } else { Publication::Unpublished }
}

/// Refuses whoever may not share one of these.
pub(super) async fn may_share(
    view: &mut View,
    rights: &Rights,
    states: impl IntoIterator<Item = &ContentState>,
) -> Result<(), ServiceError> {
    let folders: HashSet<Option<ChannelId>> = states.into_iter().map(|it| it.folder).collect();
    for folder in folders {
        rights.share(view, folder).await?;
    }
    Ok(())
}

fn accept(order: &ArchiveOrder) -> Result<(), Invalid> {
    let most_folders = match order.depth {
        FolderDepth::Itself => MOST_FOLDERS,
        FolderDepth::WithBelow => MOST_FOLDERS_WITH_BELOW,
    };
    at_most("/criteria/xcontentIds", &order.contents, MOST_NAMED)?;
    at_most("/criteria/linkedCategoryOp/linkedCategoryIds", &order.folders, most_folders)?;
    let Channels { video, audio, image, other } = &order.channels;
    at_most("/options/video", video, MOST_CHANNELS)?;
    at_most("/options/audio", audio, MOST_CHANNELS)?;
    at_most("/options/image", image, MOST_CHANNELS)?;
    at_most("/options/other", other, MOST_CHANNELS)?;
    order.criteria.accept()?;
    if order.contents.is_empty() && order.folders.is_empty() && order.criteria.is_empty() {
        return Err(Invalid::new("/criteria", "must name contents, categories, tags or metadata"));
    }
    Ok(())
}

/// What an order means now, of what is the caller's to share.
async fn meant(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    order: &ArchiveOrder,
    now: UnixSeconds,
) -> Result<Wanted, ServiceError> {
    let states = found(view, rights, tenant, order).await?;
    may_share(view, rights, &states).await?;
    entries(view, &states, &order.channels, now).await
}

/// The contents that an order names, each once.
async fn found(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    order: &ArchiveOrder,
) -> Result<Vec<ContentState>, ServiceError> {
    let listed = listed(view, rights, tenant, order).await?;
    let ids = match &listed {
        Some(listed) if order.contents.is_empty() => listed.clone(),
        Some(_) | None => order.contents.clone(),
    };
    let mut states: HashMap<ContentId, ContentState> = view
        .content_states_of(tenant, ids.iter().cloned().collect())
        .await?
        .into_iter()
        .map(|state| (state.id.clone(), state))
        .collect();
    let allowed: Option<HashSet<ContentId>> = listed.map(|it| it.into_iter().collect());
    let mut named = HashSet::new();
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if !named.insert(id.clone()) {
            continue;
        }
        // One that is named and is not there is no archive without it.
        let state = states.remove(&id).ok_or(ServiceError::NotFound)?;
        let wanted = order.kinds.is_empty() || order.kinds.contains(&state.kind);
        if wanted && allowed.as_ref().is_none_or(|allowed| allowed.contains(&id)) {
            found.push(state);
        }
    }
    Ok(found)
}

/// The contents that are in the folders of an order and like what it asks for; none where it only names
/// contents.
async fn listed(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    order: &ArchiveOrder,
) -> Result<Option<Vec<ContentId>>, ServiceError> {
    let ArchiveOrder { contents, folders, criteria, .. } = order;
    if !folders.is_empty() {
        return in_folders(view, rights, tenant, order).await.map(Some);
    }
    match (criteria.is_empty(), contents.is_empty()) {
        (true, _) => Ok(None),
        (false, true) => criteria.found(view, rights, tenant, MOST_ENTRIES).await.map(Some),
        (false, false) => {
            let mut met = Vec::with_capacity(contents.len());
            for id in contents {
                let content = view.content(id).await?;
                // Before anything is said of what it is like.
                rights.share(view, content.draft.folder).await?;
                if criteria.is_met(&content.draft) {
                    met.push(content.id);
                }
            }
            Ok(Some(met))
        }
    }
}

async fn in_folders(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    order: &ArchiveOrder,
) -> Result<Vec<ContentId>, ServiceError> {
    let mut ids = Vec::new();
    for folder in &order.folders {
        view.folder(*folder).await?;
        if !order.criteria.is_empty() {
            rights.see(view, Some(*folder)).await?;
        }
        let folder = match order.depth {
            FolderDepth::Itself => FolderFilter::Itself(*folder),
            FolderDepth::WithBelow => FolderFilter::WithBelow(*folder),
        };
        let filter = ContentFilter { folder: Some(folder), ..ContentFilter::default() };
        let mut page = Page::first(PAGE_LIMIT);
        loop {
            let listed = view.content_list(tenant, &filter, &page).await?;
            let met = listed.items.into_iter().filter(|it| order.criteria.is_met(&it.draft));
            ids.extend(met.map(|content| content.id));
            at_most("/criteria", &ids, MOST_ENTRIES)?;
            let Some(next) = listed.next else { break };
            page = Page::after(next, PAGE_LIMIT);
        }
    }
    Ok(ids)
}

/// What an order means.
pub(super) enum Wanted {
    /// All of it.
    Known(Vec<ArchivePlanEntry>),
    /// Nobody knows what these files are.
    Unread(Vec<FileState>),
}

/// The files that are wanted of these, as exactly these bytes.
pub(super) async fn entries(
    view: &mut View,
    states: &[ContentState],
    channels: &Channels,
    now: UnixSeconds,
) -> Result<Wanted, ServiceError> {
    let numbers = states.iter().flat_map(|it| &it.files).map(|file| file.number).collect();
    let facts = view.file_facts(numbers).await?;
    let mut names = EntryNames::default();
    let mut picked = Vec::new();
    for state in states {
        let Some(version) = state.version.as_deref().and_then(VersionId::parse) else { continue };
        let files = channels.picked(state, &facts).into_iter();
        picked.extend(files.map(|(channel, file)| (state, version.clone(), channel, file)));
        // Before anything of them is read.
        at_most("/criteria", &picked, MOST_ENTRIES)?;
    }
    let (mut entries, mut unread) = (Vec::with_capacity(picked.len()), Vec::new());
    for (state, version, channel, file) in picked {
        match pinned(state, &version, channel, file, &facts, now) {
            Some(entry) => {
                let name = names.assign(&entry.name).as_str().into();
                entries.push(ArchivePlanEntry { name, ..entry });
            }
            None => unread.push(file.clone()),
        }
    }
    if !unread.is_empty() {
        return Ok(Wanted::Unread(unread));
    }
    if entries.is_empty() {
        let nothing = "nothing that was asked for has a file in one of these channels";
        return Err(Invalid::new("/criteria", nothing).into());
    }
    Ok(Wanted::Known(entries))
}

/// The entry, but for its name in the archive; none before its bytes were read.
fn pinned(
    state: &ContentState,
    version: &VersionId,
    channel: &Channel,
    file: &FileState,
    facts: &HashMap<u64, FileFacts>,
    now: UnixSeconds,
) -> Option<ArchivePlanEntry> {
    let facts = facts.get(&file.number)?;
    Some(ArchivePlanEntry {
        content: state.id.clone(),
        version: version.clone(),
        file: file.number,
        publication: publication(state, now),
        channel: channel.to_string().into(),
        name: file.name.clone(),
        size: file.size,
        sha256: file.sha256.clone()?,
        crc32: facts.crc32?,
        modified_at: facts.created_at,
    })
}
