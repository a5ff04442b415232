//! Settings of sharing pages in the console (C19 to C21).

use super::console::Browser;
use super::console_actions::between;
use super::console_pages::SCOPES;
use super::share_scene::TENANT;
use super::sharing::picture;
use super::stage::{Answer, Stage, on_both_databases};

on_both_databases! {
    c21_settings_are_looked_at_and_saved
    a_logo_is_brought_and_removed
    settings_are_for_whoever_administers
}

const OWN: &str = "/console/tenants/1/settings/sharing";

async fn admin(stage: &Stage) -> Browser<'_> {
    Browser::of_person(stage, Some(1), "admin", &SCOPES).await
}

async fn c21_settings_are_looked_at_and_saved(stage: Stage) {
    let mut browser = admin(&stage).await;
    let page = browser.get(OWN).await.expect(200).body;
    assert!(
        page.contains("<a href=\"/console/tenants/1/settings/sharing\" aria-current=\"true\">")
    );
    assert!(
        page.contains(
            "name=\"default_days\" type=\"text\" inputmode=\"numeric\" maxlength=\"4\" value=\"30\""
        ),
        "{page}"
    );
    let fields = [
        ("revision", "0"),
        ("company", "Example <AG>"),
        ("privacy_url", "https://example.com/privacy"),
        ("footer", "Line one\r\nLine two"),
        ("light_accent", "#ffcc00"),
        ("default_days", "7"),
        ("most_days", "60"),
        ("password", "1"),
        ("download", "no"),
        ("terms", "Be kind."),
    ];
    // A look shows the colours, and keeps what was typed.
    let looked = browser.post(OWN, &[&fields[..], &[("step", "look")]].concat()).await.expect(200);
    assert!(looked.body.contains("Nothing is saved yet."), "{looked:?}");
    let sheet = between(&looked.body, "<link rel=\"stylesheet\" href=\"/console/tenants", "\"");
    let sheet = browser.get(&format!("/console/tenants{sheet}")).await.expect(200);
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(sheet.body.starts_with(".in-light {\n") && sheet.body.contains("--accent: #ffcc00;"));
    // What cannot be read is refused, and nothing is lost.
    let refused = browser.post(OWN, &fields).await.expect(400).body;
    let says = "Light accent has a contrast of 1.40:1 to the background, #f6f7f7, and needs 4.5:1; \
                the nearest that has it is #8a6e00.";
    assert!(refused.contains(says), "{refused}");
    assert!(refused.contains("Example &#60;AG&#62;") && refused.contains("Be kind."), "{refused}");
    let mut good = fields;
    good[4].1 = "#8a6e00";
    let saved = browser.post(OWN, &good).await.expect(303);
    assert_eq!(saved.header("location"), Some("/console/tenants/1/settings/sharing?said=saved"));
    let page = browser.get(OWN).await.expect(200).body;
    for part in ["value=\"#8a6e00\"", "Line one\nLine two", "value=\"60\"", "value=\"1\" checked"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(page.contains("<option value=\"no\" selected>"), "{page}");
    // Somebody else was faster.
    browser.post(OWN, &good).await.expect(409);
    for (field, text) in [("light_text", "red"), ("least_days", "x"), ("default_days", "61")] {
        let wrong = [("revision", "1"), ("most_days", "60"), (field, text)];
        browser.post(OWN, &wrong).await.expect(400);
    }
}

/// A form with a file, as browsers send it.
async fn upload(
    stage: &Stage,
    browser: &Browser<'_>,
    token: &str,
    revision: &str,
    file: &[u8],
) -> Answer {
    let mut body = Vec::new();
    for (name, value) in [("form_token", token), ("revision", revision)] {
        let head = format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
    }
    let head = "--X\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"l.png\"\r\n\
                Content-Type: image/png\r\n\r\n";
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--X--\r\n");
    let cookie = browser.cookie().unwrap();
    let head = format!(
        "POST {OWN}/logo HTTP/1.0\r\nHost: control\r\nOrigin: http://control\r\n{cookie}\r\n\
         Content-Type: multipart/form-data; boundary=X\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stage.raw_bytes(&[head.as_bytes(), &body].concat()).await
}

async fn a_logo_is_brought_and_removed(stage: Stage) {
    let mut browser = admin(&stage).await;
    browser.get(OWN).await.expect(200);
    let token = browser.form_token().to_owned();
    let none = upload(&stage, &browser, &token, "0", b"").await.expect(400);
    assert!(none.body.contains("Choose a file first."), "{none:?}");
    let svg = upload(&stage, &browser, &token, "0", b"<svg xmlns='x'/>").await.expect(400);
    assert!(svg.body.contains("SVG may hold scripts"), "{svg:?}");
    let text = upload(&stage, &browser, &token, "0", b"no picture").await.expect(409);
    assert!(text.body.contains("JPEG, PNG, WebP"), "{text:?}");
    let large = upload(&stage, &browser, &token, "0", &vec![0; 300 * 1024]).await.expect(409);
    assert!(large.body.contains("more than 262144 bytes"), "{large:?}");
    upload(&stage, &browser, "another", "0", &picture()).await.expect(403);
    upload(&stage, &browser, &token, "0", &picture()).await.expect(303);
    let page = browser.get(&format!("{OWN}?said=logo")).await.expect(200).body;
    assert!(page.contains("The logo is set.") && page.contains("alt=\"The logo that is set\""));
    let logo = browser.get(&format!("{OWN}/logo.png")).await.expect(200);
    assert_eq!(logo.header("content-type"), Some("image/png"));
    let kept = stage.services.sharing_shown(TENANT).await.unwrap().logo.unwrap();
    assert!((1..=160).contains(&kept.height), "{kept:?}");
    browser.post(&format!("{OWN}/logo/remove"), &[("revision", "1")]).await.expect(303);
    browser.get(&format!("{OWN}/logo.png")).await.expect(404);
}

async fn settings_are_for_whoever_administers(stage: Stage) {
    let mut sharer =
        Browser::of_person(&stage, Some(1), "admin", &["catalog.read", "shares.write"]).await;
    let library = sharer.get("/console/tenants/1/contents").await.expect(200).body;
    assert!(!library.contains("/settings/"), "{library}");
    sharer.get(OWN).await.expect(403);
    sharer.get(&format!("{OWN}/colours.css")).await.expect(403);
    sharer.post(OWN, &[("revision", "0")]).await.expect(403);
    sharer.post(&format!("{OWN}/logo/remove"), &[("revision", "0")]).await.expect(403);
    let token = sharer.form_token().to_owned();
    upload(&stage, &sharer, &token, "0", &picture()).await.expect(403);
    assert_eq!(stage.services.sharing_shown(TENANT).await.unwrap().revision, 0);
}
