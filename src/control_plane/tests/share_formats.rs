//! What recipients look at and have of pictures, documents and lists (C2, C23, G26, G28): previews that
//! are made, pictures in a format of one's own, and the ways from one item to the next.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use super::share_pages::{Browser, Scene, content, everybody, file, path, says};
use super::stage::{Answer, NOW, Stage, on_both_databases};
use super::webhooks::{hook, told};
use crate::asset::TenantId;
use crate::control_plane::record::{
    ArchivePlanId, ContentId, ContentKind, ContentLinkDraft, FileDraft, FileKind, LinkRelation,
    PipelineDraft, RecipientDraft, Share, ShareDownloads, ShareEventKind,
};
use crate::control_plane::service::{
    Expected, Page, PasswordChange, PreviewSize, ServiceError, ShareAccess, ShareExpiry, ShareOf,
    SharePassword, ShareRefusal, ShareRevision, ShareVisit,
};
use crate::network::ClientIp;

on_both_databases! {
    a_picture_in_a_format_of_ones_own_is_of_one_share_and_one_address
    c2_documents_rings_and_lists_are_shown
    c23_a_picture_is_saved_in_a_format_of_ones_own
    g28_what_turns_is_saved_as_a_whole
    items_and_pages_lead_to_each_other
    previews_are_made_of_pictures_that_have_none
}

/// Wider than a preview may be, and with few pixels.
fn wide_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture =
        image::RgbImage::from_fn(2_500, 20, |x, _| image::Rgb([x.to_le_bytes()[0], 9, 90]));
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

/// A scene with pictures, a ring of frames, a document and a list in it.
struct Gallery {
    scene: Scene,
    picture: ContentId,
    ring: ContentId,
    document: ContentId,
    sound: ContentId,
    list: ContentId,
}

impl Gallery {
    async fn new(stage: Stage) -> Self {
        let scene = Scene::new(stage).await;
        let bytes = wide_png();
        std::fs::write(scene.stage.media.path().join("wide.png"), &bytes).unwrap();
        let mut change = scene.stage.store.change(&everybody(), NOW).await.unwrap();
        let draft =
            PipelineDraft { name: "more".into(), origin: "media".into(), prefix: "".into() };
        let pipeline = change.pipeline_create(TenantId(1), draft).await.unwrap().number;
        let image = |kind, slot: &str| FileDraft {
            key: "wide.png".into(),
            name: "Wide picture.png".into(),
            ..file(pipeline, kind, slot, "image/png", &bytes)
        };
        let other =
            |kind, slot: &str, mime: &str| file(pipeline, kind, slot, mime, b"not looked at");
        let frames = ["10", "2", "1"].map(|slot| image(FileKind::Format, slot));
        let imports = vec![
            content(ContentKind::Image, "Picture", vec![image(FileKind::Source, "")]),
            content(ContentKind::Image360, "Ring", frames.into()),
            content(
                ContentKind::Other,
                "Document",
                vec![other(FileKind::Format, "print", "application/pdf")],
            ),
            content(
                ContentKind::Audio,
                "Sound",
                vec![other(FileKind::Format, "song", "audio/mpeg")],
            ),
            content(ContentKind::Playlist, "List", vec![]),
        ];
        let made = change.content_import(TenantId(1), imports).await.unwrap();
        let ids: Vec<ContentId> = made.into_iter().map(|it| it.id).collect();
        let [picture, ring, document, sound, list] = <[ContentId; 5]>::try_from(ids).unwrap();
        let inside = |target: &ContentId| ContentLinkDraft {
            relation: LinkRelation::Enclosed,
            target: target.clone(),
        };
        let inside = vec![inside(&sound), inside(&picture), inside(&ring)];
        change.content_link_replace(&list, inside).await.unwrap();
        change.commit().await.unwrap();
        Self { scene, picture, ring, document, sound, list }
    }

    async fn share(&self, contents: &[&ContentId], downloads: ShareDownloads) -> Share {
        let contents = contents.iter().map(|it| (*it).clone()).collect();
        let shared = self.scene.share(|order| {
            order.of = ShareOf::Contents(contents);
            order.draft.download = downloads;
        });
        shared.await
    }

