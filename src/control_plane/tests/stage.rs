//! What each case begins with: an API on a port of its own, two tenants, and who calls.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use rustls::RootCertStore;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::mail_scene::this_machine;
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::account::{Accounts, PasswordHasher, SecretKind, SecretText};
use crate::control_plane::api::{Api, router};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{LinkSigner, MasterKey};
use crate::control_plane::mail::Post;
use crate::control_plane::record::{
    AccessTokenDraft, ApplicationDraft, FolderDraft, Grantee, ScopeSet, TokenUse, chance,
};
use crate::control_plane::service::{
    Services, Sources, SourcesInForce, Staging, UploadLimits, Uploads,
};
use crate::control_plane::store::{Store, StoreAddress};
use crate::delivery::DeliveryDesk;
use crate::keyring::KeyMaterial;
use crate::network::{NetworkSet, parse_network};
use crate::policy::EdgeSnapshot;
use crate::response::CdnMarkers;

/// When cases happen.
pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

/// What its keys are sealed under.
pub(super) fn master_key() -> MasterKey {
    MasterKey::of_material(&KeyMaterial::from_hex(&"11".repeat(32)).unwrap()).unwrap()
}

/// A running API.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) address: SocketAddr,
    /// A folder of tenant 1.
    pub(super) folder: u64,
    /// What is in force at the edges.
    pub(super) in_force: Arc<Mutex<Option<EdgeSnapshot>>>,
    pub(super) services: Services,
    /// What the origin `media` has.
    pub(super) media: TempDir,
    /// Where uploads wait.
    pub(super) uploads: TempDir,
    _folder: Option<TempDir>,
}

/// Something of each noun of a catalog.
pub(super) struct CatalogSample {
    pub(super) pipeline: u64,
    pub(super) content: String,
    pub(super) version: String,
    pub(super) file: u64,
    pub(super) archive: String,
    pub(super) context: String,
    pub(super) classification: String,
}

