//! A tenant's mail server: what is said of it by the API, and what a letter to try it comes to with a
//! server that others wrote.

use rustls::RootCertStore;
use serde_json::{Value, json};

use super::mail_scene::{MailHouse, PASSWORD, this_machine};
use super::share_scene::{TENANT, system};
use super::stage::{NOW, Stage, master_key, on_both_databases};
use crate::control_plane::link::MasterKey;
use crate::control_plane::mail::Post;
use crate::control_plane::record::{MailSecurity, MailServerDraft};
use crate::control_plane::service::{
    Expected, MailPassword, MailStep, MailTrial, ServiceError, Services, ShareRefusal,
};
use crate::keyring::KeyMaterial;
use crate::secret::Secret;

on_both_databases! {
    a_server_is_set_shown_and_removed
    what_is_no_server_says_why
    a_password_goes_to_the_server_that_it_was_given_for
    a_password_is_sealed_anew
    a_server_is_tried_so_often_and_by_somebody
}

const PATH: &str = "/api/v1/tenants/1/mail";

fn asked() -> Value {
    json!({
        "host": "smtp.example.com", "port": 587, "security": "starttls", "username": "press",
        "password": PASSWORD, "from_address": "press@example.com", "from_name": "Press",
    })
}

async fn a_server_is_set_shown_and_removed(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    stage.ask(&format!("GET {PATH}"), &token).await.expect(404);
    let first = stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    assert_eq!(first.header("etag"), Some("\"r1\""));
    let shown = stage.ask(&format!("GET {PATH}"), &token).await.expect(200);
    assert_eq!(
        shown.json(),
        json!({
            "host": "smtp.example.com", "port": 587, "security": "starttls", "username": "press",
            "has_password": true, "from_address": "press@example.com", "from_name": "Press",
            "reply_to": null, "language": null,
        })
    );
    let mut other = asked();
    other["from_name"] = json!("Other");
    other.as_object_mut().unwrap().remove("password");
    let second = stage.send(&format!("PUT {PATH}"), &token, &other).await.expect(200);
    assert_eq!(second.header("etag"), Some("\"r2\""));
    assert_eq!(second.json()["has_password"], json!(true), "what is not said stays");
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&format!("PUT {PATH}"), &stale, &other.to_string()).await.expect(412);
    stage.call(&format!("PUT {PATH}"), &stale[..2], &other.to_string()).await.expect(428);

    // Nobody is shown it, and no log has it.
    let admin = stage.admin().await;
    let log = stage.ask("GET /api/v1/audit?limit=50", &admin).await.expect(200).body;
    assert!(log.contains("mail_server.set") && log.contains("smtp.example.com"), "{log}");
    let sealed = stage.store.view(&system()).await.unwrap().mail_server(TENANT).await.unwrap();
    let hex = hex::encode(sealed.password.as_ref().unwrap().as_bytes());
    for answer in [&*log, &*first.body, &*shown.body, &*second.body, &*format!("{sealed:?}")] {
        assert!(!answer.contains("stämp") && !answer.contains(&hex), "{answer}");
    }

    let stranger = stage.token(Some(2), "settings.admin").await;
    stage.ask(&format!("GET {PATH}"), &stranger).await.expect(404);
    stage.send(&format!("PUT {PATH}"), &stranger, &asked()).await.expect(404);
    stage.send(&format!("DELETE {PATH}"), &token, &json!({})).await.expect(204);
    stage.send(&format!("DELETE {PATH}"), &token, &json!({})).await.expect(404);
    let again = stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    assert_eq!(again.header("etag"), Some("\"r1\""));
}

async fn what_is_no_server_says_why(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    for (field, value, pointer) in [
        ("host", json!(""), "/host"),
        ("host", json!("smtp.example.com/x"), "/host"),
        ("host", json!("a b"), "/host"),
        ("port", json!(6379), "/port"),
        ("port", json!(0), "/port"),
        ("from_address", json!("press"), "/from_address"),
        ("from_address", json!("a@b\r\nBcc: c@d"), "/from_address"),
        ("from_name", json!("a\r\nBcc: c@d"), "/from_name"),
        ("reply_to", json!("<a@b>"), "/reply_to"),
        ("reply_to", json!("änn@example.com"), "/reply_to"),
        ("reply_to", json!("ann@bücher.example"), "/reply_to"),
        ("from_name", json!("a\rb"), "/from_name"),
        ("from_name", json!("a\u{0}b"), "/from_name"),
        ("language", json!("de_DE!"), "/language"),
        ("username", json!("a\nb"), "/username"),
        ("username", json!(null), "/username"),
        ("password", json!(null), "/username"),
        ("password", json!("a\r\nMAIL FROM:<x@y>"), "/password"),
        ("password", json!(""), "/password"),
    ] {
        let mut body = asked();
        body[field] = value.clone();
        let refused = stage.send(&format!("PUT {PATH}"), &token, &body).await;
        assert_eq!(refused.status, 400, "{field} {value}: {refused:?}");
        assert!(refused.body.contains(&format!("\"{pointer}\"")), "{field} {value}: {refused:?}");
    }
    stage.ask(&format!("GET {PATH}"), &token).await.expect(404);
    let body = json!({"to": "ann@example.com"});
    stage.send(&format!("POST {PATH}/test"), &token, &body).await.expect(404);
    stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    let body = json!({"to": "ann"});
    stage.send(&format!("POST {PATH}/test"), &token, &body).await.expect(400);
}

