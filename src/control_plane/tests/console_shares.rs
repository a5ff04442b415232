//! Shares in the console: made of what was ticked or of a folder, listed, changed, taken apart and
//! removed (requirements C1, C4, C9, C11 to C14, C24, C26 to C30).

use serde_json::{Value, json};

use super::connectors::contents;
use super::console::Browser;
use super::console_actions::between;
use super::console_pages::SCOPES;
use super::stage::{Stage, on_both_databases};
use crate::control_plane::link::scenery;
use crate::policy::{AssetSource, CatalogRules, OverrideTable, Site};

on_both_databases! {
    a_share_is_made_of_what_was_ticked_and_its_link_is_shown
    a_share_of_a_folder_is_a_snapshot_of_it
    what_is_refused_keeps_what_was_typed_but_passwords
    a_share_is_changed_and_removed_by_whoever_saw_it
    a_content_shows_every_share_that_it_is_in_and_is_taken_out
    recipients_have_links_that_are_closed_alone
    c30_a_new_share_is_made_of_what_another_has
    a_share_shows_a_code_of_its_link
    whoever_may_not_share_is_offered_nothing
    titles_are_text_and_never_markup
}

const OWN: &str = "/console/tenants/1/shares";

/// Links can be signed, and shares have a site.
pub(super) fn in_force(stage: &Stage) {
    let (hosts, site) = scenery::site("files.example.com", None, 1);
    let assets = AssetSource::Catalog(CatalogRules::new([]));
    let sites = vec![(hosts, Site { assets: Some(assets), ..site })];
    let snapshot = scenery::snapshot(sites, OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
}

async fn admins(stage: &Stage) -> Browser<'_> {
    in_force(stage);
    Browser::of_person(stage, Some(1), "admin", &SCOPES).await
}

async fn page(browser: &mut Browser<'_>, path: &str) -> String {
    browser.get(path).await.expect(200).body
}

