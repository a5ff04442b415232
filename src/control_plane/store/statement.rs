//! One SQL text for both databases: statements, their values, and rows.
//!
//! The portable types are two, numbers of 64 bits and text; everything else is written as one of
//! them. Placeholders are `$1`, `$2`, … in the text's order.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr, SqlStr};

use super::backup::Holds;
use super::error::{StoreError, StoreErrorKind};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{self, FeedVersion};

/// A statement with its values.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: SqlStr,
    pub(super) values: Vec<Value>,
    pub(super) reuse: Reuse,
}

/// Is a statement's text one of few, worth keeping prepared?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    KeepPrepared,
    PrepareOnce,
}

impl Statement {
    /// This text, without values yet.
    pub(super) fn new(sql: &'static str) -> Self {
        Self { sql: sql.into_sql_str(), values: Vec::new(), reuse: Reuse::KeepPrepared }
    }

    /// `before ($1, $2, …) after`: what is one of these values.
    pub(super) fn any_of(before: &'static str, values: Vec<Value>, after: &'static str) -> Self {
        let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}")).collect();
        let sql = format!("{before} ({}) {after}", places.join(", "));
        Self { sql: AssertSqlSafe(sql).into_sql_str(), values, reuse: Reuse::PrepareOnce }
    }

    /// The statement with `($n, $n+1, …)` behind it: one of these values.
    pub(super) fn one_of(mut self, values: Vec<Value>) -> Self {
        let first = self.values.len() + 1;
        let places: Vec<String> =
            (first..first + values.len()).map(|place| format!("${place}")).collect();
        let sql = format!("{} ({})", self.sql.as_str(), places.join(", "));
        self.values.extend(values);
        Self { sql: AssertSqlSafe(sql).into_sql_str(), reuse: Reuse::PrepareOnce, ..self }
    }

    /// The statement with more text behind it, which has one `?` for its value.
    pub(super) fn followed_by(mut self, after: &'static str, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        let after = after.replacen('?', &format!("${}", self.values.len()), 1);
        let sql = format!("{} {after}", self.sql.as_str());
        Self { sql: AssertSqlSafe(sql).into_sql_str(), reuse: Reuse::PrepareOnce, ..self }
    }

    /// `before` what is all so `after`: each condition has a `?` for each of its values, and `after`
    /// one for the last.
    pub(super) fn all_of(
        before: &'static str,
        conditions: Vec<Condition>,
        after: &'static str,
        last: Value,
    ) -> Self {
        let mut sql = before.to_owned();
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for (place, Condition(condition, of_it)) in conditions.into_iter().enumerate() {
            sql.push_str(if place == 0 { " " } else { " AND " });
            let mut condition = condition.to_owned();
            for value in of_it {
                values.push(value);
                condition = condition.replacen('?', &format!("${}", values.len()), 1);
            }
            sql.push_str(&condition);
        }
        values.push(last);
        sql.push(' ');
        sql.push_str(&after.replacen('?', &format!("${}", values.len()), 1));
        Self { sql: AssertSqlSafe(sql).into_sql_str(), values, reuse: Reuse::PrepareOnce }
    }

    /// `before`, sorted so, `after`.
    pub(super) fn sorted(before: &'static str, order: &'static str, after: &'static str) -> Self {
        let sql = format!("{before} ORDER BY {order} {after}");
        Self {
            sql: AssertSqlSafe(sql).into_sql_str(),
            values: Vec::new(),
            reuse: Reuse::KeepPrepared,
        }
    }

    /// The statement with its next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// Something that must be so, with its values.
#[derive(Debug)]
pub(super) struct Condition(pub(super) &'static str, pub(super) Vec<Value>);

impl Condition {
    /// One with one value.
    pub(super) fn of(text: &'static str, value: impl Into<Value>) -> Self {
        Self(text, vec![value.into()])
    }
}

/// Most values of one `INSERT`. SQLite takes 32,766, PostgreSQL 65,535; what a statement costs beside
/// its rows is nothing long before.
pub(super) const MOST_VALUES: usize = 4_800;

/// A value of a portable type.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(Option<i64>),
    Text(Option<String>),
}

