//! The audit log: reading it, and walking its chain. It is written by `change` alone.

use super::error::StoreError;
use super::page::{Listed, Page};
use super::statement::{Condition, Row, Statement, Value};
use super::view::View;
use crate::control_plane::record::{AuditEvent, ChainFault, ChainState, FIRST_AUDIT_HASH};

/// The columns, in the order of [`values`].
pub(super) const COLUMNS: &[&str] = &[
    "sequence",
    "version",
    "at",
    "actor",
    "credential",
    "address",
    "tenant",
    "action",
    "object",
    "diff",
    "previous_hash",
    "hash",
];

/// Which events; none of a field is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What this actor did.
    pub actor: Option<Box<str>>,
    /// What was done: an action (`override.set`), or a noun (`override`) for every one of it.
    pub action: Option<Box<str>>,
    /// What was done to this.
    pub object: Option<Box<str>>,
}

/// Events read at a time.
const STRIDE: u16 = 500;

pub(super) fn values(event: &AuditEvent) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        event.sequence.into(),
        event.version.into(),
        event.at.into(),
        (&event.actor).into(),
        event.credential.as_deref().into(),
        event.address.as_deref().into(),
        event.tenant.into(),
        (&event.action).into(),
        (&event.object).into(),
        Value::json(&event.diff)?,
        (&event.previous_hash).into(),
        (&event.hash).into(),
    ])
}

fn read(row: &Row) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        sequence: row.number("sequence")?,
        version: row.number("version")?,
        at: row.number("at")?,
        actor: row.text("actor")?,
        credential: row.text_opt("credential")?,
        address: row.text_opt("address")?,
        tenant: row.number_opt("tenant")?,
        action: row.text("action")?,
        object: row.text("object")?,
        diff: row.json("diff")?,
        previous_hash: row.text("previous_hash")?,
        hash: row.text("hash")?,
    })
}

impl View {
    /// Events in the order in which they happened.
    pub async fn audit_list(
        &mut self,
        page: &Page<u64>,
    ) -> Result<Listed<AuditEvent, u64>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT sequence, version, at, actor, credential, address, tenant, action, object, \
             diff, previous_hash, hash FROM audit \
             WHERE sequence > $1 AND ($2 IS NULL OR tenant = $2) ORDER BY sequence LIMIT $3",
        );
        let statement = statement.bind(page.after.unwrap_or(0)).bind(only).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let events = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(events, page, |event: &AuditEvent| event.sequence))
    }

    /// Some events, what happened last first.
    pub async fn audit_search(
        &mut self,
        filter: &AuditFilter,
        page: &Page<u64>,
    ) -> Result<Listed<AuditEvent, u64>, StoreError> {
        let AuditFilter { actor, action, object } = filter;
        let before = page.after.unwrap_or(u64::MAX);
        let mut conditions = vec![Condition::of("sequence < ?", before)];
        let only = self.only_tenant();
        conditions.extend(only.map(|tenant| Condition::of("tenant = ?", tenant)));
        conditions.extend(actor.as_ref().map(|it| Condition::of("actor = ?", it)));
        conditions.extend(object.as_ref().map(|it| Condition::of("object = ?", it)));
        conditions.extend(action.as_ref().map(|action| {
            let of_noun = format!("{action}.");
            let length = u64::try_from(of_noun.chars().count()).unwrap_or(u64::MAX);
            Condition(
                "(action = ? OR substr(action, 1, CAST(? AS INTEGER)) = ?)",
                vec![action.into(), length.into(), of_noun.into()],
            )
        }));
        let statement = Statement::all_of(
            "SELECT sequence, version, at, actor, credential, address, tenant, action, object, \
             diff, previous_hash, hash FROM audit WHERE",
            conditions,
            "ORDER BY sequence DESC LIMIT ?",
            page.probe().into(),
        );
        let rows = self.connection().rows(statement).await?;
        let events = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(events, page, |event: &AuditEvent| event.sequence))
    }

    /// Walks the whole chain and says where it breaks first. Only whoever reaches every tenant
    /// sees all of it.
    pub async fn audit_verify(&mut self) -> Result<ChainState, StoreError> {
        self.reach(None)?;
        let statement =
            Statement::new("SELECT audit_sequence, audit_hash FROM feed_head WHERE id = 1");
        let head = self.found(statement).await?;
        let last: u64 = head.number("audit_sequence")?;
        let last_hash: Box<str> = head.text("audit_hash")?;
        let mut hash: Box<str> = FIRST_AUDIT_HASH.into();
        let mut sequence = 0;
        let mut page = Page::first(STRIDE);
        loop {
            let listed = self.audit_list(&page).await?;
            for event in listed.items {
                let broken = |fault| Ok(ChainState::Broken { sequence: sequence + 1, fault });
                if event.sequence != sequence + 1 {
                    return broken(ChainFault::Missing);
                }
                if *event.expected_hash() != *event.hash {
                    return broken(ChainFault::Content);
                }
                if event.previous_hash != hash {
                    return broken(ChainFault::Link);
                }
                sequence = event.sequence;
                hash = event.hash;
            }
            match listed.next {
                Some(next) => page = Page::after(next, STRIDE),
                None => break,
            }
        }
        if sequence != last || hash != last_hash {
            return Ok(ChainState::Broken { sequence: sequence + 1, fault: ChainFault::Missing });
        }
        Ok(ChainState::Whole { events: sequence })
    }
}