    /// Begins a download in that format, and says where it is had.
    async fn begun(&self, browser: &Browser, share: &Share, form: &str) -> String {
        let path = format!("{}/items/0/format", path(share));
        let answer = self.scene.post(browser, &path, form).await.expect(303);
        answer.header("location").unwrap().to_owned()
    }

    /// Waits until so many bytes have left of that download.
    async fn until_sent(&self, share: &Share, download: u64, bytes: u64) {
        let began = Instant::now();
        loop {
            let (services, page) = (&self.scene.stage.services, Page::first(50));
            let everybody = everybody();
            let listed = services.share_event_list(&everybody, TenantId(1), &share.id, &page);
            let events = listed.await.unwrap().items;
            let event = events.iter().find(|it| it.download() == Some(download)).unwrap();
            if event.sent == Some(bytes) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{event:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn downloads(&self, share: &Share) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let (services, page) = (&self.scene.stage.services, Page::first(50));
        let everybody = everybody();
        let listed = services.share_event_list(&everybody, TenantId(1), &share.id, &page);
        let events = listed.await.unwrap().items;
        let saved = events.into_iter().filter(|it| it.kind == ShareEventKind::Downloaded);
        saved.map(|it| it.detail).collect()
    }
}

fn image_of(answer: &Answer) -> (Option<&str>, bool) {
    let saved = answer.header("content-disposition").unwrap_or_default();
    (answer.header("content-type"), saved.starts_with("attachment"))
}

async fn c23_a_picture_is_saved_in_a_format_of_ones_own(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let share = gallery.share(&[&gallery.picture], ShareDownloads::Allowed).await;
    let (scene, browser, base) = (&gallery.scene, Browser::default(), path(&share));
    let item = scene.get(&browser, &format!("{base}/items/0")).await.expect(200);
    assert!(says(&item, "Add a format") && says(&item, "name=\"quality\""), "{item:?}");
    let form = "width=400&height=400&fit=inside&format=webp&quality=85";
    let place = gallery.begun(&browser, &share, form).await;
    assert!(place.starts_with(&format!("{base}/items/0/format/")), "{place}");
    let whole = scene.get(&browser, &place).await.expect(200);
    assert_eq!(image_of(&whole), (Some("image/webp"), true));
    assert!(whole.header("content-disposition").unwrap().contains("Wide picture.webp"));
    assert_eq!(whole.header("cache-control"), Some("private, no-store"));
    let downloads = gallery.downloads(&share).await;
    let detail = &downloads[0];
    assert_eq!((&detail["width"], &detail["height"]), (&400.into(), &3.into()), "{detail:?}");
    assert_eq!(detail["kind"], "rendition");
    assert_eq!(whole.header("content-length").unwrap(), detail["size"].to_string());
    // It is gone on with, and looked at, and is one download all the while.
    let part = ["Range: bytes=0-3"];
    let part = scene.ask(&browser, &format!("GET {place}"), &part, "").await.expect(206);
    assert_eq!(part.body, "RIFF");
    let beyond = ["Range: bytes=9999999-"];
    scene.ask(&browser, &format!("GET {place}"), &beyond, "").await.expect(416);
    scene.ask(&browser, &format!("HEAD {place}"), &[], "").await.expect(200);
    let length: u64 = whole.header("content-length").unwrap().parse().unwrap();
    gallery.until_sent(&share, 1, length + 4).await;
    assert_eq!(scene.history(&share).await, ["created", "downloaded"]);
    for (form, media_type) in [
        ("", "image/jpeg"),
        ("width=9&height=9&fit=cover&format=jpeg&quality=5", "image/jpeg"),
        ("format=png&quality=85", "image/png"),
    ] {
        let place = gallery.begun(&browser, &share, form).await;
        let saved = scene.get(&browser, &place).await.expect(200);
        assert_eq!(image_of(&saved), (Some(media_type), true), "{form}");
    }
    let sizes = gallery.downloads(&share).await;
    assert_eq!((&sizes[1]["width"], &sizes[1]["height"]), (&9.into(), &9.into()));
    assert_eq!((&sizes[0]["width"], &sizes[0]["height"]), (&2_500.into(), &20.into()));
    // What cannot be made was not begun.
    for form in ["width=0", "format=gif", "quality=101", "fit=stretch", "height=x"] {
        let path = format!("{base}/items/0/format");
        let refused = scene.post(&browser, &path, form).await.expect(400);
        assert!(says(&refused, "cannot be had"), "{refused:?}");
    }
    assert_eq!(gallery.downloads(&share).await.len(), 4);
    let none = gallery.share(&[&gallery.sound], ShareDownloads::Allowed).await;
    let page = scene.get(&browser, &format!("{}/items/0", path(&none))).await.expect(200);
    assert!(!says(&page, "Add a format"));
    scene.post(&browser, &format!("{}/items/0/format", path(&none)), "").await.expect(404);
}

async fn a_picture_in_a_format_of_ones_own_is_of_one_share_and_one_address(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let (scene, nobody) = (&gallery.scene, Browser::default());
    // Only to look at.
    let shown = gallery.share(&[&gallery.picture], ShareDownloads::Refused).await;
    let page = scene.get(&nobody, &format!("{}/items/0", path(&shown))).await.expect(200);
    assert!(!says(&page, "Add a format"));
    let begin = |share: &Share| format!("{}/items/0/format", path(share));
    scene.post(&nobody, &begin(&shown), "width=9").await.expect(403);
    assert!(gallery.downloads(&shown).await.is_empty());
    // Behind a password.
    let locked = scene
        .share(|order| {
            order.of = ShareOf::Contents(vec![gallery.picture.clone()]);
            order.password = Some(SharePassword::typed("right"));
            order.recipients =
                vec![RecipientDraft { name: "Bob".into(), email: None, expires_at: None }];
        })
        .await;
    scene.post(&nobody, &begin(&locked), "width=9").await.expect(403);
    scene.get(&nobody, &format!("{}/items/0/preview/card", path(&locked))).await.expect(403);
    let mut browser = Browser::default();
    let gate = format!("{}/password", path(&locked));
    browser.keep(&scene.post(&nobody, &gate, "password=right").await.expect(303));
    let place = gallery.begun(&browser, &locked, "width=9").await;
    scene.get(&browser, &place).await.expect(200);
    scene.get(&nobody, &place).await.expect(403);
    // Not by another's address, nor by another ticket, nor in another share.
    let (services, one) = (&scene.stage.services, TenantId(1));
    let recipients = services.share_recipient_list(&everybody(), one, &locked.id).await.unwrap();
    let theirs = format!("/s/{}", recipients[0].address.expose());
    let mut bob = Browser::default();
    let gate = format!("{theirs}/password");
    bob.keep(&scene.post(&nobody, &gate, "password=right").await.expect(303));
    let ticket = place.rsplit('/').next().unwrap();
    scene.get(&bob, &format!("{theirs}/items/0/format/{ticket}")).await.expect(404);
    let (event, _) = ticket.split_once('-').unwrap();
    let base = format!("{}/items/0/format", path(&locked));
    for wrong in [format!("{event}-"), format!("{event}-cst_x"), "0-x".into(), "x".into()] {
        scene.get(&browser, &format!("{base}/{wrong}")).await.expect(404);
    }
    let other = gallery.share(&[&gallery.picture], ShareDownloads::Allowed).await;
    scene.get(&nobody, &format!("{}/{ticket}", begin(&other))).await.expect(404);

    // What closes the share's links closes it too.
    let place = gallery.begun(&nobody, &other, "width=9").await;
    scene.get(&nobody, &place).await.expect(200);
    let earlier = ShareRevision {
        draft: other.draft.clone(),
        expiry: Some(ShareExpiry::At(NOW.plus(3_600))),
        password: PasswordChange::Kept,
    };
    services.share_change(&everybody(), one, &other.id, Expected::Any, earlier).await.unwrap();
    scene.get(&nobody, &place).await.expect(404);
    let place = gallery.begun(&nobody, &other, "width=9").await;
    scene.get(&nobody, &place).await.expect(200);
    services.share_item_remove(&everybody(), one, &other.id, 0).await.unwrap();
    scene.get(&nobody, &place).await.expect(404);
    let preview = format!("{}/items/0/preview/page", path(&other));
    scene.get(&nobody, &preview).await.expect(404);

    // A limit is of what was begun: one, however often it is had.
    let limited = scene
        .share(|order| {
            order.of = ShareOf::Contents(vec![gallery.picture.clone()]);
            order.draft.download_limit = NonZeroU32::new(1);
        })
        .await;
    let place = gallery.begun(&nobody, &limited, "width=9").await;
    let refused = scene.post(&nobody, &begin(&limited), "width=8").await.expect(403);
    assert!(says(&refused, "No downloads are left."));
    for _ in 0..3 {
        scene.get(&nobody, &place).await.expect(200);
    }
}

async fn previews_are_made_of_pictures_that_have_none(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let share = gallery.share(&[&gallery.picture], ShareDownloads::Refused).await;
    let (scene, browser, base) = (&gallery.scene, Browser::default(), path(&share));
    let page = scene.get(&browser, &base).await.expect(200);
    let card = format!("{base}/items/0/preview/card");
    assert!(says(&page, &format!("src=\"{card}\"")), "{page:?}");
    let item = scene.get(&browser, &format!("{base}/items/0")).await.expect(200);
    let preview = format!("{base}/items/0/preview/page");
    assert!(says(&item, &format!("src=\"{preview}\"")), "{item:?}");
    for path in [&card, &preview] {
        let shown = scene.get(&browser, path).await.expect(200);
        assert_eq!(shown.header("content-type"), Some("image/jpeg"));
        assert_eq!(shown.header("cache-control"), Some("private, max-age=600"));
        assert_eq!(shown.header("content-disposition"), None);
        let known = format!("If-None-Match: {}", shown.header("etag").unwrap());
        let again = scene.ask(&browser, &format!("GET {path}"), &[&known], "").await.expect(304);
        assert_eq!(again.body, "");
    }
    for size in ["original", "4096", ""] {
        scene.get(&browser, &format!("{base}/items/0/preview/{size}")).await.expect(404);
    }
    assert_eq!(scene.history(&share).await, ["created"]);
    // No more pixels than that, however many the picture has.
    let services = &scene.stage.services;
    let access = services.share_access(share.address.expose(), None).await.unwrap();
    let (method, headers) = (http::Method::GET, http::HeaderMap::new());
    let client = Some(ClientIp::new("192.0.2.7".parse().unwrap()));
    let visit = ShareVisit { client, method: &method, headers: &headers };
    for (size, expected) in [(PreviewSize::Card, (480, 4)), (PreviewSize::Page, (2_048, 16))] {
        let made = services.share_preview(&access, 0, size, visit).await.unwrap().rendered;
        assert_eq!((made.width, made.height), expected);
    }
    // The file itself is given on no route.
    let wish = crate::rendition::Rendition::default();
    let refused = services.share_format(&access, 0, wish, visit).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Share(ShareRefusal::ViewOnly)), "{refused:?}");
    assert_eq!(original_of(services, &access).await, [true, true]);
}

