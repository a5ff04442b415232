//! Originals in THRON's dialect: logins, sessions, versions, and the bytes (requirements A1 to A9,
//! A13; G1 to G3). Requests are those of the vendor's SDK, kept in `tests/fixtures/thron`.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use super::stage::{Answer, NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::account::{AccountError, Accounts, ClientCredentials, PasswordHasher};
use crate::control_plane::api::{Document, document};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::scenery;
use crate::control_plane::record::{ScopeSet, SecretHash};
use crate::policy::{
    BlocklistBuilder, ControlState, EdgeSnapshot, OverrideTable, Revocations, RevokedLinks,
    TenantRevocations,
};
use crate::secret::Secret;

on_both_databases! {
    a_client_of_the_sdk_has_its_original
    a_browser_is_given_a_ticket
    nobody_else_has_it
    a_session_lives_on_while_it_is_used
    an_archive_is_prepared_and_handed_over
    every_operation_asks_for_a_session
}

const SOURCE: &str = "/api/xadmin/resources/content/downloadSource";

/// The one request of the SDK that is called so, filled in.
async fn sdk(stage: &Stage, name: &str, values: &[(&str, &str)]) -> Answer {
    let text = include_str!("../../../tests/fixtures/thron/requests.json");
    let fixture: Value = serde_json::from_str(text).unwrap();
    let request = fixture["requests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == name)
        .unwrap_or_else(|| panic!("no request {name}"));
    let filled = |text: &str| {
        let values = values.iter().chain([&("clientId", "tenant-1")]);
        values.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    };
    let headers: Vec<_> = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| filled(it.as_str().unwrap()))
        .collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    let (line, body) = (request["line"].as_str().unwrap(), request["body"].as_str().unwrap());
    stage.call(&filled(line), &headers, &filled(body)).await
}

/// What an element of that name says.
fn element<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let rest = answer.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{answer:?}"));
    rest.1.split_once(&format!("</{name}>")).unwrap().0
}

struct Scene {
    content: String,
    first: String,
    second: String,
    /// An application's session, which may share.
    session: String,
}

fn in_force(stage: &Stage, change: impl FnOnce(EdgeSnapshot) -> EdgeSnapshot) {
    let site = scenery::site("files.example.com", None, 1);
    let snapshot = scenery::snapshot(vec![site], OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(change(snapshot));
}

/// A content with two versions, the second of which is active, and an application that may share.
async fn scene(stage: &Stage) -> Scene {
    in_force(stage, |snapshot| snapshot);
    let sample = stage.catalog(1).await;
    fs::create_dir_all(stage.media.path().join("1/films")).unwrap();
    fs::write(stage.media.path().join("1/films/a.mp4"), "the one").unwrap();
    fs::write(stage.media.path().join("1/films/b.mp4"), "the other").unwrap();
    let admin = stage.admin().await;
    let path = format!("/api/v1/tenants/1/contents/{}", sample.content);
    let body = json!({"label": "second"});
    let made = stage.send(&format!("POST {path}/versions"), &admin, &body).await.expect(201).json();
    let second = made["id"].as_str().unwrap().to_owned();
    let body = json!({
        "kind": "source", "pipeline": sample.pipeline, "key": "films/b.mp4", "name": "the film.mp4",
        "size": 9, "mime": "video/mp4",
    });
    let files = format!("POST {path}/versions/{second}/files");
    stage.send(&files, &admin, &body).await.expect(201);
    let activate = format!("POST {path}/versions/{second}/activate");
    stage.send(&activate, &admin, &json!({})).await.expect(200);
    let (id, key) = application(stage, "shares.write catalog.read").await;
    let answer = sdk(stage, "loginApp", &[("appId", &id), ("appKey", &key)]).await.expect(200);
    assert!(answer.body.contains("<MResponseAppDetail>"), "{answer:?}");
    assert_eq!(element(&answer, "resultCode"), "OK");
    assert_eq!(element(&answer, "displayName"), "sdk");
    let session = element(&answer, "appUserTokenId").to_owned();
    Scene { content: sample.content, first: sample.version, second, session }
}

async fn application(stage: &Stage, scopes: &str) -> (String, String) {
    let admin = stage.admin().await;
    let scopes: Vec<_> = scopes.split(' ').collect();
    let body = json!({"tenant": 1, "name": "sdk", "scopes": scopes});
    let made = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("client_secret"))
}

