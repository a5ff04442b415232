//! Uploads: one key is one upload's, its number is its file's, and what is over is found.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::{
    Autograph, ContentDraft, ContentImport, ContentKind, FileDraft, FileKind, FileOwner, FilePlace,
    PipelineDraft, SecretHash, Upload, UploadDraft, UploadState, VersionOf, VersionStanding,
};
use crate::control_plane::store::{Expected, Page, StoreErrorKind, UploadStanding};

on_both_databases! {
    a_key_is_one_uploads
    an_upload_becomes_the_file_of_its_number
    an_upload_becomes_a_version_of_what_is_there
    what_is_over_is_found
    an_upload_is_its_tenants
}

async fn pipeline(stage: &Stage, tenant: u64) -> u64 {
    stage.tenant(tenant).await;
    let mut change = stage.change().await;
    let draft = PipelineDraft { name: "p".into(), origin: "media".into(), prefix: "".into() };
    let number = change.pipeline_create(TenantId(tenant), draft).await.unwrap().number;
    change.commit().await.unwrap();
    number
}

fn draft(pipeline: u64, key: &str) -> UploadDraft {
    UploadDraft {
        pipeline,
        key: key.into(),
        name: key.into(),
        mime: Some("video/mp4".into()),
        size: Some(9),
        sha256: None,
        folder: None,
        version_of: None,
        metadata: Some("name YQ==".into()),
        issuer: "app_a".into(),
        form_secret: Some(SecretHash::of("secret")),
        most: 9,
        place: "here".into(),
        unused_until: None,
    }
}

async fn begin(stage: &Stage, draft: UploadDraft) -> Result<Upload, StoreErrorKind> {
    let mut change = stage.change().await;
    let made = change.upload_create(TenantId(1), draft, NOW.plus(60)).await;
    let made = made.map_err(|error| error.kind())?;
    change.commit().await.unwrap();
    Ok(made)
}

fn source(upload: &Upload) -> FileDraft {
    let UploadDraft { pipeline, key, name, .. } = upload.draft.clone();
    FileDraft {
        place: FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() },
        pipeline,
        key,
        name,
        size: 9,
        mime: "video/mp4".into(),
        sha256: Some("ab".repeat(32).into()),
        crc32: Some(7),
        duration_ms: None,
        width: None,
        height: None,
        language: None,
        md5: None,
        autograph: Autograph::Refused,
    }
}

async fn complete(stage: &Stage, upload: &Upload) -> Upload {
    let import = ContentImport {
        id: None,
        draft: ContentDraft::new(ContentKind::Video),
        files: vec![source(upload)],
        active_thumbnail: None,
    };
    let mut change = stage.change().await;
    change.upload_completing(upload.number, 9).await.unwrap();
    change.upload_put_begun(upload.number, "handle").await.unwrap();
    let done = change.upload_completed(upload.number, import, NOW.plus(90)).await.unwrap();
    change.commit().await.unwrap();
    done
}

async fn a_key_is_one_uploads(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let made = begin(&stage, draft(pipeline, "a")).await.unwrap();
    assert_eq!(stage.view().await.upload(made.number).await.unwrap(), made);
    assert_eq!(begin(&stage, draft(pipeline, "a")).await, Err(StoreErrorKind::Conflict));
    begin(&stage, draft(pipeline, "b")).await.unwrap();
    // Two at the same moment: the database itself has one of them lose.
    let (mut one, mut other) = (stage.change().await, None);
    one.upload_create(TenantId(1), draft(pipeline, "c"), NOW).await.unwrap();
    if stage.address.file().is_none() {
        // SQLite has one writer at a time.
        other = Some(stage.change().await);
    }
    let late = async {
        let Some(mut other) = other else { return Err(StoreErrorKind::Conflict) };
        let made = other.upload_create(TenantId(1), draft(pipeline, "c"), NOW).await;
        made.map(drop).map_err(|error| error.kind())
    };
    let (late, committed) = tokio::join!(late, one.commit());
    committed.unwrap();
    assert_eq!(late, Err(StoreErrorKind::Conflict));
    // One that failed gives its key back.
    let mut change = stage.change().await;
    change.upload_failed(made.number, "why", NOW.plus(9)).await.unwrap();
    change.commit().await.unwrap();
    let again = begin(&stage, draft(pipeline, "a")).await.unwrap();
    assert_ne!(again.number, made.number);
    let standing = stage.view().await.upload_standing(TenantId(1)).await.unwrap();
    assert_eq!(standing, UploadStanding { bytes: 27, open: 3 });
}

