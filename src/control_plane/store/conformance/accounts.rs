//! Applications, people and their tokens.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AccessTokenDraft, Application, ApplicationDraft, Grantee, PasswordHash, Person, PersonDraft,
    Role, Scope, ScopeSet, SecretHash, TokenUse,
};
use crate::control_plane::store::{
    Change, Ended, Expected, LoginFailures, Page, Store, StoreErrorKind,
};

on_both_databases! {
    an_application_is_what_was_said_of_it
    two_secrets_are_valid_at_a_time
    people_are_found_by_name_without_case
    a_password_changes_and_is_never_told
    tokens_are_found_by_hash_and_end_once
    everything_of_somebody_ends_with_them
    another_tenants_people_are_not_there
    lists_come_in_pages
    failed_logins_are_counted_one_after_the_other
}

fn application(name: &str) -> ApplicationDraft {
    let scopes = ScopeSet::EMPTY.with(Scope::CatalogRead).with(Scope::FilesSign);
    ApplicationDraft { tenant: Some(TenantId(1)), name: name.into(), scopes, disabled_at: None }
}

fn person(name: &str) -> PersonDraft {
    PersonDraft {
        tenant: Some(TenantId(1)),
        username: name.into(),
        role: Role::Admin,
        scopes: ScopeSet::EVERY,
        disabled_at: None,
    }
}

async fn made_application(stage: &Stage, name: &str) -> Application {
    let mut change = stage.change().await;
    let made = change.application_create(application(name)).await.unwrap();
    change.commit().await.unwrap();
    made
}

async fn made_person(stage: &Stage, name: &str) -> Person {
    let mut change = stage.change().await;
    let made = change.person_create(person(name)).await.unwrap();
    change.commit().await.unwrap();
    made
}

fn token(secret: &str, grantee: Grantee) -> AccessTokenDraft {
    AccessTokenDraft {
        hash: SecretHash::of(secret),
        token_use: TokenUse::Access,
        grantee,
        tenant: Some(TenantId(1)),
        scopes: ScopeSet::EMPTY.with(Scope::FilesRead),
        expires_at: NOW.plus(60),
    }
}

