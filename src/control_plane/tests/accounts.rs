//! Tokens, logins, applications, people and rights.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;

on_both_databases! {
    an_application_gets_tokens
    a_token_ends
    a_person_logs_in
    a_session_is_renewed_for_one_tenant
    guesses_slow_down_one_network
    nobody_gives_more_than_they_have
    secrets_are_rotated
    rights_are_given
    rights_are_of_their_folders_revision
}

async fn application(stage: &Stage, admin: &str, body: Value) -> (String, String) {
    let made = stage.send("POST /api/v1/applications", admin, &body).await.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("client_secret"))
}

async fn an_application_gets_tokens(stage: Stage) {
    let admin = stage.admin().await;
    let scopes = json!(["files.read", "overrides.admin"]);
    let body = json!({"tenant": 1, "name": "script", "scopes": scopes});
    let (id, secret) = application(&stage, &admin, body).await;
    let form = format!("client_id={id}&client_secret={secret}");
    for (path, grant, scope, expected) in [
        ("/v1/oauth2/token", "client_credentials", "", "files.read overrides.admin"),
        ("/v1/oauth2/token/", "client_credential", "&scope=files.read", "files.read"),
        (
            "/v1/oauth2/token",
            "client_credentials",
            "&scope=overrides.admin,files.read",
            "files.read overrides.admin",
        ),
    ] {
        let form = format!("grant_type={grant}&{form}{scope}");
        let answer = stage.form(path, &[], &form).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let token = answer.json();
        assert_eq!((&token["scope"], &token["expires_in"]), (&json!(expected), &json!(3_600)));
        assert_eq!(token["token_type"], "Bearer");
        let token = token["access_token"].as_str().unwrap();
        let table = stage.ask("GET /v1/vms/1/security-override", token).await;
        assert_eq!(table.status, if expected.contains("overrides") { 200 } else { 403 });
    }
    let basic = STANDARD.encode(format!("{id}:{secret}"));
    let basic = format!("Authorization: Basic {basic}");
    let grant = "grant_type=client_credentials";
    stage.form("/v1/oauth2/token", &[&basic], grant).await.expect(200);

    // RFC 6749 section 5.2.
    for (headers, form, status, error) in [
        (vec![], format!("grant_type=password&{form}"), 400, "unsupported_grant_type"),
        (vec![], form.clone(), 400, "invalid_request"),
        (vec![], format!("{grant}&{grant}&{form}"), 400, "invalid_request"),
        (vec![&*basic], format!("{grant}&{form}"), 400, "invalid_request"),
        (vec![], format!("{grant}&{form}&scope=trace"), 400, "invalid_scope"),
        (vec![], format!("{grant}&{form}&scope=root"), 400, "invalid_scope"),
        (vec![], format!("{grant}&{form}x"), 401, "invalid_client"),
        (vec![], format!("{grant}&client_id=x&client_secret={secret}"), 401, "invalid_client"),
        (vec![], grant.to_owned(), 401, "invalid_client"),
    ] {
        let answer = stage.form("/v1/oauth2/token", &headers, &form).await.expect(status);
        assert_eq!(answer.json()["error"], error, "{form}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
    stage.call("POST /v1/oauth2/token", &[], &form).await.expect(400);
    let found =
        stage.call("GET /.well-known/oauth-authorization-server", &[], "").await.expect(200);
    assert_eq!(found.json()["token_endpoint"], "http://control/v1/oauth2/token");
}

async fn a_token_ends(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({"tenant": 1, "name": "script", "scopes": ["overrides.admin"]});
    let (id, secret) = application(&stage, &admin, body.clone()).await;
    let (other, other_secret) = application(&stage, &admin, body).await;
    let form = format!("client_id={id}&client_secret={secret}");
    let stranger = format!("client_id={other}&client_secret={other_secret}");
    let issue = format!("grant_type=client_credentials&{form}");
    let get = "GET /v1/vms/1/security-override";
    let token = stage.form("/v1/oauth2/token", &[], &issue).await.expect(200).json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    stage.ask(get, &token).await.expect(200);

    let ask = format!("{form}&token={token}");
    let found = stage.form("/v1/oauth2/introspect", &[], &ask).await.expect(200).json();
    assert_eq!((&found["active"], &found["sub"]), (&json!(true), &json!(id)));
    assert_eq!(found["scope"], "overrides.admin");
    let foreign = format!("{stranger}&token={token}");
    let found = stage.form("/v1/oauth2/introspect", &[], &foreign).await.expect(200).json();
    assert_eq!(found, json!({"active": false}));
    stage.form("/v1/oauth2/introspect", &[], &format!("token={token}")).await.expect(401);
    stage.form("/v1/oauth2/introspect", &[], &form).await.expect(400);

    // Nobody else ends it; its holder does, twice with the same answer.
    stage.form("/v1/oauth2/revoke", &[], &foreign).await.expect(200);
    stage.ask(get, &token).await.expect(200);
    for _ in 0..2 {
        stage.form("/v1/oauth2/revoke", &[], &ask).await.expect(200);
        let refused = stage.ask(get, &token).await.expect(401);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
    let found = stage.form("/v1/oauth2/introspect", &[], &ask).await.expect(200).json();
    assert_eq!(found, json!({"active": false}));

    // A token does no more than its application may now, and nothing once that is disabled.
    let token = stage.form("/v1/oauth2/token", &[], &issue).await.expect(200).json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    let patch = format!("PATCH /api/v1/applications/{id}");
    stage.send(&patch, &admin, &json!({"scopes": ["files.read"]})).await.expect(200);
    stage.ask(get, &token).await.expect(403);
    stage.send(&patch, &admin, &json!({"scopes": ["overrides.admin"]})).await.expect(200);
    stage.ask(get, &token).await.expect(200);
    stage.send(&patch, &admin, &json!({"disabled": true})).await.expect(200);
    stage.ask(get, &token).await.expect(401);
    stage.form("/v1/oauth2/token", &[], &issue).await.expect(401);
    stage.send(&patch, &admin, &json!({"disabled": false})).await.expect(200);
    stage.ask(get, &token).await.expect(401);
    stage.form("/v1/oauth2/token", &[], &issue).await.expect(200);
}

async fn a_person_logs_in(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({
        "tenant": 1, "username": "Ann@example.com", "role": "admin",
        "scopes": ["overrides.admin", "catalog.read"], "password": "correct horse battery",
    });
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["has_password"], true);
    stage.send("POST /api/v1/people", &admin, &body).await.expect(409);

    let login = |name: &str, password: &str| json!({"username": name, "password": password});
    let right = login("ann@EXAMPLE.com", "correct horse battery");
    let session = stage.send("POST /v1/vms/auth/login", "", &right).await.expect(200).json();
    assert_eq!(session["validForVideoManager"], 1);
    assert_eq!(session["videoManagerList"], json!([{"id": 1, "name": "tenant-1"}]));
    let access = session["accessToken"].as_str().unwrap().to_owned();
    let refresh = session["refreshToken"].as_str().unwrap().to_owned();
    stage.ask("GET /v1/vms/1/security-override", &access).await.expect(200);
    stage.ask("GET /v1/vms/1/security-override", &refresh).await.expect(401);
    stage.ask("GET /v1/vms/2/security-override", &access).await.expect(404);

    // A refresh token is spent once; spent again, every session is over.
    let again = json!({"refreshToken": refresh});
    let next = stage.send("POST /v1/vms/auth/refresh", "", &again).await.expect(200).json();
    let next = next["accessToken"].as_str().unwrap().to_owned();
    stage.ask("GET /v1/vms/1/security-override", &next).await.expect(200);
    stage.send("POST /v1/vms/auth/refresh", "", &again).await.expect(401);
    stage.ask("GET /v1/vms/1/security-override", &next).await.expect(401);
    let wrong = json!({"refreshToken": access});
    stage.send("POST /v1/vms/auth/refresh", "", &wrong).await.expect(401);

    for (wrong, status) in [
        (login("ann@example.com", "wrong"), 401),
        (login("nobody", "correct horse battery"), 401),
        (json!({"username": "ann@example.com"}), 400),
    ] {
        stage.send("POST /v1/vms/auth/login", "", &wrong).await.expect(status);
    }

    // Another password ends the sessions of the one before; a member has no say over protection.
    let session = stage.send("POST /v1/vms/auth/login", "", &right).await.expect(200).json();
    let access = session["accessToken"].as_str().unwrap().to_owned();
    let password = json!({"password": "another horse battery"});
    let put = format!("PUT /api/v1/people/{id}/password");
    stage.send(&put, &admin, &json!({"password": "short"})).await.expect(400);
    stage.send(&put, &admin, &password).await.expect(204);
    stage.ask("GET /v1/vms/1/security-override", &access).await.expect(401);
    stage.send("POST /v1/vms/auth/login", "", &right).await.expect(401);
    let patch = format!("PATCH /api/v1/people/{id}");
    stage.send(&patch, &admin, &json!({"role": "member"})).await.expect(200);
    let right = login("ann@example.com", "another horse battery");
    let session = stage.send("POST /v1/vms/auth/login", "", &right).await.expect(200).json();
    let access = session["accessToken"].as_str().unwrap();
    stage.ask("GET /v1/vms/1/security-override", access).await.expect(403);
    stage.send(&patch, &admin, &json!({"disabled": true})).await.expect(200);
    stage.ask("GET /v1/vms/1/security-override", access).await.expect(401);
    stage.send("POST /v1/vms/auth/login", "", &right).await.expect(401);
    stage.ask(&format!("GET /api/v1/people/{id}"), &admin).await.expect(200);
    stage.send(&format!("DELETE /api/v1/people/{id}"), &admin, &json!({})).await.expect(204);
    stage.ask(&format!("GET /api/v1/people/{id}"), &admin).await.expect(404);
}

/// The vendor's way to another VideoManager: `POST /v1/vms/auth/refresh/{videoManagerId}`.
async fn a_session_is_renewed_for_one_tenant(stage: Stage) {
    let admin = stage.admin().await;
    let log_in = async |username: &str, tenant: Option<u64>| {
        let body = json!({
            "tenant": tenant, "username": username, "role": "admin", "password": "right horse battery",
            "scopes": ["overrides.admin"],
        });
        stage.send("POST /api/v1/people", &admin, &body).await.expect(201);
        let login = json!({"username": username, "password": "right horse battery"});
        stage.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json()
    };
    let renew = async |session: &Value, manager: &str| {
        let body = json!({"refreshToken": session["refreshToken"]});
        stage.send(&format!("POST /v1/vms/auth/refresh/{manager}"), "", &body).await
    };
    let reaches = async |session: &Value, first: u16, second: u16| {
        let token = session["accessToken"].as_str().unwrap();
        stage.ask("GET /v1/vms/1/security-override", token).await.expect(first);
        stage.ask("GET /v1/vms/2/security-override", token).await.expect(second);
    };
    let of_both = log_in("both", None).await;
    reaches(&of_both, 200, 200).await;
    assert_eq!(of_both["validForVideoManager"], Value::Null);
    let second = renew(&of_both, "2").await.expect(200).json();
    assert_eq!(second["validForVideoManager"], 2);
    assert_eq!(second["videoManagerList"], json!([{"id": 2, "name": "tenant-2"}]));
    reaches(&second, 404, 200).await;
    reaches(&renew(&second, "1").await.expect(200).json(), 200, 404).await;

    let of_one = log_in("one", Some(1)).await;
    renew(&of_one, "2").await.expect(401);
    renew(&of_one, "one").await.expect(404);
    // What was refused was not spent.
    reaches(&renew(&of_one, "1").await.expect(200).json(), 200, 404).await;
    // Spent, it ends what it began, whichever is asked for.
    renew(&of_one, "2").await.expect(401);
}

/// Requirements H, "brute-force control that does not hurt others".
async fn guesses_slow_down_one_network(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({
        "tenant": 1, "username": "ann", "role": "member", "scopes": [], "password": "right horse",
    });
    stage.send("POST /api/v1/people", &admin, &body).await.expect(201);
    let try_from = async |address: &str, password: &str| {
        let forwarded = format!("X-Forwarded-For: {address}");
        let body = json!({"username": "ann", "password": password}).to_string();
        let headers = ["Content-Type: application/json", &*forwarded];
        stage.call("POST /v1/vms/auth/login", &headers, &body).await
    };
    for _ in 0..5 {
        try_from("192.0.2.1", "wrong").await.expect(401);
    }
    let refused = try_from("192.0.2.1", "right horse").await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    try_from("2001:db8::1", "right horse").await.expect(200);
    // The others of that network do not wait for what was aimed at one of them, up to a point.
    let guess = async |name: &str, address: &str| {
        let forwarded = format!("X-Forwarded-For: {address}");
        let body = json!({"username": name, "password": "wrong"}).to_string();
        let headers = ["Content-Type: application/json", &*forwarded];
        stage.call("POST /v1/vms/auth/login", &headers, &body).await
    };
    guess("bob", "192.0.2.1").await.expect(401);
    for _ in 6..20 {
        let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
        change.login_failure_count("", "192.0.2.1", UnixSeconds::new(0)).await.unwrap();
        change.commit().await.unwrap();
    }
    guess("cid", "192.0.2.1").await.expect(429);
    // Of many at once no more are looked at than of one after the other.
    let some = async || {
        let mut looked_at = 0;
        for _ in 0..6 {
            let status = guess("ann", "192.0.2.77").await.status;
            assert!(matches!(status, 401 | 429), "{status}");
            looked_at += u32::from(status == 401);
        }
        looked_at
    };
    let looked_at = tokio::join!(some(), some(), some(), some());
    assert_eq!(looked_at.0 + looked_at.1 + looked_at.2 + looked_at.3, 5);
    // What a stranger writes in front of what our proxy wrote is not believed.
    try_from("192.0.2.9, 192.0.2.1", "right horse").await.expect(429);
}

async fn nobody_gives_more_than_they_have(stage: Stage) {
    let token = stage.token(Some(1), "accounts.admin files.read").await;
    let admin = stage.admin().await;
    let path = "POST /api/v1/applications";
    let wants =
        |tenant: Value, scope: &str| json!({"tenant": tenant, "name": "x", "scopes": [scope]});
    stage.send(path, &token, &wants(json!(1), "files.read")).await.expect(201);
    let refused = stage.send(path, &token, &wants(json!(1), "trace")).await.expect(403);
    assert_eq!(refused.json()["code"], "scope_exceeded");
    stage.send(path, &token, &wants(json!(2), "files.read")).await.expect(404);
    stage.send(path, &token, &wants(json!(null), "files.read")).await.expect(404);
    stage.send(path, &token, &wants(json!(1), "root")).await.expect(400);
    // An account that may more cannot be taken over.
    let (id, _) = application(&stage, &admin, wants(json!(1), "trace")).await;
    let secrets = format!("POST /api/v1/applications/{id}/secrets");
    stage.send(&secrets, &token, &json!({})).await.expect(403);
    let body = json!({"tenant": 1, "username": "root", "role": "admin", "scopes": ["trace"]});
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let password = json!({"password": "now it is mine"});
    let put = format!("PUT /api/v1/people/{}/password", made["id"].as_str().unwrap());
    stage.send(&put, &token, &password).await.expect(403);
}

async fn secrets_are_rotated(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({"tenant": 1, "name": "x", "scopes": ["files.read"]});
    let (id, first) = application(&stage, &admin, body).await;
    let path = format!("/api/v1/applications/{id}/secrets");
    let made = stage.send(&format!("POST {path}"), &admin, &json!({})).await.expect(201).json();
    let second = made["client_secret"].as_str().unwrap().to_owned();
    stage.send(&format!("POST {path}"), &admin, &json!({})).await.expect(409);
    let listed = stage.ask(&format!("GET {path}"), &admin).await.expect(200).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let form = |secret: &str| {
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
    };
    for secret in [&first, &second] {
        stage.form("/v1/oauth2/token", &[], &form(secret)).await.expect(200);
    }
    let old = items.iter().find(|item| item["id"] != made["id"]).unwrap()["id"].as_str().unwrap();
    stage.ask(&format!("DELETE {path}/{old}"), &admin).await.expect(204);
    stage.form("/v1/oauth2/token", &[], &form(&first)).await.expect(401);
    stage.form("/v1/oauth2/token", &[], &form(&second)).await.expect(200);
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    stage.send(&format!("POST {path}"), &admin, &past).await.expect(400);
    stage.ask(&format!("DELETE {path}/{old}"), &admin).await.expect(404);
}

async fn rights_are_of_their_folders_revision(stage: Stage) {
    let admin = stage.token(Some(1), "accounts.admin catalog.read").await;
    let (ann, _) = stage.member("ann", &[]).await;
    let folder = format!("/api/v1/tenants/1/folders/{}", stage.folder);
    let (get, put) = (format!("GET {folder}/rights"), format!("PUT {folder}/rights/{ann}"));
    let bearer = format!("Authorization: Bearer {admin}");
    let media_type = "Content-Type: application/json";
    let set = async |line: &str, condition: &str| {
        stage.call(line, &[&bearer, media_type, condition], r#"{"right": "SEE"}"#).await
    };
    let listed = stage.ask(&get, &admin).await.expect(200);
    assert_eq!(listed.header("etag"), Some("\"r1\""));
    set(&put, "X-None: 1").await.expect(428);
    set(&put, "If-Match: \"r2\"").await.expect(412);
    let given = set(&put, "If-Match: \"r1\"").await.expect(204);
    assert_eq!(given.header("etag"), Some("\"r2\""));
    let listed = stage.ask(&get, &admin).await.expect(200);
    assert_eq!(listed.header("etag"), Some("\"r2\""));
    let found = stage.ask(&format!("GET {folder}"), &admin).await.expect(200);
    assert_eq!(found.header("etag"), Some("\"r2\""));
    // What says what is so already changes nothing.
    let again = set(&put, "If-Match: \"r2\"").await.expect(204);
    assert_eq!(again.header("etag"), Some("\"r2\""));
    let delete = format!("DELETE {folder}/rights/{ann}");
    set(&delete, "X-None: 1").await.expect(428);
    set(&delete, "If-Match: \"r1\"").await.expect(412);
    let taken = set(&delete, "If-Match: \"r2\"").await.expect(204);
    assert_eq!(taken.header("etag"), Some("\"r3\""));
}

async fn rights_are_given(stage: Stage) {
    let admin = stage.token(Some(1), "accounts.admin overrides.admin").await;
    let body = json!({
        "tenant": 1, "username": "ann", "role": "member", "scopes": [], "password": "right horse",
    });
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    let path = format!("/api/v1/tenants/1/folders/{}/rights", stage.folder);
    let login = json!({"username": "ann", "password": "right horse"});
    let session = stage.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json();
    let ann = session["accessToken"].as_str().unwrap();
    stage.ask(&format!("GET {path}"), ann).await.expect(403);
    let put = format!("PUT {path}/{id}");
    stage.send(&put, &admin, &json!({"right": "READ"})).await.expect(400);
    stage.send(&put, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    stage.ask(&format!("GET {path}"), ann).await.expect(403);
    stage.send(&put, &admin, &json!({"right": "OWN"})).await.expect(204);
    let rights = stage.ask(&format!("GET {path}"), ann).await.expect(200).json();
    assert_eq!(rights, json!({"items": [{"grantee": id, "right": "OWN"}]}));
    // An owner gives, and takes back their own.
    stage.send(&format!("DELETE {path}/{id}"), ann, &json!({})).await.expect(204);
    stage.ask(&format!("GET {path}"), ann).await.expect(403);
    let empty = stage.ask(&format!("GET {path}"), &admin).await.expect(200).json();
    assert_eq!(empty, json!({"items": []}));
    stage.send(&format!("PUT {path}/per_x"), &admin, &json!({"right": "OWN"})).await.expect(404);
    let foreign = format!("GET /api/v1/tenants/2/folders/{}/rights", stage.folder);
    stage.ask(&foreign, &admin).await.expect(404);
}