async fn an_upload_becomes_the_file_of_its_number(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let upload = begin(&stage, draft(pipeline, "a")).await.unwrap();
    let later = begin(&stage, draft(pipeline, "b")).await.unwrap();
    complete(&stage, &later).await;
    let done = complete(&stage, &upload).await;
    assert_eq!((done.state, done.put), (UploadState::Completed, None));
    let mut view = stage.view().await;
    let file = view.file(upload.number).await.unwrap();
    assert_eq!((&*file.draft.key, file.draft.crc32), ("a", Some(7)));
    let content = view.content(&done.content.clone().unwrap()).await.unwrap();
    assert_eq!((content.revision, content.draft.kind), (1, ContentKind::Video));
    let standing = view.upload_standing(TenantId(1)).await.unwrap();
    assert_eq!(standing, UploadStanding { bytes: 18, open: 0 });
    drop(view);
    let mut change = stage.change().await;
    let again = change.upload_completing(upload.number, 9).await.unwrap();
    assert_eq!(again.state, UploadState::Completed);
    // The next number is one that nobody has.
    drop(change);
    let next = begin(&stage, draft(pipeline, "c")).await.unwrap();
    assert!(next.number > later.number);
}

async fn an_upload_becomes_a_version_of_what_is_there(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let first = begin(&stage, draft(pipeline, "a")).await.unwrap();
    let content = complete(&stage, &first).await.content.unwrap();
    let of = |standing| Some(VersionOf { content: content.clone(), standing });
    let mut made = Vec::new();
    for (key, standing) in [("b", VersionStanding::Active), ("c", VersionStanding::Waiting)] {
        let draft = UploadDraft { version_of: of(standing), ..draft(pipeline, key) };
        let upload = begin(&stage, draft).await.unwrap();
        assert_eq!(stage.view().await.upload(upload.number).await.unwrap(), upload);
        // Not before all of it is here, and not twice.
        let again = async || {
            let mut change = stage.change().await;
            let source = source(&upload);
            let done = change.upload_completed_as_version(upload.number, source, NOW).await;
            let done = done.map_err(|error| error.kind())?;
            assert!(change.commit().await.unwrap().is_some(), "edges must know");
            Ok(done)
        };
        assert_eq!(again().await, Err(StoreErrorKind::Conflict));
        let mut change = stage.change().await;
        change.upload_completing(upload.number, 9).await.unwrap();
        change.commit().await.unwrap();
        let done = again().await.unwrap();
        assert_eq!((&done.content, done.state), (&Some(content.clone()), UploadState::Completed));
        assert_eq!(again().await, Err(StoreErrorKind::Conflict));
        let version = done.version.unwrap();
        let mut view = stage.view().await;
        let owner = FileOwner::Version(version.clone());
        let files = view.file_list(&owner).await.unwrap();
        assert_eq!((files.len(), files[0].number), (1, upload.number));
        made.push(version);
        // The second waits: what is handed out is the first of them.
        let now = view.content(&content).await.unwrap();
        assert_eq!(now.active_version.as_ref(), made.first());
    }
    let mut gone = begin(
        &stage,
        UploadDraft { version_of: of(VersionStanding::Active), ..draft(pipeline, "d") },
    )
    .await
    .unwrap();
    let mut change = stage.change().await;
    change.content_remove(&content, Expected::Any).await.unwrap();
    gone = change.upload_completing(gone.number, 9).await.unwrap();
    let refused = change.upload_completed_as_version(gone.number, source(&gone), NOW).await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::NotFound);
}