async fn audited(stage: &Stage, action: &str) -> Vec<Value> {
    let admin = stage.admin().await;
    let events = stage.ask("GET /api/v1/audit?limit=1000", &admin).await.expect(200).json();
    let events = events["items"].as_array().unwrap().clone();
    events.into_iter().filter(|event| event["action"] == action).collect()
}

async fn a_client_of_the_sdk_has_its_original(stage: Stage) {
    let scene = scene(&stage).await;
    let (content, token) = (&*scene.content, &*scene.session);
    let known = [("xcontentId", content), ("tokenId", token)];
    let listed = sdk(&stage, "listVersions", &known).await.expect(200);
    assert_eq!(element(&listed, "totalResults"), "2");
    assert_eq!(element(&listed, "id"), scene.second, "the newest comes first: {listed:?}");
    assert_eq!(element(&listed, "active"), "true");
    assert_eq!(element(&listed, "size"), "9");

    // G2: a version and a name, or the active version under its own.
    let asked =
        [&known[..], &[("versionId", &*scene.first), ("saveAs", "mein%20film.mp4")]].concat();
    let got = sdk(&stage, "downloadSource", &asked).await.expect(200);
    assert_eq!(got.body, "the one");
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=\"mein film.mp4\""));
    let got =
        sdk(&stage, "downloadSource", &[&known[..], &[("versionId", ""), ("saveAs", "")]].concat())
            .await
            .expect(200);
    assert_eq!(got.body, "the other");
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=\"the film.mp4\""));
    assert_eq!(got.header("content-type"), Some("video/mp4"));
    // G3: nobody keeps it, in each of the words for that.
    assert_eq!(got.header("cache-control"), Some("private, no-store"));
    assert_eq!(got.header("cdn-cache-control"), Some("no-store"));
    assert_eq!(got.header("surrogate-control"), Some("no-store"));

    // Parts, and conditions, as of any file.
    let address = format!("{SOURCE}?clientId=1&xcontentId={content}");
    let session = format!("X-TOKENID: {token}");
    let get = async |headers: &[&str]| {
        let headers = [headers, &[&*session]].concat();
        stage.call(&format!("GET {address}"), &headers, "").await
    };
    let part = get(&["Range: bytes=4-6"]).await.expect(206);
    assert_eq!((&*part.body, part.header("content-range")), ("oth", Some("bytes 4-6/9")));
    assert_eq!(part.header("cache-control"), Some("private, no-store"));
    let past = get(&["Range: bytes=9-"]).await.expect(416);
    assert_eq!(past.header("content-range"), Some("bytes */9"));
    let tag = part.header("etag").unwrap().to_owned();
    get(&[&format!("If-None-Match: {tag}")]).await.expect(304);
    let head = stage.call(&format!("HEAD {address}"), &[&session], "").await.expect(200);
    assert_eq!((head.header("content-length"), &*head.body), (Some("9"), ""));
    let by_cookie = [&*format!("Cookie: a=b; X-TOKENID={token}")];
    let got = stage.call(&format!("GET {address}"), &by_cookie, "").await.expect(200);
    assert_eq!(got.body, "the other");

    // A13: what left, of what, to whom, how.
    let delivered = audited(&stage, "source.deliver").await;
    assert_eq!(delivered.len(), 4, "{delivered:?}");
    let first = &delivered[0];
    assert_eq!(first["object"], content);
    assert!(first["actor"].as_str().unwrap().starts_with("app_"), "{first}");
    assert_eq!(first["address"], "127.0.0.1");
    let after = |event: &Value, field: &str| event["diff"][field][1].clone();
    assert_eq!(after(first, "version"), *scene.first);
    assert_eq!(after(first, "name"), "mein film.mp4");
    assert_eq!(after(first, "way"), "session");
    assert_eq!(
        (after(&delivered[2], "status"), after(&delivered[2], "bytes")),
        (json!(206), json!(3))
    );
}

