//! A copy of the whole store, brought into one.

use std::io::{self, BufRead};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::backup::{Column, EndLine, FORM, Head, Header, Holds, TABLES, TableLine, columns, head};
use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::schema;
use super::statement::{MOST_VALUES, Reuse, Statement, Value};
use crate::control_plane::record::{DeliveryState, FeedHead, FeedVersion, LetterState, chance};

/// Longest line that is read, in bytes: an answer that is kept for its idempotency key, or a record
/// before and after.
const LONGEST_LINE: usize = 16 << 20;

/// Seconds for which a letter or a message may be somebody's who sends it. What was that when the copy
/// was made is due so much later.
const TAKEN_FOR: u64 = 15 * 60;

/// What is said of a letter that is not sent therefore.
const MAY_BE_SENT: &str = "the store was restored from a copy: it may have been sent before";

/// What a copy may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces {
    /// Whatever there is.
    Anything,
    /// Nothing, or what the copy was made of and has not gone on since.
    WhatItKnows,
}

/// Why a copy was not brought in. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is damaged, or no copy at all.
    #[error("line {line} of the copy: {why}")]
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The store went on since, or has another history.
    #[error(
        "the store holds what the copy does not know (version {there} there, {copied} in the copy)"
    )]
    Newer {
        /// The store's version.
        there: u64,
        /// The copy's.
        copied: u64,
    },
    /// It cannot be read.
    #[error("the copy cannot be read")]
    Read(#[source] io::Error),
    /// Another version of the program wrote it.
    #[error(
        "the copy has tables of version {copied}, this program has {ours}: restore it with the \
         version that made it, then upgrade"
    )]
    Schema {
        /// The copy's.
        copied: i64,
        /// Ours.
        ours: i64,
    },
    /// The store cannot be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A copy that was read to its end and is whole.
#[derive(Debug)]
pub struct WholeCopy {
    header: Header,
    rows: u64,
}

impl WholeCopy {
    /// Reads a copy to its end.
    pub fn check(from: &mut dyn BufRead) -> Result<Self, RestoreError> {
        let mut reader = Reader::new(from);
        let header: Header = match reader.next()? {
            Some(text) => reader.parse(&text, "is not the beginning of a copy")?,
            None => return Err(reader.damaged("is missing: the copy is empty")),
        };
        if &*header.backup != "countersign" || header.form != FORM {
            return Err(reader.damaged("is not the beginning of a copy of this form"));
        }
        if header.schema != schema::NEWEST {
            let (copied, ours) = (header.schema, schema::NEWEST);
            return Err(RestoreError::Schema { copied, ours });
        }
        let mut rows = 0;
        loop {
            let hash = reader.hash.clone();
            let Some(text) = reader.next()? else {
                return Err(reader.damaged("is missing: the copy is cut off"));
            };
            if text.starts_with('[') {
                rows += 1;
            } else if text.starts_with("{\"end\"") {
                let EndLine { end } = reader.parse(&text, "is not the end of a copy")?;
                if end.rows != rows || *end.sha256 != *hex::encode(hash.finalize()) {
                    return Err(reader.damaged("does not fit what stands before it"));
                }
                if reader.next()?.is_some() {
                    return Err(reader.damaged("stands behind the end"));
                }
                return Ok(Self { header, rows });
            }
        }
    }

