//! Archives of many contents: what is promised, to whom, and when it is not to be had any more.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::stage::{NOW, Stage, on_both_databases};
use crate::archive::Piece;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{
    ApplicationId, ArchivePlan, Autograph, Content, ContentDraft, ContentImport, ContentKind,
    FileDraft, FileKind, FilePlace, FolderDraft, Grantee, Manifest, Metadata, PersonId,
    PipelineDraft, Publication, Right, ScopeSet,
};
use crate::control_plane::service::{
    ArchiveOrder, Channel, Channels, Combined, ContentCriteria, Described, Expected,
    FieldCriterion, FolderDepth, OpenArchive, ServiceError, TagCriterion,
};
use crate::delivery::ByteRange;

on_both_databases! {
    an_archive_is_of_what_was_asked_for
    an_archive_is_of_what_is_like_that
    an_archive_is_the_same_for_everybody_and_later
    what_changes_makes_it_gone
    whoever_may_not_share_gets_none
    whoever_is_shut_out_gets_no_more_of_one
    no_field_of_the_list_is_a_formula
    so_many_channels_are_too_many
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

fn tagged(combined: Combined, each: &[(&str, &str)]) -> ContentCriteria {
    let each = each.iter().map(|(classification, tag)| TagCriterion {
        classification: (*classification).into(),
        tag: (*tag).into(),
    });
    let tags = Described { each: each.collect(), combined };
    ContentCriteria { tags, ..ContentCriteria::default() }
}

fn saying(combined: Combined, each: &[(&str, &str, &str)]) -> ContentCriteria {
    let each = each.iter().map(|(classification, name, value)| FieldCriterion {
        classification: (*classification).into(),
        name: (*name).into(),
        value: (*value).into(),
    });
    let fields = Described { each: each.collect(), combined };
    ContentCriteria { fields, ..ContentCriteria::default() }
}

/// Says something of a content.
async fn describe(stage: &Stage, content: &Content, tags: &[&str], under: &[&str], sku: &str) {
    let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
    let field = |language: &str, value: &str| Metadata {
        language: language.into(),
        name: "SKU".into(),
        value: value.into(),
    };
    let texts = |list: &[&str]| list.iter().map(|it| (*it).into()).collect();
    let draft = ContentDraft {
        tags: texts(tags),
        classifications: texts(under),
        metadata: vec![field("", sku), field("de", "Nummer")],
        ..content.draft.clone()
    };
    change.content_replace(&content.id, Expected::Any, draft).await.unwrap();
    change.commit().await.unwrap();
}

/// The vendor's tags and metadata, alone and with folders, contents and kinds; for whoever may share
/// what is found, of what they may see.
async fn an_archive_is_of_what_is_like_that(stage: Stage) {
    let contents = three(&stage).await;
    let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
    for name in ["press", "events"] {
        change.classification_create(TENANT, name).await.unwrap();
    }
    change.commit().await.unwrap();
    describe(&stage, &contents[0], &["harbour", "ship"], &["press"], "A 1").await;
    describe(&stage, &contents[1], &["harbour"], &["events", "press"], "B 2").await;
    let (film, picture) = ("Film.MOV", "a, _b_.jpg");
    let (all, any) = (Combined::All, Combined::Any);
    let (harbour, ship) = (("press", "harbour"), ("press", "ship"));
    let of = |criteria: ContentCriteria| ArchiveOrder { criteria, ..ArchiveOrder::default() };
    let both = ContentCriteria {
        fields: saying(any, &[("press", "SKU", "B 2")]).fields,
        ..tagged(any, &[harbour, ship])
    };
    let folders = vec![ChannelId(stage.folder)];
    for (order, expected) in [
        (of(tagged(any, &[harbour])), vec![film, picture]),
        (of(tagged(any, &[ship, harbour])), vec![film, picture]),
        (of(tagged(all, &[harbour, ship])), vec![film]),
        (of(tagged(any, &[("events", "harbour")])), vec![picture]),
        (of(saying(any, &[("press", "SKU", "A 1")])), vec![film]),
        (
            of(saying(any, &[("press", "SKU", "A 1"), ("events", "SKU", "B 2")])),
            vec![film, picture],
        ),
        (of(saying(all, &[("press", "SKU", "B 2"), ("events", "SKU", "Nummer")])), vec![picture]),
        (of(both), vec![picture]),
        (ArchiveOrder { folders: folders.clone(), ..of(tagged(any, &[harbour])) }, vec![film]),
        (ArchiveOrder { criteria: tagged(any, &[ship]), ..named(&contents[..2]) }, vec![film]),
        (
            ArchiveOrder { kinds: vec![ContentKind::Image], ..of(tagged(any, &[harbour])) },
            vec![picture],
        ),
    ] {
        let plan = promised(&stage, order.clone()).await.unwrap();
        let mut found = names(&plan);
        found.sort_unstable();
        assert_eq!(found, expected, "{order:?}");
    }
    let six: Vec<_> = std::iter::repeat_n(harbour, 6).collect();
    for none in [
        tagged(any, &[("events", "ship")]),
        tagged(any, &[("press", "Ship")]),
        saying(any, &[("press", "SKU", "A")]),
        saying(any, &[("press", "sku", "A 1")]),
        tagged(all, &[("press", "ship"), ("events", "harbour")]),
        tagged(any, &six),
        tagged(any, &[("", "ship")]),
    ] {
        let refused = promised(&stage, of(none.clone())).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid(_)), "{none:?}: {refused:?}");
    }

    // A member: what they do not see is not there for them, and what they see they must be able to share.
    let (id, _) = stage.member("ann", &["catalog.read", "shares.write"]).await;
    let person = PersonId::parse(&id).unwrap();
    let reach = Reach::Tenant(TENANT);
    let ann = Caller::authenticated(Actor::Person(person.clone()), ScopeSet::EVERY, reach);
    let may = async |right: Right| {
        let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
        let below = contents[1].draft.folder.unwrap();
        let grantee = Grantee::Person(person.clone());
        change.folder_right_set(below, Expected::Any, &grantee, Some(right)).await.unwrap();
        change.commit().await.unwrap();
    };
    let hers =
        async |order: ArchiveOrder| stage.services.archive_plan_create(&ann, TENANT, order).await;
    let wanted = || of(tagged(any, &[harbour]));
    assert!(matches!(hers(wanted()).await, Err(ServiceError::Invalid(_))));
    may(Right::See).await;
    assert!(matches!(hers(wanted()).await, Err(ServiceError::MissingScope(_))));
    may(Right::Share).await;
    assert_eq!(names(&hers(wanted()).await.unwrap()), [picture]);
    // Nothing is told of the tags of what they may not see.
    for tag in ["ship", "none"] {
        let criteria = tagged(any, &[("press", tag)]);
        for order in [
            ArchiveOrder { criteria: criteria.clone(), ..named(&contents[..1]) },
            ArchiveOrder { folders: folders.clone(), ..of(criteria.clone()) },
        ] {
            let refused = hers(order).await.unwrap_err();
            assert!(matches!(refused, ServiceError::NotFound), "{tag}: {refused:?}");
        }
    }
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
    let bytes = own_bytes(&one);
    assert!(bytes.contains(&Bytes::from(manifest)), "{bytes:?}");
}

