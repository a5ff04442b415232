//! What the console's pages show and do.

use serde_json::json;

use super::console::Browser;
use super::stage::{CatalogSample, Stage, on_both_databases};

on_both_databases! {
    tenants_are_chosen_by_whoever_has_many
    contents_are_found_by_folder_and_title
    contents_come_in_pages
    a_content_is_shown_with_all_that_is_known
    values_are_text_and_never_markup
}

/// What every page together needs.
pub(super) const SCOPES: [&str; 8] = [
    "audit.read",
    "catalog.read",
    "files.sign",
    "links.revoke",
    "overrides.admin",
    "settings.admin",
    "shares.write",
    "trace",
];

/// Each page of tenant 1 that is asked for.
pub(super) fn paths(sample: &CatalogSample, folder: u64, connector: &str) -> Vec<String> {
    let content = format!("/console/tenants/1/contents/{}", sample.content);
    vec![
        "/console/tenants/1/contents".to_owned(),
        format!("/console/tenants/1/folders/{folder}"),
        content.clone(),
        format!("{content}/advanced"),
        format!("{content}/protection"),
        format!("{content}/history"),
        format!("{content}/files/{}/link", sample.file),
        format!("/console/tenants/1/folders/{folder}/protection"),
        "/console/tenants/1/connectors".to_owned(),
        "/console/tenants/1/connectors/new".to_owned(),
        format!("/console/tenants/1/connectors/new?folder={folder}"),
        format!("/console/tenants/1/connectors/{connector}"),
        format!("/console/tenants/1/connectors/{connector}/urls.csv"),
        format!("/console/tenants/1/connectors/{connector}/clashes"),
        format!("/console/tenants/1/connectors/{connector}/edit"),
        format!("/console/tenants/1/connectors/{connector}/remove"),
        "/console/tenants/1/protection".to_owned(),
        "/console/tenants/1/links".to_owned(),
        "/console/tenants/1/traces".to_owned(),
        "/console/tenants/1/settings/sharing".to_owned(),
        "/console/tenants/1/settings/sharing/colours.css".to_owned(),
        "/console/tenants/1/audit".to_owned(),
        "/console/tenants/1/audit.csv".to_owned(),
        "/console/tenants/1/audit.ndjson".to_owned(),
        "/console/tenants/1/settings/webhooks".to_owned(),
        "/console/tenants/1/settings/webhooks/new".to_owned(),
    ]
}

async fn tenants_are_chosen_by_whoever_has_many(stage: Stage) {
    let mut browser = Browser::of_person(&stage, None, "admin", &SCOPES).await;
    let page = browser.get("/console/").await.expect(200).body;
    for number in [1, 2] {
        let link = format!("<a href=\"/console/tenants/{number}\">tenant-{number}</a>");
        assert!(page.contains(&link), "{page}");
    }
    browser.get("/console/tenants/2/contents").await.expect(200);
    let none = browser.get("/console/?after=2").await.expect(200).body;
    assert!(!none.contains("tenant-1"));
}

async fn contents_are_found_by_folder_and_title(stage: Stage) {
    let admin = stage.admin().await;
    let folder = stage.folder;
    let post = async |noun: &str, body| {
        let path = format!("POST /api/v1/tenants/1/{noun}");
        stage.send(&path, &admin, &body).await.expect(201).json()
    };
    let inner = post("folders", json!({"name": "Inner & outer", "parent": folder})).await;
    let inner = inner["number"].as_u64().unwrap();
    for (title, folder, publication) in [
        ("Annual Report", Some(folder), "published"),
        ("Report in there", Some(inner), "unpublished"),
        ("Loose leaf", None, "unpublished"),
    ] {
        let texts = json!([{"language": "en", "title": title}]);
        let body = json!({
            "kind": "OTHER", "folder": folder, "texts": texts, "publication": publication,
        });
        post("contents", body).await;
    }
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    for (path, there, not_there) in [
        (
            "contents",
            vec!["Annual Report", "Report in there", "Loose leaf", "Published"],
            vec!["Inner"],
        ),
        ("contents?title=REPORT", vec!["Annual Report", "Report in there"], vec!["Loose leaf"]),
        ("contents?title=nowhere", vec!["No title here contains “nowhere”"], vec!["<table>"]),
        (
            &format!("folders/{folder}"),
            vec!["Annual Report", "Inner &#38; outer"],
            vec!["Report in", "Loose"],
        ),
        (
            &format!("folders/{folder}?below=1"),
            vec!["Annual Report", "Report in there"],
            vec!["Loose"],
        ),
        (
            &format!("folders/{inner}"),
            vec!["<h1>Inner &#38; outer</h1>", "Report in there", ">folder</a></li>"],
            vec!["Annual"],
        ),
    ] {
        let page = browser.get(&format!("/console/tenants/1/{path}")).await.expect(200).body;
        for text in there {
            assert!(page.contains(text), "{path}: no {text} in {page}");
        }
        for text in not_there {
            assert!(!page.contains(text), "{path}: {text}");
        }
    }
    let long = "x".repeat(300);
    browser.get(&format!("/console/tenants/1/contents?title={long}")).await.expect(400);
    let nul = browser.get("/console/tenants/1/contents?title=%00").await.expect(200).body;
    assert!(nul.contains("Loose leaf"));
}

