//! The whole store as lines of JSON: copied out, and in again, also from one database to the other.
//!
//! ```text
//! {"backup":"countersign","form":1,"schema":…,"lineage":…,"version":…,…}
//! {"table":"tenant","columns":["number",…]}
//! [1,…]                                        one line a row
//! {"end":{"rows":…,"sha256":…}}                of every byte before this line
//! ```
//!
//! The feed is not in it: what is restored is another history, of which edges take a snapshot.
//! Keys are in it sealed, passwords and tokens as their hashes.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::connection::{Connection, Kind};
use super::error::StoreError;
use super::schema;
use super::statement::{Reuse, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{FeedHead, FeedVersion};

/// The form of these lines.
pub(super) const FORM: u32 = 1;

/// Every table that is copied, in an order in which rows find what they name.
pub(super) const TABLES: &[&str] = &[
    "counter",
    "tenant",
    "application",
    "application_secret",
    "person",
    "access_token",
    "login_failure",
    "path_override",
    "override_head",
    "override_revision",
    "revocation",
    "blocklist",
    "signing_key",
    "edge",
    "enrolment_code",
    "event_spool",
    "download_event",
    "fraud_event",
    "link_claim",
    "idempotency",
    "pipeline",
    "folder",
    "folder_right",
    "connector",
    "content",
    "content_period",
    "content_text",
    "content_metadata",
    "content_tag",
    "classification",
    "classification_right",
    "content_classification",
    "version",
    "chapter",
    "file",
    "content_link",
    "archive",
    "archive_element",
    "archive_plan",
    "archive_plan_entry",
    "archive_delivery",
    "context",
    "share",
    "share_item",
    "share_recipient",
    "share_address",
    "share_session",
    "share_event",
    "share_delivery",
    "webhook",
    "webhook_secret",
    "webhook_delivery",
    "webhook_attempt",
    "sharing_setting",
    "sharing_logo",
    "mail_server",
    "letter",
    "download_link",
    "copy_issue",
    "copy_delivery",
    "backtrace",
    "source_ticket",
    "upload",
    "audit",
];

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) backup: Box<str>,
    pub(super) form: u32,
    pub(super) schema: i64,
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) made_at: UnixSeconds,
}

/// How far the store was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) lineage: Box<str>,
    pub(super) version: u64,
    pub(super) audit_sequence: u64,
    pub(super) audit_hash: Box<str>,
}

/// The line before a table's rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableLine {
    pub(super) table: Box<str>,
    pub(super) columns: Vec<Box<str>>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndLine {
    pub(super) end: End,
}

/// What the last line says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) rows: u64,
    pub(super) sha256: Box<str>,
}

/// What was copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// How far the store was.
    pub head: FeedHead,
    /// Rows of all tables.
    pub rows: u64,
}

/// Why the store was not copied out.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The copy cannot be written.
    #[error("the copy cannot be written")]
    Write(#[source] io::Error),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl View {
    /// Writes everything that is in the store at this moment.
    pub async fn backup(
        &mut self,
        now: UnixSeconds,
        out: &mut (dyn Write + Send),
    ) -> Result<Copied, BackupError> {
        self.reach(None)?;
        let mut lines = Lines { out, hash: Sha256::new() };
        let head = head(self.connection()).await?;
        let feed_head =
            FeedHead { lineage: head.lineage.clone(), version: FeedVersion(head.version) };
        let backup = "countersign".into();
        let header = Header { backup, form: FORM, schema: schema::NEWEST, head, made_at: now };
        lines.write(&header)?;
        let mut rows = 0;
        for &table in TABLES {
            rows += self.table_backup(table, &mut lines).await?;
        }
        let sha256 = hex::encode(lines.hash.clone().finalize()).into();
        lines.write(&EndLine { end: End { rows, sha256 } })?;
        lines.out.flush().map_err(BackupError::Write)?;
        Ok(Copied { head: feed_head, rows })
    }

    async fn table_backup(
        &mut self,
        table: &'static str,
        lines: &mut Lines<'_>,
    ) -> Result<u64, BackupError> {
        let columns = columns(self.connection(), table).await?;
        let names = columns.iter().map(|column| column.name.clone()).collect();
        lines.write(&TableLine { table: table.into(), columns: names })?;
        let mut count = 0;
        let mut failed = None;
        self.connection()
            .each_row(select(table, &columns), |row| {
                let values: Result<Vec<Json>, StoreError> = columns
                    .iter()
                    .map(|column| row.json_value(&column.name, column.holds))
                    .collect();
                count += 1;
                match lines.write(&values?) {
                    Ok(()) => Ok(ControlFlow::Continue(())),
                    Err(error) => {
                        failed = Some(error);
                        Ok(ControlFlow::Break(()))
                    }
                }
            })
            .await?;
        failed.map_or(Ok(count), Err)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: Box<str>,
    pub(super) holds: Holds,
}

/// Which of the two portable types a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Number,
    Text,
}

