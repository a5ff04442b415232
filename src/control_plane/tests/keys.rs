//! Keys for links: made, taken over, dropped; and what edges are told of them.

use serde_json::json;

use super::stage::{NOW, Stage, master_key, on_both_databases};
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::Publisher;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::MasterKey;
use crate::control_plane::record::{KeyUse, SealedKey, SigningKeyDraft, SigningKeyId};
use crate::control_plane::service::{HEAD_START, LONGEST_LINK, Resealed};
use crate::keyring::KeyMaterial;
use crate::policy::SiteDelivery;
use crate::token::{RequestKey, SignedRequest};

on_both_databases! {
    a_successor_takes_over_and_a_dropped_key_is_dead
    one_tenant_sees_its_own_keys_only
    a_key_is_dropped_by_who_has_seen_it
    another_master_key_opens_nothing
    a_master_key_has_a_successor
}

/// The id of what would sign a tenant's links at an instant, at an edge that follows that store.
async fn signer(stage: &Stage, master: Option<MasterKey>, tenant: u64, at: UnixSeconds) -> String {
    let mut publisher =
        Publisher::start(stage.store.clone(), Clock::Fixed(NOW), master).await.unwrap();
    let state = publisher.state();
    let signer = state.links.signer(TenantId(tenant), SiteDelivery::Standard, at);
    signer.map(|(_, key)| key.id().to_string()).unwrap_or_default()
}

async fn a_successor_takes_over_and_a_dropped_key_is_dead(stage: Stage) {
    let admin = stage.admin().await;
    let make = async |tenant: Option<u64>| {
        let body = json!({ "tenant": tenant });
        stage.send("POST /api/v1/keys", &admin, &body).await.expect(201).json()
    };
    let id = |key: &serde_json::Value| key["id"].as_str().unwrap().to_owned();
    let everybodys = id(&make(None).await);
    let first = make(Some(1)).await;
    assert_eq!(first["not_before"], first["created_at"]);
    let second = make(Some(1)).await;
    assert_eq!(second["not_before"], "2030-01-01T00:00:10Z");

    let listed = stage.ask("GET /api/v1/keys", &admin).await.expect(200);
    let kept = |key: &str, field: &str| {
        let items = listed.json()["items"].as_array().unwrap().clone();
        items.into_iter().find(|it| it["id"] == key).unwrap()[field].clone()
    };
    assert_eq!(kept(&id(&first), "not_after"), "2030-01-02T00:00:10Z");
    assert_eq!(kept(&id(&second), "not_after"), json!(null));
    assert_eq!(kept(&everybodys, "retired_at"), json!(null));
    assert!(!listed.body.contains("sealed"), "{listed:?}");

    let of =
        async |tenant, after| signer(&stage, Some(master_key()), tenant, NOW.plus(after)).await;
    assert_eq!(of(1, 0).await, id(&first));
    assert_eq!(of(1, HEAD_START).await, id(&second));
    assert_eq!(of(2, 0).await, everybodys);
    let path = format!("DELETE /api/v1/keys/{}", id(&second));
    stage.send(&path, &admin, &json!({})).await.expect(204);
    stage.send(&path, &admin, &json!({})).await.expect(404);
    assert_eq!(of(1, HEAD_START).await, id(&first));
    assert_eq!(of(1, HEAD_START + LONGEST_LINK + 1).await, everybodys);

    let body = json!({"tenant": 1, "others_until": "2030-01-01T00:00:05Z"});
    let refused = stage.send("POST /api/v1/keys", &admin, &body).await.expect(400);
    assert_eq!(refused.json()["errors"][0]["pointer"], "/others_until");
}

async fn one_tenant_sees_its_own_keys_only(stage: Stage) {
    let admin = stage.admin().await;
    let made = stage.send("POST /api/v1/keys", &admin, &json!({"tenant": 1})).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let stranger = stage.token(Some(2), "keys.admin").await;
    let listed = stage.ask("GET /api/v1/keys", &stranger).await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
    stage.send(&format!("DELETE /api/v1/keys/{id}"), &stranger, &json!({})).await.expect(404);
    stage.ask(&format!("GET /api/v1/keys/{id}"), &stranger).await.expect(404);
    for tenant in [json!(1), json!(null)] {
        let body = json!({ "tenant": tenant });
        stage.send("POST /api/v1/keys", &stranger, &body).await.expect(404);
    }
    let own = stage.send("POST /api/v1/keys", &stranger, &json!({"tenant": 2})).await.expect(201);
    assert_eq!(own.json()["tenant"], 2);
}

