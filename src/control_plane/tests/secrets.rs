//! No secret leaves but in the one answer that makes it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::stage::{Stage, on_both_databases};

on_both_databases! {
    secrets_are_seen_once
}

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

async fn secrets_are_seen_once(stage: Stage) {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_writer(lines.clone());
    let log = log.with_max_level(tracing::Level::TRACE).finish();
    let _log = tracing::subscriber::set_default(log);

    let admin = stage.admin().await;
    let mut answers = Vec::new();
    let body = json!({"tenant": 1, "name": "x", "scopes": ["files.read"]});
    let made = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (id, secret) = (text(&made["id"]), text(&made["client_secret"]));
    let path = format!("/api/v1/applications/{id}");
    let second = stage.send(&format!("POST {path}/secrets"), &admin, &json!({})).await.expect(201);
    let second = text(&second.json()["client_secret"]);
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let token = stage.form("/v1/oauth2/token", &[], &form).await.expect(200).json();
    let token = text(&token["access_token"]);
    let password = "a password of some length";
    let body = json!({
        "tenant": 1, "username": "ann", "role": "admin", "scopes": [], "password": password,
    });
    answers.push(stage.send("POST /api/v1/people", &admin, &body).await.expect(201).body);
    let login = json!({"username": "ann", "password": password});
    let session = stage.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json();
    let (access, refresh) = (text(&session["accessToken"]), text(&session["refreshToken"]));

    let hooks = "POST /api/v1/tenants/1/webhooks";
    let body = json!({"url": "https://hooks.example.com/a-hidden-path"});
    let made = stage.send(hooks, &admin, &body).await.expect(201).json();
    let (webhook, signing) = (text(&made["id"]), text(&made["secret"]));
    let hook = format!("{}/{webhook}", hooks.trim_start_matches("POST "));
    let rotated = stage.send(&format!("POST {hook}/secrets"), &admin, &json!({})).await.expect(201);
    let rotated = text(&rotated.json()["secret"]);
    answers.push(
        stage
            .ask(&format!("GET {hook}"), &admin)
            .await
            .expect(200)
            .body
            .replace("a-hidden-path", ""),
    );

    // Wrong in every way, with a secret in it.
    let wrong = json!({"username": ["ann"], "password": password});
    answers.push(stage.send("POST /v1/vms/auth/login", "", &wrong).await.expect(400).body);
    let wrong = json!({"tenant": password, "username": password, "role": password, "scopes": []});
    answers.push(stage.send("POST /api/v1/people", &admin, &wrong).await.expect(400).body);
    let wrong = json!({"tenant": 1, "username": "b", "role": password, "scopes": []});
    answers.push(stage.send("POST /api/v1/people", &admin, &wrong).await.expect(400).body);
    answers.push(stage.form("/v1/oauth2/token", &[], &format!("{form}x")).await.expect(401).body);
    answers.push(stage.ask(&format!("GET /{token}"), &token).await.expect(404).head);

    for line in [
        "GET /api/v1/audit/export".to_owned(),
        "GET /api/v1/audit".to_owned(),
        "GET /api/v1/people".to_owned(),
        "GET /api/v1/applications".to_owned(),
        format!("GET {path}"),
        format!("GET {path}/secrets"),
    ] {
        let answer = stage.ask(&line, &admin).await.expect(200);
        answers.push(answer.head + &answer.body);
    }
    let introspected = format!("client_id={id}&client_secret={second}&token={token}");
    let introspected = stage.form("/v1/oauth2/introspect", &[], &introspected).await.expect(200);
    answers.push(introspected.body);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(answers.iter().any(|answer| answer.contains("access_token.create")));
    for secret in [
        &admin,
        &secret,
        &second,
        &token,
        &access,
        &refresh,
        &signing,
        &rotated,
        password,
        "$argon2id$",
        "a-hidden-path",
    ] {
        for answer in &answers {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
        assert!(!log.contains(secret), "{secret} in the log");
    }
}