/// Are neither a look at nor a download of the first item's first file given?
async fn original_of(
    services: &crate::control_plane::service::Services,
    access: &ShareAccess,
) -> [bool; 2] {
    let shown = services.share_shown(access, None, &Page::first(1)).await.unwrap();
    let source = shown.items[0].pictured.unwrap();
    assert!(shown.items[0].files.is_empty());
    let seen = services.share_view_link(access, 0, source).await;
    let had = services.share_ticket(access, 0, source, None).await;
    [seen.is_err(), had.is_err()]
}

async fn c2_documents_rings_and_lists_are_shown(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let all = [&gallery.picture, &gallery.ring, &gallery.document, &gallery.sound, &gallery.list];
    let (scene, browser) = (&gallery.scene, Browser::default());
    for downloads in [ShareDownloads::Allowed, ShareDownloads::Refused] {
        let share = gallery.share(&all, downloads).await;
        let base = path(&share);
        let page = async |item: u64| {
            scene.get(&browser, &format!("{base}/items/{item}")).await.expect(200)
        };
        let urls = |answer: &Answer, element: &str| -> Vec<String> {
            let element = format!("<{element}");
            let parts = answer.body.split(&element).skip(1);
            let url = |it: &str| it.split("src=\"").nth(1)?.split('"').next().map(str::to_owned);
            parts.filter_map(url).map(|it| it.replace("&#38;", "&")).collect()
        };
        // In the order of their numbers.
        let ring = page(1).await;
        let frames = urls(&ring, "img");
        let slots: Vec<&str> = frames
            .iter()
            .map(|it| it.split("/formats/").nth(1).unwrap().split(['?', '/']).next().unwrap())
            .collect();
        assert_eq!(slots, ["1", "2", "10"], "{frames:?}");
        for url in &frames {
            scene.opens(url);
        }
        assert!(says(&ring, "data-turning") && says(&ring, "alt=\"View 3\""), "{ring:?}");
        // A document stands in a frame of the host that has it, and in no other.
        let document = page(2).await;
        let framed = urls(&document, "iframe");
        scene.opens(&framed[0]);
        assert!(says(&document, "tab of its own"), "{document:?}");
        let policy = document.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-src https://files.example.com;"), "{policy}");
        let policy = ring.header("content-security-policy").unwrap().to_owned();
        assert!(!policy.contains("frame-src"), "{policy}");
        // A list has what is shared of it, in its order.
        let list = page(4).await;
        let (sound, ring) = (list.body.find("<audio").unwrap(), list.body.find(">Ring<").unwrap());
        let picture = list.body.find(">Picture<").unwrap();
        assert!(sound < picture && picture < ring, "{list:?}");
        assert!(says(&list, "preload=\"none\"") && says(&list, "data-playlist"));
        scene.opens(&urls(&list, "audio")[0]);
    }
    // What is not shared is not in it (C3).
    let share = gallery.share(&[&gallery.list, &gallery.sound], ShareDownloads::Refused).await;
    let list = scene.get(&browser, &format!("{}/items/0", path(&share))).await.expect(200);
    assert!(says(&list, "<audio") && !says(&list, ">Ring<"), "{list:?}");
}

