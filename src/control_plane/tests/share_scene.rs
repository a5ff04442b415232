//! What cases of shares begin with: contents with files, who shares them, and an edge.

use std::num::NonZeroU32;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::stage::{NOW, Stage};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::link::scenery;
use crate::control_plane::record::{
    Autograph, ContentDraft, ContentId, ContentImport, ContentKind, FileDraft, FileKind, FilePlace,
    FolderDraft, Grantee, PersonId, PipelineDraft, Publication, Right, ScopeSet, Share,
    ShareDelivery, ShareDownloads, ShareDraft, ShareEvent, ShareEventKind, ShareInformation,
    ShareLogo, ShareNotices,
};
use crate::control_plane::service::{
    Expected, OnForbidden, Page, PasswordChange, ServiceError, ShareAccess, ShareExpiry, ShareOf,
    ShareOrder, SharePassword, ShareRevision, ShareSending,
};
use crate::network::ClientIp;
use crate::policy::{DenialCode, OverrideTable, Revocations, SiteTable, TenantRevocations};

pub(super) const TENANT: TenantId = TenantId(1);

pub(super) fn system() -> Caller {
    Caller::system("test")
}

pub(super) fn client(text: &str) -> Option<ClientIp> {
    text.parse().ok().map(ClientIp::new)
}

/// Contents of tenant 1: a published film with all kinds of files, an unpublished picture below, and a
/// published document.
pub(super) struct Contents {
    pub(super) film: ContentId,
    pub(super) picture: ContentId,
    pub(super) document: ContentId,
    pub(super) below: ChannelId,
}

pub(super) fn file(pipeline: u64, kind: FileKind, slot: &str, name: &str) -> FileDraft {
    let variant = match kind {
        FileKind::Attachment => name,
        FileKind::ChapterThumbnail | FileKind::Thumbnail => "360p",
        FileKind::Subtitle => "VTT",
        FileKind::Format | FileKind::Source => "",
    };
    FileDraft {
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        pipeline,
        key: format!("{slot}/{name}").into(),
        name: name.into(),
        size: name.len() as u64,
        mime: "video/mp4".into(),
        sha256: Some(hex::encode(Sha256::digest(name)).into()),
        crc32: Some(crc32fast::hash(name.as_bytes())),
        duration_ms: None,
        width: Some(640),
        height: Some(360),
        language: None,
        md5: None,
        autograph: Autograph::Refused,
    }
}

pub(super) async fn pipeline(stage: &Stage) -> u64 {
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let draft = PipelineDraft { name: "films".into(), origin: "media".into(), prefix: "1/".into() };
    let number = change.pipeline_create(TENANT, draft).await.unwrap().number;
    change.commit().await.unwrap();
    number
}

pub(super) async fn contents(stage: &Stage) -> Contents {
    let pipeline = pipeline(stage).await;
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let draft = FolderDraft { parent: Some(ChannelId(stage.folder)), name: "below".into() };
    let below = change.folder_create(TENANT, draft).await.unwrap().number;
    let import = |kind, folder, publication, files| ContentImport {
        id: None,
        draft: ContentDraft { folder: Some(folder), publication, ..ContentDraft::new(kind) },
        files,
        active_thumbnail: None,
    };
    let film = vec![
        file(pipeline, FileKind::Source, "", "Film.MOV"),
        file(pipeline, FileKind::Format, "hd", "film-hd.mp4"),
        file(pipeline, FileKind::Thumbnail, "1", "still.jpg"),
        file(pipeline, FileKind::Subtitle, "en", "film.vtt"),
        file(pipeline, FileKind::Attachment, "script", "script.pdf"),
    ];
    let picture = vec![file(pipeline, FileKind::Format, "web", "picture.jpg")];
    let document = vec![file(pipeline, FileKind::Source, "", "document.pdf")];
    let top = ChannelId(stage.folder);
    let (public, not) = (Publication::Published, Publication::Unpublished);
    let imports = vec![
        import(ContentKind::Video, top, public, film),
        import(ContentKind::Image, below, not, picture),
        import(ContentKind::Other, top, public, document),
    ];
    let made = change.content_import(TENANT, imports).await.unwrap();
    change.commit().await.unwrap();
    put_in_force(stage);
    let id = |at: usize| made[at].id.clone();
    Contents { film: id(0), picture: id(1), document: id(2), below }
}

impl Contents {
    pub(super) fn all(&self) -> Vec<ContentId> {
        vec![self.film.clone(), self.picture.clone(), self.document.clone()]
    }
}

/// The number of a content's file of that kind.
pub(super) async fn file_of(stage: &Stage, content: &ContentId, kind: FileKind) -> u64 {
    let mut view = stage.store.view(&system()).await.unwrap();
    let states = view.content_states_of(TENANT, [content.clone()].into()).await.unwrap();
    states[0].files.iter().find(|it| it.place.kind == kind).unwrap().number
}

