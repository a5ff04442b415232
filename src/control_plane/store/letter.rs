//! Letters: written in the change that causes them, taken one by one by whoever sends them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::change::Change;
use super::error::StoreError;
use super::page::{Listed, Page};
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{Letter, LetterId, LetterKind, LetterState, ShareId};

/// Letters that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u64 = 1_000;

/// Which letters of a tenant; none of a field is all.
#[derive(Clone, Debug, Default)]
pub struct LetterFilter {
    /// Those of which this became.
    pub state: Option<LetterState>,
    /// Those about this share.
    pub share: Option<ShareId>,
}

/// The text with its columns.
macro_rules! columns {
    ($before:literal, $rest:literal) => {
        concat!(
            $before,
            " id, tenant, share, recipient, kind, address, about, author, detail, state, \
             attempts, created_at, due_at, ended_at, answer ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Letter, StoreError> {
    let recipient: u64 = row.number("recipient")?;
    Ok(Letter {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        share: row.text("share")?,
        recipient: Some(recipient).filter(|number| *number > 0),
        kind: row.text("kind")?,
        address: row.text("address")?,
        about: row.text("about")?,
        author: row.text("author")?,
        detail: row.json("detail")?,
        state: row.text("state")?,
        attempts: row.number("attempts")?,
        created_at: row.number("created_at")?,
        due_at: row.number_opt("due_at")?,
        ended_at: row.number_opt("ended_at")?,
        answer: row.text_opt("answer")?,
    })
}

impl View {
    /// A tenant's letters, the newest first.
    pub async fn letter_list(
        &mut self,
        tenant: TenantId,
        filter: &LetterFilter,
        page: &Page<LetterId>,
    ) -> Result<Listed<Letter, LetterId>, StoreError> {
        self.reach(Some(tenant))?;
        let LetterFilter { state, share } = filter;
        let mut conditions = vec![Condition::of("tenant = ?", tenant)];
        conditions.extend(page.after.as_ref().map(|id| Condition::of("id < ?", id.as_str())));
        conditions.extend(state.map(|state| Condition::of("state = ?", state.wire_name())));
        conditions.extend(share.as_ref().map(|id| Condition::of("share = ?", id.as_str())));
        let statement = Statement::all_of(
            columns!("SELECT", "FROM letter WHERE"),
            conditions,
            "ORDER BY id DESC LIMIT ?",
            page.probe().into(),
        );
        let rows = self.connection().rows(statement).await?;
        let letters = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(letters, page, |letter: &Letter| letter.id.clone()))
    }

    /// How many letters of a kind a tenant had written since then, `most` at most.
    pub async fn letter_count_written(
        &mut self,
        tenant: TenantId,
        kind: LetterKind,
        since: UnixSeconds,
        most: u64,
    ) -> Result<u64, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT COUNT(*) AS letters FROM (SELECT 1 AS one FROM letter \
             WHERE tenant = $1 AND kind = $2 AND created_at > $3 LIMIT $4) AS written",
        )
        .bind(tenant)
        .bind(kind.wire_name())
        .bind(since)
        .bind(most);
        self.found(statement).await?.number("letters")
    }

    /// When the last letters of a kind were written since then, the newest first, `most` at most; of one
    /// author, where only theirs are meant.
    pub async fn letter_times(
        &mut self,
        tenant: TenantId,
        kind: LetterKind,
        author: Option<&str>,
        since: UnixSeconds,
        most: u64,
    ) -> Result<Vec<UnixSeconds>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT created_at FROM letter WHERE tenant = $1 AND kind = $2 AND created_at > $3 \
             AND ($4 IS NULL OR author = $4) ORDER BY created_at DESC LIMIT $5",
        )
        .bind(tenant)
        .bind(kind.wire_name())
        .bind(since)
        .bind(author)
        .bind(most);
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| row.number("created_at")).collect()
    }

    /// Where letters of a kind went that were written since then, to any of these addresses, whatever
    /// their case; and when they were written, the newest first.
    pub async fn letter_times_to(
        &mut self,
        tenant: TenantId,
        kind: LetterKind,
        addresses: &BTreeSet<String>,
        since: UnixSeconds,
    ) -> Result<Vec<(Box<str>, UnixSeconds)>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT lower(address) AS address, created_at FROM letter \
             WHERE tenant = $1 AND kind = $2 AND created_at > $3 AND lower(address) IN",
        )
        .bind(tenant)
        .bind(kind.wire_name())
        .bind(since)
        .one_of(addresses.iter().map(|it| Value::from(&**it)).collect());
        let rows = self.connection().rows(statement).await?;
        let found = rows.iter().map(|row| Ok((row.text("address")?, row.number("created_at")?)));
        let mut found: Vec<_> = found.collect::<Result<_, StoreError>>()?;
        found.sort_unstable_by_key(|(_, at): &(Box<str>, UnixSeconds)| Reverse(*at));
        Ok(found)
    }

    /// How many letters of a kind that a tenant had written until then wait, `most` at most.
    pub async fn letter_count_waiting(
        &mut self,
        tenant: TenantId,
        kind: LetterKind,
        until: UnixSeconds,
        most: u64,
    ) -> Result<u64, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT COUNT(*) AS letters FROM (SELECT 1 AS one FROM letter \
             WHERE tenant = $1 AND due_at IS NOT NULL AND kind = $2 AND created_at <= $3 \
             LIMIT $4) AS waits",
        )
        .bind(tenant)
        .bind(kind.wire_name())
        .bind(until)
        .bind(most);
        self.found(statement).await?.number("letters")
    }

    /// How many letters of a kind were written about a share since then; `about` is what they are told
    /// apart by, where only those of one are meant.
    pub async fn letter_count_of_share(
        &mut self,
        share: &ShareId,
        kind: LetterKind,
        about: Option<&str>,
        since: UnixSeconds,
    ) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "SELECT COUNT(*) AS letters FROM letter WHERE share = $1 AND kind = $2 \
             AND created_at > $3 AND ($4 IS NULL OR about = $4)",
        )
        .bind(share.as_str())
        .bind(kind.wire_name())
        .bind(since)
        .bind(about);
        self.found(statement).await?.number("letters")
    }

    /// When the last letter of a kind was written about a share; `about` is what they are told apart
    /// by.
    pub async fn letter_last_of_share(
        &mut self,
        share: &ShareId,
        kind: LetterKind,
        about: &str,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        let statement = Statement::new(
            "SELECT MAX(created_at) AS last FROM letter WHERE share = $1 AND kind = $2 \
             AND about = $3",
        )
        .bind(share.as_str())
        .bind(kind.wire_name())
        .bind(about);
        self.found(statement).await?.number_opt("last")
    }

    /// A letter of that kind about a share, to that recipient, that waits.
    pub async fn letter_waiting(
        &mut self,
        share: &ShareId,
        kind: LetterKind,
        recipient: Option<u64>,
    ) -> Result<Option<Letter>, StoreError> {
        let statement = Statement::new(columns!(
            "SELECT",
            "FROM letter WHERE share = $1 AND kind = $2 AND recipient = $3 \
             AND ended_at IS NULL ORDER BY id LIMIT 1"
        ))
        .bind(share.as_str())
        .bind(kind.wire_name())
        .bind(recipient.unwrap_or(0));
        self.connection().row(statement).await?.as_ref().map(read).transpose()
    }

    /// The tenants of whom a letter is due.
    pub async fn letter_tenants_due(
        &mut self,
        now: UnixSeconds,
    ) -> Result<Vec<TenantId>, StoreError> {
        self.reach(None)?;
        let statement =
            Statement::new("SELECT DISTINCT tenant FROM letter WHERE due_at <= $1 ORDER BY tenant");
        let rows = self.connection().rows(statement.bind(now)).await?;
        rows.iter().map(|row| row.number("tenant")).collect()
    }
}