async fn g28_what_turns_is_saved_as_a_whole(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let both = [&gallery.picture, &gallery.ring];
    let (scene, browser) = (&gallery.scene, Browser::default());
    let share = gallery.share(&both, ShareDownloads::Allowed).await;
    let base = path(&share);
    let page = scene.get(&browser, &format!("{base}/items/1")).await.expect(200);
    let labels: Vec<&str> = page.body.split("<bdi>").skip(1).step_by(3).collect();
    let labels: Vec<&str> = labels.iter().map(|it| it.split('<').next().unwrap()).collect();
    assert_eq!(labels, ["1", "2", "10"], "{page:?}");
    assert!(says(&page, "Download all 3 views"), "{page:?}");
    let still = scene.get(&browser, &format!("{base}/items/0")).await.expect(200);
    assert!(!says(&still, "as\" value=\"frames\""), "{still:?}");
    // One download, of all of them in their order, that may be gone on with.
    let archive = format!("{base}/archive");
    let form = "what=selected&item=1&as=frames";
    let token = scene.stage.token(Some(1), "settings.admin").await;
    let hook = hook(&scene.stage, &token).await;
    let begun = scene.post(&browser, &archive, form).await.expect(303);
    let downloads = gallery.downloads(&share).await;
    assert_eq!(downloads.len(), 1);
    let place = begun.header("location").unwrap();
    assert_eq!((&downloads[0]["files"], downloads[0].get("content")), (&3.into(), None));
    let whole = scene.get(&browser, place).await.expect(200);
    assert_eq!(whole.header("content-type"), Some("application/zip"));
    scene.ask(&browser, &format!("GET {place}"), &["Range: bytes=0-3"], "").await.expect(206);
    assert_eq!(gallery.downloads(&share).await.len(), 1);
    // What left of it is counted here as it is at edges: all of it, and the part (C27).
    let length: u64 = whole.header("content-length").unwrap().parse().unwrap();
    gallery.until_sent(&share, 1, length + 4).await;
    let told = told(&scene.stage, &token, &hook).await;
    let types: Vec<_> = told.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["share.download.completed", "share.download.started"]);
    assert_eq!(told[0]["data"]["download"], 1);
    let id = place.rsplit('/').next().unwrap();
    let id = ArchivePlanId::parse(id).unwrap();
    let mut view = scene.stage.store.view(&everybody()).await.unwrap();
    let entries = view.archive_plan(&id).await.unwrap().entries;
    let content = &gallery.ring;
    let state = view.content_states_of(TenantId(1), [content.clone()].into()).await.unwrap();
    let slot = |number: u64| {
        let file = state[0].files.iter().find(|file| file.number == number);
        file.map(|file| file.place.slot.to_string())
    };
    let slots: Vec<_> = entries.iter().filter_map(|entry| slot(entry.file)).collect();
    assert_eq!(slots, ["1", "2", "10"]);
    // What does not turn has no views.
    let none = scene.post(&browser, &archive, "what=selected&item=0&as=frames").await;
    none.expect(400);
    // Of all items there is none of all views.
    for form in ["what=all&as=frames", "what=selected&item=0&item=1&as=frames"] {
        scene.post(&browser, &archive, form).await.expect(400);
    }
    // Whoever may only look has none of it, and is not offered it.
    let shown = gallery.share(&both, ShareDownloads::Refused).await;
    let page = scene.get(&browser, &format!("{}/items/1", path(&shown))).await.expect(200);
    assert!(says(&page, "data-turning") && !says(&page, "views as a zip"), "{page:?}");
    scene.post(&browser, &format!("{}/archive", path(&shown)), form).await.expect(403);
    assert!(gallery.downloads(&shown).await.is_empty());
}

