//! The migrations, and how they are brought into a database.
//!
//! All that are missing are applied in one transaction, under a lock: an advisory one on
//! PostgreSQL, the writer's on SQLite. So two control planes that start at once do not clash, and
//! one that is stopped half-way has done nothing.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, SqlSafeStr};

use super::error::{StoreError, StoreErrorKind};

/// Number, name and text of each migration. One that was released is never changed.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("migrations/0001_foundation.sql")),
    (2, "catalog", include_str!("migrations/0002_catalog.sql")),
    (3, "title_search", include_str!("migrations/0003_title_search.sql")),
    (4, "login_failure", include_str!("migrations/0004_login_failure.sql")),
    (5, "download_event", include_str!("migrations/0005_download_event.sql")),
    (6, "content_search", include_str!("migrations/0006_content_search.sql")),
    (7, "download_link", include_str!("migrations/0007_download_link.sql")),
    (8, "link_claim", include_str!("migrations/0008_link_claim.sql")),
    (9, "blocklist_kind", include_str!("migrations/0009_blocklist_kind.sql")),
    (10, "upload", include_str!("migrations/0010_upload.sql")),
    (11, "fraud_event", include_str!("migrations/0011_fraud_event.sql")),
    (12, "key_revision", include_str!("migrations/0012_key_revision.sql")),
    (13, "source_ticket", include_str!("migrations/0013_source_ticket.sql")),
    (14, "connector", include_str!("migrations/0014_connector.sql")),
    (15, "archive_plan", include_str!("migrations/0015_archive_plan.sql")),
    (16, "connector_download", include_str!("migrations/0016_connector_download.sql")),
    (17, "upload_version", include_str!("migrations/0017_upload_version.sql")),
    (18, "share", include_str!("migrations/0018_share.sql")),
    (19, "share_delivery", include_str!("migrations/0019_share_delivery.sql")),
    (20, "webhook", include_str!("migrations/0020_webhook.sql")),
    (21, "sharing_setting", include_str!("migrations/0021_sharing_setting.sql")),
    (22, "mail", include_str!("migrations/0022_mail.sql")),
    (23, "archive_plan_digest", include_str!("migrations/0023_archive_plan_digest.sql")),
    (24, "revocation_made_before", include_str!("migrations/0024_revocation_made_before.sql")),
    (25, "recipient_epoch", include_str!("migrations/0025_recipient_epoch.sql")),
    (26, "told_ends", include_str!("migrations/0026_told_ends.sql")),
    (27, "archive_delivery", include_str!("migrations/0027_archive_delivery.sql")),
    (28, "copy_issue", include_str!("migrations/0028_copy_issue.sql")),
    (29, "backtrace", include_str!("migrations/0029_backtrace.sql")),
    (30, "copy_issue_file", include_str!("migrations/0030_copy_issue_file.sql")),
];

/// The number of the last one.
pub(super) const NEWEST: i64 = match MIGRATIONS.last() {
    Some((version, _, _)) => *version,
    None => 0,
};

/// Which database a text is for.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Postgres,
    Sqlite,
}

/// The migrations in that dialect. The one difference: SQLite compares text by its bytes, and
/// PostgreSQL is told to, so that cursors mean the same on both.
fn migrator(dialect: Dialect) -> Migrator {
    let migration = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        let sql = match dialect {
            Dialect::Postgres => {
                AssertSqlSafe(sql.replace(" TEXT", " TEXT COLLATE \"C\"")).into_sql_str()
            }
            Dialect::Sqlite => sql.into_sql_str(),
        };
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

/// Brings a SQLite database up to date.
pub(super) async fn migrate_sqlite(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    run(&migrator(Dialect::Sqlite), &mut *transaction).await?;
    transaction.commit().await.map_err(|error| StoreError::from(error).at_commit())
}

/// Brings a PostgreSQL database up to date, on a connection of its own: waiting for another control
/// plane that migrates has no time limit.
pub(super) async fn migrate_postgres(options: &PgConnectOptions) -> Result<(), StoreError> {
    let mut connection = options.connect().await?;
    Migrate::lock(&mut connection).await.map_err(read)?;
    let mut transaction = connection.begin().await?;
    let mut migrator = migrator(Dialect::Postgres);
    run(migrator.set_locking(false), &mut *transaction).await?;
    transaction.commit().await.map_err(|error| StoreError::from(error).at_commit())?;
    // Closing gives the lock back.
    connection.close().await.map_err(StoreError::from)
}

async fn run<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), StoreError> {
    migrator.run_direct(None, connection, false).await.map_err(read)
}

fn read(error: MigrateError) -> StoreError {
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = error {
        return error.into();
    }
    let kind = if matches!(error, MigrateError::VersionMissing(_)) {
        StoreErrorKind::SchemaNewer
    } else {
        StoreErrorKind::SchemaForeign
    };
    StoreError::caused_by(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (place, (version, name, sql)) in (1_i64..).zip(MIGRATIONS) {
            assert_eq!(*version, place, "{name}");
            assert!(
                !sql.contains("LIKE") && !sql.contains("AUTOINCREMENT"),
                "{name}: not portable"
            );
        }
    }
}
