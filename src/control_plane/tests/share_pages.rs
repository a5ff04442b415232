//! The page of a share as a visitor meets it (C18 to C23): what its gate hides, what is shown and saved
//! behind it, and that looking changes nothing.

use axum::Extension;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::stage::{Answer, NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::scenery;
use crate::control_plane::record::{
    Autograph, ContentDraft, ContentId, ContentImport, ContentKind, ContentText, FileDraft,
    FileKind, FilePlace, PipelineDraft, Publication, Share, ShareDelivery, ShareDownloads,
    ShareDraft, ShareInformation, ShareLogo, ShareNotices,
};
use crate::control_plane::service::{
    Expected, FolderDepth, OnForbidden, Page, ShareArchiveOrder, ShareExpiry, ShareForm, ShareOf,
    ShareOrder, SharePassword, ShareSending,
};
use crate::control_plane::share_page::router;
use crate::network::ClientIp;
use crate::policy::{ClientScheme, OverrideTable};
use crate::visitor::Visitor;

on_both_databases! {
    a_page_has_fifty_items_in_few_bytes
    a_share_that_is_over_is_told_from_one_that_never_was
    c13_what_may_only_be_seen_is_not_saved
    c17_c18_terms_are_accepted_before_anything_is_seen
    c22_c23_one_or_all_are_saved_in_each_format
    forms_of_other_pages_do_nothing
    looking_changes_nothing
    nothing_of_a_locked_share_is_had_by_any_route
    pages_speak_the_visitors_language
    values_are_text_and_never_markup
}

pub(super) const HOST: &str = "files.example.com";
const FILM: &[u8] = b"the film itself";
const SMALL_FILM: &[u8] = b"film";
const POSTER: &[u8] = b"poster";

/// A tenant's catalog that is in force, and its pages on a port.
pub(super) struct Scene {
    pub(super) stage: Stage,
    film: ContentId,
    paper: ContentId,
    pages: std::net::SocketAddr,
}

/// A browser: what it keeps, and what it says of itself.
#[derive(Default)]
pub(super) struct Browser {
    pub(super) cookies: Vec<String>,
    language: Option<&'static str>,
}

pub(super) fn everybody() -> Caller {
    Caller::system("test")
}

pub(super) fn visitor(tenant: u64) -> Visitor {
    Visitor {
        client: ClientIp::new("192.0.2.7".parse().unwrap()),
        scheme: ClientScheme::Https,
        host: HOST.into(),
        tenant: TenantId(tenant),
    }
}

pub(super) fn file(
    pipeline: u64,
    kind: FileKind,
    slot: &str,
    mime: &str,
    bytes: &[u8],
) -> FileDraft {
    let name = format!("{}{slot}", kind.wire_name());
    FileDraft {
        place: FilePlace {
            kind,
            slot: slot.into(),
            variant: if kind == FileKind::Thumbnail { "360p".into() } else { "".into() },
        },
        pipeline,
        key: name.as_str().into(),
        name: name.into(),
        size: bytes.len() as u64,
        mime: mime.into(),
        sha256: Some(hex::encode(Sha256::digest(bytes)).into()),
        crc32: Some(crc32fast::hash(bytes)),
        duration_ms: None,
        width: None,
        height: None,
        language: None,
        md5: None,
        autograph: Autograph::Refused,
    }
}

pub(super) fn content(kind: ContentKind, title: &str, files: Vec<FileDraft>) -> ContentImport {
    let text = |language: &str, title: &str| ContentText {
        language: language.into(),
        title: title.into(),
        description: format!("About {title}").into(),
        pretty_id: None,
    };
    let german = format!("{title} (deutsch)");
    let draft = ContentDraft {
        publication: Publication::Published,
        texts: vec![text("de", &german), text("en", title)],
        ..ContentDraft::new(kind)
    };
    ContentImport { id: None, draft, files, active_thumbnail: None }
}

impl Scene {
    pub(super) async fn new(stage: Stage) -> Self {
        let sites = vec![scenery::site(HOST, None, 1)];
        let snapshot = scenery::snapshot(sites, OverrideTable::default());
        *stage.in_force.lock().unwrap() = Some(snapshot);
        let mut change = stage.store.change(&everybody(), NOW).await.unwrap();
        let draft =
            PipelineDraft { name: "films".into(), origin: "media".into(), prefix: "".into() };
        let pipeline = change.pipeline_create(TenantId(1), draft).await.unwrap().number;
        for (name, bytes) in [("source", FILM), ("formathd", SMALL_FILM), ("thumbnail1", POSTER)] {
            std::fs::write(stage.media.path().join(name), bytes).unwrap();
        }
        let film = vec![
            file(pipeline, FileKind::Source, "", "video/quicktime", FILM),
            file(pipeline, FileKind::Format, "hd", "video/mp4", SMALL_FILM),
            file(pipeline, FileKind::Thumbnail, "1", "image/jpeg", POSTER),
        ];
        let paper = vec![file(pipeline, FileKind::Source, "", "application/pdf", FILM)];
        let imports = vec![
            content(ContentKind::Video, "Harbour <b>film</b>", film),
            content(ContentKind::Other, "Paper", paper),
        ];
        let made = change.content_import(TenantId(1), imports).await.unwrap();
        change.commit().await.unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let pages = listener.local_addr().unwrap();
        let own = router(stage.services.clone()).layer(Extension(visitor(1)));
        tokio::spawn(async move { axum::serve(listener, own).await });
        let (film, paper) = (made[0].id.clone(), made[1].id.clone());
        Self { stage, film, paper, pages }
    }

    pub(super) async fn share(&self, change: impl FnOnce(&mut ShareOrder)) -> Share {
        let mut order = ShareOrder {
            of: ShareOf::Contents(vec![self.film.clone(), self.paper.clone()]),
            on_forbidden: OnForbidden::Refuse,
            draft: ShareDraft {
                title: "Spring & Summer".into(),
                message: "For you.".into(),
                context: None,
                delivery: ShareDelivery::Standard,
                information: ShareInformation::Minimum,
                download: ShareDownloads::Allowed,
                download_limit: None,
                terms: None,
                language: None,
                logo: ShareLogo::Hidden,
                notices: ShareNotices::Off,
            },
            expiry: ShareExpiry::Days(1),
            password: None,
            recipients: Vec::new(),
            sending: ShareSending::ByHand,
        };
        change(&mut order);
        self.stage.services.share_create(&everybody(), TenantId(1), order).await.unwrap()
    }

    pub(super) async fn ask(
        &self,
        browser: &Browser,
        line: &str,
        headers: &[&str],
        body: &str,
    ) -> Answer {
        let mut head = format!("{line} HTTP/1.0\r\nHost: {HOST}\r\n");
        let cookies = browser.cookies.join("; ");
        head.extend((!cookies.is_empty()).then(|| format!("Cookie: {cookies}\r\n")));
        head.extend(browser.language.iter().map(|it| format!("Accept-Language: {it}\r\n")));
        head.extend(headers.iter().map(|it| format!("{it}\r\n")));
        let length = body.len();
        let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect(self.pages).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(super) async fn get(&self, browser: &Browser, path: &str) -> Answer {
        self.ask(browser, &format!("GET {path}"), &[], "").await
    }

    /// A form of a page of this host.
    pub(super) async fn post(&self, browser: &Browser, path: &str, form: &str) -> Answer {
        let headers =
            ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"];
        self.ask(browser, &format!("POST {path}"), &headers, form).await
    }

    /// The kinds of what happened to a share, the first first.
    pub(super) async fn history(&self, share: &Share) -> Vec<&'static str> {
        let services = &self.stage.services;
        let page = Page::first(50);
        let listed =
            services.share_event_list(&everybody(), TenantId(1), &share.id, &page).await.unwrap();
        listed.items.iter().rev().map(|it| it.kind.wire_name()).collect()
    }

    #[track_caller]
    pub(super) fn opens(&self, url: &str) {
        let snapshot = self.stage.in_force.lock().unwrap().clone().unwrap();
        assert_eq!(scenery::opened(&snapshot, url, "192.0.2.1"), Ok(()), "{url}");
    }
}

impl Browser {
    /// Keeps what an answer has it keep.
    pub(super) fn keep(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-share_"), "{cookie}");
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        self.cookies.push(cookie.split(';').next().unwrap().to_owned());
    }
}

pub(super) fn path(share: &Share) -> String {
    format!("/s/{}", share.address.expose())
}

pub(super) fn says(answer: &Answer, text: &str) -> bool {
    answer.body.contains(text)
}

async fn c17_c18_terms_are_accepted_before_anything_is_seen(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene
        .share(|order| {
            order.draft.terms = Some("Keep it <secret>.".into());
            order.password = Some(SharePassword::typed("søt1"));
        })
        .await;
    let (path, mut browser) = (path(&share), Browser::default());
    let gate = scene.get(&browser, &path).await.expect(200);
    assert!(says(&gate, "type=\"password\"") && !says(&gate, "Spring"), "{gate:?}");
    assert!(!says(&gate, "secret") && !says(&gate, "og:"), "{gate:?}");
    let wrong = scene.post(&browser, &format!("{path}/password"), "password=other").await;
    assert!(says(&wrong.expect(403), "not the password"));
    let none = scene.post(&browser, &format!("{path}/password"), "password=").await;
    assert!(says(&none.expect(400), "Enter the password."));
    let right = scene.post(&browser, &format!("{path}/password"), "password=s%C3%B8t1").await;
    assert_eq!(right.header("location"), Some(&*path));
    browser.keep(&right.expect(303));

    let terms = scene.get(&browser, &path).await.expect(200);
    assert!(says(&terms, "Keep it &#60;secret&#62;.") && !says(&terms, "Spring"), "{terms:?}");
    let digest = share.terms_digest().unwrap();
    // Another text than the one that was shown is not accepted.
    let other = scene.post(&browser, &format!("{path}/terms"), "digest=00").await.expect(303);
    assert_eq!(other.header("set-cookie"), None);
    assert!(!says(&scene.get(&browser, &path).await, "Spring"));
    let accepted =
        scene.post(&browser, &format!("{path}/terms"), &format!("digest={digest}")).await;
    let mut first = Browser::default();
    std::mem::swap(&mut first, &mut browser);
    browser.keep(&accepted.expect(303));
    let open = scene.get(&browser, &path).await.expect(200);
    assert!(says(&open, "Spring &#38; Summer") && says(&open, "Harbour"), "{open:?}");
    // The session before it is over.
    assert!(!says(&scene.get(&first, &path).await, "Spring"));
    let expected = ["created", "password_failed", "viewed", "terms_accepted"];
    assert_eq!(scene.history(&share).await, expected);
}

async fn nothing_of_a_locked_share_is_had_by_any_route(stage: Stage) {
    let scene = Scene::new(stage).await;
    let open = scene.share(|_| ()).await;
    let locked = scene.share(|it| it.password = Some(SharePassword::typed("right"))).await;
    let (mut theirs, nobody) = (Browser::default(), Browser::default());
    let third = scene.share(|it| it.password = Some(SharePassword::typed("third"))).await;
    let form = format!("{}/password", path(&third));
    theirs.keep(&scene.post(&nobody, &form, "password=third").await.expect(303));
    // What the session of another share's visitor is called, for this one's.
    let gate = format!("{}/password", path(&locked));
    let named = scene.post(&nobody, &gate, "password=right").await.expect(303);
    let name = named.header("set-cookie").unwrap().split('=').next().unwrap().to_owned();
    let stolen = theirs.cookies[0].split_once('=').unwrap().1.to_owned();
    theirs.cookies.push(format!("{name}={stolen}"));

    let id = scene.stage.services.share_access(open.address.expose(), None).await.unwrap();
    let order = ShareArchiveOrder { items: Vec::new(), form: ShareForm::Original };
    let archive = scene.stage.services.share_archive(&id, &order, None).await.unwrap();
    let files: Vec<u64> = (1..=8).collect();
    for browser in [&nobody, &theirs] {
        let base = path(&locked);
        let shown = scene.get(browser, &base).await;
        assert!(says(&shown, "type=\"password\"") && !says(&shown, "Spring"), "{shown:?}");
        for item in 0..3 {
            let answer = scene.get(browser, &format!("{base}/items/{item}")).await.expect(303);
            assert_eq!(answer.header("location"), Some(&*base));
            for file in &files {
                let (form, path) =
                    (format!("file={file}"), format!("{base}/items/{item}/download"));
                scene.post(browser, &path, &form).await.expect(403);
            }
        }
        for form in ["what=all", "what=selected&item=0&as=original"] {
            scene.post(browser, &format!("{base}/archive"), form).await.expect(403);
        }
        scene.get(browser, &format!("{base}/archive/{archive}")).await.expect(403);
        scene.post(browser, &format!("{base}/viewed"), "").await.expect(403);
        scene.post(browser, &format!("{base}/terms"), "digest=").await.expect(303);
        assert!(!says(&scene.get(browser, &base).await, "Spring"));
    }
    // Nor is one share's archive another's.
    scene.get(&nobody, &format!("{}/archive/{archive}", path(&open))).await.expect(200);
    let other = scene.share(|_| ()).await;
    scene.get(&nobody, &format!("{}/archive/{archive}", path(&other))).await.expect(404);
}

async fn c22_c23_one_or_all_are_saved_in_each_format(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|_| ()).await;
    let (path, browser) = (path(&share), Browser::default());
    let item = scene.get(&browser, &format!("{path}/items/0")).await.expect(200);
    // What plays is the rendition that browsers know.
    let film = item.body.split("<video").nth(1).unwrap().split("src=\"").nth(1).unwrap();
    let film = film.split('"').next().unwrap().replace("&#38;", "&");
    scene.opens(&film);
    let policy = item.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("media-src 'self' https://{HOST};")), "{policy}");
    let numbers: Vec<&str> = item
        .body
        .split("name=\"file\" value=\"")
        .skip(1)
        .map(|it| it.split('"').next().unwrap())
        .collect();
    assert_eq!(numbers.len(), 2, "{item:?}");
    for number in numbers {
        let form = format!("file={number}");
        let answer = scene.post(&browser, &format!("{path}/items/0/download"), &form).await;
        scene.opens(answer.expect(303).header("location").unwrap());
    }
    for (form, expected) in
        [("what=all", &[SMALL_FILM, FILM][..]), ("what=selected&item=0&as=original", &[FILM])]
    {
        let answer = scene.post(&browser, &format!("{path}/archive"), form).await.expect(303);
        let place = answer.header("location").unwrap().to_owned();
        assert!(place.starts_with(&format!("{path}/archive/")), "{place}");
        let zip = scene.get(&browser, &place).await.expect(200);
        assert_eq!(zip.header("content-type"), Some("application/zip"));
        assert!(zip.header("content-disposition").unwrap().contains("Spring"), "{zip:?}");
        assert_eq!(zip.header("accept-ranges"), Some("bytes"));
        for bytes in expected {
            assert!(zip.body.contains(std::str::from_utf8(bytes).unwrap()), "{form}");
        }
        let rest = ["Range: bytes=10-"];
        let rest = scene.ask(&browser, &format!("GET {place}"), &rest, "").await.expect(206);
        let length = |answer: &Answer| answer.header("content-length").unwrap().parse::<u64>();
        assert_eq!(length(&rest).unwrap(), length(&zip).unwrap() - 10);
        let beyond = ["Range: bytes=99999-"];
        let beyond = scene.ask(&browser, &format!("GET {place}"), &beyond, "").await.expect(416);
        let complete = format!("bytes */{}", zip.header("content-length").unwrap());
        assert_eq!(beyond.header("content-range"), Some(&*complete));
    }
    let nothing = scene.post(&browser, &format!("{path}/archive"), "what=selected").await;
    assert!(says(&nothing.expect(400), "Select at least one item."));
    let expected = ["created", "downloaded", "downloaded", "downloaded", "downloaded"];
    assert_eq!(scene.history(&share).await, expected);
}

