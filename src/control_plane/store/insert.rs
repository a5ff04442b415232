//! An `INSERT` of many rows, as each database takes it fastest.
//!
//! PostgreSQL gets one array a column (`UNNEST`): the text is the same for any number of rows, stays
//! prepared, and has as many parameters as columns. SQLite knows no arrays, and gets a `?` a value: a
//! placeholder with a number is a name there, and each name is looked up among all before it.

use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::error::{StoreError, StoreErrorKind};
use super::statement::{Reuse, Statement, Value, storable};

/// For SQLite. `table` and `columns` are written by us, never by a caller.
pub(super) fn with_values(table: &str, columns: &[&str], rows: Vec<Vec<Value>>) -> Statement {
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let places = vec![&*row; rows.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES {places}", columns.join(", "));
    Statement {
        sql: AssertSqlSafe(sql).into_sql_str(),
        values: rows.into_iter().flatten().collect(),
        reuse: Reuse::PrepareOnce,
    }
}

/// For PostgreSQL. `table` and `columns` are written by us, never by a caller.
pub(super) fn with_arrays(
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
) -> Result<(SqlStr, PgArguments), StoreError> {
    let arrays = arrays(columns.len(), rows)?;
    let mut places = Vec::with_capacity(arrays.len());
    let mut arguments = PgArguments::default();
    for (place, array) in (1..).zip(arrays) {
        match array {
            Array::Numbers(numbers) => {
                places.push(format!("${place}::BIGINT[]"));
                arguments.add(numbers)
            }
            Array::Texts(texts) => {
                places.push(format!("${place}::TEXT[]"));
                arguments.add(texts)
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    let (columns, places) = (columns.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) SELECT * FROM UNNEST({places})");
    Ok((AssertSqlSafe(sql).into_sql_str(), arguments))
}

/// The values of a column, in the rows' order.
#[derive(Debug)]
enum Array {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

/// Each column's values; its type is that of the first row's, for what is not there has one too.
fn arrays(columns: usize, rows: Vec<Vec<Value>>) -> Result<Vec<Array>, StoreError> {
    let count = rows.len();
    let mut arrays: Vec<Array> = Vec::with_capacity(columns);
    for row in rows {
        if row.len() != columns {
            return Err(uneven());
        }
        for (column, value) in row.into_iter().enumerate() {
            match (arrays.get_mut(column), value) {
                (None, Value::Number(number)) => {
                    let mut numbers = Vec::with_capacity(count);
                    numbers.push(number);
                    arrays.push(Array::Numbers(numbers));
                }
                (None, Value::Text(text)) => {
                    let mut texts = Vec::with_capacity(count);
                    texts.push(storable(text)?);
                    arrays.push(Array::Texts(texts));
                }
                (Some(Array::Numbers(numbers)), Value::Number(number)) => numbers.push(number),
                (Some(Array::Texts(texts)), Value::Text(text)) => texts.push(storable(text)?),
                (Some(Array::Numbers(_)), Value::Text(_))
                | (Some(Array::Texts(_)), Value::Number(_)) => return Err(uneven()),
            }
        }
    }
    Ok(arrays)
}

/// Rows are put together by us: it is our mistake.
fn uneven() -> StoreError {
    let why = "rows that are inserted at once differ in the number or the types of their values";
    StoreError::caused_by(StoreErrorKind::Invalid, why)
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn row(number: Option<i64>, text: Option<&str>) -> Vec<Value> {
        vec![Value::Number(number), Value::from(text)]
    }

    #[test]
    fn the_text_of_arrays_is_the_same_for_any_number_of_rows() {
        let sql = |rows| with_arrays("t", &["a", "b"], rows).unwrap().0.as_str().to_owned();
        let one = sql(vec![row(Some(1), Some("x"))]);
        assert_eq!(one, "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::BIGINT[], $2::TEXT[])");
        assert_eq!(one, sql(vec![row(None, None), row(Some(2), Some("y"))]));
    }

    #[test]
    fn values_have_a_place_each() {
        let statement =
            with_values("t", &["a", "b"], vec![row(Some(1), None), row(None, Some("y"))]);
        assert_eq!(statement.sql.as_str(), "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)");
        assert_eq!(statement.values.len(), 4);
    }

    #[test]
    fn rows_of_different_shapes_are_not_inserted() {
        for rows in [
            vec![row(Some(1), Some("x")), vec![Value::from("x"), Value::Number(Some(1))]],
            vec![row(Some(1), Some("x")), vec![Value::Number(Some(1))]],
            vec![row(Some(1), Some("a\0b"))],
        ] {
            let error = with_arrays("t", &["a", "b"], rows).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
        }
    }
}
