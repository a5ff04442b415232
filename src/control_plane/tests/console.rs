//! The console's door: sessions, their cookies, and forms that nobody else can send. What its pages
//! show is in `console_pages`.

use serde_json::json;

use super::connectors;
use super::stage::{Answer, NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::account::BROWSER_SESSION;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::FolderDraft;

on_both_databases! {
    somebody_signs_in_and_out
    a_session_is_the_consoles_and_ends
    a_form_is_of_its_own_page
    guesses_are_slowed_down_as_the_apis_are
    cookies_are_secured_behind_tls
    every_page_is_closed_and_says_so
    a_member_sees_their_own_folders
    a_tree_of_very_many_folders_is_shown_in_part
    whoever_signs_in_again_comes_to_a_page
    what_is_asked_for_in_the_wrong_way_is_a_page_too
}

/// A password that everybody here has.
const PASSWORD: &str = "correct horse battery";

/// A browser, as far as the console needs one: it keeps one cookie.
pub(super) struct Browser<'s> {
    stage: &'s Stage,
    cookie: Option<String>,
    form_token: String,
}

impl<'s> Browser<'s> {
    pub(super) fn new(stage: &'s Stage) -> Self {
        Self { stage, cookie: None, form_token: String::new() }
    }

    /// One in which somebody signed in who was made for it.
    pub(super) async fn of_person(
        stage: &'s Stage,
        tenant: Option<u64>,
        role: &str,
        scopes: &[&str],
    ) -> Self {
        let username = format!("{role}-{}", scopes.len());
        make(stage, &username, tenant, role, scopes).await;
        let mut browser = Self::new(stage);
        browser.sign_in(&username).await;
        browser
    }

    pub(super) async fn sign_in(&mut self, username: &str) {
        self.cookie = None;
        self.get("/console/login").await.expect(200);
        let form = [("username", username), ("password", PASSWORD)];
        self.post("/console/login", &form).await.expect(303);
        self.get("/console/nothing").await.expect(404);
    }

    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let cookie = self.cookie();
        let headers: Vec<&str> = cookie.iter().map(String::as_str).collect();
        let answer = self.stage.call(&format!("GET {path}"), &headers, "").await;
        self.keep(&answer);
        answer
    }

    /// Sends a form of the page that was shown last.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token.clone();
        self.send(path, fields, &token, &["Origin: http://control"]).await
    }

    pub(super) async fn send(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        token: &str,
        headers: &[&str],
    ) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("form_token", token).extend_pairs(fields);
        let cookie = self.cookie();
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let headers: Vec<&str> =
            headers.iter().copied().chain(cookie.as_deref()).chain([kind]).collect();
        let answer = self.stage.call(&format!("POST {path}"), &headers, &form.finish()).await;
        self.keep(&answer);
        answer
    }

    pub(super) fn cookie(&self) -> Option<String> {
        self.cookie.as_ref().map(|pair| format!("Cookie: other=1; {pair}"))
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(line) = answer.header("set-cookie") {
            let pair = line.split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        if let Some((_, rest)) = answer.body.split_once("name=\"form_token\" value=\"") {
            self.form_token = rest.split('"').next().unwrap().to_owned();
        }
    }
}

pub(super) async fn make(
    stage: &Stage,
    username: &str,
    tenant: Option<u64>,
    role: &str,
    scopes: &[&str],
) -> String {
    let admin = stage.admin().await;
    let body = json!({
        "tenant": tenant, "username": username, "role": role, "scopes": scopes,
        "password": PASSWORD,
    });
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    made["id"].as_str().unwrap().to_owned()
}