async fn items_and_pages_lead_to_each_other(stage: Stage) {
    let gallery = Gallery::new(stage).await;
    let all = [&gallery.picture, &gallery.ring, &gallery.document, &gallery.sound];
    let share = gallery.share(&all, ShareDownloads::Refused).await;
    let (scene, browser, base) = (&gallery.scene, Browser::default(), path(&share));
    let way = |answer: &Answer, rel: &str| {
        let before = answer.body.split(&format!("\" rel=\"{rel}\"")).next().unwrap();
        let found = (before.len() < answer.body.len()).then(|| before.rsplit("href=\"").next());
        found.flatten().map(|it| it.strip_prefix(&format!("{base}/items/")).unwrap().to_owned())
    };
    let ways = async |item: u64| {
        let page = scene.get(&browser, &format!("{base}/items/{item}")).await.expect(200);
        assert!(says(&page, &format!("href=\"{base}#i{item}\"")), "{page:?}");
        (way(&page, "prev"), way(&page, "next"))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ways(0).await, (None, some("1")));
    assert_eq!(ways(1).await, (some("0"), some("2")));
    assert_eq!(ways(3).await, (some("2"), None));
    // Past what was taken out, and past what is not public any more.
    let services = &scene.stage.services;
    services.share_item_remove(&everybody(), TenantId(1), &share.id, 1).await.unwrap();
    let unpublished = crate::control_plane::record::Publication::Unpublished;
    super::share_scene::publish(&scene.stage, &gallery.document, unpublished).await;
    assert_eq!(ways(0).await, (None, some("3")));
    assert_eq!(ways(3).await, (some("0"), None));
    for page in ["?page=0", "?page=2", "?page=x", "?page=-1"] {
        scene.get(&browser, &format!("{base}{page}")).await.expect(404);
    }
}