/// Whoever may change settings cannot have a password that they do not know sent to a server of their own.
async fn a_password_goes_to_the_server_that_it_was_given_for(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    for (field, value) in
        [("host", json!("smtp.example.org")), ("port", json!(2525)), ("security", json!("none"))]
    {
        let mut body = asked();
        body.as_object_mut().unwrap().remove("password");
        body[field] = value;
        let refused = stage.send(&format!("PUT {PATH}"), &token, &body).await.expect(400);
        assert!(refused.body.contains("\"/password\""), "{field}: {refused:?}");
        body["password"] = json!("another");
        stage.send(&format!("PUT {PATH}"), &token, &body).await.expect(200);
        stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    }
}

async fn a_password_is_sealed_anew(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    stage.send(&format!("PUT {PATH}"), &token, &asked()).await.expect(200);
    let old = KeyMaterial::from_hex(&"11".repeat(32)).unwrap();
    let new = KeyMaterial::from_hex(&"22".repeat(32)).unwrap();
    let successor = MasterKey::succeeding(&new, &[old]).unwrap();
    let services = stage.services.clone().with_master_key(Some(successor));
    let resealed = services.reseal(&system()).await.unwrap();
    assert!(resealed.secrets >= 1, "{resealed:?}");
    let server = stage.store.view(&system()).await.unwrap().mail_server(TENANT).await.unwrap();
    let alone = MasterKey::of_material(&new).unwrap();
    let opened = alone.open("mail.1", server.password.as_ref().unwrap()).unwrap();
    assert_eq!(opened.expose(), PASSWORD.as_bytes());
    assert!(master_key().open("mail.1", server.password.as_ref().unwrap()).is_err());
}

async fn tried(services: &Services, draft: MailServerDraft, password: &str, to: &str) -> MailTrial {
    let password = match &draft.username {
        Some(_) => MailPassword::Set(Secret::new(password.to_owned())),
        None => MailPassword::Cleared,
    };
    let caller = system();
    let set = services.mail_server_set(&caller, TENANT, Expected::Any, draft, password);
    set.await.unwrap();
    services.mail_server_try(&system(), TENANT, to).await.unwrap()
}

/// What the audit log has of that action.
pub(super) async fn audited(stage: &Stage, action: &str) -> Vec<Value> {
    let admin = stage.admin().await;
    let log = stage.ask("GET /api/v1/audit?limit=100", &admin).await.expect(200).json();
    let events = log["items"].as_array().unwrap().iter().cloned();
    events.filter(|event| event["action"] == action).collect()
}

/// Whoever may change settings has no more letters sent by trials than a few, and not in secret.
async fn a_server_is_tried_so_often_and_by_somebody(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let mut server = asked();
    // Nobody listens there.
    server["host"] = json!("127.0.0.1");
    server["port"] = json!(465);
    stage.send(&format!("PUT {PATH}"), &token, &server).await.expect(200);
    let order = json!({"to": "ann@example.com"});
    for _ in 0..20 {
        let trial = stage.send(&format!("POST {PATH}/test"), &token, &order).await.expect(200);
        assert_eq!(trial.json()["taken"], false, "{trial:?}");
    }
    let refused = stage.send(&format!("POST {PATH}/test"), &token, &order).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("3600"));
    let tried = audited(&stage, "mail_server.try").await;
    assert_eq!(tried.len(), 20, "{tried:?}");
    for event in tried {
        assert!(event["actor"].as_str().unwrap().starts_with("app_"), "{event}");
        assert!(event.to_string().contains("ann@example.com"), "{event}");
    }
}

/// Whoever waits for a server that says nothing keeps nobody but themselves waiting.
#[tokio::test]
async fn one_trial_of_a_tenant_is_under_way_at_a_time() {
    let stage = Stage::sqlite().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let post = Post::trusting(RootCertStore::empty(), &[port], this_machine()).unwrap();
    let services = stage.services.clone().with_post(post);
    let draft = MailServerDraft {
        host: "127.0.0.1".into(),
        port,
        security: MailSecurity::None,
        username: None,
        from_address: "press@example.com".into(),
        from_name: "".into(),
        reply_to: None,
        language: None,
    };
    let password = MailPassword::Cleared;
    let set = services.mail_server_set(&system(), TENANT, Expected::Any, draft, password).await;
    set.unwrap();
    let first = services.clone();
    let first =
        tokio::spawn(
            async move { first.mail_server_try(&system(), TENANT, "ann@example.com").await },
        );
    let _held = silent.accept().await.unwrap();
    let second = services.mail_server_try(&system(), TENANT, "ann@example.com").await;
    let wait = ShareRefusal::Throttled { retry_after: 10 };
    assert!(matches!(second, Err(ServiceError::Share(it)) if it == wait));
    // Whoever waits for it no longer has none under way.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    drop(silent);
    let third = services.mail_server_try(&system(), TENANT, "ann@example.com").await.unwrap();
    assert_eq!(third.stopped_at, Some(MailStep::Connection), "{third:?}");
}