async fn a_key_is_dropped_by_who_has_seen_it(stage: Stage) {
    let admin = stage.admin().await;
    let make = async || stage.send("POST /api/v1/keys", &admin, &json!({"tenant": 1})).await;
    let made = make().await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    let one = format!("/api/v1/keys/{}", made.json()["id"].as_str().unwrap());
    let found = stage.ask(&format!("GET {one}"), &admin).await.expect(200);
    assert_eq!((found.header("etag"), found.json()), (Some("\"r1\""), made.json()));
    // It has a successor.
    make().await.expect(201);
    let found = stage.ask(&format!("GET {one}"), &admin).await.expect(200);
    assert_eq!(found.header("etag"), Some("\"r2\""));
    assert_eq!(found.json()["retired_at"], "2030-01-01T00:00:00Z");
    let bearer = format!("Authorization: Bearer {admin}");
    let delete = format!("DELETE {one}");
    stage.ask(&delete, &admin).await.expect(428);
    stage.call(&delete, &[&bearer, "If-Match: \"r1\""], "").await.expect(412);
    stage.call(&delete, &[&bearer, "If-Match: \"r2\""], "").await.expect(204);
    stage.ask(&format!("GET {one}"), &admin).await.expect(404);
    // Keys for other things are none of this API's.
    let id = {
        let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
        let draft = SigningKeyDraft {
            id: SigningKeyId::random(NOW).unwrap(),
            tenant: None,
            key_use: KeyUse::Sessions,
            sealed: SealedKey::new(&[1]),
            not_before: NOW,
            not_after: None,
        };
        let made = change.signing_key_create(draft).await.unwrap();
        change.commit().await.unwrap();
        made.id
    };
    stage.ask(&format!("GET /api/v1/keys/{id}"), &admin).await.expect(404);
}

async fn another_master_key_opens_nothing(stage: Stage) {
    let admin = stage.admin().await;
    stage.send("POST /api/v1/keys", &admin, &json!({"tenant": null})).await.expect(201);
    let other = KeyMaterial::from_hex(&"22".repeat(32)).unwrap();
    let other = MasterKey::of_material(&other).unwrap();
    assert_eq!(signer(&stage, Some(other), 1, NOW).await, "");
    assert_eq!(signer(&stage, None, 1, NOW).await, "");
    assert_ne!(signer(&stage, Some(master_key()), 1, NOW).await, "");
}

/// What is sealed comes under the successor; who follows meanwhile loses no key, and what was sealed
/// is what it was.
async fn a_master_key_has_a_successor(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({
        "tenant": 1, "name": "signer", "scopes": ["files.sign"], "signing": true,
    });
    let made = stage.send("POST /api/v1/applications", &admin, &body).await.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (client, secret) = (text("id"), text("client_secret"));
    stage.send("POST /api/v1/keys", &admin, &json!({"tenant": null})).await.expect(201);
    let hook = json!({"url": "https://example.com/"});
    stage.send("POST /api/v1/tenants/1/webhooks", &admin, &hook).await.expect(201);
    let before = signer(&stage, Some(master_key()), 1, NOW).await;

    let material = |byte: &str| KeyMaterial::from_hex(&byte.repeat(32)).unwrap();
    let alone = MasterKey::of_material(&material("22")).unwrap();
    let successor = MasterKey::succeeding(&material("22"), &[material("11")]).unwrap();
    let reseal = async |master: &MasterKey| {
        let services = stage.services.clone().with_master_key(Some(master.clone()));
        services.reseal(&Caller::system("test")).await
    };
    // One that knows nothing of the former changes nothing.
    let refused = reseal(&alone).await.unwrap_err().to_string();
    assert!(refused.contains("previous_master_keys"), "{refused}");
    assert_eq!(signer(&stage, Some(master_key()), 1, NOW).await, before);

    // Somebody who was not told of the successor, and stays open until it is started again.
    let clock = Clock::Fixed(NOW);
    let old = Publisher::start(stage.store.clone(), clock, Some(master_key())).await.unwrap();
    let (put, mut states) = tokio::sync::mpsc::unbounded_channel();
    let following = tokio::spawn(old.run(move |state| drop(put.send(state))));

    let resealed = Resealed { keys: 1, secrets: 2, already: 0 };
    assert_eq!(reseal(&successor).await.unwrap(), resealed);
    let again = Resealed { keys: 0, secrets: 0, already: 3 };
    assert_eq!(reseal(&successor).await.unwrap(), again);
    let state = states.recv().await.unwrap();
    let (_, signing) = state.links.signer(TenantId(1), SiteDelivery::Standard, NOW).unwrap();
    assert_eq!(signing.id().to_string(), before);
    following.abort();

    assert_eq!(signer(&stage, Some(alone.clone()), 1, NOW).await, before);
    assert_eq!(signer(&stage, Some(master_key()), 1, NOW).await, "");
    // The secret is the same one.
    let key = RequestKey::of_secret(&secret).unwrap();
    let accounts = stage.accounts_at(NOW).with_master_key(Some(alone));
    let signed = key.sign("/v1/files/downloads?file_id=1", &client, NOW.plus(180));
    let request = SignedRequest::parse(&signed).unwrap().unwrap();
    assert!(accounts.signer(&request, None).await.is_ok());
}