async fn contents_come_in_pages(stage: Stage) {
    let admin = stage.admin().await;
    for number in 0..120 {
        let texts = json!([{"language": "en", "title": format!("Sheet {number}.")}]);
        let body = json!({"kind": "OTHER", "texts": texts});
        stage.send("POST /api/v1/tenants/1/contents", &admin, &body).await.expect(201);
    }
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let mut path = "/console/tenants/1/contents?title=sheet".to_owned();
    let mut seen = Vec::new();
    for shown in [50, 50, 20] {
        let page = browser.get(&path).await.expect(200).body;
        let titles: Vec<_> = page
            .split("\">Sheet ")
            .skip(1)
            .map(|it| it.split('<').next().unwrap().to_owned())
            .collect();
        assert_eq!(titles.len(), shown);
        seen.extend(titles);
        let next =
            page.split("<a class=\"button\" href=\"").skip(1).find(|it| it.contains(">Next page<"));
        path = match next.and_then(|it| it.split('"').next()) {
            Some(next) => next.replace("&#38;", "&"),
            None => break,
        };
        assert!(path.contains("title=sheet"), "{path}");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}

async fn a_content_is_shown_with_all_that_is_known(stage: Stage) {
    let admin = stage.admin().await;
    let sample = stage.catalog(1).await;
    let path = format!("/api/v1/tenants/1/contents/{}", sample.content);
    let patch = json!({
        "folder": stage.folder,
        "texts": [
            {"language": "de", "title": "Ein Film", "description": "Worum es geht", "pretty_id": "ein-film"},
            {"language": "en", "title": "A Film", "pretty_id": "a-film"},
        ],
        "tags": ["summer"], "metadata": [{"name": "agency", "language": "", "value": "Acme"}],
        "periods": [{"ends_at": "2031-01-01T00:00:00Z"}],
    });
    stage.send(&format!("PATCH {path}"), &admin, &patch).await.expect(200);
    let version =
        stage.send(&format!("POST {path}/versions"), &admin, &json!({"label": "cut 2"})).await;
    let version = version.expect(201).json()["id"].as_str().unwrap().to_owned();
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let own = format!("/console/tenants/1/contents/{}", sample.content);
    let page = browser.get(&own).await.expect(200).body;
    for text in [
        "Ein Film",
        "A Film",
        "Worum es geht",
        "ein-film",
        "a-film",
        "summer",
        "agency",
        "Acme",
        "Video",
        "Published",
        "2031-01-01 00:00 UTC",
        ">folder</a>",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    let page = browser.get(&format!("{own}/advanced")).await.expect(200).body;
    for text in [
        &*sample.content,
        &sample.version,
        &version,
        "cut 2",
        "7 bytes",
        "films/a.mp4",
        "Handed out",
        "Files of version 1",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    let page = browser.get(&format!("{own}/advanced?version={version}")).await.expect(200).body;
    assert!(page.contains("Files of version 2") && page.contains("no file yet"));
    browser
        .get(&format!("{own}/advanced?version=ver_0000000000000000000000000a"))
        .await
        .expect(404);
}

async fn values_are_text_and_never_markup(stage: Stage) {
    let admin = stage.admin().await;
    let evil = "<script>alert(1)</script>\"'&";
    let texts = json!([{"language": "en", "title": evil, "description": evil}]);
    let body = json!({
        "kind": "OTHER", "texts": texts, "tags": [evil],
        "metadata": [{"name": "m", "language": "", "value": evil}],
    });
    let made =
        stage.send("POST /api/v1/tenants/1/contents", &admin, &body).await.expect(201).json();
    stage.send("POST /api/v1/tenants/1/folders", &admin, &json!({"name": evil})).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    for path in [
        "/console/tenants/1/contents".to_owned(),
        "/console/tenants/1/contents?title=%3Cscript%3E%22%3E".to_owned(),
        format!("/console/tenants/1/contents/{id}"),
        format!("/console/tenants/1/contents/{id}/advanced"),
        format!("/console/tenants/1/contents/{id}/protection"),
        format!("/console/tenants/1/contents/{id}/history"),
        "/console/tenants/1/audit".to_owned(),
        "/console/tenants/1/audit?action=%3Cscript%3E%22%3E".to_owned(),
        "/console/tenants/1/links?tag=%3Cscript%3E%22%3E".to_owned(),
        "/console/login?next=/console/%22%3E%3Cscript%3E".to_owned(),
    ] {
        let page = browser.get(&path).await.body;
        assert!(!page.contains("<script>"), "{path}: {page}");
        assert!(!page.contains("style=") && !page.contains("onclick"), "{path}");
    }
}
