//! What people do in the console: switches, links, and the log of both.

use serde_json::json;

use super::connectors;
use super::console::{Browser, make};
use super::console_pages::SCOPES;
use super::stage::{CatalogSample, Stage, on_both_databases};
use crate::control_plane::link::scenery;
use crate::policy::OverrideTable;

on_both_databases! {
    switches_open_and_close_and_say_through_what
    a_refused_switch_keeps_what_was_chosen
    links_are_made_listed_and_revoked
    a_refused_link_keeps_what_was_typed
    the_log_is_searched_and_taken_along
    a_content_has_its_own_history
    every_action_needs_its_form_and_its_scope
}

/// Links can be signed.
fn in_force(stage: &Stage) {
    let sites = vec![scenery::site("files.example.com", None, 1)];
    let snapshot = scenery::snapshot(sites, OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
}

/// What of a page is between two texts.
pub(super) fn between<'p>(page: &'p str, begin: &str, end: &str) -> &'p str {
    let (_, rest) = page.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {page}"));
    rest.split(end).next().unwrap()
}

/// The row of a page's table of what is in force, for that type.
fn row<'p>(page: &'p str, wire_name: &str) -> &'p str {
    between(page, &format!("<code class=\"wire\">{wire_name}</code>"), "</tr>")
}

async fn switches_open_and_close_and_say_through_what(stage: Stage) {
    let sample = stage.catalog(1).await;
    let admin = stage.admin().await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let tenant = "/console/tenants/1/protection";
    let content = format!("/console/tenants/1/contents/{}/protection", sample.content);
    let folder = format!("/console/tenants/1/folders/{}/protection", stage.folder);
    let page = browser.get(&content).await.expect(200).body;
    assert!(row(&page, "VIDEO_SOURCE").contains("Protected"), "{page}");

    let types = [("opens", "types"), ("types", "VIDEO_SOURCE"), ("types", "SUBTITLE")];
    let saved = browser.post(&content, &types).await.expect(303);
    assert_eq!(saved.header("location"), Some(&*format!("{content}?said=saved")));
    let page = browser.get(&format!("{content}?said=saved")).await.expect(200).body;
    assert!(between(&page, "role=\"status\">", "<").contains("Saved"));
    assert!(row(&page, "VIDEO_SOURCE").contains("Public"));
    assert!(row(&page, "VIDEO_SOURCE").contains("for this content"));
    assert!(row(&page, "VIDEO_FORMAT").contains("no level opens them"));
    let table = stage.ask("GET /v1/vms/1/security-override", &admin).await.expect(200).body;
    assert!(table.contains(&sample.content) && table.contains("VIDEO_SOURCE"), "{table}");

    browser.post(&format!("{tenant}/types"), &[("types", "SUBTITLE")]).await.expect(303);
    let page = browser.get(&content).await.expect(200).body;
    assert!(row(&page, "SUBTITLE").contains("public everywhere; it is public for this content"));
    browser.post(&folder, &[("opens", "types")]).await.expect(303);
    let page = browser.get(&folder).await.expect(200).body;
    assert!(row(&page, "ATTACHMENT").contains("this folder"));
    browser.post(&format!("{tenant}/everything"), &[("opens", "everything")]).await.expect(303);
    let page = browser.get(tenant).await.expect(200).body;
    assert!(row(&page, "VIDEO_FORMAT").contains("everything of the tenant"));
    assert!(page.contains(&sample.content) && page.contains("Originals"));

    // One level is closed, and the others stay.
    browser.post(&format!("{tenant}/everything"), &[("opens", "nothing")]).await.expect(303);
    let one = [("level", "content"), ("subject", &*sample.content)];
    browser.post(&format!("{tenant}/close"), &one).await.expect(303);
    let page = browser.get(&content).await.expect(200).body;
    assert!(row(&page, "VIDEO_SOURCE").contains("Protected"));
    assert!(row(&page, "SUBTITLE").contains("Public"));
    browser.post(&format!("{tenant}/close-all"), &[]).await.expect(400);
    let page = browser.get(&folder).await.expect(200).body;
    assert!(row(&page, "ATTACHMENT").contains("Public"));
    browser.post(&format!("{tenant}/close-all"), &[("sure", "1")]).await.expect(303);
    let page = browser.get(tenant).await.expect(200).body;
    assert!(page.contains("no folder is open by itself") && !page.contains("Close everything"));
    assert!(!page.contains("badge bad"));
}