#[tokio::test]
async fn a_trial_says_what_the_server_said() {
    let stage = Stage::sqlite().await;
    let mut house = MailHouse::open();
    let services = house.services(&stage, NOW);
    let ann = "ann@example.com";
    for way in ["open", "starttls", "tls"] {
        let trial = tried(&services, house.draft(way), PASSWORD, ann).await;
        assert_eq!(trial.stopped_at, None, "{way} {trial:?}");
        assert!(trial.answer.starts_with("250 2.0.0"), "{way} {trial:?}");
        let taken = house.letters().pop().unwrap();
        let secured = way != "open";
        assert_eq!(taken["login"], if secured { json!("post") } else { json!(null) });
        assert_eq!((&taken["to"], &taken["from"]), (&json!([ann]), &json!("press@example.com")));
        assert_eq!(taken["headers"]["subject"], "Countersign: a test");
        assert_eq!(taken["secured"], json!(way != "open"), "{way}");
    }
    let taken = house.letters().len();
    let nobody = MailServerDraft { host: "nowhere.invalid".into(), ..house.draft("starttls") };
    let silent = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let draft = MailServerDraft { port: gone.port(), ..house.draft("open") };
        let services =
            stage.services.clone().with_post(Post::new(&[gone.port()], this_machine()).unwrap());
        tried(&services, draft, "", ann).await
    };
    assert_eq!(silent.stopped_at, Some(MailStep::Connection), "{silent:?}");
    let plain = MailServerDraft { security: MailSecurity::StartTls, ..house.draft("open") };
    let spoken = MailServerDraft { security: MailSecurity::Tls, ..house.draft("open") };
    let doubting = stage.services.clone().with_post(house.doubting());
    let elsewhere = MailServerDraft { host: "127.0.0.1".into(), ..house.draft("tls") };
    for (services, draft, password, to, step, said) in [
        (&services, nobody, PASSWORD, ann, MailStep::Name, ""),
        (&services, house.draft("starttls"), "wrong", ann, MailStep::Login, "535"),
        (&services, house.draft("tls"), "wrong", ann, MailStep::Login, "535"),
        (&services, plain, "", ann, MailStep::Tls, "offers no STARTTLS"),
        (&services, spoken, "", ann, MailStep::Tls, ""),
        (&doubting, house.draft("starttls"), PASSWORD, ann, MailStep::Tls, "certificate"),
        (&doubting, house.draft("tls"), PASSWORD, ann, MailStep::Tls, "certificate"),
        (&services, elsewhere, PASSWORD, ann, MailStep::Tls, "certificate"),
        (&services, house.draft("tls"), PASSWORD, "never@example.com", MailStep::Recipient, "550"),
        (&services, house.draft("tls"), PASSWORD, "spam@example.com", MailStep::Message, "554"),
    ] {
        let trial = tried(services, draft, password, to).await;
        assert_eq!(trial.stopped_at, Some(step), "{to} {trial:?}");
        assert!(trial.answer.contains(said), "{said}: {trial:?}");
    }
    assert_eq!(house.letters().len(), taken);
}

/// A server within one's own network is reached by nobody to whom the configuration gives none: neither
/// in the clear, as an internal relay takes letters, nor secured.
#[tokio::test]
async fn a_server_inside_is_asked_only_where_the_configuration_says_so() {
    let stage = Stage::sqlite().await;
    let mut house = MailHouse::open();
    let outside = stage.services.clone().with_post(house.outside());
    for way in ["open", "starttls", "tls"] {
        let trial = tried(&outside, house.draft(way), PASSWORD, "ann@example.com").await;
        assert_eq!(trial.stopped_at, Some(MailStep::Name), "{way} {trial:?}");
        let nowhere = MailServerDraft { host: "nowhere.invalid".into(), ..house.draft(way) };
        assert_eq!(tried(&outside, nowhere, PASSWORD, "ann@example.com").await, trial);
        let literal = MailServerDraft { host: "127.0.0.1".into(), ..house.draft(way) };
        let caller = system();
        let kept = MailPassword::Cleared;
        let draft = MailServerDraft { username: None, ..literal };
        let set = outside.mail_server_set(&caller, TENANT, Expected::Any, draft, kept).await;
        assert!(set.unwrap_err().to_string().contains("mail_networks"), "{way}");
    }
    assert!(house.letters().is_empty());
}

/// An API that was started without [`Post`] goes nowhere but to ports of mail servers.
#[tokio::test]
async fn a_port_that_is_not_allowed_is_not_asked() {
    let stage = Stage::sqlite().await;
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    let trial = stage.services.mail_server_try(&system(), TENANT, "ann@example.com").await.unwrap();
    assert_eq!(trial.stopped_at, Some(MailStep::Name), "{trial:?}");
}
