//! Promised archives that are had: what is in one is looked at again, as a whole before its first
//! byte leaves, and entry by entry when theirs do (requirement A12).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::archive_plan::{may_share, publication};
use super::desk::Services;
use super::error::ServiceError;
use super::share_archiving::SharedArchive;
use crate::archive::{Draft, Pinned, Plan};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ArchivePlan, ArchivePlanEntry, ArchivePlanId, ContentId, ContentState, Manifest, Publication,
    Scope,
};
use crate::control_plane::store::{FileFacts, View};
use crate::policy::{HandedFile, OriginName, RegisteredFile};

/// What the list in an archive is called.
const MANIFEST_NAME: &str = "manifest.csv";

/// An archive that was promised, and is as it was.
#[derive(Debug)]
pub struct OpenArchive {
    /// What was promised.
    pub promise: ArchivePlan,
    /// Where is what in it.
    pub plan: Plan,
    /// The files of its entries, in their order.
    pub files: Vec<HandedFile>,
}

impl Services {
    /// A promised archive, if all that is in it is what it was, and the caller's to share.
    pub async fn archive_open(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ArchivePlanId,
    ) -> Result<OpenArchive, ServiceError> {
        self.archive_open_by(&ArchiveRight::Own(caller.clone()), tenant, id).await
    }