async fn a_refused_switch_keeps_what_was_chosen(stage: Stage) {
    let sample = stage.catalog(1).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let content = format!("/console/tenants/1/contents/{}/protection", sample.content);
    browser.get(&content).await.expect(200);
    let refused = browser.post(&content, &[("opens", "types")]).await.expect(400).body;
    assert!(between(&refused, "role=\"alert\">", "<").contains("At least one asset type"));
    assert!(refused.contains("id=\"opens-types\" name=\"opens\" value=\"types\" checked"));
    browser.post(&content, &[("opens", "types"), ("types", "NONSENSE")]).await.expect(400);
    let close = "/console/tenants/1/protection/close";
    for wrong in [[("level", "content"), ("subject", "a/b")], [("level", "x"), ("subject", "1")]] {
        browser.post(close, &wrong).await.expect(404);
    }
}

async fn links_are_made_listed_and_revoked(stage: Stage) {
    in_force(&stage);
    let sample = stage.catalog(1).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let content = format!("/console/tenants/1/contents/{}", sample.content);
    let page = browser.get(&format!("{content}/advanced")).await.expect(200).body;
    let form = format!("{content}/files/{}/link", sample.file);
    assert!(page.contains(&form), "{page}");
    browser.get(&form).await.expect(200);
    let order = [
        ("amount", "3"),
        ("unit", "days"),
        ("uses", "any"),
        ("addresses", "192.0.2.0/24"),
        ("parallel", "2"),
        ("shown", "save"),
    ];
    let made = browser.post(&form, &order).await.expect(200).body;
    let url = between(&made, "<input id=\"url\" class=\"address\" type=\"text\" value=\"", "\"");
    let url = url.replace("&#38;", "&");
    let snapshot = stage.in_force.lock().unwrap().clone().unwrap();
    assert_eq!(scenery::opened(&snapshot, &url, "192.0.2.1"), Ok(()));
    assert!(scenery::opened(&snapshot, &url, "198.51.100.1").is_err());
    assert!(
        made.contains("2030-01-02 00:00 UTC")
            && made.contains("do not live longer")
            && made.contains("value=\"192.0.2.0/24\"")
    );
    let id = between(&made, "can be revoked, as <code>", "<").to_owned();

    let list = browser.get("/console/tenants/1/links").await.expect(200).body;
    assert!(list.contains(&id) && list.contains(">Open<"));
    assert!(list.contains("from 192.0.2.0/24, 2 at a time"));
    assert!(!list.contains(&url), "the list opens files");
    let filtered = browser.get("/console/tenants/1/links?file=x").await.expect(200).body;
    assert!(filtered.contains("No link fits that"));
    let own = format!("/console/tenants/1/links/{id}");
    let page = browser.get(&own).await.expect(200).body;
    assert!(page.contains("Revoke this link") && page.contains("Nothing was downloaded yet"));
    let revoked = browser.post(&format!("{own}/revoke"), &[]).await.expect(303);
    assert_eq!(revoked.header("location"), Some(&*format!("{own}?said=revoked")));
    let page = browser.get(&format!("{own}?said=revoked")).await.expect(200).body;
    assert!(page.contains("The link is revoked") && page.contains(">Revoked<"));
    assert!(!page.contains("Revoke this link"));
    let admin = stage.admin().await;
    let dead = stage.ask("GET /api/v1/tenants/1/revocations", &admin).await.expect(200).body;
    assert!(dead.contains(&id), "{dead}");

    // Another tenant's address shows none of it, also to whoever reaches both.
    make(&stage, "root", None, "admin", &SCOPES).await;
    let mut root = Browser::new(&stage);
    root.sign_in("root").await;
    root.get(&own).await.expect(200);
    root.get(&own.replace("tenants/1", "tenants/2")).await.expect(404);
    root.get(&form.replace("tenants/1", "tenants/2")).await.expect(404);
}