async fn what_is_over_is_found(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let number = |uploads: &[Upload]| uploads.iter().map(|it| it.number).collect::<Vec<_>>();
    let open = begin(&stage, draft(pipeline, "open")).await.unwrap();
    let unused = UploadDraft { unused_until: Some(NOW.plus(5)), ..draft(pipeline, "unused") };
    let unused = begin(&stage, unused).await.unwrap();
    let unused = complete(&stage, &unused).await;
    let done = begin(&stage, draft(pipeline, "done")).await.unwrap();
    complete(&stage, &done).await;
    let moving = begin(&stage, draft(pipeline, "moving")).await.unwrap();
    let mut change = stage.change().await;
    change.upload_completing(moving.number, 9).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let at = view.upload_list_at("here", UploadState::Completing, 0).await.unwrap();
    assert_eq!(number(&at), [moving.number]);
    assert!(view.upload_list_at("there", UploadState::Completing, 0).await.unwrap().is_empty());
    assert!(view.upload_list_over(NOW.plus(60)).await.unwrap().is_empty());
    assert_eq!(number(&view.upload_list_over(NOW.plus(61)).await.unwrap()), [open.number]);
    // One that may still be unused is not forgotten before that is known.
    // And one that is complete is known for as long as its file.
    let over = view.upload_list_over(NOW.plus(91)).await.unwrap();
    assert_eq!(number(&over), [open.number]);
    drop(view);
    let mut change = stage.change().await;
    change.file_remove(done.number).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let over = view.upload_list_over(NOW.plus(91)).await.unwrap();
    assert_eq!(number(&over), [open.number, done.number]);
    assert!(view.upload_list_unused(NOW.plus(5)).await.unwrap().is_empty());
    assert_eq!(number(&view.upload_list_unused(NOW.plus(6)).await.unwrap()), [unused.number]);
    assert!(!view.upload_is_used(&unused).await.unwrap());
    // Its key is taken until its object is gone.
    assert!(view.upload_key_taken(pipeline, "unused").await.unwrap());
    drop(view);
    let mut change = stage.change().await;
    change.content_lock(&unused.content.clone().unwrap()).await.unwrap();
    change.upload_used(unused.number).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert!(view.upload_list_unused(NOW.plus(6)).await.unwrap().is_empty());
    assert!(!view.upload_key_taken(pipeline, "done").await.unwrap());
    drop(view);
    let mut change = stage.change().await;
    change.upload_deleting(done.number).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert_eq!(number(&view.upload_list_deleting().await.unwrap()), [done.number]);
    assert!(view.upload_key_taken(pipeline, "done").await.unwrap());
    assert!(view.upload_list_over(NOW.plus(91)).await.unwrap().len() == 1);
}

async fn an_upload_is_its_tenants(stage: Stage) {
    let own = pipeline(&stage, 1).await;
    let theirs = pipeline(&stage, 2).await;
    let made = begin(&stage, draft(own, "a")).await.unwrap();
    assert_eq!(begin(&stage, draft(theirs, "a")).await, Err(StoreErrorKind::Referenced));
    let mut view = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
    let hidden = view.upload(made.number).await.unwrap_err();
    assert_eq!(hidden.kind(), StoreErrorKind::NotFound);
    assert!(view.upload_list(TenantId(1), &Page::first(9)).await.is_err());
    drop(view);
    let mut change = stage.change().await;
    change.upload_prolonged(made.number, NOW.plus(500)).await.unwrap();
    change.upload_chunk(made.number, 0, 4).await.unwrap();
    // The same part, by whoever did not see that.
    let twice = change.upload_chunk(made.number, 0, 4).await.unwrap_err();
    assert_eq!(twice.kind(), StoreErrorKind::Conflict);
    change.commit().await.unwrap();
    let listed = stage.view().await.upload_list(TenantId(1), &Page::first(9)).await.unwrap();
    let [found] = &*listed.items else { panic!("{listed:?}") };
    assert_eq!((found.expires_at, found.chunks, found.form_bytes), (NOW.plus(500), 1, 4));
}