    /// The same, by the right that the caller has to it.
    pub(super) async fn archive_open_by(
        &self,
        right: &ArchiveRight,
        tenant: TenantId,
        id: &ArchivePlanId,
    ) -> Result<OpenArchive, ServiceError> {
        let caller = right.caller();
        let (mut view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        let promise = view.archive_plan(id).await?;
        let now = self.now();
        if promise.tenant != tenant {
            return Err(ServiceError::NotFound);
        }
        if promise.expires_at < now {
            return Err(ServiceError::ArchiveGone);
        }
        let standing = Standing::of(&mut view, tenant, &promise.entries).await?;
        may_share(&mut view, &rights, standing.states.values()).await?;
        self.still_gives(&mut view, right, &promise.issuer, &promise.entries).await?;
        drop(view);
        let files = promise.entries.iter().map(|entry| standing.file(entry, now));
        let files = files.collect::<Option<_>>().ok_or(ServiceError::ArchiveGone)?;
        let plan = plan(&promise).ok_or(ServiceError::ArchiveGone)?;
        Ok(OpenArchive { promise, plan, files })
    }

    /// The file of an entry of a promised archive, if it is what it was, and the caller's to share:
    /// asked each time when bytes of it are about to leave, which may be hours after they came.
    pub async fn archive_entry(
        &self,
        caller: &Caller,
        tenant: TenantId,
        entry: &ArchivePlanEntry,
    ) -> Result<HandedFile, ServiceError> {
        let own = ArchiveRight::Own(caller.clone());
        self.archive_entry_by(&own, tenant, "", entry).await
    }

    /// The same, of an archive that was promised to that issuer, by the right that the caller has to it.
    pub(super) async fn archive_entry_by(
        &self,
        right: &ArchiveRight,
        tenant: TenantId,
        issuer: &str,
        entry: &ArchivePlanEntry,
    ) -> Result<HandedFile, ServiceError> {
        let caller = right.caller();
        self.still_may(caller, Scope::SharesWrite).await?;
        let (mut view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        let standing = Standing::of(&mut view, tenant, std::slice::from_ref(entry)).await?;
        may_share(&mut view, &rights, standing.states.values()).await?;
        self.still_gives(&mut view, right, issuer, std::slice::from_ref(entry)).await?;
        standing.file(entry, self.now()).ok_or(ServiceError::ArchiveGone)
    }

    /// Refuses what a share does not give any more.
    async fn still_gives(
        &self,
        view: &mut View,
        right: &ArchiveRight,
        issuer: &str,
        entries: &[ArchivePlanEntry],
    ) -> Result<(), ServiceError> {
        match right {
            ArchiveRight::Own(_) => Ok(()),
            ArchiveRight::Shared(_, shared) => {
                shared.still_gives(view, issuer, entries, self.now()).await
            }
        }
    }
}

/// By which right somebody has an archive.
#[derive(Debug)]
pub(super) enum ArchiveRight {
    /// All that is in it is theirs to share.
    Own(Caller),
    /// It was promised on the page of a share, and all that is in it is shared.
    Shared(Caller, SharedArchive),
}

impl ArchiveRight {
    /// Who asks; for a share, the program itself.
    pub(super) fn caller(&self) -> &Caller {
        match self {
            Self::Own(caller) | Self::Shared(caller, _) => caller,
        }
    }
}

/// How what is in an archive is now.
struct Standing {
    states: HashMap<ContentId, ContentState>,
    facts: HashMap<u64, FileFacts>,
}

impl Standing {
    async fn of(
        view: &mut View,
        tenant: TenantId,
        entries: &[ArchivePlanEntry],
    ) -> Result<Self, ServiceError> {
        let contents: BTreeSet<ContentId> = entries.iter().map(|it| it.content.clone()).collect();
        let states = view.content_states_of(tenant, contents).await?;
        let facts = view.file_facts(entries.iter().map(|entry| entry.file).collect()).await?;
        let states = states.into_iter().map(|state| (state.id.clone(), state)).collect();
        Ok(Self { states, facts })
    }

    /// The file of an entry; none where it is not what was promised.
    fn file(&self, entry: &ArchivePlanEntry, now: UnixSeconds) -> Option<HandedFile> {
        let state = self.states.get(&entry.content)?;
        let still_public = match entry.publication {
            Publication::Published => publication(state, now) == Publication::Published,
            // Whoever had it before it was published may have it now.
            Publication::Unpublished => true,
        };
        let is_active = state.version.as_deref() == Some(entry.version.as_str());
        let file = state.files.iter().find(|file| file.number == entry.file)?;
        let is_same = file.size == entry.size
            && file.sha256.as_ref() == Some(&entry.sha256)
            && self.facts.get(&entry.file)?.crc32 == Some(entry.crc32);
        if !(still_public && is_active && is_same) {
            return None;
        }
        Some(HandedFile {
            tenant: state.tenant,
            asset: file.place.of_content(&state.id)?,
            origin: OriginName::new(&file.origin),
            key: file.key.clone(),
            registered: RegisteredFile {
                size: file.size,
                sha256: Some(sha256(&entry.sha256)?),
                mime: Arc::from(&*file.mime),
                name: file.name.clone(),
            },
        })
    }
}

/// The archive of a promise: the same whenever, and on whichever machine, it is made.
fn plan(promise: &ArchivePlan) -> Option<Plan> {
    let mut draft = Draft::default();
    let mut manifest = String::from("xcontentId,fileName,channel\r\n");
    for entry in &promise.entries {
        let pinned = Pinned {
            size: entry.size,
            crc32: entry.crc32,
            sha256: sha256(&entry.sha256)?,
            modified: entry.modified_at,
        };
        let name = draft.add(&entry.name, pinned);
        // An id is for programs, and has no letters of which a formula could do harm.
        manifest.push_str(entry.content.as_str());
        manifest.push(',');
        push_text(&mut manifest, name.as_str());
        manifest.push(',');
        push_text(&mut manifest, &entry.channel);
        manifest.push_str("\r\n");
    }
    match promise.manifest {
        Manifest::Appended => {
            draft.add_bytes(MANIFEST_NAME, manifest.into(), promise.created_at);
        }
        Manifest::Omitted => {}
    }
    draft.plan().ok()
}

/// A field of CSV (RFC 4180). One that a spreadsheet would take for a formula has an apostrophe before
/// it: whoever uploads a file names it, and whoever opens the list is not to run that.
fn push_text(line: &mut String, field: &str) {
    let mark = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if field.contains(['"', ',', '\r', '\n']) {
        line.extend(["\"", mark, &field.replace('"', "\"\""), "\""]);
    } else {
        line.extend([mark, field]);
    }
}

fn sha256(digits: &str) -> Option<[u8; 32]> {
    hex::decode(digits).ok()?.try_into().ok()
}
