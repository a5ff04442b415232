//! Connectors in the console: looked at before they are installed, shown with what each address gives,
//! changed and removed (requirements B3 to B14, G4, G5).

use serde_json::{Value, json};

use super::connectors::{body, connector, contents, sku};
use super::console::{Browser, make};
use super::console_actions::between;
use super::console_pages::SCOPES;
use super::stage::{Stage, on_both_databases};

on_both_databases! {
    whoever_installs_one_is_warned_and_sees_what_becomes_public
    what_is_refused_keeps_what_was_typed
    a_connector_is_shown_with_an_address_and_its_parts
    the_table_says_what_each_address_gives_and_why_not
    values_of_several_say_which_is_given
    what_becomes_public_comes_in_pages
    one_is_changed_and_removed_by_whoever_saw_it
    whoever_may_only_see_is_offered_nothing
    a_content_says_by_which_addresses_it_is_public
    names_are_text_and_never_markup
}

const OWN: &str = "/console/tenants/1/connectors";

/// The form, filled in.
fn settings<'s>(folder: &'s str, by: &'s str, step: &'s str) -> Vec<(&'s str, &'s str)> {
    vec![
        ("folder", folder),
        ("name", "Press kit"),
        ("which", "all"),
        ("by", by),
        ("https", "1"),
        ("step", step),
    ]
}

async fn admins(stage: &Stage) -> Browser<'_> {
    Browser::of_person(stage, Some(1), "admin", &SCOPES).await
}

async fn page(browser: &mut Browser<'_>, path: &str) -> String {
    browser.get(path).await.expect(200).body
}

async fn listed(stage: &Stage) -> Vec<Value> {
    let admin = stage.admin().await;
    let list = stage.ask("GET /api/v1/tenants/1/connectors", &admin).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// The row of a content in a table.
fn row<'p>(page: &'p str, content: &str) -> &'p str {
    between(
        page,
        &format!("<th scope=\"row\"><a href=\"/console/tenants/1/contents/{content}\""),
        "</tr>",
    )
}