async fn a_browser_is_given_a_ticket(stage: Stage) {
    let scene = scene(&stage).await;
    let paste = format!(
        "GET {SOURCE}?clientId=1&xcontentId={}&saveAs=a.mp4&tokenId={}",
        scene.content, scene.session
    );
    let sent = stage.call(&paste, &[], "").await.expect(303);
    let location = sent.header("location").unwrap();
    assert!(location.starts_with("?ticket="), "{location}");
    assert!(!location.contains(&scene.session) && sent.body.is_empty());
    assert_eq!(sent.header("referrer-policy"), Some("no-referrer"));
    let ask = async |method: &str, agent: &str, header: &str| {
        let agent = format!("User-Agent: {agent}");
        let headers: Vec<_> = [&*agent, header].into_iter().filter(|it| !it.is_empty()).collect();
        stage.call(&format!("{method} {SOURCE}{location}"), &headers, "").await
    };
    // Whoever only looks, or is refused, spends nothing.
    ask("HEAD", "scanner", "").await.expect(200);
    ask("GET", "proxy", "CDN-Loop: cdn.example").await.expect(403);
    ask("GET", "curl", "Range: bytes=9-").await.expect(416);
    let got = ask("GET", "firefox", "").await.expect(200);
    assert_eq!((&*got.body, got.header("cache-control")), ("the other", Some("private, no-store")));
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=\"a.mp4\""));
    // The same client goes on and does not begin again; another one does neither.
    assert_eq!(ask("GET", "firefox", "Range: bytes=4-").await.expect(206).body, "other");
    ask("GET", "firefox", "").await.expect(404);
    ask("GET", "firefox", "Range: bytes=0-3").await.expect(404);
    ask("GET", "curl", "Range: bytes=4-").await.expect(404);
    stage.call(&format!("GET {SOURCE}?ticket=csd_guessed"), &[], "").await.expect(404);
    let delivered = audited(&stage, "source.deliver").await;
    assert_eq!(delivered[0]["diff"]["way"][1], "ticket");
    assert!(delivered[0]["diff"]["promise"][1].as_str().unwrap().starts_with("tic_"));
    assert!(delivered[0]["actor"].as_str().unwrap().starts_with("app_"));

    // What was promised is revoked as a link is, and whoever may no longer share is refused.
    let again = stage.call(&paste, &[], "").await.expect(303);
    let again = again.header("location").unwrap().to_owned();
    let path = format!("/private/videos/{}/source", scene.content);
    in_force(&stage, |snapshot| {
        let mut of_tenant = TenantRevocations::default();
        of_tenant.add(TenantId(1), &RevokedLinks::Asset(path.into()), NOW);
        let revocations =
            Revocations::of_tenants(HashMap::from([(TenantId(1), Arc::new(of_tenant))]));
        let control = ControlState { revocations, ..ControlState::empty() };
        EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot }
    });
    stage.call(&format!("GET {SOURCE}{again}"), &[], "").await.expect(410);
    // So is one whose session was.
    in_force(&stage, |snapshot| snapshot);
    let last = stage.call(&paste, &[], "").await.expect(303);
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    change.access_token_revoke(&SecretHash::of(&scene.session)).await.unwrap();
    change.commit().await.unwrap();
    let last = format!("GET {SOURCE}{}", last.header("location").unwrap());
    stage.call(&last, &[], "").await.expect(403);
    // A HEAD of a pasted address makes none.
    let tickets = audited(&stage, "source_ticket.create").await.len();
    assert_eq!(tickets, 3);
}