async fn c13_what_may_only_be_seen_is_not_saved(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|it| it.draft.download = ShareDownloads::Refused).await;
    let (base, browser) = (path(&share), Browser::default());
    let gallery = scene.get(&browser, &base).await.expect(200);
    assert!(says(&gallery, "Downloads are switched off") && !says(&gallery, "<button"));
    let item = scene.get(&browser, &format!("{base}/items/0")).await.expect(200);
    assert!(says(&item, "<video") && !says(&item, "<button"), "{item:?}");
    let paper = scene.get(&browser, &format!("{base}/items/1")).await.expect(200);
    assert!(says(&paper, "no preview") && !says(&paper, "__token__"), "{paper:?}");
    for file in 1..6 {
        let form = format!("file={file}");
        let status = scene.post(&browser, &format!("{base}/items/0/download"), &form).await.status;
        assert!(matches!(status, 403 | 404), "{status}");
    }
    scene.post(&browser, &format!("{base}/archive"), "what=all").await.expect(403);

    // A limit is what may be begun: what is left is said, and none is none.
    let limited = scene.share(|it| it.draft.download_limit = std::num::NonZeroU32::new(1)).await;
    let base = path(&limited);
    assert!(says(&scene.get(&browser, &base).await, "one download left"));
    let archive = scene.post(&browser, &format!("{base}/archive"), "what=all").await.expect(303);
    let refused = scene.post(&browser, &format!("{base}/archive"), "what=all").await.expect(403);
    assert!(says(&refused, "No downloads are left."));
    // The one that was begun is had as often as it takes.
    for _ in 0..2 {
        scene.get(&browser, archive.header("location").unwrap()).await.expect(200);
    }
    assert!(says(&scene.get(&browser, &base).await, "No downloads are left."));
}