async fn whoever_installs_one_is_warned_and_sees_what_becomes_public(stage: Stage) {
    let admin = stage.admin().await;
    let said = [
        json!({"texts": [{"language": "en", "title": "A film", "pretty_id": "a-film"}]}),
        json!({"texts": [{"language": "en", "title": "A secret"}], "publication": "unpublished"}),
        json!({"texts": [{"language": "en", "title": "A sound"}], "kind": "AUDIO"}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let mut browser = admins(&stage).await;
    let folder = stage.folder.to_string();
    let of_folder = page(&mut browser, &format!("/console/tenants/1/folders/{folder}")).await;
    let new = format!("{OWN}/new?folder={folder}");
    assert!(of_folder.contains(&new) && of_folder.contains("No connector makes"), "{of_folder}");
    let choice = page(&mut browser, &format!("{OWN}/new")).await;
    assert!(choice.contains(&format!("<option value=\"{folder}\">folder</option>")), "{choice}");
    // B4, before anything else is said, and again where it is confirmed.
    let form = page(&mut browser, &new).await;
    for shown in [&choice, &form] {
        assert!(shown.contains("For public contents only.") && shown.contains("downloadSource"));
    }
    assert!(form.find("For public contents only.") < form.find("<form class=\"card\""));

    let own = format!("{OWN}/new");
    let mut of_videos = settings(&folder, "pretty_id", "look");
    of_videos.retain(|(name, _)| *name != "which");
    of_videos.extend([("which", "some"), ("kinds", "VIDEO")]);
    let look = browser.post(&own, &of_videos).await.expect(200).body;
    assert!(look.contains("<h1>1 content becomes public</h1>"), "{look}");
    assert!(look.contains("For public contents only."));
    assert!(row(&look, &ids[0]).contains("a-film"));
    assert!(!look.contains("A secret") && !look.contains("A sound"));
    let look = browser.post(&own, &settings(&folder, "pretty_id", "look")).await.expect(200).body;
    assert!(look.contains("<h1>2 contents become public</h1>"));
    assert!(look.contains("1 of them has nothing that could stand in an address"), "{look}");
    assert!(row(&look, &ids[2]).contains("it has no pretty ID"));
    // To look is to change nothing; to go back is to lose nothing.
    assert_eq!(listed(&stage).await, Vec::<Value>::new());
    let mut back = of_videos.clone();
    back.push(("step", "back"));
    back.retain(|field| *field != ("step", "look"));
    let form = browser.post(&own, &back).await.expect(200).body;
    assert!(form.contains("value=\"Press kit\""), "{form}");
    assert!(
        form.contains("value=\"pretty_id\" checked") && form.contains("value=\"VIDEO\" checked")
    );
    assert!(form.contains("value=\"some\" checked"));

    let mut save = of_videos.clone();
    save.retain(|(name, _)| *name != "step");
    save.push(("step", "save"));
    let saved = browser.post(&own, &save).await.expect(303);
    let made = listed(&stage).await;
    let id = made[0]["id"].as_str().unwrap();
    assert_eq!(saved.header("location"), Some(&*format!("{OWN}/{id}?said=installed")));
    assert_eq!(
        (&made[0]["name"], &made[0]["kinds"], &made[0]["addressed_by"]["by"]),
        (&json!("Press kit"), &json!(["VIDEO"]), &json!("pretty_id"))
    );
    assert_eq!((&made[0]["force_https"], &made[0]["strict"]), (&json!(true), &json!(false)));
    let shown = page(&mut browser, &format!("{OWN}/{id}?said=installed")).await;
    assert!(between(&shown, "role=\"status\">", "<").contains("installed"));
    // B14, and the log has who it was.
    browser.post(&own, &settings(&folder, "content_id", "save")).await.expect(303);
    let of_folder = page(&mut browser, &format!("/console/tenants/1/folders/{folder}")).await;
    assert_eq!(of_folder.matches(">Press kit</a>").count(), 2, "{of_folder}");
    assert_eq!(page(&mut browser, OWN).await.matches(">Press kit</a>").count(), 2);
    let log = stage.ask("GET /api/v1/audit?limit=1000", &admin).await.expect(200).json();
    let events = log["items"].as_array().unwrap().iter();
    let created: Vec<_> = events.filter(|it| it["action"] == "connector.create").collect();
    assert_eq!(created.len(), 2);
    assert!(
        created.iter().all(|it| it["actor"].as_str().unwrap().starts_with("per_")),
        "{created:?}"
    );
}

async fn what_is_refused_keeps_what_was_typed(stage: Stage) {
    let admin = stage.admin().await;
    contents(&stage, &admin, &[json!({"metadata": sku("x")})]).await;
    let mut browser = admins(&stage).await;
    let folder = stage.folder.to_string();
    let own = format!("{OWN}/new");
    let form = page(&mut browser, &format!("{own}?folder={folder}")).await;
    assert!(form.contains("<option value=\"SKU\">SKU (1 content)</option>"), "{form}");
    for step in ["look", "save"] {
        for (field, value, said) in [
            ("which", "some", "at least one kind"),
            ("which", "", "at least one kind"),
            ("by", "metadata", "Choose the metadata"),
            ("by", "", "Choose what stands"),
            ("name", "", "Name must have"),
        ] {
            let mut wrong = settings(&folder, "content_id", step);
            wrong.retain(|(name, _)| *name != field);
            wrong.extend([(field, value), ("strict", "1")]);
            let refused = browser.post(&own, &wrong).await.expect(400).body;
            let alert = between(&refused, "role=\"alert\">", "<");
            assert!(alert.contains(said), "{field}: {alert}");
            assert!(between(&refused, "id=\"strict\"", ">").contains("checked"));
        }
    }
    let mut nowhere = settings("999", "content_id", "save");
    browser.post(&own, &nowhere).await.expect(404);
    nowhere.retain(|(name, _)| *name != "folder");
    browser.post(&own, &nowhere).await.expect(404);
    assert_eq!(listed(&stage).await, Vec::<Value>::new());
}

async fn a_connector_is_shown_with_an_address_and_its_parts(stage: Stage) {
    let admin = stage.admin().await;
    let mut browser = admins(&stage).await;
    for (addressed_by, parts) in [
        (json!({"by": "content_id"}), vec!["content ID"]),
        (json!({"by": "pretty_id"}), vec!["language", "pretty ID"]),
        (json!({"by": "metadata", "name": "SKU"}), vec!["value of SKU"]),
    ] {
        let id = connector(&stage, &admin, &body(&stage, &addressed_by)).await;
        let shown = page(&mut browser, &format!("{OWN}/{id}")).await;
        let example = between(&shown, "<p class=\"example\">", "</p>");
        assert!(example.contains(&format!("/dl/{id}/")), "{example}");
        let legend = between(&shown, "<ul class=\"legend\">", "</ul>");
        let named: Vec<_> = legend.split("<span class=\"what\">").skip(1).collect();
        let named: Vec<_> = named.iter().map(|it| it.split('<').next().unwrap()).collect();
        assert_eq!(named, parts);
        assert_eq!(example.matches("<mark>").count(), parts.len());
        assert!(shown.contains("Nothing lies in this folder"));
    }
}

async fn the_table_says_what_each_address_gives_and_why_not(stage: Stage) {
    let admin = stage.admin().await;
    let texts = json!([
        {"language": "de", "title": "Film", "pretty_id": "ein-film"},
        {"language": "en", "title": "Film", "pretty_id": "a-film"},
    ]);
    let said = [
        json!({"metadata": sku("alone"), "texts": texts}),
        json!({"metadata": sku("secret"), "publication": "unpublished"}),
        json!({"metadata": sku("a/b")}),
        json!({"kind": "AUDIO"}),
        json!({"periods": [{"starts_at": null, "ends_at": "2020-01-01T00:00:00Z"}]}),
        json!({"files": []}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let mut browser = admins(&stage).await;
    let by_name = connector(&stage, &admin, &body(&stage, &json!({"by": "pretty_id"}))).await;
    let shown = page(&mut browser, &format!("{OWN}/{by_name}")).await;
    for (language, name) in [("de", "ein-film"), ("en", "a-film")] {
        assert!(
            row(&shown, &ids[0]).contains(&format!("/dl/{by_name}/{language}/{name}")),
            "{shown}"
        );
    }
    assert!(row(&shown, &ids[2]).contains("because it has no address"), "{shown}");
    let mut draft = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    draft["kinds"] = json!(["VIDEO"]);
    let id = connector(&stage, &admin, &draft).await;
    let own = format!("{OWN}/{id}");
    let shown = page(&mut browser, &own).await;
    for (content, expected) in [
        (&ids[0], ">Public</span>"),
        (&ids[1], "because it is not published"),
        (&ids[2], "“a/b” cannot stand in an address"),
        (&ids[2], "because no address gives it"),
        (&ids[3], "because the connector does not take this kind"),
        (&ids[4], "because this is not its time of publication"),
        (&ids[5], "because it has no original file"),
        (&ids[3], "its metadata has no SKU"),
    ] {
        assert!(row(&shown, content).contains(expected), "{expected}: {}", row(&shown, content));
    }
    assert!(!shown.contains("/clashes"));
    // What the API exports, byte for byte.
    let sheet = browser.get(&format!("{own}/urls.csv")).await.expect(200);
    let of_api = format!("GET /api/v1/tenants/1/connectors/{id}/urls?format=csv");
    assert_eq!(sheet.body, stage.ask(&of_api, &admin).await.expect(200).body);
    assert_eq!(sheet.body.lines().count(), 7);
    let name = format!("attachment; filename=\"{id}.csv\"");
    assert_eq!(sheet.header("content-disposition"), Some(&*name));
    assert_eq!(sheet.header("cache-control"), Some("no-store"));
    let patch = format!("PATCH /api/v1/tenants/1/connectors/{id}");
    stage.send(&patch, &admin, &json!({"enabled": false})).await.expect(200);
    let shown = page(&mut browser, &own).await;
    assert!(row(&shown, &ids[0]).contains("because the connector is paused"));
    assert!(shown.contains("Paused") && page(&mut browser, OWN).await.contains(">Paused<"));
}

async fn values_of_several_say_which_is_given(stage: Stage) {
    let admin = stage.admin().await;
    let said = [
        json!({"metadata": sku("x")}),
        json!({"metadata": sku("x")}),
        json!({"metadata": sku("x"), "publication": "unpublished"}),
        json!({"metadata": sku("alone")}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let by_sku = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    let id = connector(&stage, &admin, &by_sku).await;
    let mut browser = admins(&stage).await;
    let own = format!("{OWN}/{id}");
    // Made in one second: the one of the lesser id is meant.
    let (given, other) = if ids[0] < ids[1] { (0, 1) } else { (1, 0) };
    let shown = page(&mut browser, &own).await;
    assert!(row(&shown, &ids[given]).contains("This is the oldest, and is given"), "{shown}");
    let shadowed = row(&shown, &ids[other]);
    assert!(shadowed.contains("Gives another content") && shadowed.contains("An older one"));
    assert!(shown.contains(&format!("{own}/clashes")));
    let clashes = page(&mut browser, &format!("{own}/clashes")).await;
    let told =
        |content: &str| between(&clashes, &format!("contents/{content}\">"), "</li>").to_owned();
    assert!(told(&ids[given]).contains("badge good\">given<"), "{clashes}");
    assert!(told(&ids[other]).contains("not given: an older one is"));
    assert!(told(&ids[2]).contains("not public, because it is not published"));
    assert!(!clashes.contains(&ids[3]));
    // The look tells of it as well.
    let folder = stage.folder.to_string();
    let mut look = settings(&folder, "metadata", "look");
    look.push(("field", "SKU"));
    let shown = browser.post(&format!("{OWN}/new"), &look).await.expect(200).body;
    assert!(shown.contains("2 of them have values that others have too."), "{shown}");

    let patch = format!("PATCH /api/v1/tenants/1/connectors/{id}");
    stage.send(&patch, &admin, &json!({"strict": true})).await.expect(200);
    let shown = page(&mut browser, &own).await;
    assert_eq!(shown.matches(">Refused<").count(), 2);
    let clashes = page(&mut browser, &format!("{own}/clashes")).await;
    assert!(!clashes.contains(">given<") && clashes.matches(">refused<").count() == 2, "{clashes}");
    let by_id = connector(&stage, &admin, &body(&stage, &json!({"by": "content_id"}))).await;
    browser.get(&format!("{OWN}/{by_id}/clashes")).await.expect(404);
}

/// The contents of a page of `page`'s tables.
fn shown_contents(page: &str) -> Vec<String> {
    let rows = page.split("<th scope=\"row\"><a href=\"/console/tenants/1/contents/").skip(1);
    rows.map(|it| it.split('"').next().unwrap().to_owned()).collect()
}

async fn what_becomes_public_comes_in_pages(stage: Stage) {
    let admin = stage.admin().await;
    let said: Vec<_> = (0..120).map(|_| json!({})).collect();
    let mut expected = contents(&stage, &admin, &said).await;
    expected.sort_unstable();
    let mut browser = admins(&stage).await;
    let folder = stage.folder.to_string();
    page(&mut browser, &format!("{OWN}/new?folder={folder}")).await;
    let (mut from, mut seen) = ("0".to_owned(), Vec::new());
    for shown in [50, 50, 20] {
        let mut fields = settings(&folder, "content_id", "look");
        fields.push(("from", &from));
        let look = browser.post(&format!("{OWN}/new"), &fields).await.expect(200).body;
        assert!(look.contains("<h1>120 contents become public</h1>"), "{look}");
        let contents = shown_contents(&look);
        assert_eq!(contents.len(), shown);
        seen.extend(contents);
        assert_eq!(look.contains(">Page before<"), from != "0");
        let next = look.split("name=\"from\" value=\"").find(|it| it.contains(">Next page<"));
        match next.filter(|_| look.contains(">Next page<")) {
            Some(next) => from = next.split('"').next().unwrap().to_owned(),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, expected);

    // The table of one that is installed, too.
    let id = connector(&stage, &admin, &body(&stage, &json!({"by": "content_id"}))).await;
    let (mut path, mut seen) = (format!("{OWN}/{id}"), Vec::new());
    for shown in [50, 50, 20] {
        let table = page(&mut browser, &path).await;
        let contents = shown_contents(&table);
        assert_eq!(contents.len(), shown);
        seen.extend(contents);
        let next = table.split("<a class=\"button\" href=\"").find(|it| it.contains(">Next page<"));
        match next.and_then(|it| it.split('"').next()) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, expected);
}

async fn one_is_changed_and_removed_by_whoever_saw_it(stage: Stage) {
    let admin = stage.admin().await;
    contents(&stage, &admin, &[json!({"metadata": sku("x")})]).await;
    let mut draft = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    draft["kinds"] = json!(["IMAGE", "VIDEO"]);
    draft["force_https"] = json!(false);
    let id = connector(&stage, &admin, &draft).await;
    let mut browser = admins(&stage).await;
    let own = format!("{OWN}/{id}");
    let form = page(&mut browser, &format!("{own}/edit")).await;
    for there in [
        "value=\"Press\"",
        "value=\"metadata\" checked",
        "<option value=\"SKU\" selected>",
        "value=\"IMAGE\" checked",
        "value=\"some\" checked",
        "name=\"revision\" value=\"1\"",
    ] {
        assert!(form.contains(there), "{there}: {form}");
    }
    assert!(!between(&form, "id=\"https\"", ">").contains("checked"));
    let folder = stage.folder.to_string();
    let change = |revision: &'static str, step: &'static str| {
        let mut fields = settings(&folder, "pretty_id", step);
        fields.extend([("revision", revision), ("works", "no")]);
        fields
    };
    let edit = format!("{own}/edit");
    let look = browser.post(&edit, &change("1", "look")).await.expect(200).body;
    assert!(
        look.contains("Nothing is public while it is paused") && look.contains("Save the change"),
        "{look}"
    );
    assert_eq!(listed(&stage).await[0]["name"], "Press");
    let saved = browser.post(&edit, &change("1", "save")).await.expect(303);
    assert_eq!(saved.header("location"), Some(&*format!("{own}?said=saved")));
    let now = listed(&stage).await[0].clone();
    assert_eq!(
        (&now["name"], &now["enabled"], &now["force_https"], &now["addressed_by"]["by"]),
        (&json!("Press kit"), &json!(false), &json!(true), &json!("pretty_id"))
    );
    // Whoever saw it before does not undo what was done since.
    let stale = browser.post(&edit, &change("1", "save")).await.expect(409).body;
    assert!(between(&stale, "role=\"alert\">", "<").contains("changed since"));
    let remove = format!("{own}/remove");
    let asked = page(&mut browser, &remove).await;
    assert!(asked.contains("stop working") && asked.contains("name=\"revision\" value=\"2\""));
    browser.post(&remove, &[]).await.expect(400);
    browser.post(&remove, &[("revision", "1")]).await.expect(409);
    assert_eq!(listed(&stage).await.len(), 1);
    let removed = browser.post(&remove, &[("revision", "2")]).await.expect(303);
    assert_eq!(removed.header("location"), Some(&*format!("{OWN}?said=removed")));
    browser.get(&own).await.expect(404);
    assert!(page(&mut browser, &format!("{OWN}?said=removed")).await.contains("no connector yet"));
}

async fn whoever_may_only_see_is_offered_nothing(stage: Stage) {
    let admin = stage.admin().await;
    contents(&stage, &admin, &[json!({})]).await;
    let id = connector(&stage, &admin, &body(&stage, &json!({"by": "content_id"}))).await;
    let folder = stage.folder.to_string();
    let own = format!("{OWN}/{id}");
    let pages = [OWN.to_owned(), own.clone(), format!("/console/tenants/1/folders/{folder}")];
    let person = make(&stage, "ann", Some(1), "member", &["catalog.read", "shares.write"]).await;
    make(&stage, "ben", Some(1), "admin", &["catalog.read"]).await;
    let mut member = Browser::new(&stage);
    member.sign_in("ann").await;
    // What is not theirs to see is not there.
    member.get(&own).await.expect(404);
    assert!(!page(&mut member, OWN).await.contains(">Press<"));
    let rights = format!("PUT /api/v1/tenants/1/folders/{folder}/rights/{person}");
    stage.send(&rights, &admin, &json!({"right": "SEE"})).await.expect(204);
    let mut reader = Browser::new(&stage);
    reader.sign_in("ben").await;
    for browser in [&mut member, &mut reader] {
        for path in &pages[1..] {
            let shown = page(browser, path).await;
            assert!(shown.contains(">Press<"), "{shown}");
            for way in ["/edit", "/remove", "connectors/new", "shares/new"] {
                assert!(!shown.contains(way), "{path}: {way}");
            }
        }
        for path in ["edit", "remove"] {
            browser.get(&format!("{own}/{path}")).await.expect(403);
        }
        let new = format!("{OWN}/new?folder={folder}");
        let refused = browser.get(&new).await.expect(403).body;
        assert!(refused.contains("the right SHARE"), "{refused}");
        for step in ["look", "save"] {
            let fields = settings(&folder, "content_id", step);
            browser.post(&format!("{OWN}/new"), &fields).await.expect(403);
            browser.post(&format!("{own}/edit"), &fields).await.expect(403);
        }
        browser.post(&format!("{own}/remove"), &[("revision", "1")]).await.expect(403);
    }
    assert!(!page(&mut reader, OWN).await.contains("/new"));
    assert_eq!(listed(&stage).await.len(), 1);
    // THRON's SHARE.
    stage.send(&rights, &admin, &json!({"right": "SHARE"})).await.expect(204);
    assert!(page(&mut member, &own).await.contains("/edit"));
    page(&mut member, &format!("{OWN}/new?folder={folder}")).await;
    let save = settings(&folder, "content_id", "save");
    member.post(&format!("{OWN}/new"), &save).await.expect(303);
}

async fn a_content_says_by_which_addresses_it_is_public(stage: Stage) {
    let admin = stage.admin().await;
    let texts = json!([{"language": "en", "title": "A film", "pretty_id": "a-film"}]);
    let ids = contents(&stage, &admin, &[json!({"texts": texts})]).await;
    let mut browser = admins(&stage).await;
    let own = format!("/console/tenants/1/contents/{}", ids[0]);
    assert!(!page(&mut browser, &own).await.contains("Public addresses"));
    let by_id = connector(&stage, &admin, &body(&stage, &json!({"by": "content_id"}))).await;
    let by_name = connector(&stage, &admin, &body(&stage, &json!({"by": "pretty_id"}))).await;
    let mut elsewhere = body(&stage, &json!({"by": "content_id"}));
    let other = json!({"name": "other"});
    let other = stage.send("POST /api/v1/tenants/1/folders", &admin, &other).await.expect(201);
    elsewhere["folder"] = other.json()["number"].clone();
    let elsewhere = connector(&stage, &admin, &elsewhere).await;
    let shown = page(&mut browser, &own).await;
    assert!(shown.contains(&format!("/dl/{by_id}/{}", ids[0])), "{shown}");
    assert!(shown.contains(&format!("/dl/{by_name}/en/a-film")));
    assert!(!shown.contains(&elsewhere) && !shown.contains("Not public"));
    let patch = format!("PATCH /api/v1/tenants/1/contents/{}", ids[0]);
    stage.send(&patch, &admin, &json!({"publication": "unpublished"})).await.expect(200);
    let shown = page(&mut browser, &own).await;
    assert_eq!(shown.matches("because it is not published").count(), 2);
}

async fn names_are_text_and_never_markup(stage: Stage) {
    let admin = stage.admin().await;
    let evil = "<script>alert(1)</script>\"'&";
    let texts = json!([{"language": "en", "title": evil}]);
    let metadata = json!([{"language": "", "name": "<b>\"'", "value": evil}]);
    let said = [json!({"texts": texts, "metadata": metadata}), json!({"metadata": metadata})];
    let ids = contents(&stage, &admin, &said).await;
    let mut draft = body(&stage, &json!({"by": "metadata", "name": "<b>\"'"}));
    draft["name"] = json!(evil);
    let id = connector(&stage, &admin, &draft).await;
    let mut browser = admins(&stage).await;
    let folder = stage.folder.to_string();
    let mut pages = Vec::new();
    for path in [
        OWN.to_owned(),
        format!("{OWN}/new?folder={folder}"),
        format!("{OWN}/{id}"),
        format!("{OWN}/{id}?after=%3Cscript%3E"),
        format!("{OWN}/{id}/clashes"),
        format!("{OWN}/{id}/edit"),
        format!("{OWN}/{id}/remove"),
        format!("/console/tenants/1/folders/{folder}"),
        format!("/console/tenants/1/contents/{}", ids[0]),
    ] {
        pages.push(page(&mut browser, &path).await);
    }
    let mut look = settings(&folder, "metadata", "look");
    look.retain(|(name, _)| *name != "name");
    look.extend([("name", evil), ("field", "<b>\"'")]);
    pages.push(browser.post(&format!("{OWN}/new"), &look).await.expect(200).body);
    for shown in pages {
        assert!(!shown.contains("<script>") && !shown.contains("<b>"), "{shown}");
        assert!(!shown.contains("style=") && !shown.contains("onclick"));
    }
}