    /// How far the store was that it is of.
    pub fn head(&self) -> FeedHead {
        let Head { lineage, version, .. } = &self.header.head;
        FeedHead { lineage: lineage.clone(), version: FeedVersion(*version) }
    }

    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Change {
    /// Puts a copy in the place of everything there is, as another history: edges take a snapshot.
    /// `from` is read again, from its beginning.
    pub async fn restore(
        &mut self,
        copy: &WholeCopy,
        from: &mut (dyn BufRead + Send),
        replaces: Replaces,
    ) -> Result<(), RestoreError> {
        self.view().reach(None)?;
        let Head { lineage, version, audit_sequence, audit_hash } = &copy.header.head;
        let there = head(self.view().connection()).await?;
        let is_empty = there.audit_sequence == 0;
        let goes_on = there.lineage == *lineage && there.audit_sequence <= *audit_sequence;
        match replaces {
            Replaces::WhatItKnows if !is_empty && !goes_on => {
                return Err(RestoreError::Newer { there: there.version, copied: *version });
            }
            Replaces::WhatItKnows | Replaces::Anything => {}
        }
        for table in ["feed"].iter().chain(TABLES.iter().rev()) {
            let sql = AssertSqlSafe(format!("DELETE FROM {table}")).into_sql_str();
            let statement = Statement { sql, values: Vec::new(), reuse: Reuse::PrepareOnce };
            self.view().connection().execute(statement).await?;
        }
        self.take_rows(from).await?;
        self.send_nothing_again().await?;
        // Versions of a restored store count on from the greater: no reader sees them go back.
        let version = there.version.max(*version);
        let statement = Statement::new(
            "UPDATE feed_head SET lineage = $1, version = $2, compacted = $2, \
             audit_sequence = $3, audit_hash = $4 WHERE id = 1",
        )
        .bind(hex::encode(chance::<16>().map_err(StoreError::from)?))
        .bind(version)
        .bind(*audit_sequence)
        .bind(audit_hash);
        self.view().connection().execute(statement).await?;
        self.note("store.restore", None, lineage, None::<&()>, None);
        Ok(())
    }

    /// What came due since the copy was made was sent by then, as far as anybody knows: letters are
    /// withdrawn, messages to webhooks given up, from where they can be delivered again, and of ends of
    /// shares everybody was told. What is due later was sent by nobody, and waits.
    async fn send_nothing_again(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        let taken_until = now.plus(TAKEN_FOR);
        let letters = Statement::new(
            "UPDATE letter SET state = $1, due_at = NULL, ended_at = $2, answer = $3 \
             WHERE due_at <= $4",
        )
        .bind(LetterState::Withdrawn.wire_name())
        .bind(now)
        .bind(MAY_BE_SENT)
        .bind(taken_until);
        self.view().connection().execute(letters).await?;
        let messages = Statement::new(
            "UPDATE webhook_delivery SET state = $1, due_at = NULL WHERE due_at <= $2",
        )
        .bind(DeliveryState::Dead.wire_name())
        .bind(taken_until);
        self.view().connection().execute(messages).await?;
        self.share_ends_told(now).await
    }

    async fn take_rows(&mut self, from: &mut (dyn BufRead + Send)) -> Result<(), RestoreError> {
        let mut reader = Reader::new(from);
        // The header was read before.
        reader.next()?;
        let mut table: Option<(&'static str, Vec<Column>)> = None;
        let mut rows = Vec::new();
        while let Some(text) = reader.next()? {
            if text.starts_with('[') {
                let Some((_, columns)) = &table else {
                    return Err(reader.damaged("is a row of no table"));
                };
                let values: Vec<Json> = reader.parse(&text, "is not a row")?;
                let row = values_of(columns, values)
                    .ok_or_else(|| reader.damaged("is not a row of its table"))?;
                rows.push(row);
                if rows.len() * columns.len() >= MOST_VALUES {
                    self.put_rows(table.as_ref(), std::mem::take(&mut rows)).await?;
                }
                continue;
            }
            self.put_rows(table.as_ref(), std::mem::take(&mut rows)).await?;
            if text.starts_with("{\"end\"") {
                break;
            }
            let TableLine { table: name, columns: named } =
                reader.parse(&text, "is not the beginning of a table")?;
            let known = TABLES.iter().find(|table| ***table == *name);
            let name = *known.ok_or_else(|| reader.damaged("names a table that there is not"))?;
            let columns = columns(self.view().connection(), name).await?;
            if !columns.iter().map(|it| &it.name).eq(&named) {
                return Err(reader.damaged("names other columns than there are"));
            }
            table = Some((name, columns));
        }
        Ok(())
    }

    async fn put_rows(
        &mut self,
        table: Option<&(&'static str, Vec<Column>)>,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let Some((name, columns)) = table else { return Ok(()) };
        let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
        self.view().connection().insert_all(name, &names, rows).await
    }
}

fn values_of(columns: &[Column], values: Vec<Json>) -> Option<Vec<Value>> {
    if columns.len() != values.len() {
        return None;
    }
    columns
        .iter()
        .zip(values)
        .map(|(column, value)| match (column.holds, value) {
            (Holds::Number, Json::Null) => Some(Value::Number(None)),
            (Holds::Number, Json::Number(number)) => number.as_i64().map(Value::from),
            (Holds::Text, Json::Null) => Some(Value::Text(None)),
            (Holds::Text, Json::String(text)) => Some(Value::from(text)),
            (
                Holds::Number | Holds::Text,
                Json::Bool(_)
                | Json::Number(_)
                | Json::String(_)
                | Json::Array(_)
                | Json::Object(_),
            ) => None,
        })
        .collect()
}

/// Reads lines, and hashes them.
struct Reader<'r> {
    from: &'r mut dyn BufRead,
    hash: Sha256,
    line: u64,
}

impl<'r> Reader<'r> {
    fn new(from: &'r mut dyn BufRead) -> Self {
        Self { from, hash: Sha256::new(), line: 0 }
    }

    /// The next line; none at the end.
    fn next(&mut self) -> Result<Option<String>, RestoreError> {
        self.line += 1;
        let mut text = Vec::new();
        let most = LONGEST_LINE as u64 + 1;
        io::Read::take(&mut *self.from, most)
            .read_until(b'\n', &mut text)
            .map_err(RestoreError::Read)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.hash.update(&text);
        if text.pop() != Some(b'\n') {
            return Err(self.damaged("is cut off, or too long"));
        }
        String::from_utf8(text).map(Some).map_err(|_| self.damaged("is not UTF-8"))
    }

    fn parse<T: serde::de::DeserializeOwned>(
        &self,
        text: &str,
        why: &'static str,
    ) -> Result<T, RestoreError> {
        serde_json::from_str(text).map_err(|_| self.damaged(why))
    }

    fn damaged(&self, why: &'static str) -> RestoreError {
        RestoreError::Damaged { line: self.line, why }
    }
}

impl From<StoreErrorKind> for RestoreError {
    fn from(kind: StoreErrorKind) -> Self {
        Self::Store(kind.into())
    }
}
