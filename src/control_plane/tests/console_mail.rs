//! The settings of mail in the console, and letters that are sent from the pages of shares (C9).

use serde_json::json;

use super::connectors::contents;
use super::console::Browser;
use super::mail_scene::{letters, site_in_force};
use super::stage::{Stage, on_both_databases};
use crate::control_plane::record::LetterState;

on_both_databases! {
    a_mail_server_is_set_and_tried
    a_share_is_mailed_from_its_form_and_again_from_its_page
}

const OWN: &str = "/console/tenants/1/settings/mail";

const SERVER: [(&str, &str); 7] = [
    ("host", "127.0.0.1"),
    ("port", "2525"),
    ("security", "none"),
    ("username", "press"),
    ("password", "opensesame"),
    ("from_address", "press@example.com"),
    ("from_name", "\"><script>alert(1)</script>"),
];

async fn a_mail_server_is_set_and_tried(stage: Stage) {
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &["settings.admin"]).await;
    let shown = browser.get(OWN).await.expect(200).body;
    assert!(shown.contains("value=\"587\"") && !shown.contains("Send the test letter"), "{shown}");
    assert!(shown.contains("aria-current=\"true\">Settings</a>"), "{shown}");
    let with = |more: &[(&'static str, &'static str)]| {
        let mut fields = SERVER.to_vec();
        fields.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
        fields.extend(more);
        fields
    };
    for (wrong, said) in [
        (("port", "80"), "mail_ports"),
        (("port", "many"), "The port is a number"),
        (("from_address", "press"), "must be a mail address"),
        (("security", "some"), "Choose how"),
    ] {
        let refused = browser.post(OWN, &with(&[("revision", "0"), wrong])).await;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert!(refused.body.contains(said), "{said}: {refused:?}");
        assert!(refused.body.contains("value=\"127.0.0.1\""), "{refused:?}");
        assert!(!refused.body.contains("opensesame"), "{refused:?}");
    }
    let saved = browser.post(OWN, &with(&[("revision", "0")])).await.expect(303);
    assert_eq!(saved.header("location"), Some(&*format!("{OWN}?said=saved")));
    let shown = browser.get(&format!("{OWN}?said=saved")).await.expect(200).body;
    assert!(shown.contains("Saved.") && shown.contains("One is kept"), "{shown}");
    assert!(!shown.contains("opensesame") && !shown.contains("<script>alert"), "{shown}");
    // Whoever looked before somebody else's change is refused.
    let stale = browser.post(OWN, &with(&[("revision", "0")])).await;
    assert_eq!(stale.status, 409, "{stale:?}");

    // Nobody listens there, and the page says so.
    let tried = browser.post(&format!("{OWN}/test"), &[("to", "ann@example.com")]).await;
    let tried = tried.expect(200).body;
    assert!(tried.contains("Nobody answers there as a mail server does."), "{tried}");
    assert!(tried.contains("value=\"ann@example.com\""), "{tried}");
    let odd = browser.post(&format!("{OWN}/test"), &[("to", "ann")]).await;
    assert!(odd.body.contains("must be a mail address"), "{odd:?}");
    let kept = with(&[("revision", "1"), ("password", ""), ("from_name", "Press")]);
    browser.post(OWN, &kept).await.expect(303);
    let forgotten = with(&[("revision", "2"), ("password", ""), ("clear", "1")]);
    browser.post(OWN, &forgotten).await.expect(303);
    let shown = browser.get(OWN).await.expect(200).body;
    assert!(shown.contains("Leave both empty where nobody logs in."), "{shown}");
    browser.post(&format!("{OWN}/remove"), &[("revision", "3")]).await.expect(303);
    assert!(!browser.get(OWN).await.expect(200).body.contains("Send the test letter"));
    let mut other = Browser::of_person(&stage, Some(1), "admin", &["catalog.read", "trace"]).await;
    assert!(matches!(other.get(OWN).await.status, 403 | 404));
    assert!(matches!(other.post(OWN, &with(&[("revision", "0")])).await.status, 403 | 404));
}

async fn a_share_is_mailed_from_its_form_and_again_from_its_page(stage: Stage) {
    let text = json!({"texts": [{"language": "en", "title": "A film"}]});
    let ids = contents(&stage, &stage.admin().await, &[text]).await;
    site_in_force(&stage);
    let scopes = ["catalog.read", "settings.admin", "shares.write"];
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &scopes).await;
    let new = "/console/tenants/1/shares/new";
    let form = browser.get(&format!("{new}?content={}", ids[0])).await.expect(200).body;
    assert!(form.contains("Send each of them a letter with their link"), "{form}");
    let fields = [
        ("content", &*ids[0]),
        ("title", "For two"),
        ("ends", "7"),
        ("notices", "first"),
        ("mailed", "1"),
        ("recipients", "Ann, ann@example.com\r\nBob"),
    ];
    let refused = browser.post(new, &fields).await;
    assert!(refused.body.contains("no mail server"), "{refused:?}");
    let mut server = SERVER.to_vec();
    server.push(("revision", "0"));
    browser.post(OWN, &server).await.expect(303);
    let made = browser.post(new, &fields).await.expect(303);
    let path = made.header("location").unwrap().strip_suffix("?said=mailed").unwrap().to_owned();
    let shown = browser.get(&format!("{path}?said=mailed")).await.expect(200).body;
    assert!(shown.contains("letters are on their way"), "{shown}");
    assert!(shown.contains("value=\"first\" selected"), "{shown}");
    // Of the two, one has an address.
    assert_eq!(shown.matches("/recipients/mail\"").count(), 1, "{shown}");
    assert_eq!(letters(&stage).await.len(), 1);
    assert_eq!(letters(&stage).await[0].state, LetterState::Waiting);
    let again = browser.post(&format!("{path}/recipients/mail"), &[("recipient", "1")]).await;
    assert_eq!(again.expect(303).header("location"), Some(&*format!("{path}?said=letter")));
    let none = browser.post(&format!("{path}/recipients/mail"), &[("recipient", "2")]).await;
    assert!(none.body.contains("mail address"), "{none:?}");
    let settings = browser.get(OWN).await.expect(200).body;
    assert!(settings.contains("ann@example.com") && settings.contains("waiting"), "{settings}");
}