impl Change {
    /// Writes a letter.
    pub async fn letter_create(&mut self, letter: &Letter) -> Result<(), StoreError> {
        self.view().reach(Some(letter.tenant))?;
        let statement = Statement::new(
            "INSERT INTO letter (id, tenant, share, recipient, kind, address, about, author, \
             detail, state, attempts, created_at, due_at, ended_at, answer) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(letter.id.as_str())
        .bind(letter.tenant)
        .bind(letter.share.as_str())
        .bind(letter.recipient.unwrap_or(0))
        .bind(letter.kind.wire_name())
        .bind(&letter.address)
        .bind(&letter.about)
        .bind(&letter.author)
        .bind(Value::json(&letter.detail)?)
        .bind(letter.state.wire_name())
        .bind(letter.attempts)
        .bind(letter.created_at)
        .bind(letter.due_at)
        .bind(letter.ended_at)
        .bind(letter.answer.as_deref());
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Notes that somebody has a recipient written to again.
    pub fn letter_again(&mut self, letter: &Letter) -> Result<(), StoreError> {
        self.view().reach(Some(letter.tenant))?;
        let said = serde_json::json!({ "letter": letter.id, "recipient": letter.recipient });
        let share = letter.share.as_str();
        self.note("share.mail", Some(letter.tenant), share, None, Some(&said));
        Ok(())
    }

    /// Takes the letter of a tenant that has been due the longest, for nobody else until then: of any
    /// number of control planes, one has it. Whoever takes it and is stopped leaves it to the next.
    pub async fn letter_take(
        &mut self,
        tenant: TenantId,
        until: UnixSeconds,
    ) -> Result<Option<Letter>, StoreError> {
        self.view().reach(Some(tenant))?;
        let statement = Statement::new(columns!(
            "UPDATE letter SET due_at = $1, attempts = attempts + 1 \
             WHERE id = (SELECT id FROM letter WHERE tenant = $2 AND due_at <= $3 \
             ORDER BY due_at, id LIMIT 1) AND due_at <= $3 RETURNING",
            ""
        ));
        let statement = statement.bind(until).bind(tenant).bind(self.now());
        self.view().connection().row(statement).await?.as_ref().map(read).transpose()
    }

    /// Keeps what became of a letter that was taken: its state, when it is due again, the last answer,
    /// and where it went. Gives whether it was still the taker's: one that took too long is another's by then.
    pub async fn letter_keep(
        &mut self,
        taken: &Letter,
        after: &Letter,
    ) -> Result<bool, StoreError> {
        self.view().reach(Some(taken.tenant))?;
        let statement = Statement::new(
            "UPDATE letter SET state = $1, due_at = $2, ended_at = $3, answer = $4, address = $5 \
             WHERE id = $6 AND attempts = $7 AND ended_at IS NULL",
        )
        .bind(after.state.wire_name())
        .bind(after.due_at)
        .bind(after.ended_at)
        .bind(after.answer.as_deref())
        .bind(&after.address)
        .bind(taken.id.as_str())
        .bind(taken.attempts);
        Ok(self.view().connection().execute(statement).await? > 0)
    }

    /// Forgets letters that ended before that, some at a time. Gives how many.
    pub async fn letter_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM letter WHERE id IN \
             (SELECT id FROM letter WHERE ended_at < $1 LIMIT $2)",
        );
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        self.view().connection().execute(statement).await
    }
}