async fn an_application_is_what_was_said_of_it(stage: Stage) {
    stage.tenant(1).await;
    let made = made_application(&stage, "cms").await;
    assert_eq!(stage.view().await.application(&made.id).await.unwrap(), made);
    let mut change = stage.change().await;
    let draft = ApplicationDraft { disabled_at: Some(NOW), ..application("cms 2") };
    let id = &made.id;
    let stale = change.application_update(id, Expected::Revision(2), draft.clone()).await;
    assert_eq!(stale.unwrap_err().kind(), StoreErrorKind::Stale);
    let changed = change.application_update(id, Expected::Revision(1), draft).await.unwrap();
    change.commit().await.unwrap();
    let expected =
        Application { name: "cms 2".into(), disabled_at: Some(NOW), revision: 2, ..made };
    assert_eq!(changed, expected);
    let mut change = stage.change().await;
    change.application_remove(&changed.id, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    let gone = stage.view().await.application(&changed.id).await.unwrap_err();
    assert_eq!(gone.kind(), StoreErrorKind::NotFound);
}

async fn two_secrets_are_valid_at_a_time(stage: Stage) {
    stage.tenant(1).await;
    let made = made_application(&stage, "cms").await;
    let id = &made.id;
    let mut change = stage.change().await;
    let add = async |change: &mut Change, secret: &str, expires| {
        let hash = SecretHash::of(secret);
        change.application_secret_create(id, hash, Some(b"sealed"), expires).await
    };
    let one = add(&mut change, "one", None).await.unwrap();
    add(&mut change, "over", Some(NOW)).await.unwrap();
    let two = add(&mut change, "two", Some(NOW.plus(1))).await.unwrap();
    let third = add(&mut change, "three", None).await.unwrap_err();
    assert_eq!(third.kind(), StoreErrorKind::Conflict);
    change.application_secret_remove(id, &one.id).await.unwrap();
    add(&mut change, "three", None).await.unwrap();
    change.application_secret_used(&two.id).await.unwrap();
    change.commit().await.unwrap();
    let secrets = stage.view().await.application_secret_list(id).await.unwrap();
    assert_eq!(secrets.len(), 3);
    let used = secrets.iter().find(|secret| secret.id == two.id).unwrap();
    assert_eq!(used.hash, SecretHash::of("two"));
    assert_eq!(used.sealed.as_deref(), Some(b"sealed".as_slice()));
    assert_eq!(used.last_used_at, Some(NOW));
    assert_eq!(used.expires_at, Some(NOW.plus(1)));
}

async fn people_are_found_by_name_without_case(stage: Stage) {
    stage.tenant(1).await;
    let made = made_person(&stage, "Ada.L@example.org").await;
    let mut view = stage.view().await;
    assert_eq!(view.person_by_username("ada.l@EXAMPLE.org").await.unwrap(), made);
    drop(view);
    let mut change = stage.change().await;
    let twice = change.person_create(person("ADA.L@example.org")).await.unwrap_err();
    assert_eq!(twice.kind(), StoreErrorKind::Conflict);
    drop(change);
    let mut change = stage.change().await;
    let draft = PersonDraft { role: Role::Member, ..person("grace") };
    let changed = change.person_update(&made.id, Expected::Revision(1), draft).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((changed.role, changed.revision), (Role::Member, 2));
    let mut view = stage.view().await;
    assert!(view.person_by_username("ada.l@example.org").await.is_err());
    assert_eq!(view.person_by_username("GRACE").await.unwrap(), changed);
}

async fn a_password_changes_and_is_never_told(stage: Stage) {
    stage.tenant(1).await;
    let made = made_person(&stage, "ada").await;
    let first = PasswordHash::parse("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$Zmlyc3Q").unwrap();
    let other = PasswordHash::parse("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$b3RoZXI").unwrap();
    assert_eq!(PasswordHash::parse("hunter2"), None);
    let mut change = stage.change().await;
    let changed = change.person_password_set(&made.id, &first).await.unwrap();
    assert_eq!((changed.password.as_ref(), changed.password_version), (Some(&first), 1));
    change.person_password_rehash(&made.id, &other, &first).await.unwrap();
    change.person_password_rehash(&made.id, &first, &other).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let person = view.person(&made.id).await.unwrap();
    assert_eq!((person.password.as_ref(), person.password_version), (Some(&other), 1));
    let log = view.audit_list(&Page::first(100)).await.unwrap();
    let told = serde_json::to_string(&log.items).unwrap();
    assert!(told.contains("person.password_set") && !told.contains("argon2"), "{told}");
}

async fn tokens_are_found_by_hash_and_end_once(stage: Stage) {
    stage.tenant(1).await;
    let holder = Grantee::Person(made_person(&stage, "ada").await.id);
    let hash = SecretHash::of("token");
    let mut change = stage.change().await;
    let made = change.access_token_create(token("token", holder.clone())).await.unwrap();
    change.access_token_create(token("second", holder.clone())).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert_eq!(view.access_token(&hash).await.unwrap(), made);
    assert!(view.access_token(&SecretHash::of("other")).await.is_err());
    let listed = view.access_token_list(&holder, &Page::first(10)).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    let told = serde_json::to_string(&view.audit_list(&Page::first(100)).await.unwrap().items);
    assert!(!told.unwrap().contains(hash.as_str()));
    drop(view);

    let mut change = stage.change().await;
    assert_eq!(change.access_token_revoke(&hash).await.unwrap(), Ended::Now);
    assert_eq!(change.access_token_revoke(&hash).await.unwrap(), Ended::Before);
    assert_eq!(change.access_token_revoke_all(&holder).await.unwrap(), 1);
    change.commit().await.unwrap();
    let ended = stage.view().await.access_token(&hash).await.unwrap();
    assert_eq!(ended.revoked_at, Some(NOW));
    let mut change = stage.change().await;
    assert_eq!(change.access_token_forget(NOW.plus(60)).await.unwrap(), 0);
    assert_eq!(change.access_token_forget(NOW.plus(61)).await.unwrap(), 2);
    change.commit().await.unwrap();
}

async fn everything_of_somebody_ends_with_them(stage: Stage) {
    stage.tenant(1).await;
    let person = made_person(&stage, "ada").await;
    let mut change = stage.change().await;
    let holder = Grantee::Person(person.id.clone());
    change.access_token_create(token("token", holder)).await.unwrap();
    change.commit().await.unwrap();
    let mut change = stage.change().await;
    change.person_remove(&person.id, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert!(view.access_token(&SecretHash::of("token")).await.is_err());
    assert!(view.person(&person.id).await.is_err());
    drop(view);
    // Nobody can be made to belong to what is not there, and what is used cannot go.
    made_application(&stage, "cms").await;
    let mut change = stage.change().await;
    let error = change.tenant_remove(TenantId(1), Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    drop(change);
    let mut change = stage.change().await;
    let nowhere = ApplicationDraft { tenant: Some(TenantId(9)), ..application("x") };
    let error = change.application_create(nowhere).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
}

async fn another_tenants_people_are_not_there(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let person = made_person(&stage, "ada").await;
    let cms = made_application(&stage, "cms").await;
    let stranger = Stage::of_tenant(2);
    let mut view = stage.store.view(&stranger).await.unwrap();
    for found in [
        view.person(&person.id).await.map(drop),
        view.person_by_username("ada").await.map(drop),
        view.application(&cms.id).await.map(drop),
        view.application_secret_list(&cms.id).await.map(drop),
        view.tenant(TenantId(1)).await.map(drop),
        view.tenant_by_name("tenant-1").await.map(drop),
    ] {
        assert_eq!(found.unwrap_err().kind(), StoreErrorKind::NotFound);
    }
    assert!(view.person_list(&Page::first(9)).await.unwrap().items.is_empty());
    assert!(view.application_list(&Page::first(9)).await.unwrap().items.is_empty());
    assert_eq!(view.tenant_list(&Page::first(9)).await.unwrap().items.len(), 1);
    drop(view);
    let mut change = stage.store.change(&stranger, NOW).await.unwrap();
    for refused in [
        change.person_create(person_of_everybody()).await.map(drop),
        change.person_create(self::person("eve")).await.map(drop),
        change.person_remove(&person.id, Expected::Any).await,
        change.application_remove(&cms.id, Expected::Any).await,
        change.tenant_create(TenantId(3), "three").await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::NotFound);
    }
}

fn person_of_everybody() -> PersonDraft {
    PersonDraft { tenant: None, ..person("root") }
}

async fn lists_come_in_pages(stage: Stage) {
    stage.tenant(1).await;
    let mut names = Vec::new();
    for name in ["Zoe", "ada", "Émile", "bob", "_x"] {
        names.push(made_person(&stage, name).await.id);
    }
    names.sort();
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let listed = stage.view().await.person_list(&page).await.unwrap();
        assert!(listed.items.len() <= 2);
        seen.extend(listed.items.into_iter().map(|person| person.id));
        match listed.next {
            Some(next) => page = Page::after(next, 2),
            None => break,
        }
    }
    assert_eq!(seen, names);
}

async fn failed_logins_are_counted_one_after_the_other(stage: Stage) {
    let other = stage.again().await.unwrap();
    let count = async |store: &Store, subject: &str, at: UnixSeconds| {
        let mut change = store.change(&Stage::system(), at).await.unwrap();
        let forgotten = UnixSeconds::new(at.get() - 900);
        let before = change.login_failure_count(subject, "192.0.2.1", forgotten).await.unwrap();
        change.commit().await.unwrap();
        before
    };
    // At once, at two control planes.
    let (one, two, three, four) = tokio::join!(
        count(&stage.store, "ann", NOW),
        count(&other, "ann", NOW),
        count(&stage.store, "ann", NOW),
        count(&other, "ann", NOW),
    );
    let mut counts = [one, two, three, four].map(|before| before.count);
    counts.sort_unstable();
    assert_eq!(counts, [0, 1, 2, 3]);
    let before = count(&stage.store, "ann", NOW.plus(7)).await;
    assert_eq!(before, LoginFailures { count: 4, last_at: NOW });
    assert_eq!(count(&stage.store, "bob", NOW).await.count, 0);
    // What is refused is not counted; what succeeded is taken back.
    let mut change = stage.change().await;
    change.login_failure_count("bob", "192.0.2.1", UnixSeconds::new(0)).await.unwrap();
    drop(change);
    let mut change = stage.change().await;
    change.login_failure_take_back("ann", "192.0.2.1").await.unwrap();
    change.login_failure_take_back("bob", "192.0.2.1").await.unwrap();
    change.commit().await.unwrap();
    let before = count(&stage.store, "ann", NOW.plus(8)).await;
    assert_eq!(before, LoginFailures { count: 4, last_at: NOW });
    assert_eq!(count(&stage.store, "bob", NOW.plus(8)).await.count, 0);
    let mut change = stage.change().await;
    change.login_failure_clear("ann", "192.0.2.1").await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(count(&stage.store, "ann", NOW.plus(9)).await.count, 0);
    // In the end all is forgotten.
    assert_eq!(count(&stage.store, "ann", NOW.plus(909)).await.count, 0);
    let mut change = stage.change().await;
    assert_eq!(change.login_failure_forget(NOW.plus(8)).await.unwrap(), 1);
    assert_eq!(change.login_failure_forget(NOW.plus(2_000)).await.unwrap(), 1);
    change.commit().await.unwrap();
}
