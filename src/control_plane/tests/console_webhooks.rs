//! Webhooks in the console: added, tried, changed, given another secret and removed.

use serde_json::json;

use super::console::Browser;
use super::console_actions::between;
use super::console_pages::SCOPES;
use super::stage::{Stage, on_both_databases};

on_both_databases! {
    a_webhook_is_added_and_its_secret_is_shown_once
    what_is_refused_keeps_what_was_typed
    a_message_is_shown_and_sent_again
    whoever_may_not_change_settings_sees_none
}

const OWN: &str = "/console/tenants/1/settings/webhooks";

/// Adds one: its path, and its secret.
async fn added(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> (String, String) {
    let page = browser.post(&format!("{OWN}/new"), fields).await.expect(200).body;
    let secret = between(&page, "<code id=\"secret\" class=\"long\">", "</code>");
    let id = between(&page, &format!("action=\"{OWN}/"), "/test\"");
    (format!("{OWN}/{id}"), secret.to_owned())
}

async fn a_webhook_is_added_and_its_secret_is_shown_once(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let page = browser.get(OWN).await.expect(200).body;
    assert!(page.contains("There is no webhook yet") && page.contains("Add a webhook"), "{page}");
    browser.get(&format!("{OWN}/new")).await.expect(200);
    let fields = [
        ("url", "https://hooks.example.com/a?b=<c>"),
        ("description", "<b>the archive</b>"),
        ("which", "some"),
        ("event", "share.viewed"),
        ("event", "share.created"),
    ];
    let (path, secret) = added(&mut browser, &fields).await;
    assert!(secret.starts_with("whsec_"), "{secret}");
    let page = browser.get(&path).await.expect(200).body;
    assert!(!page.contains("whsec_") && !page.contains("<b>the archive"), "{page}");
    let list = browser.get(OWN).await.expect(200).body;
    assert!(list.contains("share.created, share.viewed") && list.contains(">On</span>"), "{list}");

    let rotated = browser.post(&format!("{path}/secrets"), &[]).await.expect(200).body;
    assert!(rotated.contains("whsec_") && !rotated.contains(&secret), "{rotated}");
    let fields = [("url", "https://hooks.example.com/next"), ("which", "all"), ("revision", "1")];
    let saved = browser.post(&path, &fields).await.expect(303);
    let saved = browser.get(saved.header("location").unwrap()).await.expect(200).body;
    assert!(saved.contains("Saved.") && saved.contains(">Off</span>"), "{saved}");
    let stale = browser.post(&path, &fields).await.expect(409).body;
    assert!(stale.contains("It has been changed since."), "{stale}");
    browser.get(&format!("{path}/remove")).await.expect(200);
    let removed = browser.post(&format!("{path}/remove"), &[("revision", "2")]).await.expect(303);
    let list = browser.get(removed.header("location").unwrap()).await.expect(200).body;
    assert!(list.contains("The webhook is removed.") && !list.contains("next"), "{list}");
}

async fn what_is_refused_keeps_what_was_typed(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    for (url, why) in [
        ("http://example.com/", "Url must begin with https://."),
        ("https://127.0.0.1/", "Url must not be of a private or special network."),
        ("https://ann:b@example.com/", "Url must have no user name and no password"),
    ] {
        let fields =
            [("url", url), ("description", "typed"), ("which", "some"), ("event", "share.viewed")];
        let page = browser.post(&format!("{OWN}/new"), &fields).await.expect(400).body;
        assert!(page.contains(why), "{why}: {page}");
        assert!(page.contains(&format!("value=\"{url}\"")) && page.contains("value=\"typed\""));
        assert!(page.contains("value=\"share.viewed\" checked"), "{page}");
    }
    let none = [("url", "https://example.com/"), ("which", "some")];
    let page = browser.post(&format!("{OWN}/new"), &none).await.expect(400).body;
    assert!(page.contains("Events must name something"), "{page}");
}

async fn a_message_is_shown_and_sent_again(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let (path, _) = added(&mut browser, &[("url", "https://example.com/"), ("which", "all")]).await;
    let told = browser.post(&format!("{path}/test"), &[]).await.expect(303);
    let message = told.header("location").unwrap().to_owned();
    let page = browser.get(&message).await.expect(200).body;
    assert!(page.contains("webhook.test") && page.contains("There was none yet"), "{page}");
    let page = browser.get(&path).await.expect(200).body;
    assert!(page.contains("On its way") && page.contains(&message), "{page}");
    let dead = browser.get(&format!("{path}?state=dead")).await.expect(200).body;
    assert!(dead.contains("There is none of that state"), "{dead}");
    let again = browser.post(&format!("{message}/redeliver"), &[]).await.expect(303);
    assert_eq!(again.header("location"), Some(&*message));
    browser.post(&format!("{path}/redeliver"), &[("since", "soon")]).await.expect(400);
    let since = browser.post(&format!("{path}/redeliver"), &[("since", "2029-12-31")]).await;
    since.expect(303);
    // By nobody who has no form of this console.
    let bearer = format!("POST {path}/test");
    stage.call(&bearer, &["Origin: https://elsewhere.example"], "").await.expect(403);
}

async fn whoever_may_not_change_settings_sees_none(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({"url": "https://example.com/"});
    let made =
        stage.send("POST /api/v1/tenants/1/webhooks", &admin, &body).await.expect(201).json();
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["audit.read"]).await;
    let log = browser.get("/console/tenants/1/audit").await.expect(200).body;
    assert!(!log.contains(">Settings</a>"), "{log}");
    browser.get(&format!("{OWN}/{}", made["id"].as_str().unwrap())).await.expect(403);
    let mut other = Browser::of_person(&stage, Some(2), "admin", &SCOPES).await;
    let foreign = format!("/console/tenants/2/settings/webhooks/{}", made["id"].as_str().unwrap());
    other.get(&foreign).await.expect(404);
}
