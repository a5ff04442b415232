//! What each case begins with: an empty store, and a way round it.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use tempfile::TempDir;

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{ScopeSet, Tenant};
use crate::control_plane::store::{Store, StoreAddress, StoreError};

/// When cases happen.
pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

/// An empty store.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) address: StoreAddress,
    way_round: WayRound,
}

enum WayRound {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>, TempDir),
}

impl Stage {
    pub(super) async fn postgres() -> Self {
        let (address, options) = schema().await;
        let store = Store::open(&address).await.unwrap();
        Self { store, address, way_round: WayRound::Postgres(Box::new(options)) }
    }

    pub(super) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let address = StoreAddress::parse(&format!("sqlite:{}", path.display())).unwrap();
        let store = Store::open(&address).await.unwrap();
        let options = SqliteConnectOptions::new().filename(path);
        Self { store, address, way_round: WayRound::Sqlite(Box::new(options), folder) }
    }

    /// Where there is nothing yet.
    pub(super) async fn blank(&self) -> StoreAddress {
        match &self.way_round {
            WayRound::Postgres(_) => schema().await.0,
            WayRound::Sqlite(_, folder) => {
                let path = folder.path().join("blank.db");
                StoreAddress::parse(&format!("sqlite:{}", path.display())).unwrap()
            }
        }
    }

    /// Somebody who may do everything.
    pub(super) fn system() -> Caller {
        Caller::system("conformance")
    }

    /// Somebody bound to a tenant.
    pub(super) fn of_tenant(tenant: u64) -> Caller {
        let reach = Reach::Tenant(TenantId(tenant));
        Caller::authenticated(Actor::System("tenant"), ScopeSet::EVERY, reach)
    }

    pub(super) async fn view(&self) -> super::super::View {
        self.store.view(&Self::system()).await.unwrap()
    }

    pub(super) async fn change(&self) -> super::super::Change {
        self.store.change(&Self::system(), NOW).await.unwrap()
    }

    /// Makes a tenant.
    pub(super) async fn tenant(&self, number: u64) -> Tenant {
        let mut change = self.change().await;
        let name = format!("tenant-{number}");
        let tenant = change.tenant_create(TenantId(number), &name).await.unwrap();
        change.commit().await.unwrap();
        tenant
    }

    /// Writes behind the store's back.
    pub(super) async fn tamper(&self, sql: &'static str) {
        match &self.way_round {
            WayRound::Postgres(options) => {
                let mut connection: PgConnection = options.connect().await.unwrap();
                connection.execute(sql).await.unwrap();
            }
            WayRound::Sqlite(options, _) => {
                let mut connection: SqliteConnection = options.connect().await.unwrap();
                connection.execute(sql).await.unwrap();
            }
        }
    }

    /// Every table there is.
    pub(super) async fn tables(&self) -> Vec<String> {
        match &self.way_round {
            WayRound::Postgres(options) => {
                let mut connection: PgConnection = options.connect().await.unwrap();
                let sql = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
                           WHERE table_schema = current_schema()";
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
            WayRound::Sqlite(options, _) => {
                let mut connection: SqliteConnection = options.connect().await.unwrap();
                let sql = "SELECT name FROM sqlite_master WHERE type = 'table'";
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// The store as another process opens it.
    pub(super) async fn again(&self) -> Result<Store, StoreError> {
        Store::open(&self.address).await
    }
}

/// A new schema.
async fn schema() -> (StoreAddress, PgConnectOptions) {
    let server = std::env::var("COUNTERSIGN_TEST_POSTGRES")
        .expect("COUNTERSIGN_TEST_POSTGRES is unset: run tests/run --env-only");
    let chance: [u8; 8] = crate::control_plane::record::chance().unwrap();
    let schema = format!("conformance_{}", hex::encode(chance));
    let options = PgConnectOptions::from_str(&server).unwrap();
    let mut connection = options.connect().await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let url = format!("{server}&options=-c%20search_path%3D{schema}");
    (StoreAddress::parse(&url).unwrap(), options.options([("search_path", schema)]))
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