pub(super) async fn publish(stage: &Stage, content: &ContentId, publication: Publication) {
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let draft = change.view().content(content).await.unwrap().draft;
    let draft = ContentDraft { publication, ..draft };
    change.content_replace(content, Expected::Any, draft).await.unwrap();
    change.commit().await.unwrap();
}

/// A member of tenant 1 with a right over a folder.
pub(super) async fn member(stage: &Stage, name: &str, rights: &[(ChannelId, Right)]) -> Caller {
    let (id, _) = stage.member(name, &["catalog.read", "shares.write"]).await;
    let person = PersonId::parse(&id).unwrap();
    for (folder, right) in rights {
        give(stage, &person, *folder, Some(*right)).await;
    }
    let scopes = ScopeSet::parse("catalog.read shares.write").unwrap();
    Caller::authenticated(Actor::Person(person), scopes, Reach::Tenant(TENANT))
}

pub(super) async fn give(
    stage: &Stage,
    person: &PersonId,
    folder: ChannelId,
    right: Option<Right>,
) {
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let grantee = Grantee::Person(person.clone());
    change.folder_right_set(folder, Expected::Any, &grantee, right).await.unwrap();
    change.commit().await.unwrap();
}

pub(super) fn draft() -> ShareDraft {
    ShareDraft {
        title: "Press kit".into(),
        message: "Hello".into(),
        context: None,
        delivery: ShareDelivery::Standard,
        information: ShareInformation::Minimum,
        download: ShareDownloads::Allowed,
        download_limit: None,
        terms: None,
        language: None,
        logo: ShareLogo::Shown,
        notices: ShareNotices::Off,
    }
}

pub(super) fn limited(downloads: u32) -> ShareDraft {
    ShareDraft { download_limit: NonZeroU32::new(downloads), ..draft() }
}

pub(super) fn with_terms(terms: &str) -> ShareDraft {
    ShareDraft { terms: Some(terms.into()), ..draft() }
}

pub(super) fn order(contents: &[ContentId], draft: ShareDraft) -> ShareOrder {
    ShareOrder {
        of: ShareOf::Contents(contents.to_vec()),
        on_forbidden: OnForbidden::Refuse,
        draft,
        expiry: ShareExpiry::default(),
        password: None,
        recipients: Vec::new(),
        sending: ShareSending::ByHand,
    }
}

pub(super) async fn shared(stage: &Stage, order: ShareOrder) -> Share {
    stage.services.share_create(&system(), TENANT, order).await.unwrap()
}

/// Says something else of a share.
pub(super) async fn changed(
    stage: &Stage,
    share: &Share,
    at: UnixSeconds,
    revision: ShareRevision,
) -> Share {
    let services = stage.services.clone().at(at);
    let everybody = system();
    let changed = services.share_change(&everybody, TENANT, &share.id, Expected::Any, revision);
    changed.await.unwrap()
}

pub(super) fn revision(draft: ShareDraft) -> ShareRevision {
    ShareRevision { draft, expiry: None, password: PasswordChange::Kept }
}

pub(super) fn typed(text: &str) -> SharePassword {
    SharePassword::typed(text)
}

pub(super) async fn access(stage: &Stage, share: &Share) -> Result<ShareAccess, ServiceError> {
    stage.services.share_access(share.address.expose(), None).await
}

pub(super) async fn history(stage: &Stage, share: &Share) -> Vec<ShareEvent> {
    let page = Page::first(1_000);
    stage.services.share_event_list(&system(), TENANT, &share.id, &page).await.unwrap().items
}

pub(super) async fn kinds(stage: &Stage, share: &Share) -> Vec<ShareEventKind> {
    history(stage, share).await.into_iter().map(|event| event.kind).collect()
}

pub(super) fn put_in_force(stage: &Stage) {
    let china = scenery::with_catalog(scenery::site("files.example.cn", None, 1));
    let sites = vec![scenery::site("files.example.com", None, 1), scenery::for_china(china)];
    *stage.in_force.lock().unwrap() = Some(scenery::snapshot(sites, OverrideTable::default()));
}

/// What an edge, which knows of every revocation that there is, says to a link at that time.
pub(super) async fn at_the_edge(
    stage: &Stage,
    url: &str,
    at: UnixSeconds,
) -> Result<(), DenialCode> {
    let mut view = stage.store.view(&system()).await.unwrap();
    let mut revoked = TenantRevocations::default();
    for revocation in view.revocation_list(&Page::first(1_000)).await.unwrap().items {
        let since = revocation.made_before.unwrap_or(revocation.created_at);
        revoked.add(revocation.tenant, &revocation.subject, since);
    }
    let mut edge = stage.in_force.lock().unwrap().clone().unwrap();
    edge.revocations = Arc::new(Revocations::of_tenants([(TENANT, Arc::new(revoked))].into()));
    let sites = ["files.example.com", "files.example.cn"].map(|it| scenery::site(it, None, 1));
    let [standard, china] = sites;
    edge.sites = Arc::new(SiteTable::new(vec![standard, scenery::for_china(china)]));
    scenery::opened_at(&edge, url, at)
}