async fn nobody_else_has_it(stage: Stage) {
    let scene = scene(&stage).await;
    let asked = format!("clientId=1&xcontentId={}", scene.content);
    let get = async |token: &str, query: &str, header: &str| {
        let session = format!("X-TOKENID: {token}");
        let headers: Vec<_> = [&*session, header].into_iter().filter(|it| !it.is_empty()).collect();
        stage.call(&format!("GET {SOURCE}?{query}"), &headers, "").await
    };
    let own = &*scene.session;
    get(own, &asked, "").await.expect(200);
    // No session, none of ours, another kind of token; and what they are told, in their words.
    let refused = stage.call(&format!("GET {SOURCE}?{asked}"), &[], "").await.expect(403).json();
    assert_eq!(
        (&refused["resultCode"], &refused["ssoCode"]),
        (&json!("ACCESS_DENIED"), &json!("SESSION_EXPIRED"))
    );
    get("cst_unknown", &asked, "").await.expect(403);
    let bearer = stage.token(Some(1), &ScopeSet::EVERY.to_string()).await;
    get(&bearer, &asked, "").await.expect(403);
    stage.ask(&format!("GET /api/v1/tenants/1/contents/{}", scene.content), own).await.expect(401);
    // Two sessions that differ are nobody's.
    get(own, &format!("{asked}&tokenId=cst_other"), "").await.expect(400);
    // Without the right to share.
    let (id, key) = application(&stage, "catalog.read files.read").await;
    let login = sdk(&stage, "loginApp", &[("appId", &id), ("appKey", &key)]).await.expect(200);
    let reads_only = element(&login, "appUserTokenId").to_owned();
    let refused = get(&reads_only, &asked, "Accept: application/xml").await.expect(403);
    assert_eq!(element(&refused, "ssoCode"), "ACCESS_DENIED");
    // Of no such content, version or tenant; another content's version.
    for query in [
        format!("clientId=1&xcontentId={}", "A".repeat(22)),
        format!("{asked}&versionId=ver_{}", "0".repeat(26)),
        format!("clientId=2&xcontentId={}", scene.content),
        format!("clientId=nobody&xcontentId={}", scene.content),
    ] {
        get(own, &query, "").await.expect(404);
    }
    get(own, "clientId=1", "").await.expect(400);
    // Through a CDN; from a blocked address; with nothing in force.
    let refused = get(own, &asked, "CDN-Loop: cdn.example").await.expect(403).json();
    assert_eq!(refused["code"], "cdn_refused");
    in_force(&stage, |snapshot| {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("test", b"127.0.0.0/8");
        EdgeSnapshot { blocklist: Arc::new(builder.build().unwrap()), ..snapshot }
    });
    assert_eq!(get(own, &asked, "").await.expect(403).json()["code"], "ip_blocked");
    *stage.in_force.lock().unwrap() = None;
    get(own, &asked, "").await.expect(503);
    in_force(&stage, |snapshot| snapshot);
    // An object that is not the registered one is not handed over, nor one that is not there.
    fs::write(stage.media.path().join("1/films/b.mp4"), "too long by far").unwrap();
    assert_eq!(get(own, &asked, "").await.expect(502).json()["code"], "origin_failed");
    fs::remove_file(stage.media.path().join("1/films/b.mp4")).unwrap();
    get(own, &asked, "").await.expect(404);
    assert_eq!(audited(&stage, "source.deliver").await.len(), 1);

    // A member by the right over the folder, and only as far (A4).
    let admin = stage.admin().await;
    let path = format!("/api/v1/tenants/1/contents/{}", scene.content);
    let move_to = json!({"folder": stage.folder});
    let patch = "Content-Type: application/merge-patch+json";
    let bearer = format!("Authorization: Bearer {admin}");
    let (line, body) = (format!("PATCH {path}"), move_to.to_string());
    stage.call(&line, &[&bearer, patch, "If-Match: *"], &body).await.expect(200);
    let (member, _) = stage.member("anna", &["catalog.read", "shares.write"]).await;
    let login = sdk(&stage, "login", &[("username", "anna"), ("password", "right horse")]);
    let session = login.await.expect(200).json()["tokenId"].as_str().unwrap().to_owned();
    let first = format!("{asked}&versionId={}", scene.first);
    get(&session, &first, "").await.expect(404);
    let rights = format!("PUT /api/v1/tenants/1/folders/{}/rights/{member}", stage.folder);
    for (right, status) in [("SEE", 403), ("MODIFY", 403), ("SHARE", 200), ("OWN", 200)] {
        let answer = stage.send(&rights, &admin, &json!({"right": right})).await;
        assert!(answer.status < 300, "{answer:?}");
        get(&session, &first, "").await.expect(status);
    }
    // Somebody of no tenant, as far as their session reaches.
    let body = json!({"tenant": null, "username": "otto", "role": "admin",
        "password": "a right brave horse", "scopes": ["catalog.read", "shares.write"]});
    stage.send("POST /api/v1/people", &admin, &body).await.expect(201);
    let login = sdk(&stage, "login", &[("username", "otto"), ("password", "a right brave horse")]);
    let everywhere = login.await.expect(200).json()["tokenId"].as_str().unwrap().to_owned();
    get(&everywhere, &first, "").await.expect(200);
    get(&everywhere, &first.replace("clientId=1", "clientId=2"), "").await.expect(404);
    // A proxy that names nobody is not the client.
    get(&session, &first, "X-Forwarded-For: 192.0.2.7").await.expect(200);
    get(&session, &first, "X-Forwarded-For: unknown").await.expect(400);
    get(&session, &first, "X-Forwarded-For: 192.0.2.7, 127.0.0.1:99").await.expect(400);
    // The name and the password are what opens a session.
    let login = [("username", "anna"), ("password", "wrong horse")];
    let refused = sdk(&stage, "login", &login).await.expect(403).json();
    assert_eq!(refused["ssoCode"], "AUTHENTICATION_ERROR");
    let known = [("tokenId", &*session), ("username", "anna")];
    sdk(&stage, "validateToken", &known).await.expect(200);
    sdk(&stage, "validateToken", &[known[0], ("username", "berta")]).await.expect(403);
}