async fn looking_changes_nothing(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|_| ()).await;
    let (base, browser) = (path(&share), Browser::default());
    for line in ["GET", "HEAD"] {
        for rest in ["", "/items/0", "/items/1", "?page=1", "/viewed", "/archive", "/password"] {
            let answer = scene.ask(&browser, &format!("{line} {base}{rest}"), &[], "").await;
            assert!(answer.header("set-cookie").is_none(), "{answer:?}");
            let expected = match rest {
                "/viewed" | "/archive" | "/password" => 404,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{line} {rest}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(scene.history(&share).await, ["created"]);
    // The page's script says that somebody looks.
    scene.post(&browser, &format!("{base}/viewed"), "").await.expect(204);
    assert_eq!(scene.history(&share).await, ["created", "viewed"]);
}

async fn forms_of_other_pages_do_nothing(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|_| ()).await;
    let (line, browser) = (format!("POST {}/archive", path(&share)), Browser::default());
    let form = "Content-Type: application/x-www-form-urlencoded";
    for said in [
        &[form][..],
        &[form, "Sec-Fetch-Site: cross-site"],
        &[form, "Sec-Fetch-Site: same-site", "Origin: http://files.example.com"],
        &[form, "Origin: null"],
        &[form, "Origin: https://evil.example"],
    ] {
        let answer = scene.ask(&browser, &line, said, "what=all").await.expect(403);
        assert!(says(&answer, "did not come from this page"), "{answer:?}");
    }
    assert_eq!(scene.history(&share).await, ["created"]);
    let own = [form, "Origin: https://files.example.com"];
    scene.ask(&browser, &line, &own, "what=all").await.expect(303);
}

async fn a_share_that_is_over_is_told_from_one_that_never_was(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|_| ()).await;
    let (base, browser) = (path(&share), Browser::default());
    scene.get(&browser, &base).await.expect(200);
    let mut other = base.clone();
    other.replace_range(5..6, if other.as_bytes()[5] == b'x' { "y" } else { "x" });
    for path in [&*other, "/s/", "/s/short", "/s", &format!("{base}/items/7"), &format!("{base}/")]
    {
        let answer = scene.get(&browser, path).await.expect(404);
        assert!(!says(&answer, "Spring"), "{answer:?}");
    }
    let stage = &scene.stage;
    stage.services.share_remove(&everybody(), TenantId(1), &share.id, Expected::Any).await.unwrap();
    assert!(matches!(scene.get(&browser, &base).await.status, 404 | 410));
    // At another tenant's site there is no such share.
    let share = scene.share(|_| ()).await;
    let foreign = router(stage.services.clone()).layer(Extension(visitor(2)));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let pages = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, foreign).await });
    let elsewhere = Scene { pages, ..scene };
    elsewhere.get(&browser, &path(&share)).await.expect(404);
    // One that ended says so, and nothing of what it was.
    let later = elsewhere.stage.services.clone().at(NOW.plus(2 * 24 * 3_600));
    let own = router(later).layer(Extension(visitor(1)));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let pages = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, own).await });
    let later = Scene { pages, ..elsewhere };
    let gone = later.get(&browser, &path(&share)).await.expect(410);
    assert!(says(&gone, "This share is over") && !says(&gone, "Spring"), "{gone:?}");
}