/// What of an archive is of no file: records, and the list.
fn own_bytes(archive: &OpenArchive) -> Vec<Bytes> {
    let mut left = ByteRange::whole(archive.plan.length());
    let mut bytes = Vec::new();
    while let Some(span) = left {
        let length = match archive.plan.piece(span).unwrap() {
            Piece::Bytes(part) => {
                bytes.push(part.clone());
                part.len() as u64
            }
            Piece::Entry { range, .. } => range.length(),
        };
        left = ByteRange::new(span.first() + length, span.last());
    }
    bytes
}

/// Names of files are anybody's who uploads: whoever opens the list runs none of them.
async fn no_field_of_the_list_is_a_formula(stage: Stage) {
    let pipeline = pipeline(&stage).await;
    let files = vec![
        file(pipeline, FileKind::Source, "", "=HYPERLINK(1).jpg"),
        file(pipeline, FileKind::Format, "@SUM(1)", "-1+1,.jpg"),
    ];
    let contents = made(&stage, vec![import(ContentKind::Image, Some(stage.folder), files)]).await;
    let image = vec![Channel::Source, Channel::parse("@SUM(1)")];
    let channels = Channels { image, ..Channels::default() };
    let order = ArchiveOrder { channels, manifest: Manifest::Appended, ..named(&contents) };
    let promise = promised(&stage, order).await.unwrap();
    // The files are called what they are called.
    assert_eq!(names(&promise), ["=HYPERLINK(1).jpg", "-1+1,.jpg"]);
    let id = &contents[0].id;
    let manifest = format!(
        "xcontentId,fileName,channel\r\n{id},'=HYPERLINK(1).jpg,SOURCE\r\n\
         {id},\"'-1+1,.jpg\",'@SUM(1)\r\n"
    );
    let bytes = own_bytes(&opened(&stage, &promise).await.unwrap());
    assert!(bytes.contains(&Bytes::from(manifest)), "{bytes:?}");
}