async fn somebody_signs_in_and_out(stage: Stage) {
    make(&stage, "ann", Some(1), "admin", &["catalog.read"]).await;
    let mut browser = Browser::new(&stage);
    let sent = browser.get("/console/tenants/1/contents?title=a%20b").await.expect(303);
    let login = "/console/login?next=%2Fconsole%2Ftenants%2F1%2Fcontents%3Ftitle%3Da%2520b";
    assert_eq!(sent.header("location"), Some(login));
    let page = browser.get(login).await.expect(200);
    assert!(page.body.contains("value=\"/console/tenants/1/contents?title=a%20b\""), "{page:?}");
    let before = browser.cookie.clone().unwrap();

    let next = "/console/tenants/1/contents?title=a%20b";
    let wrong = [("username", "ann"), ("password", "wrong"), ("next", next)];
    let refused = browser.post("/console/login", &wrong).await.expect(403);
    assert!(refused.body.contains("role=\"alert\""));
    assert!(refused.body.contains("value=\"ann\""), "what was typed is lost: {refused:?}");
    assert!(refused.body.contains(&format!("value=\"{next}\"")));
    assert!(!refused.body.contains("wrong\""));
    let empty = browser.post("/console/login", &[("username", "ann")]).await.expect(400);
    assert!(empty.body.contains("are needed"));

    let right = [("username", "Ann"), ("password", PASSWORD), ("next", next)];
    let signed_in = browser.post("/console/login", &right).await.expect(303);
    assert_eq!(signed_in.header("location"), Some(next));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert_eq!(
        cookie.split_once("; ").unwrap().1,
        format!("Path=/; Max-Age={BROWSER_SESSION}; HttpOnly; SameSite=Lax")
    );
    let session = browser.cookie.clone().unwrap();
    assert_ne!(before, session, "the session was known before");
    let page = browser.get(next).await.expect(200);
    assert!(page.body.contains(">ann</span>"), "{page:?}");
    browser.get("/console/login").await.expect(303);
    let start = browser.get("/console/").await.expect(303);
    assert_eq!(start.header("location"), Some("/console/tenants/1"));
    let start = browser.get("/console/tenants/1").await.expect(303);
    assert_eq!(start.header("location"), Some("/console/tenants/1/contents"));

    // The old secret is nobody's, and a session that ended stays so.
    let out = browser.post("/console/logout", &[]).await.expect(303);
    assert_eq!(out.header("location"), Some("/console/login?said=signed-out"));
    assert_eq!(browser.cookie, None);
    for dead in [before, session] {
        browser.cookie = Some(dead);
        browser.get(next).await.expect(303);
    }
    let shown = browser.get("/console/login?said=signed-out").await.expect(200);
    assert!(shown.body.contains("role=\"status\""));
}

async fn a_session_is_the_consoles_and_ends(stage: Stage) {
    let admin = stage.admin().await;
    let id = make(&stage, "ann", Some(1), "admin", &["catalog.read"]).await;
    let folders = "GET /api/v1/tenants/1/folders";
    let page = "/console/tenants/1/contents";
    let mut browser = Browser::new(&stage);
    let login = [("username", "ann"), ("password", PASSWORD)];
    browser.get("/console/login").await;
    browser.post("/console/login", &login).await.expect(303);

    // Neither opens the other's doors.
    let token = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    assert!(token.starts_with("csc_"));
    stage.ask(folders, &token).await.expect(401);
    let body = json!({"username": "ann", "password": PASSWORD});
    let session = stage.send("POST /v1/vms/auth/login", "", &body).await.expect(200).json();
    let bearer = session["accessToken"].as_str().unwrap();
    stage.ask(folders, bearer).await.expect(200);
    stage.ask("GET /console/tenants/1/contents", bearer).await.expect(303);
    let cookie = format!("Cookie: countersign_console={bearer}");
    stage.call(&format!("GET {page}"), &[&cookie], "").await.expect(303);

    // What is stored opens nothing, and says who signed in.
    browser.get(page).await.expect(200);
    let log = stage.ask("GET /api/v1/audit?limit=1000", &admin).await.expect(200);
    assert!(!log.body.contains(&token));
    let log = log.json();
    let events = log["items"].as_array().unwrap().iter();
    let mut begun = events.filter(|it| it["diff"]["token_use"] == json!([null, "console"]));
    assert_eq!(begun.next().unwrap()["actor"], id.as_str());
    assert!(begun.next().is_none());

    // Another password, or none: every session is over.
    let password = json!({"password": "another horse battery"});
    let path = format!("PUT /api/v1/people/{id}/password");
    stage.send(&path, &admin, &password).await.expect(204);
    browser.get(page).await.expect(303);
    browser.get("/console/login").await;
    let login = [("username", "ann"), ("password", "another horse battery")];
    browser.post("/console/login", &login).await.expect(303);
    browser.get(page).await.expect(200);
    let path = format!("PATCH /api/v1/people/{id}");
    stage.send(&path, &admin, &json!({"disabled": true})).await.expect(200);
    browser.get(page).await.expect(303);
    stage.send(&path, &admin, &json!({"disabled": false})).await.expect(200);
    browser.get(page).await.expect(303);

    // It ends by itself.
    browser.get("/console/login").await;
    browser.post("/console/login", &login).await.expect(303);
    let token = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let at = |after| stage.accounts_at(NOW.plus(after));
    assert!(at(BROWSER_SESSION - 1).signed_in(&token, None).await.is_ok());
    assert!(at(BROWSER_SESSION).signed_in(&token, None).await.is_err());
}

