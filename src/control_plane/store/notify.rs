//! What only PostgreSQL has: a control plane hears at once of what another one committed.
//!
//! A notification is a hint, never the news: whoever hears it reads the feed, and reads it now and
//! then anyway, because a connection that breaks loses notifications without a word.

use std::convert::Infallible;

use sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::connection::{Connection, Kind};
use super::database::Database;
use super::error::StoreError;
use super::statement::Statement;

/// Says that the feed grew, when the transaction commits.
pub(super) async fn announce(connection: &mut Connection) -> Result<(), StoreError> {
    match connection.kind() {
        Kind::Postgres => {
            let statement =
                Statement::new("SELECT pg_notify('countersign_feed_' || current_schema(), '')");
            connection.rows(statement).await.map(drop)
        }
        Kind::Sqlite => Ok(()),
    }
}

/// Passes on what other control planes announce, until the connection cannot be had back. Does not
/// return where there is nobody else: SQLite has one writer, this process.
pub(super) async fn hear(
    database: &Database,
    heard: &watch::Sender<()>,
) -> Result<Infallible, StoreError> {
    match database {
        Database::Postgres(pool) => {
            let schema: String =
                sqlx::query_scalar("SELECT current_schema()::text").fetch_one(pool).await?;
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen(&format!("countersign_feed_{schema}")).await?;
            loop {
                // None is a connection that was lost and is had back: something may have been
                // missed meanwhile.
                listener.try_recv().await?;
                heard.send_replace(());
            }
        }
        Database::Sqlite { .. } => std::future::pending().await,
    }
}