async fn pages_speak_the_visitors_language(stage: Stage) {
    let scene = Scene::new(stage).await;
    let share = scene.share(|_| ()).await;
    let german = Browser { language: Some("de-CH,de;q=0.9"), ..Browser::default() };
    let page = scene.get(&german, &path(&share)).await.expect(200);
    assert!(says(&page, "<html lang=\"de\" dir=\"ltr\">") && says(&page, "Alles herunterladen"));
    assert!(says(&page, "Paper (deutsch)"), "{page:?}");
    let arabic = scene.share(|it| it.draft.language = Some("ar".into())).await;
    let page = scene.get(&german, &path(&arabic)).await.expect(200);
    assert!(says(&page, "<html lang=\"ar\" dir=\"rtl\">") && says(&page, "عنصران"), "{page:?}");
}

async fn values_are_text_and_never_markup(stage: Stage) {
    let scene = Scene::new(stage).await;
    let evil = "\"><script>alert(1)</script>";
    let share = scene
        .share(|order| {
            order.draft.title = evil.into();
            order.draft.message = evil.into();
            order.draft.terms = Some(evil.into());
        })
        .await;
    let (base, mut browser) = (path(&share), Browser::default());
    let gate = scene.get(&browser, &base).await.expect(200);
    let digest = share.terms_digest().unwrap();
    let form = format!("digest={digest}");
    let accepted = scene.post(&browser, &format!("{base}/terms"), &form).await.expect(303);
    browser.keep(&accepted);
    let gallery = scene.get(&browser, &base).await.expect(200);
    let item = scene.get(&browser, &format!("{base}/items/0")).await.expect(200);
    for page in [gate, gallery, item] {
        assert!(!says(&page, "<script>") && !says(&page, "<b>"), "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert!(page.header("strict-transport-security").is_some());
    }
}

async fn a_page_has_fifty_items_in_few_bytes(stage: Stage) {
    let scene = Scene::new(stage).await;
    let mut change = scene.stage.store.change(&everybody(), NOW).await.unwrap();
    let draft = PipelineDraft { name: "many".into(), origin: "media".into(), prefix: "m/".into() };
    let pipeline = change.pipeline_create(TenantId(1), draft).await.unwrap().number;
    let imports = (0..130).map(|number| {
        let files = vec![file(pipeline, FileKind::Thumbnail, "1", "image/jpeg", POSTER)];
        let mut one = content(ContentKind::Image, &format!("Picture {number}"), files);
        one.draft.folder = Some(ChannelId(scene.stage.folder));
        one
    });
    let made = change.content_import(TenantId(1), imports.collect()).await.unwrap();
    change.commit().await.unwrap();
    let fifty: Vec<ContentId> = made[..50].iter().map(|it| it.id.clone()).collect();
    let share = scene.share(|it| it.of = ShareOf::Contents(fifty)).await;
    let browser = Browser::default();
    let page = scene.get(&browser, &path(&share)).await.expect(200);
    assert_eq!(page.body.matches("<img ").count(), 50);
    let size = page.body.len()
        + scene.get(&browser, "/s/-/page.css").await.expect(200).body.len()
        + scene.get(&browser, "/s/-/page.js").await.expect(200).body.len();
    assert!(size < 150_000, "{size}");
    // A folder is shown in parts; each of its items once.
    let folder = ChannelId(scene.stage.folder);
    let depth = FolderDepth::Itself;
    let share = scene.share(|it| it.of = ShareOf::Folder(folder, depth)).await;
    let (mut next, mut seen) = (Some(path(&share)), 0);
    while let Some(path) = next {
        let page = scene.get(&browser, &path).await.expect(200);
        seen += page.body.matches("class=\"card\"").count();
        next = page.body.split("rel=\"next\"").next().filter(|it| it.len() < page.body.len()).map(
            |before| before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().to_owned(),
        );
    }
    assert_eq!(seen, 130);
}