async fn a_form_is_of_its_own_page(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["catalog.read"]).await;
    let own = browser.form_token.clone();
    let mut stranger = Browser::of_person(&stage, Some(1), "admin", &[]).await;
    stranger.get("/console/login").await;
    let foreign = stranger.form_token.clone();
    let page = "/console/tenants/1/contents";
    let same: &[&str] = &["Sec-Fetch-Site: same-origin", "Origin: http://control"];
    for (token, headers, status) in [
        (&*own, &[][..], 403),
        (&own, &["Origin: http://evil.example"], 403),
        (&own, &["Origin: null"], 403),
        (&own, &["Sec-Fetch-Site: cross-site", "Origin: http://control"], 403),
        (&own, &["Sec-Fetch-Site: same-site"], 403),
        (&own, &["Origin: http://control", "Origin: http://control"], 403),
        ("", same, 403),
        (&foreign, same, 403),
        (&own.to_uppercase(), same, 403),
    ] {
        let refused = browser.send("/console/logout", &[], token, headers).await.expect(status);
        assert!(refused.body.contains("was not accepted"), "{refused:?}");
        browser.get(page).await.expect(200);
    }
    // A login is somebody's as well: nobody is signed in as another by another's page.
    let login = [("username", "admin-1"), ("password", PASSWORD)];
    let mut fresh = Browser::new(&stage);
    fresh.send("/console/login", &login, &own, same).await.expect(403);
    fresh.get("/console/login").await;
    fresh.send("/console/login", &login, &own, same).await.expect(403);
    let cross = &["Sec-Fetch-Site: cross-site"];
    let token = fresh.form_token.clone();
    fresh.send("/console/login", &login, &token, cross).await.expect(403);
    // Not a form, and no method that is none.
    let cookie = browser.cookie().unwrap();
    let json = "Content-Type: application/json";
    let headers = [&*cookie, same[0], json];
    stage.call("POST /console/logout", &headers, "{}").await.expect(400);
    stage.call("GET /console/logout", &[&cookie], "").await.expect(405);
    stage.call("DELETE /console/tenants/1/contents", &[&cookie, same[0]], "").await.expect(405);
    browser.get(page).await.expect(200);
    let signed_out = browser.send("/console/logout", &[], &own, same).await;
    signed_out.expect(303);
}

async fn guesses_are_slowed_down_as_the_apis_are(stage: Stage) {
    make(&stage, "ann", Some(1), "admin", &[]).await;
    let mut browser = Browser::new(&stage);
    browser.get("/console/login").await;
    for _ in 0..5 {
        let form = [("username", "ann"), ("password", "guess")];
        browser.post("/console/login", &form).await.expect(403);
    }
    let form = [("username", "ann"), ("password", PASSWORD)];
    let waits = browser.post("/console/login", &form).await.expect(429);
    assert!(waits.body.contains("Wait 1 seconds") && waits.body.contains("value=\"ann\""));
    let body = json!({"username": "ann", "password": PASSWORD});
    stage.send("POST /v1/vms/auth/login", "", &body).await.expect(429);
}

