//! Every operation of the documents, called by those who may not.

use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::api::{Document, document};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{DownloadLink, DownloadTerms, LinkId};

on_both_databases! {
    every_operation_asks_who_calls
}

/// Operations that anybody may call: those by which one becomes somebody.
const OPEN: &[&str] = &[
    "get /.well-known/oauth-authorization-server",
    "options /api/v1/tenants/{tenant}/uploads",
    "post /api/v1/edges/enrol",
    "post /v1/files/uploads/{upload}/form",
    "post /v1/oauth2/introspect",
    "post /v1/oauth2/revoke",
    "post /v1/oauth2/token",
    "post /v1/oauth2/token/",
    "post /v1/vms/auth/login",
    "post /v1/vms/auth/refresh",
    "post /v1/vms/auth/refresh/{videoManagerId}",
];

/// Operations on what belongs to no tenant in their path: what one tenant's caller sees of them is
/// their own, or nothing.
const OF_NO_TENANT: &[&str] = &[
    "get /api/v1/applications",
    "get /api/v1/audit",
    "get /api/v1/audit/export",
    "get /api/v1/keys",
    "get /api/v1/people",
    "get /api/v1/tenants",
    "get /v1/backtraces/",
    "get /v1/files/",
    "post /api/v1/traces",
];

struct Operation {
    name: String,
    line: String,
    body: Value,
    scopes: Vec<String>,
}