async fn listed(stage: &Stage) -> Vec<Value> {
    let admin = stage.admin().await;
    let list = stage.ask("GET /api/v1/tenants/1/shares", &admin).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// Two films in the stage's folder.
async fn two(stage: &Stage) -> Vec<String> {
    let said = [
        json!({"texts": [{"language": "en", "title": "A film"}]}),
        json!({"texts": [{"language": "en", "title": "Another <b>film</b>"}]}),
    ];
    contents(stage, &stage.admin().await, &said).await
}

/// The path of the share that was just made.
async fn made(browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> String {
    let answer = browser.post(&format!("{OWN}/new"), fields).await.expect(303);
    let place = answer.header("location").unwrap();
    place.strip_suffix("?said=made").unwrap().to_owned()
}

async fn a_share_is_made_of_what_was_ticked_and_its_link_is_shown(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    let library = page(&mut browser, "/console/tenants/1/contents").await;
    for id in &ids {
        assert!(library.contains(&format!("name=\"content\" value=\"{id}\"")), "{library}");
    }
    let form =
        page(&mut browser, &format!("{OWN}/new?content={}&content={}", ids[0], ids[1])).await;
    assert!(form.contains("<p>2 contents:</p>") && form.contains("A film"), "{form}");
    let fields = [
        ("content", &*ids[0]),
        ("content", &*ids[1]),
        ("title", "For the press"),
        ("message", "Hello,\r\nhere they are."),
        ("ends", "date"),
        ("date", "2030-02-03"),
        ("offset", "60"),
        ("password", "søt1"),
        ("terms", "For editorial use."),
        ("download", "1"),
        ("limit", "7"),
        ("language", "de"),
    ];
    let path = made(&mut browser, &fields).await;
    let shown = page(&mut browser, &format!("{path}?said=made")).await;
    assert!(shown.contains("The share is made. Copy its link and send it."), "{shown}");
    let link = between(&shown, "<code id=\"link\" class=\"long\">", "</code>");
    assert!(link.contains("https://files.example.com/s/"), "{link}");
    assert!(!shown.contains("søt1") && shown.contains("0 of 7"), "{shown}");
    let share = &listed(&stage).await[0];
    for (name, expected) in [
        ("title", json!("For the press")),
        ("message", json!("Hello,\nhere they are.")),
        ("download", json!(true)),
        ("download_limit", json!(7)),
        ("terms", json!("For editorial use.")),
        ("has_password", json!(true)),
        ("items", json!(2)),
        ("language", json!("de")),
        // The end of that day where clocks are an hour ahead.
        ("expires_at", json!("2030-02-03T22:59:59Z")),
    ] {
        assert_eq!(share[name], expected, "{name}");
    }
    assert!(link.contains(share["url"].as_str().unwrap()));
    let list = page(&mut browser, OWN).await;
    assert!(list.contains("Shares of the last 30 days") && list.contains("For the press"));
    assert!(list.contains("<span class=\"badge good\">Open</span>"), "{list}");
}

async fn a_share_of_a_folder_is_a_snapshot_of_it(stage: Stage) {
    two(&stage).await;
    let mut browser = admins(&stage).await;
    let folder = stage.folder.to_string();
    let of_folder = page(&mut browser, &format!("/console/tenants/1/folders/{folder}")).await;
    assert!(of_folder.contains(&format!("{OWN}/new?folder={folder}")), "{of_folder}");
    let form = page(&mut browser, &format!("{OWN}/new?folder={folder}")).await;
    assert!(form.contains("value=\"folder\"") && form.contains("With the folders below"), "{form}");
    let fields = [("folder", &*folder), ("title", "All of it"), ("ends", "never"), ("below", "1")];
    let path = made(&mut browser, &fields).await;
    let later = json!({"kind": "OTHER", "folder": stage.folder, "publication": "published"});
    let admin = stage.admin().await;
    stage.send("POST /api/v1/tenants/1/contents", &admin, &later).await.expect(201);
    let shown = page(&mut browser, &path).await;
    assert_eq!(shown.matches("name=\"item\"").count(), 2, "{shown}");
    assert!(shown.contains("<dt>Open until</dt><dd>for ever</dd>"), "{shown}");
    assert!(shown.contains("Only to look at"), "{shown}");
    // C30.
    assert!(shown.contains("Nothing can be added"));
}

async fn what_is_refused_keeps_what_was_typed_but_passwords(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    let form = format!("{OWN}/new");
    page(&mut browser, &format!("{form}?content={}", ids[0])).await;
    let fields = |ends, password, limit| {
        [
            ("content", &*ids[0]),
            ("title", "Kept"),
            ("ends", ends),
            ("password", password),
            ("limit", limit),
        ]
    };
    for (fields, expected) in [
        (fields("30", "abc", ""), "4 to 128 characters"),
        (fields("date", "right", ""), "Choose the last day"),
        (fields("30", "right", "many"), "a whole number of at least 1"),
        (fields("soon", "right", ""), "Choose when the share ends"),
        (fields("0", "right", ""), "must be in the future"),
    ] {
        let again = browser.post(&form, &fields).await.expect(400).body;
        assert!(again.contains(expected), "{expected}: {again}");
        assert!(again.contains("value=\"Kept\"") && !again.contains("value=\"right\""), "{again}");
    }
    assert_eq!(listed(&stage).await, Vec::<Value>::new());
    for nothing in [format!("{form}?folder="), form.clone()] {
        let refused = browser.get(&nothing).await.expect(400).body;
        assert!(refused.contains("Nothing was chosen"), "{refused}");
    }
    let many = vec![format!("content={}", ids[0]); 101].join("&");
    let refused = browser.get(&format!("{form}?{many}")).await.expect(400).body;
    assert!(refused.contains("at most 100"), "{refused}");
}

async fn a_share_is_changed_and_removed_by_whoever_saw_it(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let fields = [("content", &*ids[0]), ("title", "Before"), ("ends", "7"), ("password", "right")];
    let path = made(&mut browser, &fields).await;
    page(&mut browser, &path).await;
    let change = [("revision", "1"), ("title", "After"), ("ends", "90"), ("download", "1")];
    let saved = browser.post(&path, &change).await.expect(303);
    assert_eq!(saved.header("location"), Some(&*format!("{path}?said=saved")));
    let share = &listed(&stage).await[0];
    assert_eq!((&share["title"], &share["has_password"]), (&json!("After"), &json!(true)));
    assert_eq!(share["expires_at"], "2030-04-01T00:00:00Z");
    // Who looked before that is told, and nothing of theirs is lost.
    let late = [("revision", "1"), ("title", "Late"), ("ends", "kept")];
    let refused = browser.post(&path, &late).await;
    assert!(refused.status >= 400 && refused.body.contains("value=\"Late\""), "{refused:?}");
    let clear =
        [("revision", "2"), ("title", "After"), ("ends", "kept"), ("password_change", "clear")];
    browser.post(&path, &clear).await.expect(303);
    assert_eq!(listed(&stage).await[0]["has_password"], false);
    let shown = page(&mut browser, &path).await;
    let history = shown.split("id=\"history\"").nth(1).unwrap();
    assert_eq!(
        (history.matches("<td>changed</td>").count(), history.contains("<td>made</td>")),
        (2, true)
    );

    let question = page(&mut browser, &format!("{path}/remove")).await;
    assert!(question.contains("Remove “After”?"), "{question}");
    let remove = format!("{path}/remove");
    assert!(browser.post(&remove, &[("revision", "1")]).await.status >= 400);
    let gone = browser.post(&remove, &[("revision", "3")]).await.expect(303);
    assert_eq!(gone.header("location"), Some("/console/tenants/1/shares?said=removed"));
    browser.get(&path).await.expect(404);
}

async fn a_content_shows_every_share_that_it_is_in_and_is_taken_out(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let both = [("content", &*ids[0]), ("content", &*ids[1]), ("title", "Both"), ("ends", "7")];
    let path = made(&mut browser, &both).await;
    made(&mut browser, &[("content", &*ids[1]), ("title", "One"), ("ends", "7")]).await;
    let tab = format!("/console/tenants/1/contents/{}/shares", ids[0]);
    let shown = page(&mut browser, &tab).await;
    assert!(shown.contains("Both") && !shown.contains(">One<"), "{shown}");
    let share = path.rsplit('/').next().unwrap();
    let out = browser.post(&tab, &[("share", share)]).await.expect(303);
    assert_eq!(out.header("location"), Some(&*format!("{tab}?said=item-removed")));
    assert!(page(&mut browser, &tab).await.contains("This content is in no share."));
    // The other one is taken out where the share is shown.
    let shown = page(&mut browser, &path).await;
    let item = between(&shown, "name=\"item\" value=\"", "\"");
    let item = item.to_owned();
    browser.post(&format!("{path}/items"), &[("item", &item)]).await.expect(303);
    let shown = page(&mut browser, &path).await;
    assert!(shown.contains("Nothing is left."), "{shown}");
    assert_eq!(shown.matches("an item taken out").count(), 2);
}

async fn recipients_have_links_that_are_closed_alone(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let recipients = "Ann, ann@example.com\r\n\r\n Bob & Co, Ltd \r\n";
    let fields =
        [("content", &*ids[0]), ("title", "For two"), ("ends", "7"), ("recipients", recipients)];
    let path = made(&mut browser, &fields).await;
    let shown = page(&mut browser, &path).await;
    assert!(shown.contains("ann@example.com") && shown.contains("Bob &#38; Co, Ltd"), "{shown}");
    assert_eq!(shown.matches("https://files.example.com/s/").count(), 3);
    // The day ends where the sender is, and never after the share.
    let end = format!("{path}/recipients/end");
    let moved = [("recipient", "2"), ("date", "2030-01-05"), ("offset", "60")];
    let done = browser.post(&end, &moved).await.expect(303);
    assert_eq!(done.header("location"), Some(&*format!("{path}?said=saved")));
    let shown = page(&mut browser, &path).await;
    assert!(shown.contains("2030-01-05T22:59:59Z"), "{shown}");
    assert!(shown.contains("a recipient&#39;s address changed"), "{shown}");
    for (day, expected) in [
        ("2030-02-01", "not be after the end of the share"),
        ("2030-02-30", "last day is one"),
        ("", "Choose the recipient&#39;s last day"),
    ] {
        let refused = browser.post(&end, &[("recipient", "2"), ("date", day)]).await.expect(400);
        assert!(refused.body.contains(expected), "{}", refused.body);
    }
    assert!(page(&mut browser, &path).await.contains("2030-01-05T22:59:59Z"));
    let open = [("recipient", "2"), ("date", ""), ("ends", "never")];
    browser.post(&end, &open).await.expect(303);
    assert!(!page(&mut browser, &path).await.contains("until <time"));
    browser.post(&format!("{path}/recipients"), &[("recipient", "1")]).await.expect(303);
    let shown = page(&mut browser, &path).await;
    assert_eq!(shown.matches("https://files.example.com/s/").count(), 2);
    assert!(shown.contains("<span class=\"badge bad\">Closed</span>"), "{shown}");
}

async fn whoever_may_not_share_is_offered_nothing(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let fields = [("content", &*ids[0]), ("title", "Not yours"), ("ends", "7")];
    let path = made(&mut browser, &fields).await;
    let mut other = Browser::of_person(&stage, Some(1), "admin", &["catalog.read"]).await;
    let library = page(&mut other, "/console/tenants/1/contents").await;
    assert!(!library.contains("Shares</a>") && !library.contains("type=\"checkbox\""), "{library}");
    for closed in [OWN, &path, &format!("{OWN}/new?content={}", ids[0])] {
        let refused = other.get(closed).await;
        assert!(matches!(refused.status, 403 | 404), "{closed}: {refused:?}");
        assert!(!refused.body.contains("Not yours"));
    }
    let refused = other.post(&format!("{OWN}/new"), &fields).await;
    assert!(matches!(refused.status, 403 | 404), "{refused:?}");
    // Whoever reads the log sees what happened, and not what opens it.
    let mut reader =
        Browser::of_person(&stage, Some(1), "admin", &["catalog.read", "audit.read"]).await;
    let shown = page(&mut reader, &path).await;
    assert!(shown.contains("Not yours") && !shown.contains("/s/"), "{shown}");
    assert!(!shown.contains("name=\"item\"") && !shown.contains("Save</button>"), "{shown}");
}

async fn titles_are_text_and_never_markup(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let evil = "\"><script>alert(1)</script>";
    let fields = [
        ("content", &*ids[1]),
        ("title", evil),
        ("message", evil),
        ("terms", evil),
        ("recipients", evil),
        ("ends", "7"),
    ];
    let path = made(&mut browser, &fields).await;
    let tab = format!("/console/tenants/1/contents/{}/shares", ids[1]);
    for path in [OWN, &path, &format!("{path}/remove"), &tab] {
        let shown = page(&mut browser, path).await;
        assert!(!shown.contains("<script>") && !shown.contains("<b>"), "{path}: {shown}");
    }
}

async fn c30_a_new_share_is_made_of_what_another_has(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let fields = [
        ("content", &*ids[0]),
        ("content", &*ids[1]),
        ("title", "For the press"),
        ("terms", "Be kind."),
        ("password", "1234"),
        ("limit", "7"),
        ("download", "1"),
        ("ends", "never"),
        ("recipients", "Ann, ann@example.com"),
    ];
    let path = made(&mut browser, &fields).await;
    browser.post(&format!("{path}/items"), &[("item", "0")]).await.expect(303);
    let id = path.rsplit('/').next().unwrap().to_owned();
    let shown = page(&mut browser, &path).await;
    let like = format!("{OWN}/new?like={id}");
    assert!(shown.contains(&format!("href=\"{like}\">New share from this one")), "{shown}");
    let form = page(&mut browser, &like).await;
    for part in ["value=\"For the press\"", "Be kind.", "value=\"7\"", "1 item at most"] {
        assert!(form.contains(part), "{part}: {form}");
    }
    assert!(form.contains("<option value=\"30\" selected>") && !form.contains("ann@"), "{form}");
    let fields = [
        ("like", &*id),
        ("title", "For others"),
        ("ends", "date"),
        ("date", "2030-02-03"),
        ("offset", "60"),
        ("recipients", "Eve, 2030-02-02\nMax, max@example.com, 2030-02-01"),
    ];
    let copy = made(&mut browser, &fields).await;
    let share = listed(&stage).await.into_iter().find(|it| it["title"] == "For others").unwrap();
    assert_eq!((&share["items"], &share["has_password"]), (&json!(1), &json!(false)));
    let shown = page(&mut browser, &copy).await;
    // Their last days are those of the sender's clock.
    assert!(shown.contains("2030-02-02T22:59:59Z") && shown.contains("2030-02-01T22:59:59Z"));
    assert!(shown.contains("max@example.com"), "{shown}");
    for wrong in ["Eve, 2030-02-30", "Eve, 2030-02-04"] {
        let mut fields = fields;
        fields[5].1 = wrong;
        browser.post(&format!("{OWN}/new"), &fields).await.expect(400);
    }
    browser.get(&format!("{OWN}/new?like=shr_none")).await.expect(404);
}

async fn a_share_shows_a_code_of_its_link(stage: Stage) {
    let ids = two(&stage).await;
    let mut browser = admins(&stage).await;
    page(&mut browser, OWN).await;
    let fields = [("content", &*ids[0]), ("title", "Coded"), ("ends", "7")];
    let path = made(&mut browser, &fields).await;
    let shown = page(&mut browser, &path).await;
    assert!(shown.contains(&format!("<img src=\"{path}/qr.svg\"")), "{shown}");
    let drawn = browser.get(&format!("{path}/qr.svg")).await.expect(200);
    assert_eq!(drawn.header("content-type"), Some("image/svg+xml"));
    let url = listed(&stage).await[0]["url"].as_str().unwrap().to_owned();
    assert_eq!(drawn.body, crate::rendition::QrPicture::of(&url).unwrap().svg());
    let png = browser.get(&format!("{path}/qr.png")).await.expect(200);
    assert_eq!(png.header("content-type"), Some("image/png"));
    let mut reader =
        Browser::of_person(&stage, Some(1), "admin", &["catalog.read", "audit.read"]).await;
    assert!(!page(&mut reader, &path).await.contains("qr.svg"));
    assert_eq!(reader.get(&format!("{path}/qr.svg")).await.status, 403);
}
