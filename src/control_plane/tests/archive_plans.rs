//! Archives of many contents: what is promised, to whom, and when it is not to be had any more.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::stage::{NOW, Stage, on_both_databases};
use crate::archive::Piece;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{
    ArchivePlan, Autograph, Content, ContentDraft, ContentImport, ContentKind, FileDraft, FileKind,
    FilePlace, FolderDraft, Grantee, Manifest, PersonId, PipelineDraft, Publication, Right,
    ScopeSet,
};
use crate::control_plane::service::{
    ArchiveOrder, Channel, Channels, Expected, FolderDepth, OpenArchive, ServiceError,
};
use crate::delivery::ByteRange;

on_both_databases! {
    an_archive_is_of_what_was_asked_for
    an_archive_is_the_same_for_everybody_and_later
    what_changes_makes_it_gone
    whoever_may_not_share_gets_none
    a_file_that_nobody_read_is_awaited
    ten_thousand_files
}

const TENANT: TenantId = TenantId(1);

fn everybody() -> Caller {
    Caller::system("test")
}

async fn pipeline(stage: &Stage) -> u64 {
    let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
    let draft = PipelineDraft { name: "films".into(), origin: "media".into(), prefix: "1/".into() };
    let number = change.pipeline_create(TENANT, draft).await.unwrap().number;
    change.commit().await.unwrap();
    number
}

