//! Settings of sharing pages by the API, and pages as they look then (C19 to C21).

use axum::Extension;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::share_scene::{
    Contents, TENANT, access, contents, draft, file_of, order, shared, system,
};
use super::stage::{Answer, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::link::scenery;
use crate::control_plane::record::{FileKind, Share, ShareDelivery, ShareDraft, ShareLogo};
use crate::control_plane::service::{Expected, SharePassword};
use crate::control_plane::share_page::router;
use crate::network::ClientIp;
use crate::policy::{ClientScheme, OverrideTable};
use crate::visitor::Visitor;

on_both_databases! {
    settings_are_read_and_changed
    what_cannot_be_set_is_refused_with_its_place
    a_logo_is_made_of_what_is_brought
    pages_look_as_it_is_set
    an_address_of_nothing_looks_like_any_other
    c15_a_share_for_china_comes_by_its_own_site
    c15_there_is_no_delivery_in_china_without_a_site
}

const PATH: &str = "/api/v1/tenants/1/settings/sharing";

/// A picture of 64 by 48 pixels, transparent here and there.
pub(super) fn picture() -> Bytes {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
    std::fs::read(format!("{folder}/palette.png")).unwrap().into()
}

pub(super) async fn set(stage: &Stage, body: &Value) -> Value {
    let token = stage.token(Some(1), "settings.admin").await;
    stage.send(&format!("PATCH {PATH}"), &token, body).await.expect(200).json()
}

/// What a visitor of a tenant's site gets.
pub(super) async fn visited(stage: &Stage, tenant: u64, host: &str, path: &str) -> Answer {
    let visitor = Visitor {
        client: ClientIp::new("192.0.2.7".parse().unwrap()),
        scheme: ClientScheme::Https,
        host: host.into(),
        tenant: TenantId(tenant),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = router(stage.services.clone()).layer(Extension(visitor));
    let served = tokio::spawn(async move { axum::serve(listener, pages).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    served.abort();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

async fn page(stage: &Stage, path: &str) -> Answer {
    visited(stage, 1, "files.example.com", path).await
}

fn path_of(share: &Share) -> String {
    format!("/s/{}", share.address.expose())
}

async fn share(stage: &Stage, contents: &Contents, draft: ShareDraft) -> Share {
    shared(stage, order(&contents.all(), draft)).await
}

/// The part between two texts.
#[track_caller]
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} in {text}")).1;
    rest.split_once(after).unwrap().0
}

/// C21: in one place, by whoever administers.
async fn settings_are_read_and_changed(stage: Stage) {
    let admin = stage.token(Some(1), "settings.admin").await;
    let sharer = stage.token(Some(1), "shares.write").await;
    let fresh = stage.ask(&format!("GET {PATH}"), &sharer).await.expect(200);
    assert_eq!(fresh.header("etag"), Some("\"r0\""));
    let colours = json!({"accent": null, "background": null, "text": null});
    let now = fresh.json();
    assert_eq!(
        (&now["company"], &now["light"], &now["logo"]),
        (&json!(""), &colours, &Value::Null)
    );
    let patch = json!({
        "company": "Example AG", "privacy_url": "https://example.com/privacy",
        "footer": "Example AG, 8000 Zürich", "terms": "Be kind.",
        "light": {"accent": "#005F5A"},
    });
    let bearer = format!("Authorization: Bearer {admin}");
    let merge = "Content-Type: application/merge-patch+json";
    let line = format!("PATCH {PATH}");
    stage.call(&line, &[&bearer, merge], &patch.to_string()).await.expect(428);
    let first = [&*bearer, merge, "If-Match: \"r0\""];
    let made = stage.call(&line, &first, &patch.to_string()).await.expect(200);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    assert_eq!(made.json()["light"]["accent"], "#005f5a");
    stage.call(&line, &first, &patch.to_string()).await.expect(412);
    // What is not said stays, and null takes away.
    let patch = json!({"light": {"text": "#101010"}, "terms": null});
    let now = set(&stage, &patch).await;
    let light = json!({"accent": "#005f5a", "background": null, "text": "#101010"});
    assert_eq!((&now["light"], &now["terms"]), (&light, &Value::Null));
    assert_eq!(now["company"], "Example AG");
    assert_eq!(set(&stage, &json!({"light": null})).await["light"], colours);
    // Whoever shares reads them and no more.
    stage.send(&line, &sharer, &json!({"company": "Other"})).await.expect(403);
    let stranger = stage.token(Some(2), "settings.admin").await;
    stage.ask(&format!("GET {PATH}"), &stranger).await.expect(404);
    let events = stage.ask("GET /api/v1/audit?action=sharing.update", &stage.admin().await).await;
    assert!(events.expect(200).body.contains("Example AG"));
}

async fn what_cannot_be_set_is_refused_with_its_place(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    for (patch, pointer, says) in [
        (json!({"light": {"accent": "#ffcc00"}}), "/light/accent", "the nearest that has it is #"),
        (json!({"dark": {"text": "#333333"}}), "/dark/text", "a contrast of 1."),
        (json!({"dark": {"background": "#777777"}}), "/dark/background", "4.5:1"),
        (json!({"light": {"accent": "red"}}), "/light/accent", "no colour such as #0b5cad"),
        (json!({"privacy_url": "http://example.com"}), "/privacy_url", "https://"),
        (json!({"privacy_url": "javascript:alert(1)"}), "/privacy_url", "https://"),
        (json!({"privacy_url": "https://a@example.com/"}), "/privacy_url", "https://"),
        (json!({"company": "a\nb"}), "/company", "control characters"),
        (json!({"footer": "x".repeat(2_049)}), "/footer", "at most 2048 bytes"),
        (json!({"terms": " "}), "/terms", "must say something"),
        (json!({"palette": {}}), "/palette", "expected one of"),
    ] {
        let refused = stage.send(&format!("PATCH {PATH}"), &token, &patch).await.expect(400).json();
        let fault = &refused["errors"][0];
        assert_eq!(fault["pointer"], pointer, "{refused}");
        assert!(fault["detail"].as_str().unwrap().contains(says), "{refused}");
    }
    let nothing = stage.ask(&format!("GET {PATH}"), &token).await.expect(200);
    assert_eq!(nothing.header("etag"), Some("\"r0\""), "nothing was written");
}

async fn a_logo_is_made_of_what_is_brought(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let logo = format!("{PATH}/logo");
    stage.ask(&format!("GET {logo}"), &token).await.expect(404);
    let bearer = format!("Authorization: Bearer {token}");
    let put = format!("PUT {logo}");
    let send = async |kind: &str, body: &str| {
        let kind = format!("Content-Type: {kind}");
        stage.call(&put, &[&bearer, "If-Match: *", &kind], body).await
    };
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for kind in ["image/svg+xml", "image/png"] {
        let refused = send(kind, svg).await.expect(400).json();
        assert!(
            refused["detail"].as_str().unwrap().contains("an SVG may hold scripts"),
            "{refused}"
        );
    }
    assert_eq!(send("image/png", "no picture").await.expect(409).json()["code"], "not_an_image");
    let large = send("image/png", &"x".repeat(256 * 1024 + 1)).await.expect(409).json();
    assert_eq!(large["code"], "image_too_large");
    send("text/html", "<p>").await.expect(415);
    // A picture is what is kept, whatever stood behind it.
    let mut bytes = picture().to_vec();
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    let services = &stage.services;
    let set = services.sharing_logo_set(&system(), TENANT, Expected::Any, bytes.into()).await;
    let kept = set.unwrap().logo.unwrap();
    let bytes = services.sharing_logo(TENANT, &kept.digest).await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && !bytes.windows(6).any(|it| it == b"script"));
    let told = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    let expected = json!({"digest": *kept.digest, "width": kept.width, "height": kept.height});
    assert_eq!(told["logo"], expected);
    let shown = stage.ask(&format!("GET {logo}"), &token).await.expect(200);
    assert_eq!(shown.header("content-type"), Some("image/png"));
    stage.send(&format!("DELETE {logo}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {logo}"), &token).await.expect(404);
}

/// C19, C20: logo, colours, privacy policy and footer, on every page.
async fn pages_look_as_it_is_set(stage: Stage) {
    let contents = contents(&stage).await;
    let plain = share(&stage, &contents, draft()).await;
    let before = page(&stage, &path_of(&plain)).await.expect(200);
    assert_eq!(before.body.matches("rel=\"stylesheet\"").count(), 1, "{before:?}");
    assert!(!before.body.contains("<footer"), "{before:?}");
    set(
        &stage,
        &json!({
            "company": "Example & Söhne", "privacy_url": "https://example.com/privacy?a=1&b=2",
            "footer": "Zürich\nSwitzerland", "light": {"accent": "#005f5a"},
        }),
    )
    .await;
    let named = page(&stage, &path_of(&plain)).await.expect(200);
    assert!(named.body.contains("<header class=\"brand\"><span dir=\"auto\">Example &#38; Söhne<"));
    let services = &stage.services;
    let made =
        services.sharing_logo_set(&system(), TENANT, Expected::Any, picture()).await.unwrap();
    let digest = made.logo.unwrap().digest;
    let password = SharePassword::typed("1234");
    let mut locked = order(&contents.all(), draft());
    locked.password = Some(password);
    let locked = shared(&stage, locked).await;
    let hidden = ShareDraft { logo: ShareLogo::Hidden, ..draft() };
    let hidden = share(&stage, &contents, hidden).await;
    let item = format!("{}/items/0", path_of(&plain));
    let missing = "/s/AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let mark = format!("<img src=\"/s/-/{digest}.png\" alt=\"Example &#38; Söhne\"");
    for (path, status, marked) in [
        (path_of(&plain), 200, true),
        (item, 200, true),
        (path_of(&locked), 200, true),
        (path_of(&hidden), 200, false),
        (missing, 404, false),
    ] {
        let shown = page(&stage, &path).await.expect(status);
        assert_eq!(shown.body.contains(&mark), marked, "{shown:?}");
        assert_eq!(shown.body.contains("Example &#38; Söhne"), marked, "{shown:?}");
        let link = "<a href=\"https://example.com/privacy?a=1&#38;b=2\" rel=\"noopener noreferrer\">\
                    Privacy policy</a>";
        assert!(shown.body.contains(link), "{shown:?}");
        assert!(shown.body.contains("Zürich\nSwitzerland"), "{shown:?}");
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("style-src 'self'"), "{policy}");
        let style =
            between(&shown.body, "/s/-/page.css\">\n<link rel=\"stylesheet\" href=\"", "\"");
        let sheet = page(&stage, style).await.expect(200);
        assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
        assert_eq!(sheet.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert!(sheet.body.contains("--accent: #005f5a;"), "{sheet:?}");
        // At another tenant's site there is no such thing.
        visited(&stage, 2, "files.example.com", style).await.expect(404);
    }
    let shown = page(&stage, &format!("/s/-/{digest}.png")).await.expect(200);
    assert_eq!(shown.header("content-type"), Some("image/png"));
    assert_eq!(shown.header("cross-origin-resource-policy"), Some("same-origin"));
    for none in ["/s/-/00.css", "/s/-/00.png", "/s/-/x", "/s/-/page.css.png"] {
        page(&stage, none).await.expect(404);
    }
    // Another colour is another file, and the one before is none any more.
    let old =
        between(&named.body, "page.css\">\n<link rel=\"stylesheet\" href=\"", "\"").to_owned();
    set(&stage, &json!({"light": {"accent": "#7a1f5c"}})).await;
    page(&stage, &old).await.expect(404);
    let now = page(&stage, &path_of(&plain)).await.expect(200);
    assert!(!now.body.contains(&old), "{now:?}");
}

/// What is set for a site tells nobody which of its addresses are of shares.
async fn an_address_of_nothing_looks_like_any_other(stage: Stage) {
    let contents = contents(&stage).await;
    set(&stage, &json!({"company": "Example AG", "footer": "F", "light": {"accent": "#005f5a"}}))
        .await;
    let share = share(&stage, &contents, draft()).await;
    let removed = path_of(&share);
    let never = "/s/AAAAAAAAAAAAAAAAAAAAAA";
    let before = page(&stage, never).await.expect(404);
    let services = &stage.services;
    services.share_remove(&system(), TENANT, &share.id, Expected::Any).await.unwrap();
    assert_eq!(page(&stage, &removed).await.expect(404).body, before.body);
    // Nor does another tenant's share look like one here.
    let theirs = visited(&stage, 2, "files.example.com", &removed).await.expect(404);
    let none = visited(&stage, 2, "files.example.com", never).await.expect(404);
    assert_eq!(theirs.body, none.body);
    assert!(!none.body.contains("/s/-/") || !none.body.contains("Example AG"), "{none:?}");
}

/// G27: another host for the page and for every byte of it; neither kind of share is shown at the other's.
async fn c15_a_share_for_china_comes_by_its_own_site(stage: Stage) {
    let contents = contents(&stage).await;
    let site = |name| scenery::with_catalog(scenery::site(name, None, 1));
    let sites = vec![site("files.example.com"), scenery::for_china(site("files.example.cn"))];
    let snapshot = scenery::snapshot(sites, OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
    set(&stage, &json!({"footer": "Zürich", "china_footer": "京ICP备12345678号"})).await;
    let format = file_of(&stage, &contents.film, FileKind::Format).await;
    let (china, standard) = ("files.example.cn", "files.example.com");
    for (delivery, own, other) in
        [(ShareDelivery::China, china, standard), (ShareDelivery::Standard, standard, china)]
    {
        let share = share(&stage, &contents, ShareDraft { delivery, ..draft() }).await;
        let services = &stage.services;
        let url = services.share_url(TENANT, delivery, &share.address).unwrap();
        assert_eq!(url, format!("https://{own}{}", path_of(&share)));
        for path in [path_of(&share), format!("{}/items/0", path_of(&share))] {
            let shown = visited(&stage, 1, own, &path).await.expect(200);
            let policy = shown.header("content-security-policy").unwrap();
            assert!(!shown.body.contains(other) && !policy.contains(other), "{shown:?}");
            assert_eq!(shown.body.contains("京ICP备12345678号"), own == china, "{shown:?}");
            assert!(shown.body.contains("Zürich"), "{shown:?}");
            let led = visited(&stage, 1, other, &path).await.expect(303);
            assert_eq!(led.header("location"), Some(&*url));
            assert!(led.body.is_empty() && led.header("set-cookie").is_none(), "{led:?}");
        }
        let item = visited(&stage, 1, own, &format!("{}/items/0", path_of(&share))).await;
        let film = between(&item.body, "playsinline src=\"", "\"");
        assert!(film.starts_with(&format!("https://{own}/private/")), "{film}");
        let access = access(&stage, &share).await.unwrap();
        let ticket = services.share_ticket(&access, 0, format, None).await.unwrap();
        assert!(ticket.url.starts_with(&format!("https://{own}/private/")), "{ticket:?}");
        let view = services.share_view_link(&access, 0, format).await.unwrap();
        assert!(view.starts_with(&format!("https://{own}/private/")), "{view}");
    }
    // What stands under a page is that of the site, whether there is a share or not.
    let never = "/s/AAAAAAAAAAAAAAAAAAAAAA";
    assert!(visited(&stage, 1, china, never).await.expect(404).body.contains("京ICP备12345678号"));
    assert!(!visited(&stage, 1, standard, never).await.expect(404).body.contains("ICP"));
}

async fn c15_there_is_no_delivery_in_china_without_a_site(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let line = "POST /api/v1/tenants/1/shares";
    let body = json!({
        "title": "Kit", "contents": [contents.film.as_str()], "delivery": "china",
    });
    stage.send(line, &token, &body).await.expect(201);
    let plain = json!({"title": "Kit", "contents": [contents.film.as_str()]});
    let plain = stage.send(line, &token, &plain).await.expect(201).json();
    let sites = vec![scenery::with_catalog(scenery::site("files.example.com", None, 1))];
    let snapshot = scenery::snapshot(sites, OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
    let change = format!("PATCH /api/v1/tenants/1/shares/{}", plain["id"].as_str().unwrap());
    for (line, body) in [(line, &body), (&change, &json!({"delivery": "china"}))] {
        let refused = stage.send(line, &token, body).await.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], "/delivery", "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains("no [[site]] with a catalog has delivery = "), "{refused}");
    }
}