async fn a_session_lives_on_while_it_is_used(stage: Stage) {
    let (id, key) = application(&stage, "shares.write").await;
    let at = |seconds| {
        let clock = Clock::Fixed(NOW.plus(seconds));
        Accounts::new(stage.store.clone(), clock, PasswordHasher::new().unwrap())
    };
    let credentials = ClientCredentials { id, secret: Secret::new(key) };
    let begun =
        at(0).sliding_login_of_application(Some(TenantId(1)), credentials, None).await.unwrap();
    let token = begun.0.token.reveal().to_owned();
    let shown = async |seconds| at(seconds).sliding_session(&token, None).await.map(|_| ());
    // Each call counts for an hour, to within a minute.
    for seconds in [0, 59, 3_540, 7_000, 10_500] {
        shown(seconds).await.unwrap();
    }
    let end = shown(10_500 + 3_600).await;
    assert!(matches!(end, Err(AccountError::NotValid)), "{end:?}");
    shown(10_500 + 3_599).await.unwrap();
    // However often it is used, it ends.
    for seconds in (14_000..43_200).step_by(3_500) {
        shown(seconds).await.unwrap();
    }
    let end = shown(43_200).await;
    assert!(matches!(end, Err(AccountError::NotValid)), "{end:?}");
    // What ends it for everybody ends it here.
    let system = Caller::system("test");
    let mut change =
        stage.store.change(&system, UnixSeconds::new(NOW.get() + 10_600)).await.unwrap();
    let hash = SecretHash::of(&token);
    change.access_token_revoke(&hash).await.unwrap();
    change.commit().await.unwrap();
    let revoked = shown(10_600).await;
    assert!(matches!(revoked, Err(AccountError::NotValid)), "{revoked:?}");
}