async fn cookies_are_secured_behind_tls(stage: Stage) {
    make(&stage, "ann", Some(1), "admin", &["catalog.read"]).await;
    let https = "X-Forwarded-Proto: https";
    let page = stage.call("GET /console/login", &[https], "").await.expect(200);
    let cookie = page.header("set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("__Host-countersign_console=csc_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure"));
    let strict =
        |answer: &Answer| answer.header("strict-transport-security").map(ToOwned::to_owned);
    assert_eq!(strict(&page).as_deref(), Some("max-age=31536000"));
    // A second proxy in the clear behind the one that ends TLS, and the other way round.
    for (said, secured) in [("https, http", true), ("http, https", false)] {
        let said = format!("X-Forwarded-Proto: {said}");
        let page = stage.call("GET /console/login", &[&said], "").await.expect(200);
        assert_eq!(page.header("set-cookie").unwrap().contains("; Secure"), secured, "{said}");
    }
    let refused = stage.call("POST /console/login", &[https], "").await.expect(403);
    assert_eq!(strict(&refused).as_deref(), Some("max-age=31536000"));
    assert_eq!(strict(&stage.call("GET /console/login", &[], "").await), None);
    let mut browser = Browser::new(&stage);
    browser.keep(&page);
    let login = [("username", "ann"), ("password", PASSWORD)];
    let token = browser.form_token.clone();
    let headers = [https, "Origin: https://control"];
    browser.send("/console/login", &login, &token, &headers).await.expect(303);
    let cookie = browser.cookie().unwrap();
    let path = "GET /console/tenants/1/contents";
    stage.call(path, &[&cookie, https], "").await.expect(200);
    // One that an attacker on plain HTTP may have put there is not believed over TLS.
    let plain = cookie.replace("__Host-", "");
    stage.call(path, &[&plain, https], "").await.expect(303);
    stage.call(path, &[&cookie], "").await.expect(303);
}

async fn every_page_is_closed_and_says_so(stage: Stage) {
    let sample = stage.catalog(1).await;
    let by_sku = connectors::body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    let connector = connectors::connector(&stage, &stage.admin().await, &by_sku).await;
    let paths = super::console_pages::paths(&sample, stage.folder, &connector);
    let mut nobody = Browser::new(&stage);
    let mut stranger =
        Browser::of_person(&stage, Some(2), "admin", &super::console_pages::SCOPES).await;
    let mut nothing = Browser::of_person(&stage, Some(1), "admin", &[]).await;
    for path in &paths {
        let sent = nobody.get(path).await.expect(303);
        assert!(sent.header("location").unwrap().starts_with("/console/login?next="));
        let refused = stranger.get(path).await.expect(404);
        assert!(refused.body.contains("Nothing here") && refused.body.contains("Sign out"));
        let refused = nothing.get(path).await.expect(403);
        assert!(refused.body.contains("is needed") || refused.body.contains("was refused"));
        for answer in [sent, refused] {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
            assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
            let policy = answer.header("content-security-policy").unwrap();
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(part), "{policy}");
            }
            assert!(!policy.contains("unsafe"));
        }
    }
    for gone in [
        "/console/tenants/9/contents",
        "/console/tenants/01/contents",
        "/console/tenants/x/contents",
        "/console/tenants/1/folders/999",
        "/console/tenants/1/contents/nothing",
        "/console/nothing",
    ] {
        let mut browser = Browser::new(&stage);
        browser.cookie.clone_from(&stranger.cookie);
        browser.get(gone).await.expect(404);
    }
}

async fn a_member_sees_their_own_folders(stage: Stage) {
    let admin = stage.admin().await;
    let folder = stage.folder;
    let post = async |noun: &str, body| {
        let path = format!("POST /api/v1/tenants/1/{noun}");
        stage.send(&path, &admin, &body).await.expect(201).json()
    };
    let inner = post("folders", json!({"name": "inner", "parent": folder})).await;
    let inner = inner["number"].as_u64().unwrap();
    for (title, folder) in [("Seen", inner), ("Unseen", folder)] {
        let texts = json!([{"language": "en", "title": title}]);
        let body = json!({"kind": "OTHER", "folder": folder, "texts": texts});
        post("contents", body).await;
    }
    let mut browser = Browser::of_person(&stage, Some(1), "member", &["catalog.read"]).await;
    let all = browser.get("/console/tenants/1/contents").await.expect(200).body;
    assert!(!all.contains(">Seen<") && !all.contains(">inner<"));
    browser.get(&format!("/console/tenants/1/folders/{inner}")).await.expect(404);

    let people = stage.ask("GET /api/v1/people", &admin).await.expect(200).json();
    let id = people["items"][0]["id"].as_str().unwrap();
    let path = format!("PUT /api/v1/tenants/1/folders/{inner}/rights/{id}");
    stage.send(&path, &admin, &json!({"right": "SEE"})).await.expect(204);
    let all = browser.get("/console/tenants/1/contents").await.expect(200).body;
    assert!(all.contains(">Seen<") && all.contains(">inner<"), "{all}");
    assert!(!all.contains("Unseen"));
    let one = browser.get(&format!("/console/tenants/1/folders/{inner}")).await.expect(200).body;
    assert!(one.contains("<h1>inner</h1>") && one.contains(">Seen<"));
    assert!(!one.contains(">folder<"));
    browser.get(&format!("/console/tenants/1/folders/{folder}")).await.expect(404);
}