/// An answer, as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| {
            line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        });
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    /// The same, if it has this status.
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Stage {
    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let address = StoreAddress::parse(&format!("sqlite:{}", path.display())).unwrap();
        Self::on(&address, Some(folder), None).await
    }

    /// One in which each caller has so many requests a minute.
    pub(super) async fn of_quota(a_minute: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let address = StoreAddress::parse(&format!("sqlite:{}", path.display())).unwrap();
        Self::on(&address, Some(folder), NonZeroU32::new(a_minute)).await
    }

    pub(super) async fn postgres() -> Self {
        let server = std::env::var("COUNTERSIGN_TEST_POSTGRES")
            .expect("COUNTERSIGN_TEST_POSTGRES is unset: run tests/run --env-only");
        let schema = format!("api_{}", hex::encode(chance::<8>().unwrap()));
        let options = PgConnectOptions::from_str(&server).unwrap();
        let mut connection = options.connect().await.unwrap();
        connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
        let url = format!("{server}&options=-c%20search_path%3D{schema}");
        Self::on(&StoreAddress::parse(&url).unwrap(), None, None).await
    }

    async fn on(
        address: &StoreAddress,
        kept: Option<TempDir>,
        a_minute: Option<NonZeroU32>,
    ) -> Self {
        let store = Store::open(address).await.unwrap();
        let mut change = store.change(&Caller::system("test"), NOW).await.unwrap();
        for number in [1, 2] {
            let name = format!("tenant-{number}");
            change.tenant_create(TenantId(number), &name).await.unwrap();
        }
        let draft = FolderDraft { parent: None, name: "folder".into() };
        let folder = change.folder_create(TenantId(1), draft).await.unwrap().number.0;
        change.commit().await.unwrap();
        let proxies = NetworkSet::new(vec![parse_network("127.0.0.0/8").unwrap()]);
        let in_force: Arc<Mutex<Option<EdgeSnapshot>>> = Arc::default();
        let links = Arc::clone(&in_force);
        let links = LinkSigner::new(Arc::new(move || links.lock().unwrap().clone()));
        let clock = Clock::Fixed(NOW);
        let api = Api::new(store.clone(), clock, None, proxies, Some(master_key()), links);
        let (media, uploads) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let desk = Arc::new(DeliveryDesk::of_folder(media.path()));
        let staging = Staging::open(uploads.path()).unwrap();
        let limits = UploadLimits { most: 1 << 30, quota: Some(2 << 30) };
        let bringing = Arc::clone(&desk);
        let taken = Uploads::new(staging, limits, move || Some(Arc::clone(&bringing)));
        let handing = (Arc::clone(&in_force), Arc::clone(&desk));
        let sources = Sources::new(move || {
            let (in_force, delivery) = &handing;
            Some(SourcesInForce {
                policy: in_force.lock().unwrap().clone()?,
                delivery: Arc::clone(delivery),
                cdn: CdnMarkers::default(),
            })
        });
        let api = api.await.unwrap().with_uploads(taken).with_sources(sources);
        let post = Post::trusting(RootCertStore::empty(), &[], this_machine()).unwrap();
        let api = api.with_rate_limit(a_minute).with_post(post);
        let services = api.services().clone();
        let uploading = services.clone();
        tokio::spawn(async move { uploading.uploads_complete().await });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(api.edges().run());
        let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { store, address, folder, in_force, services, media, uploads, _folder: kept }
    }

    /// A token with those scopes, of an application bound to a tenant or to none.
    pub(super) async fn token(&self, tenant: Option<u64>, scopes: &str) -> String {
        let scopes = ScopeSet::parse(scopes).unwrap();
        let tenant = tenant.map(TenantId);
        let mut change = self.store.change(&Caller::system("test"), NOW).await.unwrap();
        let name = "test".into();
        let draft = ApplicationDraft { tenant, name, scopes, disabled_at: None };
        let application = change.application_create(draft).await.unwrap();
        let token = SecretText::random(SecretKind::Access).unwrap();
        change
            .access_token_create(AccessTokenDraft {
                hash: token.hash(),
                token_use: TokenUse::Access,
                grantee: Grantee::Application(application.id),
                tenant,
                scopes,
                expires_at: NOW.plus(3_600),
            })
            .await
            .unwrap();
        change.commit().await.unwrap();
        token.reveal().to_owned()
    }

    /// Somebody who may do everything everywhere.
    pub(super) async fn admin(&self) -> String {
        self.token(None, &ScopeSet::EVERY.to_string()).await
    }

    /// Something of each noun of a tenant's catalog.
    pub(super) async fn catalog(&self, tenant: u64) -> CatalogSample {
        let admin = self.admin().await;
        let path = format!("/api/v1/tenants/{tenant}");
        let post = async |noun: &str, body: Value| {
            self.send(&format!("POST {path}/{noun}"), &admin, &body).await.expect(201).json()
        };
        let body = json!({"name": "sample", "origin": "media", "prefix": format!("{tenant}/")});
        let pipeline = post("pipelines", body).await["number"].as_u64().unwrap();
        let source = json!({
            "kind": "source", "pipeline": pipeline, "key": "films/a.mp4", "size": 7,
        });
        let body = json!({
            "kind": "VIDEO", "publication": "published", "files": [source],
            "texts": [{"language": "en", "title": "A Film", "pretty_id": "a-film"}],
        });
        let made = post("contents", body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (content, version) = (text(&made["id"]), text(&made["active_version"]));
        let files = format!("GET {path}/contents/{content}/versions/{version}/files");
        let files = self.ask(&files, &admin).await.expect(200).json();
        let file = files["items"][0]["number"].as_u64().unwrap();
        let body = json!({
            "pipeline": pipeline, "key": "a.zip", "name": "a.zip",
            "elements": [{"file": file, "name": "films/a.mp4"}],
        });
        let archive = text(&post("archives", body).await["id"]);
        let context = text(&post("contexts", json!({"name": "press"})).await["name"]);
        let body = json!({"name": "confidential"});
        let classification = text(&post("classifications", body).await["name"]);
        CatalogSample { pipeline, content, version, file, archive, context, classification }
    }

    /// A member of tenant 1 who is logged in: their id and token.
    pub(super) async fn member(&self, name: &str, scopes: &[&str]) -> (String, String) {
        let admin = self.admin().await;
        let body = json!({
            "tenant": 1, "username": name, "role": "member", "password": "right horse",
            "scopes": scopes,
        });
        let made = self.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
        let login = json!({"username": name, "password": "right horse"});
        let session = self.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["id"]), text(&session["accessToken"]))
    }

    /// Sends a request as it is written, and reads until the connection ends.
    pub(super) async fn raw(&self, request: &str) -> Answer {
        self.raw_bytes(request.as_bytes()).await
    }

    /// The same of what is no text.
    pub(super) async fn raw_bytes(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Sends that, and goes away without an answer.
    pub(super) async fn broken_off(&self, request: &str) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }

    /// Looks, at that time, for uploads that are over.
    pub(super) async fn uploads_at(&self, now: UnixSeconds) {
        self.services.clone().at(now).uploads_look().await.unwrap();
    }

    /// Who there is, at that time.
    pub(super) fn accounts_at(&self, now: UnixSeconds) -> Accounts {
        let passwords = PasswordHasher::new().unwrap();
        Accounts::new(self.store.clone(), Clock::Fixed(now), passwords)
    }

    /// A call with further header lines and a body.
    pub(super) async fn call(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let headers: String = headers.iter().flat_map(|it| [it, "\r\n"]).collect();
        let length = body.len();
        // HTTP/1.0: the body comes as it is, up to the end of the connection.
        self.raw(&format!(
            "{line} HTTP/1.0\r\nHost: control\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    /// A call by whoever has that token, without a body.
    pub(super) async fn ask(&self, line: &str, token: &str) -> Answer {
        self.call(line, &[&format!("Authorization: Bearer {token}")], "").await
    }

    /// A call by whoever has that token, with a JSON body.
    pub(super) async fn send(&self, line: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Authorization: Bearer {token}");
        let media_type = "Content-Type: application/json";
        self.call(line, &[&bearer, media_type, "If-Match: *"], &body.to_string()).await
    }

    /// Exchanges an enrolment code.
    pub(super) async fn enrol(&self, code: &str) -> Answer {
        let body = serde_json::json!({"code": code}).to_string();
        self.call("POST /api/v1/edges/enrol", &["Content-Type: application/json"], &body).await
    }

    /// A form to an OAuth2 endpoint.
    pub(super) async fn form(&self, path: &str, headers: &[&str], form: &str) -> Answer {
        let media_type = "Content-Type: application/x-www-form-urlencoded";
        let headers: Vec<_> = headers.iter().copied().chain([media_type]).collect();
        self.call(&format!("POST {path}"), &headers, form).await
    }
}

/// Runs each case on both databases.
macro_rules! on_both_databases {
    ($($case:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Stage::sqlite().await).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(super::Stage::postgres().await).await;
                }
            )*
        }
    };
}

pub(super) use on_both_databases;