/// The columns of a table, as the database has them.
pub(super) async fn columns(
    connection: &mut Connection,
    table: &'static str,
) -> Result<Vec<Column>, StoreError> {
    let statement = Statement::new(match connection.kind() {
        Kind::Postgres => {
            "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS holds \
             FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
        }
        Kind::Sqlite => "SELECT name, type AS holds FROM pragma_table_info($1) ORDER BY cid",
    });
    let rows = connection.rows(statement.bind(table)).await?;
    rows.iter()
        .map(|row| {
            let holds: Box<str> = row.text("holds")?;
            let holds =
                if holds.eq_ignore_ascii_case("bigint") { Holds::Number } else { Holds::Text };
            Ok(Column { name: row.text("name")?, holds })
        })
        .collect()
}

/// How far the store is.
pub(super) async fn head(connection: &mut Connection) -> Result<Head, StoreError> {
    let statement = Statement::new(
        "SELECT lineage, version, audit_sequence, audit_hash FROM feed_head WHERE id = 1",
    );
    let rows = connection.rows(statement).await?;
    let row = rows.first().ok_or(super::error::StoreErrorKind::Corrupt)?;
    Ok(Head {
        lineage: row.text("lineage")?,
        version: row.number("version")?,
        audit_sequence: row.number("audit_sequence")?,
        audit_hash: row.text("audit_hash")?,
    })
}

/// Every row. Names are of the database itself.
fn select(table: &'static str, columns: &[Column]) -> Statement {
    let names: Vec<String> = columns.iter().map(|it| format!("{table}.{}", it.name)).collect();
    let names = names.join(", ");
    let sql = if table == "folder" {
        // The folder that a folder is in comes first.
        format!(
            "WITH RECURSIVE tree (place, depth) AS (\
             SELECT number, 0 FROM folder WHERE parent IS NULL UNION ALL \
             SELECT folder.number, depth + 1 FROM folder JOIN tree ON folder.parent = tree.place) \
             SELECT {names} FROM folder JOIN tree ON tree.place = folder.number ORDER BY depth"
        )
    } else {
        format!("SELECT {names} FROM {table}")
    };
    Statement {
        sql: AssertSqlSafe(sql).into_sql_str(),
        values: Vec::new(),
        reuse: Reuse::PrepareOnce,
    }
}

/// Writes lines, and hashes them.
struct Lines<'o> {
    out: &'o mut (dyn Write + Send),
    hash: Sha256,
}

impl Lines<'_> {
    fn write(&mut self, line: &impl Serialize) -> Result<(), BackupError> {
        let mut text =
            serde_json::to_vec(line).map_err(|error| BackupError::Write(error.into()))?;
        text.push(b'\n');
        self.hash.update(&text);
        self.out.write_all(&text).map_err(BackupError::Write)
    }
}
