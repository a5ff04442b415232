//! The two databases: how they are opened, and how transactions on them begin.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Postgres, SqlStr, Transaction};

use super::connection::Connection;
use super::error::{StoreError, StoreErrorKind};
use super::schema;
use crate::secret::Secret;

/// How long a writer waits for another one.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);

/// Connections that only read.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL of one control plane, the one that listens apart.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Where the store is. Not printed: it may hold a password.
#[derive(Clone)]
pub struct StoreAddress {
    place: Place,
    text: Arc<Secret<String>>,
}

#[derive(Clone)]
enum Place {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl StoreAddress {
    /// Reads `sqlite:PATH` or `postgres://…`. A server elsewhere must prove itself by certificate,
    /// unless the address says otherwise (`sslmode`).
    pub fn parse(text: &str) -> Result<Self, AddressRejection> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(['?', '#']) || path.starts_with(':') {
                return Err(AddressRejection::Sqlite);
            }
            return Ok(Self::of(Place::Sqlite(path.into()), text));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(AddressRejection::Scheme);
        }
        // What the library says of a bad address may repeat the password in it.
        let options = PgConnectOptions::from_str(text).map_err(|_| AddressRejection::Postgres)?;
        let is_near = options.get_socket().is_some()
            || options.get_host().starts_with('/')
            || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        let options = if is_near || text.contains("sslmode=") || text.contains("ssl-mode=") {
            options
        } else {
            options.ssl_mode(PgSslMode::VerifyFull)
        };
        Ok(Self::of(Place::Postgres(Box::new(options)), text))
    }

    /// The same, where a relative path begins in that folder.
    #[must_use]
    pub fn beneath(self, folder: &Path) -> Self {
        match self.place {
            Place::Postgres(_) => self,
            Place::Sqlite(path) => Self { place: Place::Sqlite(folder.join(path)), ..self },
        }
    }

    fn of(place: Place, text: &str) -> Self {
        Self { place, text: Arc::new(Secret::new(text.to_owned())) }
    }

    /// The file of an embedded store.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::Postgres(_) => None,
            Place::Sqlite(path) => Some(path),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Postgres(_) => f.write_str("postgres"),
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl PartialEq for StoreAddress {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.file() == other.file()
    }
}

impl Eq for StoreAddress {}

/// What is no address of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRejection {
    /// Not a PostgreSQL URL.
    #[error("not an address of PostgreSQL: postgres://USER:PASSWORD@HOST/DATABASE")]
    Postgres,
    /// Neither kind.
    #[error("a store is sqlite:PATH or postgres://…")]
    Scheme,
    /// Not a path.
    #[error("not a file: sqlite:PATH, without parameters")]
    Sqlite,
}

/// A database that is open and up to date.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Postgres(PgPool),
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

impl Database {
    /// Opens, creates and migrates what is at that address.
    pub(super) async fn open(address: &StoreAddress) -> Result<Self, StoreError> {
        match &address.place {
            Place::Postgres(options) => open_postgres(options).await,
            Place::Sqlite(path) => open_sqlite(path).await,
        }
    }

    /// A transaction that reads one state of everything.
    pub(super) async fn begin_read(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Connection::postgres(begin_postgres(pool, begin).await?)
            }
            Self::Sqlite { readers, .. } => Connection::sqlite(readers.begin().await?),
        })
    }

    /// A transaction that may write.
    pub(super) async fn begin_write(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Postgres(pool) => Connection::postgres(begin_postgres(pool, "BEGIN").await?),
            Self::Sqlite { writer, .. } => {
                Connection::sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
        })
    }

    /// Closes every connection, after what they do now.
    pub(super) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// Begins a transaction: once there is a connection, to the end, also where whoever asked for it goes
/// away meanwhile. sqlx 0.9.0 gives a connection whose `BEGIN` was given up to the next, in a transaction
/// that it does not know of (sqlx issue 4393).
async fn begin_postgres(
    pool: &PgPool,
    begin: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let connection = pool.acquire().await?;
    let begin = SqlStr::from_static(begin);
    let begun = tokio::spawn(Transaction::begin(connection, Some(begin))).await;
    Ok(begun.map_err(|error| StoreError::caused_by(StoreErrorKind::Unavailable, error))??)
}

async fn open_postgres(options: &PgConnectOptions) -> Result<Database, StoreError> {
    let options = options.clone().application_name("countersign").disable_statement_logging();
    schema::migrate_postgres(&options).await?;
    // A control plane that hangs with a transaction open holds everybody's lock: the server ends it.
    let options = options.options([
        ("synchronous_commit", "on"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(WRITER_PATIENCE)
        .connect_with(options)
        .await?;
    Ok(Database::Postgres(pool))
}

async fn open_sqlite(path: &Path) -> Result<Database, StoreError> {
    create_private(path)
        .map_err(|error| StoreError::caused_by(StoreErrorKind::Unavailable, error))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WRITER_PATIENCE)
        .foreign_keys(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WRITER_PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| Box::pin(is_between_transactions(connection)))
        .connect_with(options.clone())
        .await?;
    schema::migrate_sqlite(&writer).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(WRITER_PATIENCE)
        .connect_with(options.pragma("query_only", "ON"))
        .await?;
    Ok(Database::Sqlite { writer, readers })
}

/// SQLite ends a transaction by itself when the disk is full, and the `ROLLBACK` after that fails:
/// the library then counts one open transaction too many on that connection for ever. Such a
/// connection is not kept.
async fn is_between_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Makes an empty file that only this user may read, where there is none. What SQLite puts beside
/// it gets the same rights.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("sqlite:", Some(AddressRejection::Sqlite)),
            ("sqlite::memory:", Some(AddressRejection::Sqlite)),
            ("sqlite:a.db?mode=ro", Some(AddressRejection::Sqlite)),
            ("mysql://a/b", Some(AddressRejection::Scheme)),
            ("postgres://h:x/b", Some(AddressRejection::Postgres)),
            ("sqlite:a.db", None),
            ("sqlite:///var/lib/a.db", None),
            ("postgres://u:p@h/b", None),
        ] {
            assert_eq!(StoreAddress::parse(text).err(), expected, "{text}");
        }
        let absolute = StoreAddress::parse("sqlite:///var/lib/a.db").unwrap();
        assert_eq!(absolute.file(), Some(Path::new("/var/lib/a.db")));
    }

    #[test]
    fn a_server_elsewhere_must_prove_itself() {
        for (text, expected) in [
            ("postgres://u:p@db.example/b", "VerifyFull"),
            ("postgres://u:p@db.example/b?sslmode=require", "Require"),
            ("postgres://u:p@localhost/b", "Prefer"),
            ("postgres:///b?host=/run/postgresql", "Prefer"),
        ] {
            let Place::Postgres(options) = StoreAddress::parse(text).unwrap().place else {
                panic!()
            };
            assert_eq!(format!("{:?}", options.get_ssl_mode()), expected, "{text}");
        }
    }
}
