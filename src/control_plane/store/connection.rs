//! A transaction on either database: the one place where they are told apart for each statement.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;

use futures_core::Stream;
use sqlx::postgres::{PgArguments, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments as _, Transaction};

use super::error::{StoreError, StoreErrorKind};
use super::insert;
use super::statement::{MOST_VALUES, Reuse, Row, Statement, Value, storable};

/// An open transaction. Dropped, it is rolled back.
///
/// Once a statement failed, nothing of it can be committed: PostgreSQL would answer a `COMMIT` with
/// a rollback and call that success, SQLite would commit the half that went before.
#[derive(Debug)]
pub(super) struct Connection {
    transaction: Either,
    health: Health,
}

#[derive(Debug)]
enum Either {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Failed,
    Sound,
}

type BoxStream<'s, T> = Pin<Box<dyn Stream<Item = T> + Send + 's>>;

/// Which database a connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    Sqlite,
}

impl Connection {
    pub(super) fn postgres(transaction: Transaction<'static, Postgres>) -> Self {
        Self { transaction: Either::Postgres(transaction), health: Health::Sound }
    }

    pub(super) fn sqlite(transaction: Transaction<'static, Sqlite>) -> Self {
        Self { transaction: Either::Sqlite(transaction), health: Health::Sound }
    }

    pub(super) fn kind(&self) -> Kind {
        match self.transaction {
            Either::Postgres(_) => Kind::Postgres,
            Either::Sqlite(_) => Kind::Sqlite,
        }
    }

    /// Runs a statement; gives how many rows it changed.
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let result = self.transaction.execute(statement).await;
        self.note(result)
    }

    /// Every row of an answer. Whoever asks has set a limit.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let result = self.transaction.rows(statement).await;
        self.note(result)
    }

    /// Every row of an answer, one at a time, until `take` has had enough.
    pub(super) async fn each_row(
        &mut self,
        statement: Statement,
        take: impl FnMut(Row) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let result = self.transaction.each_row(statement, take).await;
        self.note(result)
    }

    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.health = Health::Failed;
        }
        result
    }

    /// The one row of an answer, if there is one.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Inserts any number of rows, in as few statements as their values allow.
    pub(super) async fn insert_all(
        &mut self,
        table: &str,
        columns: &[&str],
        mut rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        let most = MOST_VALUES / columns.len().max(1);
        while !rows.is_empty() {
            let rest = rows.split_off(most.min(rows.len()));
            let result = self.transaction.insert(table, columns, rows).await;
            self.note(result)?;
            rows = rest;
        }
        Ok(())
    }

    /// Refuses what cannot be committed.
    pub(super) fn assert_sound(&self) -> Result<(), StoreError> {
        match self.health {
            Health::Failed => {
                let why = "a statement of this change failed before";
                Err(StoreError::caused_by(StoreErrorKind::Unavailable, why))
            }
            Health::Sound => Ok(()),
        }
    }

    /// Makes what was done last.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.assert_sound()?;
        match self.transaction {
            Either::Postgres(transaction) => transaction.commit().await,
            Either::Sqlite(transaction) => transaction.commit().await,
        }
        .map_err(|error| StoreError::from(error).at_commit())
    }
}

impl Either {
    async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let Statement { sql, values, reuse } = statement;
        let keep = reuse == Reuse::KeepPrepared;
        Ok(match self {
            Self::Postgres(transaction) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                query.persistent(keep).execute(&mut **transaction).await?.rows_affected()
            }
            Self::Sqlite(transaction) => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                query.persistent(keep).execute(&mut **transaction).await?.rows_affected()
            }
        })
    }

    async fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Postgres(transaction) => {
                let (sql, arguments) = insert::with_arrays(table, columns, rows)?;
                sqlx::query_with(sql, arguments).execute(&mut **transaction).await?;
            }
            Self::Sqlite(_) => {
                self.execute(insert::with_values(table, columns, rows)).await?;
            }
        }
        Ok(())
    }

    async fn each_row(
        &mut self,
        statement: Statement,
        take: impl FnMut(Row) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let Statement { sql, values, reuse } = statement;
        let keep = reuse == Reuse::KeepPrepared;
        match self {
            Self::Postgres(transaction) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?).persistent(keep);
                drain(query.fetch(&mut **transaction), Row::Postgres, take).await
            }
            Self::Sqlite(transaction) => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?).persistent(keep);
                drain(query.fetch(&mut **transaction), Row::Sqlite, take).await
            }
        }
    }

    async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let Statement { sql, values, reuse } = statement;
        let keep = reuse == Reuse::KeepPrepared;
        Ok(match self {
            Self::Postgres(transaction) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                let rows = query.persistent(keep).fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Self::Sqlite(transaction) => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                let rows = query.persistent(keep).fetch_all(&mut **transaction).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
        })
    }
}

async fn drain<T>(
    mut rows: BoxStream<'_, Result<T, sqlx::Error>>,
    row: impl Fn(T) -> Row,
    mut take: impl FnMut(Row) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    while let Some(next) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
        if take(row(next?))?.is_break() {
            break;
        }
    }
    Ok(())
}

fn postgres_arguments(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Number(number) => arguments.add(number),
            Value::Text(text) => arguments.add(storable(text)?),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_arguments(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Number(number) => arguments.add(number),
            Value::Text(text) => arguments.add(storable(text)?),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