/// Requirement A12; more of it in `tests/black_box/archives.rs`.
async fn an_archive_is_prepared_and_handed_over(stage: Stage) {
    let scene = scene(&stage).await;
    let known = [("xcontentId", &*scene.content), ("tokenId", &*scene.session)];
    let prepared = sdk(&stage, "archivePrepare", &known).await.expect(200).json();
    assert_eq!(prepared["resultCode"], "OK");
    let archive = prepared["downloadId"].as_str().unwrap();
    let asked = [&known[..], &[("downloadId", archive), ("saveAs", "press")]].concat();
    let got = sdk(&stage, "archiveDownload", &asked).await.expect(200);
    assert!(got.body.starts_with("PK\u{3}\u{4}") && got.body.contains("the other"), "{got:?}");
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=\"press.zip\""));
    assert_eq!(got.header("cache-control"), Some("private, no-store"));
    let noted = audited(&stage, "source.deliver").await;
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0]["object"], *scene.content);
    // A name is not cut off before what says that it is an archive.
    for (length, status) in [(251, 200), (252, 400)] {
        let name = "x".repeat(length);
        let asked = [&known[..], &[("downloadId", archive), ("saveAs", &name)]].concat();
        let got = sdk(&stage, "archiveDownload", &asked).await.expect(status);
        let said = format!("attachment; filename=\"{name}.zip\"");
        assert!(status != 200 || got.header("content-disposition") == Some(&said), "{got:?}");
    }
    // Had again, it is a line of the archive, and none of each content.
    assert_eq!(audited(&stage, "source.deliver").await, noted);
    let of_archive = audited(&stage, "archive_plan.deliver").await;
    let told = |event: &Value| {
        ["entries", "files", "bytes", "status"].map(|field| event["diff"][field][1].clone())
    };
    for event in &of_archive {
        assert_eq!((&event["object"], &event["actor"]), (&archive.into(), &noted[0]["actor"]));
        assert_eq!(json!(told(event)), json!([[[1, 1]], 1, 9, 200]));
    }
    assert_eq!(of_archive.len(), 2, "{of_archive:?}");
    assert_eq!(noted[0]["diff"]["entry"][1], 1);
    let unknown = [&known[..], &[("downloadId", "dla_0"), ("saveAs", "")]].concat();
    sdk(&stage, "archiveDownload", &unknown).await.expect(404);
}

async fn every_operation_asks_for_a_session(stage: Stage) {
    let scene = scene(&stage).await;
    let admin = stage.admin().await;
    let body = json!({"tenant": 2, "name": "stranger", "scopes": ["catalog.read", "shares.write"]});
    let made = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let (id, key) = (made["id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let login = format!("appId={id}&appKey={key}");
    let path = "/api/xadmin/resources/apps/loginApp/2";
    let stranger = stage.form(path, &[], &login).await.expect(200).json();
    let stranger = stranger["appUserTokenId"].as_str().unwrap().to_owned();
    // Whoever belongs to another tenant has no session here.
    stage.form("/api/xadmin/resources/apps/loginApp/1", &[], &login).await.expect(403);
    let older = format!("/api/xadmin/resources/apps/loginApp?clientId=2&appId={id}");
    stage.form(&older, &[], &format!("appKey={key}")).await.expect(200);

    let (others, key) = application(&stage, "audit.read").await;
    let login = sdk(&stage, "loginApp", &[("appId", &others), ("appKey", &key)]).await.expect(200);
    let without = element(&login, "appUserTokenId").to_owned();
    let described = serde_json::to_value(document(Document::Thron)).unwrap();
    let mut asked = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            let mut scopes = said["security"].as_array().into_iter().flatten();
            let Some(scopes) = scopes.find_map(|way| way["session"].as_array()) else {
                assert!(path.contains("login"), "{path} asks nobody who calls");
                continue;
            };
            asked += 1;
            let path = path.replace("{clientId}", "1").replace("{xcontentId}", &scene.content);
            let line =
                format!("{} {path}?clientId=1&xcontentId={}", method.to_uppercase(), scene.content);
            stage.call(&line, &[], "").await.expect(403);
            stage.call(&line, &["X-TOKENID: cst_unknown"], "").await.expect(403);
            stage.call(&line, &[&format!("X-TOKENID: {stranger}")], "").await.expect(404);
            if !scopes.is_empty() {
                stage.call(&line, &[&format!("X-TOKENID: {without}")], "").await.expect(403);
            }
            // Which archive is not said here.
            let status = if path.contains("/archive/") { 400 } else { 200 };
            stage.call(&line, &[&format!("X-TOKENID: {}", scene.session)], "").await.expect(status);
        }
    }
    assert!(asked >= 6, "{asked}");
}
