//! What a tenant's settings let shares be: held to where they are made and changed, by the API and in the
//! console (C11 to C13, C17, C21).

use serde_json::{Value, json};

use super::console::Browser;
use super::console_pages::SCOPES;
use super::share_scene::{Contents, contents};
use super::sharing::set;
use super::stage::{Stage, on_both_databases};

on_both_databases! {
    c21_what_is_not_said_is_as_the_settings_have_it
    c21_shares_are_what_the_settings_let_them_be
    a_share_of_before_is_as_it_was_until_it_opens_more
    the_console_offers_what_may_be
}

const PATH: &str = "/api/v1/tenants/1/shares";

fn with(contents: &Contents, more: Value) -> Value {
    let mut body = json!({"title": "Press kit", "contents": [contents.film.as_str()]});
    let more: serde_json::Map<String, Value> = serde_json::from_value(more).unwrap();
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn made(stage: &Stage, token: &str, body: &Value) -> Value {
    stage.send(&format!("POST {PATH}"), token, body).await.expect(201).json()
}

/// Where it is refused.
async fn refused(stage: &Stage, line: &str, token: &str, body: &Value) -> (Value, Value) {
    let answer = stage.send(line, token, body).await.expect(400).json();
    (answer["errors"][0]["pointer"].clone(), answer["errors"][0]["detail"].clone())
}

async fn c21_what_is_not_said_is_as_the_settings_have_it(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let plain = made(&stage, &token, &with(&contents, json!({}))).await;
    assert_eq!((&plain["download"], &plain["terms"]), (&json!(false), &Value::Null));
    assert_eq!(plain["expires_at"], "2030-01-31T00:00:00Z", "30 days");
    let policy = json!({"default_days": 7, "download": true});
    set(&stage, &json!({"terms": "For print only.", "policy": policy})).await;
    let share = made(&stage, &token, &with(&contents, json!({}))).await;
    assert_eq!((&share["download"], &share["terms"]), (&json!(true), &json!("For print only.")));
    assert_eq!(share["expires_at"], "2030-01-08T00:00:00Z");
    let said = json!({"download": false, "terms": null, "expires": {"by": "never"}});
    let share = made(&stage, &token, &with(&contents, said)).await;
    assert_eq!((&share["download"], &share["terms"]), (&json!(false), &Value::Null));
    assert_eq!(share["expires_at"], Value::Null);
    set(&stage, &json!({"policy": {"default_days": null}})).await;
    let share = made(&stage, &token, &with(&contents, json!({}))).await;
    assert_eq!(share["expires_at"], Value::Null);
}

async fn c21_shares_are_what_the_settings_let_them_be(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let admin = stage.token(Some(1), "settings.admin").await;
    let line = "PATCH /api/v1/tenants/1/settings/sharing";
    let nonsense = json!({"policy": {"least_days": 9, "most_days": 8}});
    assert_eq!(refused(&stage, line, &admin, &nonsense).await.0, "/policy/least_days");
    let policy = json!({
        "default_days": 7, "least_days": 2, "most_days": 30, "password_required": true,
    });
    let told = set(&stage, &json!({"policy": policy})).await;
    assert_eq!(told["policy"]["most_days"], 30);
    let days = |days: u16| json!({"by": "days", "days": days});
    let last = |date: &str| json!({"by": "end_of_day", "date": date});
    let line = format!("POST {PATH}");
    for (expires, fits) in [
        (days(1), false),
        (days(2), true),
        (last("2030-01-02"), false),
        (last("2030-01-03"), true),
        (days(30), true),
        // The last day is had to its end.
        (last("2030-01-31"), true),
        (last("2030-02-01"), false),
        (days(32), false),
        (json!({"by": "never"}), false),
    ] {
        let body = with(&contents, json!({"expires": expires, "password": "1234"}));
        if fits {
            made(&stage, &token, &body).await;
        } else {
            let (pointer, detail) = refused(&stage, &line, &token, &body).await;
            assert_eq!(pointer, "/expires", "{expires}");
            assert!(detail.as_str().unwrap().contains("as the tenant's settings say"), "{detail}");
        }
    }
    let (pointer, detail) = refused(&stage, &line, &token, &with(&contents, json!({}))).await;
    assert_eq!(
        (&pointer, &detail),
        (&json!("/password"), &json!("is needed, as the tenant's settings say"))
    );
    let share = made(&stage, &token, &with(&contents, json!({"password": "1234"}))).await;
    let one = format!("PATCH {PATH}/{}", share["id"].as_str().unwrap());
    let bare = refused(&stage, &one, &token, &json!({"password": null})).await;
    assert_eq!(bare.0, "/password");
    let endless = refused(&stage, &one, &token, &json!({"expires": {"by": "never"}})).await;
    assert_eq!(endless.0, "/expires");
    // Sooner is always possible (C26), and another password too.
    let change = json!({"expires": {"by": "instant", "at": "2030-01-01T01:00:00Z"}});
    stage.send(&one, &token, &change).await.expect(200);
    stage.send(&one, &token, &json!({"password": "5678"})).await.expect(200);
}

async fn a_share_of_before_is_as_it_was_until_it_opens_more(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let endless = with(&contents, json!({"expires": {"by": "never"}, "download": true}));
    let share = made(&stage, &token, &endless).await;
    let one = format!("{PATH}/{}", share["id"].as_str().unwrap());
    set(
        &stage,
        &json!({"policy": {"most_days": 10, "default_days": 5, "password_required": true}}),
    )
    .await;
    let now = stage.ask(&format!("GET {one}"), &token).await.expect(200).json();
    assert_eq!((&now["expires_at"], &now["state"]), (&Value::Null, &json!("open")));
    let line = format!("PATCH {one}");
    // What opens nothing is as free as ever.
    for change in [json!({"title": "Other"}), json!({"download": false}), json!({"terms": "T"})] {
        stage.send(&line, &token, &change).await.expect(200);
    }
    assert_eq!(refused(&stage, &line, &token, &json!({"download": true})).await.0, "/expires");
    let change = json!({"download": true, "expires": {"by": "days", "days": 10}});
    assert_eq!(refused(&stage, &line, &token, &change).await.0, "/password");
    let late = json!({"expires": {"by": "days", "days": 12}});
    assert_eq!(refused(&stage, &line, &token, &late).await.0, "/expires");
    stage.send(&line, &token, &json!({"expires": {"by": "days", "days": 3}})).await.expect(200);
    let whole = json!({
        "download": true, "expires": {"by": "days", "days": 10}, "password": "1234",
    });
    let now = stage.send(&line, &token, &whole).await.expect(200).json();
    assert_eq!(now["expires_at"], "2030-01-11T00:00:00Z");
}

async fn the_console_offers_what_may_be(stage: Stage) {
    let contents = contents(&stage).await;
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &SCOPES).await;
    let new = format!("/console/tenants/1/shares/new?content={}", contents.film);
    let before = browser.get(&new).await.expect(200).body;
    assert!(before.contains("<option value=\"never\">for ever"), "{before}");
    assert!(before.contains("<option value=\"30\" selected>"), "{before}");
    set(
        &stage,
        &json!({
            "terms": "For print only.",
            "policy": {
                "default_days": 14, "least_days": 7, "most_days": 60, "password_required": true,
                "download": false,
            },
        }),
    )
    .await;
    let form = browser.get(&new).await.expect(200).body;
    for part in [
        "<option value=\"7\">",
        "<option value=\"14\" selected>",
        "<option value=\"30\">",
        "min=\"2030-01-08\" max=\"2030-03-02\"",
        "For print only.</textarea>",
        "aria-describedby=\"password-hint\" required>",
        "A share is open for 60 days at most, as the settings say.",
    ] {
        assert!(form.contains(part), "{part} in {form}");
    }
    for gone in ["<option value=\"1\">", "<option value=\"90\">", "for ever"] {
        assert!(!form.contains(gone), "{gone} in {form}");
    }
    assert!(!form.contains("name=\"download\" value=\"1\" checked"), "{form}");
    let fields = [("content", contents.film.as_str()), ("title", "Kit"), ("ends", "14")];
    let refused = browser.post("/console/tenants/1/shares/new", &fields).await.expect(400).body;
    let says = "Password is needed, as the tenant&#39;s settings say.";
    assert!(refused.contains(says), "{refused}");
    let fields = [&fields[..], &[("password", "12345")]].concat();
    browser.post("/console/tenants/1/shares/new", &fields).await.expect(303);
}