/// Each is looked for in each content.
async fn so_many_channels_are_too_many(stage: Stage) {
    let contents = three(&stage).await;
    let many = |most: usize| (0..most).map(|it| Channel::parse(&it.to_string())).collect();
    for kind in ["video", "audio", "image", "other"] {
        let channels = |most| match kind {
            "video" => Channels { video: many(most), ..Channels::default() },
            "audio" => Channels { audio: many(most), ..Channels::default() },
            "image" => Channels { image: many(most), ..Channels::default() },
            _ => Channels { other: many(most), ..Channels::default() },
        };
        let order = |most| ArchiveOrder { channels: channels(most), ..named(&contents) };
        let refused = promised(&stage, order(101)).await.unwrap_err();
        let ServiceError::Invalid(invalid) = refused else { panic!("{kind}: {refused:?}") };
        assert_eq!(invalid.pointer, format!("/options/{kind}"));
        // Of what the other kinds' has there is something.
        let most = promised(&stage, order(100)).await;
        assert!(most.is_ok(), "{kind}: {most:?}");
    }
}

/// A download of hours does not outlive the account it began with.
async fn whoever_is_shut_out_gets_no_more_of_one(stage: Stage) {
    let contents = three(&stage).await;
    let promise = promised(&stage, named(&contents[..2])).await.unwrap();
    let entry = &promise.entries[0];
    let admin = stage.admin().await;
    let body = json!({"tenant": 1, "username": "ann", "role": "admin", "scopes": ["shares.write"]});
    let ann = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let body = json!({"tenant": 1, "name": "sdk", "scopes": ["shares.write"]});
    let sdk = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let (ann, sdk) = (id(&ann), id(&sdk));
    let scopes = ScopeSet::parse("shares.write").unwrap();
    for (path, actor) in [
        (format!("people/{ann}"), Actor::Person(PersonId::parse(&ann).unwrap())),
        (format!("applications/{sdk}"), Actor::Application(ApplicationId::parse(&sdk).unwrap())),
    ] {
        let caller = Caller::authenticated(actor, scopes, Reach::Tenant(TENANT));
        let services = &stage.services;
        services.archive_entry(&caller, TENANT, entry).await.unwrap();
        let patch = format!("PATCH /api/v1/{path}");
        for (change, is_in) in [
            (json!({"scopes": ["catalog.read"]}), false),
            (json!({"scopes": ["shares.write"]}), true),
            (json!({"disabled": true}), false),
            (json!({"disabled": false}), true),
        ] {
            stage.send(&patch, &admin, &change).await.expect(200);
            let entry = services.archive_entry(&caller, TENANT, entry).await;
            assert_eq!(entry.is_ok(), is_in, "{path} {change}: {entry:?}");
        }
    }
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