async fn a_tree_of_very_many_folders_is_shown_in_part(stage: Stage) {
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    let above = Some(ChannelId(stage.folder));
    for number in 0..5_500 {
        let draft = FolderDraft { parent: above, name: number.to_string().into() };
        change.folder_create(TenantId(1), draft).await.unwrap();
    }
    change.commit().await.unwrap();
    let scopes = ["catalog.read"];
    let mut admin = Browser::of_person(&stage, Some(1), "admin", &scopes).await;
    let mut member = Browser::of_person(&stage, Some(1), "member", &scopes).await;
    let page = "/console/tenants/1/contents";
    let more = "There are more folders";
    assert!(admin.get(page).await.expect(200).body.contains(more));
    // For whoever sees none of them it is whole.
    assert!(!member.get(page).await.expect(200).body.contains(more));
    let operator = stage.admin().await;
    let people = stage.ask("GET /api/v1/people", &operator).await.expect(200).json();
    let people = people["items"].as_array().unwrap();
    let id = people.iter().find(|it| it["role"] == "member").unwrap()["id"].as_str().unwrap();
    let put = format!("PUT /api/v1/tenants/1/folders/{}/rights/{id}", stage.folder);
    stage.send(&put, &operator, &json!({"right": "SEE"})).await.expect(204);
    assert!(member.get(page).await.expect(200).body.contains(more));
}

/// A form that was sent too late brings nobody to an address that only forms are sent to.
async fn whoever_signs_in_again_comes_to_a_page(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["overrides.admin"]).await;
    let live = browser.cookie.clone();
    let page = "/console/tenants/1/protection?said=saved";
    for (referrer, next) in [
        (Some(format!("http://control{page}")), page),
        (Some(format!("http://evil.example{page}")), "/console/"),
        (Some("http://control/docs".to_owned()), "/console/"),
        (None, "/console/"),
    ] {
        browser.cookie = Some("countersign_console=csc_dead".to_owned());
        let referrer = referrer.map(|it| format!("Referer: {it}"));
        let headers: Vec<_> = referrer.iter().map(String::as_str).collect();
        let headers = [&headers[..], &["Origin: http://control"]].concat();
        let path = "/console/tenants/1/protection/everything";
        let sent = browser.send(path, &[], "", &headers).await.expect(303);
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        assert_eq!(sent.header("location"), Some(&*format!("/console/login?{query}")));
        browser.cookie.clone_from(&live);
        let start = if next == page { 200 } else { 303 };
        browser.get(next).await.expect(start);
    }
}

async fn what_is_asked_for_in_the_wrong_way_is_a_page_too(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["overrides.admin"]).await;
    for path in ["/console/logout", "/console/tenants/1/protection/everything"] {
        let refused = browser.get(path).await.expect(405);
        assert_eq!(refused.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(refused.header("content-security-policy").unwrap().contains("form-action"));
        assert_eq!(refused.header("allow"), Some("POST"));
        assert!(refused.body.contains("Nothing here"), "{refused:?}");
    }
    for path in ["/console/", "/console/tenants/1/contents", "/console/audit.csv"] {
        let refused = browser.post(path, &[]).await.expect(405);
        assert!(refused.body.contains("Nothing here"), "{refused:?}");
    }
}

/// Pages count as calls do, of the same quota.
#[tokio::test]
async fn whoever_asks_for_too_many_pages_waits() {
    let stage = Stage::of_quota(10).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["catalog.read"]).await;
    let page = "/console/tenants/1/contents";
    let first = browser.get(page).await.expect(200);
    assert!(first.header("ratelimit").unwrap().starts_with("\"caller\";r="), "{first:?}");
    let mut last = first;
    // One comes back every six seconds.
    for _ in 0..60 {
        if last.status != 429 {
            last = browser.get(page).await;
        }
    }
    let last = last.expect(429);
    assert!(last.body.contains("too much in a minute"), "{last:?}");
    // Another person is not held up, and whoever is not signed in is asked to.
    Browser::new(&stage).get(page).await.expect(303);
    let mut other = Browser::of_person(&stage, Some(1), "admin", &[]).await;
    other.get("/console/nothing").await.expect(404);
}