impl Value {
    /// A value as JSON text. Records serialise without failing: their maps have text for keys.
    pub(super) fn json(value: &impl Serialize) -> Result<Self, StoreError> {
        serde_json::to_string(value)
            .map(Self::from)
            .map_err(|error| StoreError::caused_by(StoreErrorKind::Invalid, error))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u64> for Value {
    /// What is beyond the type becomes its end, which no table accepts as a number of ours.
    fn from(number: u64) -> Self {
        Self::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(Some(number.into()))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(Some(number.into()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&Box<str>> for Value {
    fn from(text: &Box<str>) -> Self {
        Self::from(&**text)
    }
}

impl From<UnixSeconds> for Value {
    fn from(instant: UnixSeconds) -> Self {
        Self::from(instant.get())
    }
}

impl From<TenantId> for Value {
    fn from(tenant: TenantId) -> Self {
        Self::from(tenant.0)
    }
}

impl From<ChannelId> for Value {
    fn from(channel: ChannelId) -> Self {
        Self::from(channel.0)
    }
}

impl From<FeedVersion> for Value {
    fn from(version: FeedVersion) -> Self {
        Self::from(version.0)
    }
}

/// A number that is not there.
impl<T: NumberLike> From<Option<T>> for Value {
    fn from(number: Option<T>) -> Self {
        number.map_or(Self::Number(None), Into::into)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

/// What is stored as a number.
pub(super) trait NumberLike: Into<Value> {
    /// The value of a stored number.
    fn from_number(number: i64) -> Option<Self>;
}

impl NumberLike for u64 {
    fn from_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl NumberLike for u32 {
    fn from_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl NumberLike for u16 {
    fn from_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl NumberLike for UnixSeconds {
    fn from_number(number: i64) -> Option<Self> {
        u64::from_number(number).map(Self::new)
    }
}

impl NumberLike for TenantId {
    fn from_number(number: i64) -> Option<Self> {
        u64::from_number(number).map(Self)
    }
}

impl NumberLike for ChannelId {
    fn from_number(number: i64) -> Option<Self> {
        u64::from_number(number).map(Self)
    }
}

impl NumberLike for FeedVersion {
    fn from_number(number: i64) -> Option<Self> {
        u64::from_number(number).map(Self)
    }
}

/// What is stored as text.
pub(super) trait TextLike: Sized {
    /// The value of a stored text.
    fn from_text(text: &str) -> Option<Self>;
}

impl TextLike for Box<str> {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

macro_rules! text_like {
    ($($parse:ident: $($record:ident)*;)*) => { $($(
        impl TextLike for record::$record {
            fn from_text(text: &str) -> Option<Self> {
                Self::$parse(text)
            }
        }
    )*)* };
}

text_like! {
    parse: AccessTokenId ApplicationId ArchiveId ArchivePlanId BacktraceId BlocklistId ConnectorId ContentId ContentLinkId EdgeId EnrolmentId SourceTicketId LetterId LinkId
        PasswordHash
        PersonId RevocationId ScopeSet SecretId ShareAddress ShareId SigningKeyId VersionId
        WebhookId WebhookMessageId WebhookSecretId;
    from_stored: SecretHash;
    from_wire_name: Ambiguity AttemptFault BacktraceProblem BacktraceState ConnectorState ContentKind DeliveryState FileKind HttpsRule KeyUse LetterKind LetterState LinkRelation MailSecurity Publication Right Role ShareDelivery ShareDownloads ShareEventKind ShareInformation ShareLogo ShareNotices TokenUse UploadState VersionStanding
        WebhookEvent WebhookState;
}

/// PostgreSQL stores no NUL, and so neither do we.
pub(super) fn storable(text: Option<String>) -> Result<Option<String>, StoreError> {
    match text {
        Some(text) if text.contains('\0') => Err(StoreErrorKind::Invalid.into()),
        text => Ok(text),
    }
}

/// A row of an answer. Columns are read by name; one that cannot be read is corruption.
#[derive(Debug)]
pub(super) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

impl Row {
    pub(super) fn number<T: NumberLike>(&self, name: &str) -> Result<T, StoreError> {
        self.number_opt(name)?.ok_or_else(|| unreadable(name))
    }

    pub(super) fn number_opt<T: NumberLike>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.stored_number(name)?
            .map(|number| T::from_number(number).ok_or_else(|| unreadable(name)))
            .transpose()
    }

    pub(super) fn text<T: TextLike>(&self, name: &str) -> Result<T, StoreError> {
        self.text_opt(name)?.ok_or_else(|| unreadable(name))
    }

    pub(super) fn text_opt<T: TextLike>(&self, name: &str) -> Result<Option<T>, StoreError> {
        self.stored_text(name)?
            .map(|text| T::from_text(text).ok_or_else(|| unreadable(name)))
            .transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let text = self.stored_text(name)?.ok_or_else(|| unreadable(name))?;
        serde_json::from_str(text)
            .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))
    }

    /// A value as it stands in a copy of the store.
    pub(super) fn json_value(&self, name: &str, holds: Holds) -> Result<Json, StoreError> {
        Ok(match holds {
            Holds::Number => self.stored_number(name)?.map_or(Json::Null, Json::from),
            Holds::Text => self.stored_text(name)?.map_or(Json::Null, Json::from),
        })
    }

    fn stored_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(name)?,
            Self::Sqlite(row) => row.try_get(name)?,
        })
    }

    fn stored_text(&self, name: &str) -> Result<Option<&str>, StoreError> {
        Ok(match self {
            Self::Postgres(row) => row.try_get(name)?,
            Self::Sqlite(row) => row.try_get(name)?,
        })
    }
}

fn unreadable(column: &str) -> StoreError {
    StoreError::caused_by(
        StoreErrorKind::Corrupt,
        format!("column {column} holds what this program does not write"),
    )
}