async fn a_refused_link_keeps_what_was_typed(stage: Stage) {
    in_force(&stage);
    let sample = stage.catalog(1).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let content = format!("/console/tenants/1/contents/{}", sample.content);
    let form = format!("{content}/files/{}/link", sample.file);
    browser.get(&form).await.expect(200);
    for (field, value, said) in [
        ("addresses", "office", "The address is none"),
        ("amount", "soon", "whole number"),
        ("parallel", "many", "Downloads at a time"),
        ("tag", "for Ann", "carry no tags"),
    ] {
        let mut order = vec![("amount", "5"), ("unit", "minutes"), ("uses", "one")];
        order.retain(|(name, _)| *name != field);
        order.push((field, value));
        let refused = browser.post(&form, &order).await.expect(400).body;
        assert!(between(&refused, "role=\"alert\">", "<").contains(said), "{refused}");
        assert!(refused.contains(&format!("value=\"{value}\"")), "{refused}");
        assert!(refused.contains("value=\"minutes\" selected"));
        assert!(refused.contains("value=\"one\" checked"));
    }
    browser.get(&format!("{content}/files/999/link")).await.expect(404);
    // Without anything in force nothing is signed, and that is said.
    *stage.in_force.lock().unwrap() = None;
    let refused = browser.post(&form, &[("amount", "5"), ("unit", "days")]).await.expect(409).body;
    assert!(refused.contains("value=\"days\" selected") && refused.contains("role=\"alert\""));
}

async fn the_log_is_searched_and_taken_along(stage: Stage) {
    let sample = stage.catalog(1).await;
    stage.catalog(2).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let evil = json!({"name": "=cmd|' /C calc'!A0"});
    let admin = stage.admin().await;
    stage.send("POST /api/v1/tenants/1/folders", &admin, &evil).await.expect(201);
    let audit = "/console/tenants/1/audit";
    let page = browser.get(audit).await.expect(200).body;
    assert!(page.contains("content.import") || page.contains("content.create"), "{page}");
    assert!(page.find("folder.create").unwrap() < page.find("pipeline.create").unwrap());
    let page = browser.get(&format!("{audit}?action=folder")).await.expect(200).body;
    assert!(page.contains("folder.create") && !page.contains("pipeline.create"));
    let page = browser.get(&format!("{audit}?object={}", sample.archive)).await.expect(200).body;
    assert!(page.contains("archive.create") && !page.contains("folder.create"));
    let page = browser.get(&format!("{audit}?actor=nobody")).await.expect(200).body;
    assert!(page.contains("No event fits that"));
    let page = browser.get(&format!("{audit}?before=3")).await.expect(200).body;
    assert!(page.contains(">Latest<"));

    let lines = browser.get(&format!("{audit}.ndjson?action=folder.create")).await.expect(200);
    assert_eq!(lines.header("content-disposition"), Some("attachment; filename=\"audit.ndjson\""));
    let events: Vec<serde_json::Value> =
        lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2);
    assert!(events[0]["sequence"].as_u64() > events[1]["sequence"].as_u64());
    assert!(events.iter().all(|event| event["tenant"] == 1 && event["hash"].is_string()));
    let sheet = browser.get(&format!("{audit}.csv?action=folder.create")).await.expect(200);
    assert!(sheet.header("content-type").unwrap().starts_with("text/csv"));
    let mut rows = sheet.body.split("\r\n");
    assert!(rows.next().unwrap().starts_with("sequence,at,actor,"));
    assert!(rows.next().unwrap().contains("\"{\"\"created_at\"\""), "{}", sheet.body);

    // Bound to a tenant one sees nothing of another, whatever one asks.
    for path in [audit, "/console/audit"] {
        let lines = browser.get(&format!("{path}.ndjson")).await.expect(200).body;
        assert!(lines.lines().count() > 3);
        assert!(lines.lines().all(|line| line.contains("\"tenant\":1,")), "{lines}");
    }
    make(&stage, "root", None, "admin", &SCOPES).await;
    let mut root = Browser::new(&stage);
    root.sign_in("root").await;
    let all = root.get("/console/audit").await.expect(200).body;
    assert!(all.contains("Audit of everything") && all.contains("person.create"));
}