fn file(pipeline: u64, kind: FileKind, slot: &str, name: &str) -> FileDraft {
    FileDraft {
        place: FilePlace { kind, slot: slot.into(), variant: "".into() },
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

fn import(kind: ContentKind, folder: Option<u64>, files: Vec<FileDraft>) -> ContentImport {
    let draft = ContentDraft {
        folder: folder.map(ChannelId),
        publication: Publication::Published,
        ..ContentDraft::new(kind)
    };
    ContentImport { id: None, draft, files, active_thumbnail: None }
}

async fn made(stage: &Stage, imports: Vec<ContentImport>) -> Vec<Content> {
    let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
    let made = change.content_import(TENANT, imports).await.unwrap();
    change.commit().await.unwrap();
    made
}

/// A film with a rendition, a picture and a list, in the stage's folder and one below.
async fn three(stage: &Stage) -> Vec<Content> {
    let pipeline = pipeline(stage).await;
    let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
    let draft = FolderDraft { parent: Some(ChannelId(stage.folder)), name: "below".into() };
    let below = change.folder_create(TENANT, draft).await.unwrap().number.0;
    change.commit().await.unwrap();
    let film = vec![
        file(pipeline, FileKind::Source, "", "Film.MOV"),
        file(pipeline, FileKind::Format, "hd", "film.mov"),
    ];
    let picture = vec![file(pipeline, FileKind::Source, "", "a, \"b\".jpg")];
    let imports = vec![
        import(ContentKind::Video, Some(stage.folder), film),
        import(ContentKind::Image, Some(below), picture),
        import(ContentKind::Playlist, Some(stage.folder), Vec::new()),
    ];
    made(stage, imports).await
}

fn named(contents: &[Content]) -> ArchiveOrder {
    let contents = contents.iter().map(|content| content.id.clone()).collect();
    ArchiveOrder { contents, ..ArchiveOrder::default() }
}

async fn promised(stage: &Stage, order: ArchiveOrder) -> Result<ArchivePlan, ServiceError> {
    stage.services.archive_plan_create(&everybody(), TENANT, order).await
}

async fn opened(stage: &Stage, plan: &ArchivePlan) -> Result<OpenArchive, ServiceError> {
    stage.services.archive_open(&everybody(), TENANT, &plan.id).await
}

fn names(plan: &ArchivePlan) -> Vec<&str> {
    plan.entries.iter().map(|entry| &*entry.name).collect()
}

async fn an_archive_is_of_what_was_asked_for(stage: Stage) {
    let contents = three(&stage).await;
    let plan = promised(&stage, named(&contents)).await.unwrap();
    assert_eq!(names(&plan), ["Film.MOV", "a, _b_.jpg"]);
    // One of each channel; names that are one file on Windows are told apart.
    let video = vec![Channel::Source, Channel::parse("hd")];
    let channels = Channels { video, ..Channels::default() };
    let folders = vec![ChannelId(stage.folder)];
    let order = ArchiveOrder { folders: folders.clone(), channels, ..ArchiveOrder::default() };
    let plan = promised(&stage, order.clone()).await.unwrap();
    assert_eq!(names(&plan), ["Film.MOV", "film (2).mov"]);
    let deep = ArchiveOrder { depth: FolderDepth::WithBelow, ..order.clone() };
    assert_eq!(promised(&stage, deep.clone()).await.unwrap().entries.len(), 3);
    let pictures = ArchiveOrder { kinds: vec![ContentKind::Image], ..deep };
    assert_eq!(promised(&stage, pictures).await.unwrap().entries.len(), 1);
    // Contents that are named, and folders: both must be so.
    let both = ArchiveOrder { folders, ..named(&contents[1..2]) };
    for wrong in [ArchiveOrder::default(), both, named(&contents[2..])] {
        let refused = promised(&stage, wrong).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
    }
    let mut missing = named(&contents);
    missing.contents.push(crate::asset::ContentId::random().unwrap());
    let refused = promised(&stage, missing).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");
}

async fn an_archive_is_the_same_for_everybody_and_later(stage: Stage) {
    let contents = three(&stage).await;
    let order = ArchiveOrder { manifest: Manifest::Appended, ..named(&contents) };
    let promise = promised(&stage, order).await.unwrap();
    let one = opened(&stage, &promise).await.unwrap();
    let week = NOW.plus(7 * 24 * 3600);
    let later = stage.services.clone().at(week);
    let other = later.archive_open(&everybody(), TENANT, &promise.id).await.unwrap();
    assert_eq!(one.plan.etag(), other.plan.etag());
    assert_eq!(one.plan.length(), other.plan.length());
    assert_eq!((one.files.len(), &one.files), (2, &other.files));
    assert_eq!(&*one.files[0].key, "1//Film.MOV");
    let entry = &promise.entries[0];
    let file = stage.services.archive_entry(&everybody(), TENANT, entry).await.unwrap();
    assert_eq!(file, one.files[0]);
    let over = stage.services.clone().at(week.plus(1));
    let gone = over.archive_open(&everybody(), TENANT, &promise.id).await.unwrap_err();
    assert!(matches!(gone, ServiceError::ArchiveGone), "{gone:?}");
    let elsewhere = stage.services.archive_open(&everybody(), TenantId(2), &promise.id).await;
    assert!(matches!(elsewhere, Err(ServiceError::NotFound)), "{elsewhere:?}");

    let manifest = format!(
        "xcontentId,fileName,channel\r\n{},Film.MOV,SOURCE\r\n{},\"a, _b_.jpg\",SOURCE\r\n",
        contents[0].id, contents[1].id
    );
    let mut left = ByteRange::whole(one.plan.length());
    let mut bytes = Vec::new();
    while let Some(span) = left {
        let length = match one.plan.piece(span).unwrap() {
            Piece::Bytes(part) => {
                bytes.push(part.clone());
                part.len() as u64
            }
            Piece::Entry { range, .. } => range.length(),
        };
        left = ByteRange::new(span.first() + length, span.last());
    }
    assert!(bytes.contains(&Bytes::from(manifest)), "{bytes:?}");
}

async fn what_changes_makes_it_gone(stage: Stage) {
    let contents = three(&stage).await;
    let film = &contents[0];
    for change in ["unpublish", "version", "file", "remove"] {
        let promise = promised(&stage, named(&contents[..2])).await.unwrap();
        opened(&stage, &promise).await.unwrap();
        let mut change_of = stage.store.change(&everybody(), NOW).await.unwrap();
        let content = change_of.view().content(&film.id).await.unwrap();
        match change {
            "unpublish" => {
                let publication = Publication::Unpublished;
                let draft = ContentDraft { publication, ..content.draft };
                change_of.content_replace(&film.id, Expected::Any, draft).await.unwrap();
            }
            "version" => {
                let version = change_of.version_create(&film.id, "other").await.unwrap();
                let owner = crate::control_plane::record::FileOwner::Version(version.id.clone());
                let pipeline = change_of.view().file(promise.entries[0].file).await.unwrap();
                let file = file(pipeline.draft.pipeline, FileKind::Source, "", "Film.MOV");
                change_of.file_put_all(&owner, vec![file]).await.unwrap();
                change_of.version_activate(&version.id).await.unwrap();
            }
            "file" => {
                let (number, sha256) = (promise.entries[0].file, "ab".repeat(32));
                change_of.file_hashed(number, 8, &sha256, 5).await.unwrap();
            }
            _ => change_of.content_remove(&film.id, Expected::Any).await.unwrap(),
        }
        change_of.commit().await.unwrap();
        let gone = opened(&stage, &promise).await.unwrap_err();
        assert!(matches!(gone, ServiceError::ArchiveGone), "{change}: {gone:?}");
        let entry = &promise.entries[0];
        let gone = stage.services.archive_entry(&everybody(), TENANT, entry).await.unwrap_err();
        assert!(matches!(gone, ServiceError::ArchiveGone), "{change}: {gone:?}");
        // The other is as it was.
        let entry = &promise.entries[1];
        stage.services.archive_entry(&everybody(), TENANT, entry).await.unwrap();
    }
}

async fn whoever_may_not_share_gets_none(stage: Stage) {
    let contents = three(&stage).await;
    let promise = promised(&stage, named(&contents[..2])).await.unwrap();
    let (id, _) = stage.member("ann", &["shares.write"]).await;
    let id = PersonId::parse(&id).unwrap();
    let scopes = ScopeSet::parse("shares.write").unwrap();
    let ann = Caller::authenticated(Actor::Person(id.clone()), scopes, Reach::Tenant(TENANT));
    let none = Caller::authenticated(
        Actor::Person(id.clone()),
        ScopeSet::parse("").unwrap(),
        Reach::Tenant(TENANT),
    );
    let refused = stage.services.archive_open(&none, TENANT, &promise.id).await.unwrap_err();
    assert!(matches!(refused, ServiceError::MissingScope(_)), "{refused:?}");
    for (right, expected) in
        [(None, "none"), (Some(Right::Modify), "scope"), (Some(Right::Share), "all")]
    {
        let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
        let (folder, grantee) = (ChannelId(stage.folder), Grantee::Person(id.clone()));
        change.folder_right_set(folder, Expected::Any, &grantee, right).await.unwrap();
        change.commit().await.unwrap();
        let services = &stage.services;
        let outcome = |error: Option<ServiceError>| match error {
            None => "all",
            Some(ServiceError::NotFound) => "none",
            Some(ServiceError::MissingScope(_)) => "scope",
            Some(error) => panic!("{error:?}"),
        };
        let made = services.archive_plan_create(&ann, TENANT, named(&contents[..2])).await;
        assert_eq!(outcome(made.err()), expected, "{right:?}");
        let opened = services.archive_open(&ann, TENANT, &promise.id).await;
        assert_eq!(outcome(opened.err()), expected, "{right:?}");
        let entry = services.archive_entry(&ann, TENANT, &promise.entries[0]).await;
        assert_eq!(outcome(entry.err()), expected, "{right:?}");
    }
}

async fn a_file_that_nobody_read_is_awaited(stage: Stage) {
    let pipeline = pipeline(&stage).await;
    let unread = FileDraft { crc32: None, ..file(pipeline, FileKind::Source, "", "unread.mov") };
    let contents = made(&stage, vec![import(ContentKind::Video, None, vec![unread])]).await;
    let refused = promised(&stage, named(&contents)).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Unread { files: 1 }), "{refused:?}");
}

async fn ten_thousand_files(stage: Stage) {
    let pipeline = pipeline(&stage).await;
    let one = || {
        let source = file(pipeline, FileKind::Source, "", "image.jpg");
        import(ContentKind::Image, Some(stage.folder), vec![source])
    };
    for _ in 0..10 {
        made(&stage, (0..1_000).map(|_| one()).collect()).await;
    }
    let folders = vec![ChannelId(stage.folder)];
    let order = ArchiveOrder { folders, ..ArchiveOrder::default() };
    let promise = promised(&stage, order.clone()).await.unwrap();
    assert_eq!(promise.entries.len(), 10_000);
    let open = opened(&stage, &promise).await.unwrap();
    assert_eq!((open.files.len(), &open.promise), (10_000, &promise));
    made(&stage, vec![one()]).await;
    let refused = promised(&stage, order).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
}