async fn every_operation_asks_who_calls(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({"tenant": 1, "name": "x", "scopes": []});
    let made = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let application = made["id"].as_str().unwrap().to_owned();
    let secret = made["secret_id"].as_str().unwrap().to_owned();
    let body = json!({"tenant": 1, "username": "x", "role": "member", "scopes": []});
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let person = made["id"].as_str().unwrap().to_owned();
    let body = json!({"network": "192.0.2.0/24"});
    let made = stage.send("POST /api/v1/blocklist", &admin, &body).await.expect(201).json();
    let entry = made["id"].as_str().unwrap().to_owned();
    let body = json!({"links": {"by": "link", "subject": "l"}});
    let made =
        stage.send("POST /api/v1/tenants/1/revocations", &admin, &body).await.expect(201).json();
    let revocation = made["id"].as_str().unwrap().to_owned();

    let body = json!({"tenant": 1});
    let made = stage.send("POST /api/v1/keys", &admin, &body).await.expect(201).json();
    let key = made["id"].as_str().unwrap().to_owned();
    let catalog = stage.catalog(1).await;
    let code = async |name: &str| {
        let body = json!({"edge_name": name});
        stage.send("POST /api/v1/enrolment-codes", &admin, &body).await.expect(201).json()
    };
    let spent = code("north").await;
    let edge = stage.enrol(spent["code"].as_str().unwrap()).await.expect(201).json();
    let edge = edge["id"].as_str().unwrap().to_owned();
    let code = code("south").await["id"].as_str().unwrap().to_owned();

    let body = json!({"name": "c", "folder": stage.folder, "addressed_by": {"by": "content_id"}});
    let made =
        stage.send("POST /api/v1/tenants/1/connectors", &admin, &body).await.expect(201).json();
    let connector = made["id"].as_str().unwrap().to_owned();
    let link = a_link(&stage, catalog.file).await;
    let body = json!({
        "title": "s", "contents": [catalog.content], "recipients": [{"name": "r"}],
    });
    let made = stage.send("POST /api/v1/tenants/1/shares", &admin, &body).await.expect(201).json();
    let share = made["id"].as_str().unwrap().to_owned();

    let body = json!({"url": "https://example.com/"});
    let hooks = "POST /api/v1/tenants/1/webhooks";
    let made = stage.send(hooks, &admin, &body).await.expect(201).json();
    let webhook = made["id"].as_str().unwrap().to_owned();
    let told = stage.send(&format!("{hooks}/{webhook}/test"), &admin, &json!({})).await.expect(202);
    let message = told.json()["id"].as_str().unwrap().to_owned();

    let begin =
        format!("POST /v1/files/uploads/?object_key=a.bin&pipeline_id={}", catalog.pipeline);
    let begun = stage.ask(&begin, &admin).await.expect(200).json();
    let upload = begun["upload"]["id"].as_str().unwrap().to_owned();

    let asked = json!({"backtrace": {
        "pipeline": {"id": catalog.pipeline}, "input": {"input_name": "a.mp4"},
    }});
    let asked = stage.send("POST /v1/backtraces/", &admin, &asked).await.expect(201).json();
    let backtrace = asked["backtrace"]["id"].as_str().unwrap().to_owned();

    let filled = |path: &str| {
        let path = match path {
            // Which file: without it there is nothing to ask for.
            "/v1/files/downloads/" => "/v1/files/downloads/?file_id={file}",
            "/v1/files/uploads/" => "/v1/files/uploads/?object_key=b.mp4&pipeline_id={pipeline}",
            path => path,
        };
        path.replace("{tenant}", "1")
            .replace("{videoManagerId}", "1")
            .replace("{channelId}", "7")
            .replace("{videoId}", "-abc")
            .replace("{application}", &application)
            .replace("{secret}", &secret)
            .replace("{person}", &person)
            .replace("{grantee}", &person)
            .replace("{folder}", &stage.folder.to_string())
            .replace("{entry}", &entry)
            .replace("{edge}", &edge)
            .replace("{code}", &code)
            .replace("{revocation}", &revocation)
            .replace("{key}", &key)
            .replace("{pipeline}", &catalog.pipeline.to_string())
            .replace("{content}", &catalog.content)
            .replace("{version}", &catalog.version)
            .replace("{file}", &catalog.file.to_string())
            .replace("{archive}", &catalog.archive)
            .replace("{link}", &link)
            .replace("{upload}", &upload)
            .replace("{connector}", &connector)
            .replace("{share}", &share)
            .replace("{webhook}", &webhook)
            .replace("{message}", &message)
            .replace("{item}", "0")
            .replace("{recipient}", "1")
            .replace("{backtrace}", &backtrace)
            .replace("{context}", &catalog.context)
            .replace("{classification}", &catalog.classification)
            .replace("{claim}", &"0".repeat(32))
    };
    let mut operations = operations(filled);
    // What removes comes last, so that the others find what they ask for.
    operations.sort_by_key(|it| it.name.starts_with("delete"));
    let open: Vec<_> =
        operations.iter().filter(|it| it.scopes.is_empty()).map(|it| &*it.name).collect();
    let mut open_sorted = open.clone();
    open_sorted.sort_unstable();
    assert_eq!(open_sorted, OPEN, "an operation asks nobody who calls");
    assert!(operations.len() > 85, "{}", operations.len());

    for Operation { name, line, body, scopes } in operations {
        if scopes.is_empty() {
            continue;
        }
        assert!(!line.contains('{'), "{line}");
        // The status that MediaHub's clients know.
        let is_mediahubs = ["/v1/files", "/v1/backtraces"].iter().any(|it| name.contains(it));
        let nobody = if is_mediahubs { 403 } else { 401 };
        stage.send(&line, "", &body).await.expect(nobody);
        stage.send(&line, "csa_unknown", &body).await.expect(nobody);
        let others = crate::control_plane::record::ScopeSet::EVERY
            .iter()
            .map(|scope| scope.wire_name().to_owned())
            .filter(|scope| !scopes.contains(scope))
            .collect::<Vec<_>>()
            .join(" ");
        let without = stage.token(Some(1), &others).await;
        let refused = stage.send(&line, &without, &body).await;
        assert_eq!(refused.status, 403, "{name}: {refused:?}");
        let every = crate::control_plane::record::ScopeSet::EVERY.to_string();
        let stranger = stage.token(Some(2), &every).await;
        let answer = stage.send(&line, &stranger, &body).await;
        if OF_NO_TENANT.contains(&&*name) {
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            for own in [&application, &person, &key, "tenant-1"] {
                assert!(!answer.body.contains(own), "{name}: {answer:?}");
            }
        } else {
            assert_eq!(answer.status, 404, "{name}: {answer:?}");
        }
    }
}

/// A link that somebody was given.
async fn a_link(stage: &Stage, file: u64) -> String {
    let link = DownloadLink {
        id: LinkId::random(NOW).unwrap(),
        tenant: TenantId(1),
        file,
        content: None,
        path: "/private/videos/a/source".into(),
        issuer: "app_1".into(),
        tag: None,
        terms: DownloadTerms::default(),
        created_at: NOW,
        expires_at: NOW.plus(60),
        revoked_at: None,
    };
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    let link = change.download_link_create(link, None).await.unwrap();
    change.commit().await.unwrap();
    link.id.to_string()
}

fn operations(filled: impl Fn(&str) -> String) -> Vec<Operation> {
    let mut found = Vec::new();
    for which in [Document::Native, Document::Vmpro, Document::Mediahub] {
        let document = serde_json::to_value(document(which)).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, said) in methods.as_object().unwrap() {
                let name = format!("{method} {path}");
                let scopes = said["security"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|way| way["bearer"].as_array())
                    .flatten()
                    .filter_map(|scope| scope.as_str().map(str::to_owned))
                    .collect();
                let line = format!("{} {}", method.to_uppercase(), filled(path));
                let body = valid_body(&name);
                found.push(Operation { name, line, body, scopes });
            }
        }
    }
    found
}