async fn a_content_has_its_own_history(stage: Stage) {
    let sample = stage.catalog(1).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let admin = stage.admin().await;
    let path = format!("PATCH /api/v1/tenants/1/contents/{}", sample.content);
    stage.send(&path, &admin, &json!({"tags": ["autumn"]})).await.expect(200);
    let own = format!("/console/tenants/1/contents/{}/history", sample.content);
    let page = browser.get(&own).await.expect(200).body;
    assert!(page.contains("autumn") && page.contains("<ins>"), "{page}");
    assert!(!page.contains("archive.create"));
    assert!(page.contains("Nothing was downloaded yet"));
}

async fn every_action_needs_its_form_and_its_scope(stage: Stage) {
    in_force(&stage);
    let sample = stage.catalog(1).await;
    let CatalogSample { content, file, .. } = &sample;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let form = format!("/console/tenants/1/contents/{content}/files/{file}/link");
    browser.get(&form).await.expect(200);
    let order = [("amount", "1"), ("unit", "days")];
    let made = browser.post(&form, &order).await.expect(200).body;
    let link = between(&made, "can be revoked, as <code>", "<").to_owned();
    let mut reader = Browser::of_person(&stage, Some(1), "member", &["catalog.read"]).await;
    make(&stage, "reader", Some(1), "admin", &["catalog.read"]).await;
    reader.sign_in("reader").await;
    reader.get(&format!("/console/tenants/1/contents/{content}")).await.expect(200);
    let tenant = "/console/tenants/1";
    let by_id = connectors::body(&stage, &json!({"by": "content_id"}));
    let connector = connectors::connector(&stage, &stage.admin().await, &by_id).await;
    let folder = stage.folder.to_string();
    let settings = |step: &'static str| {
        vec![
            ("name", "Other"),
            ("folder", &*folder),
            ("which", "all"),
            ("by", "pretty_id"),
            ("revision", "1"),
            ("step", step),
        ]
    };
    let actions = [
        (format!("{tenant}/connectors/new"), settings("look")),
        (format!("{tenant}/connectors/new"), settings("save")),
        (format!("{tenant}/connectors/{connector}/edit"), settings("save")),
        (format!("{tenant}/connectors/{connector}/remove"), vec![("revision", "1")]),
        (form.clone(), vec![("amount", "1"), ("unit", "days")]),
        (format!("{tenant}/links/{link}/revoke"), vec![]),
        (format!("{tenant}/protection/everything"), vec![("opens", "everything")]),
        (format!("{tenant}/protection/types"), vec![("types", "SUBTITLE")]),
        (format!("{tenant}/protection/close"), vec![("level", "content"), ("subject", content)]),
        (format!("{tenant}/protection/close-all"), vec![("sure", "1")]),
        (format!("{tenant}/contents/{content}/protection"), vec![("opens", "everything")]),
        (format!("{tenant}/folders/{}/protection", stage.folder), vec![("opens", "types")]),
    ];
    let admin = stage.admin().await;
    let before = stage.ask("GET /api/v1/audit?limit=1000", &admin).await.expect(200).body;
    for (path, fields) in &actions {
        let token = browser.form_token().to_owned();
        let same = &["Sec-Fetch-Site: same-origin"][..];
        browser.send(path, fields, "", same).await.expect(403);
        browser.send(path, fields, &token, &["Sec-Fetch-Site: cross-site"]).await.expect(403);
        browser.send(path, fields, &token, &[]).await.expect(403);
        reader.post(path, fields).await.expect(403);
        let mut nobody = Browser::new(&stage);
        nobody.get("/console/login").await;
        let sent = nobody.post(path, fields).await.expect(303);
        assert!(sent.header("location").unwrap().starts_with("/console/login"));
    }
    let after = stage.ask("GET /api/v1/audit?limit=1000", &admin).await.expect(200).body;
    assert_eq!(before, after, "something was changed");
    // The reader is shown none of it either.
    let page = reader.get(&format!("{tenant}/contents/{content}")).await.expect(200).body;
    for way in ["protection", "history", "/links", "/audit"] {
        assert!(!page.contains(way), "{way} in {page}");
    }
}