/// A body that the operation takes, so that nothing but the caller is wrong.
fn valid_body(name: &str) -> Value {
    match name {
        "post /api/v1/applications" => json!({"tenant": 1, "name": "y", "scopes": []}),
        "post /api/v1/people" => {
            json!({"tenant": 1, "username": "y", "role": "member", "scopes": []})
        }
        "post /v1/backtraces/" => {
            json!({"backtrace": {"pipeline": {"id": "1"}, "input": {"input_name": "a.mp4"}}})
        }
        "post /api/v1/tenants/{tenant}/folders" => json!({"name": "f"}),
        "post /api/v1/keys" => json!({"tenant": 1}),
        "post /api/v1/tenants/{tenant}/pipelines" => json!({"name": "p", "origin": "media"}),
        "post /api/v1/tenants/{tenant}/contents" => json!({"kind": "VIDEO"}),
        "post /api/v1/tenants/{tenant}/connectors"
        | "post /api/v1/tenants/{tenant}/connectors/preview" => {
            json!({"name": "c", "folder": 1, "addressed_by": {"by": "content_id"}})
        }
        "post /api/v1/tenants/{tenant}/webhooks" => json!({"url": "https://example.com/"}),
        "post /api/v1/tenants/{tenant}/webhooks/{webhook}/redeliver" => {
            json!({"since": "2030-01-01T00:00:00Z"})
        }
        "post /api/v1/tenants/{tenant}/shares" => json!({"title": "s", "contents": ["c"]}),
        "put /api/v1/tenants/{tenant}/mail" => json!({
            "host": "smtp.example.com", "port": 25, "security": "none",
            "from_address": "a@example.com",
        }),
        "post /api/v1/tenants/{tenant}/mail/test" => json!({"to": "a@example.com"}),
        "post /api/v1/tenants/{tenant}/contexts"
        | "post /api/v1/tenants/{tenant}/classifications" => json!({"name": "x"}),
        "post /api/v1/tenants/{tenant}/archives" => {
            json!({"pipeline": 1, "key": "a.zip", "name": "a.zip", "elements": []})
        }
        "post /api/v1/tenants/{tenant}/contents/{content}/versions/{version}/files" => {
            json!({"kind": "format", "slot": "hd", "pipeline": 1, "key": "a.mp4", "size": 1})
        }
        "post /api/v1/tenants/{tenant}/folders/{folder}/attachments" => json!({
            "kind": "attachment", "slot": "t", "variant": "a", "pipeline": 1, "key": "a", "size": 1
        }),
        _ if name.starts_with("put ")
            && ["links", "files", "attachments", "chapters"]
                .iter()
                .any(|it| name.ends_with(it)) =>
        {
            json!({"items": []})
        }
        "post /api/v1/tenants" => json!({"number": 8, "name": "eight"}),
        "post /api/v1/enrolment-codes" => json!({"edge_name": "west"}),
        "post /api/v1/edge/acks" => json!({"version": 1}),
        "post /api/v1/edge/events" => json!({"spool": "0".repeat(24), "events": []}),
        "post /api/v1/edge/claims" => json!({
            "id": "0".repeat(32), "tenant": 1, "link": "l", "expires_at": 1, "client": "192.0.2.1",
            "agent": "0".repeat(32), "file": "0".repeat(32), "size": 1,
            "positions": [{"first": 0, "last": 0}],
        }),
        "put /api/v1/edge/claims/{claim}" => json!({
            "tenant": 1, "link": "l", "expires_at": 1, "sent": 0, "outcome": "aborted",
        }),
        "post /api/v1/blocklist" => json!({"network": "198.51.100.0/24"}),
        "post /api/v1/tenants/{tenant}/purges" => json!({"files": {"by": "everything"}}),
        "post /api/v1/tenants/{tenant}/revocations" => {
            json!({"links": {"by": "link", "subject": "l"}})
        }
        "post /api/v1/tenants/{tenant}/overrides/rollback" => json!({"revision": 0}),
        "put /api/v1/people/{person}/password" => json!({"password": "a long enough one"}),
        "put /api/v1/tenants/{tenant}/folders/{folder}/rights/{grantee}" => json!({"right": "SEE"}),
        "post /v1/vms/{videoManagerId}/asset-type/security-override"
        | "post /v1/vms/{videoManagerId}/videos/{videoId}/security-override" => {
            json!({"assetTypes": ["SUBTITLE"]})
        }
        "post /v1/vms/{videoManagerId}/channels/{channelId}/security-override" => {
            json!({"assetTypes": ["ATTACHMENT"]})
        }
        _ => json!({}),
    }
}
