//! Files of which somebody asked whose copy they are: kept until it is known, and for a while after.
//!
//! Whoever takes one has it until a time, which they move on while they look at it: if they never come to
//! an end, somebody else takes it then.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::file::FileDirection;
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Backtrace, BacktraceDraft, BacktraceId, BacktraceProblem, BacktraceState,
};

/// Of one tenant that wait.
pub const MOST_WAITING: u64 = 100;

/// That are forgotten at a time.
const FORGOTTEN_AT_ONCE: u64 = 1_000;

/// Which are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BacktraceRange {
    /// How many to leave out at the beginning.
    pub start: u64,
    /// How many at most.
    pub limit: u64,
    /// From the first that was made on, or from the last.
    pub direction: FileDirection,
    /// Those of this state.
    pub state: Option<BacktraceState>,
    /// Those in whose tag this stands.
    pub tag: Option<Box<str>>,
}

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, tenant, pipeline, input, job, issuer, state, tag, problem, attempts, \
              created_at, finished_at ",
            $after
        )
    };
}

fn read(row: &Row) -> Result<Backtrace, StoreError> {
    Ok(Backtrace {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        draft: BacktraceDraft {
            pipeline: row.number("pipeline")?,
            input: row.text("input")?,
            job: row.text_opt("job")?,
            issuer: row.text("issuer")?,
        },
        state: row.text("state")?,
        tag: row.text_opt("tag")?,
        problem: row.text_opt("problem")?,
        attempts: row.number("attempts")?,
        created_at: row.number("created_at")?,
        finished_at: row.number_opt("finished_at")?,
    })
}

impl View {
    /// The one of that id.
    pub async fn backtrace(&mut self, id: &BacktraceId) -> Result<Backtrace, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(columns!(
            "SELECT",
            "FROM backtrace WHERE id = $1 AND ($2 IS NULL OR tenant = $2)"
        ));
        read(&self.found(statement.bind(id.as_str()).bind(only)).await?)
    }

    /// Those of the tenants that are reached.
    pub async fn backtrace_range(
        &mut self,
        range: &BacktraceRange,
    ) -> Result<Vec<Backtrace>, StoreError> {
        let order = match range.direction {
            FileDirection::Downwards => "id DESC",
            FileDirection::Upwards => "id",
        };
        let only = self.only_tenant();
        // A text that stands in another is what the other is less without it.
        let statement = Statement::sorted(
            columns!(
                "SELECT",
                "FROM backtrace WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR state = $2) \
                 AND ($3 IS NULL OR REPLACE(tag, $3, '') <> tag)"
            ),
            order,
            "LIMIT $4 OFFSET $5",
        )
        .bind(only)
        .bind(range.state.map(BacktraceState::wire_name))
        .bind(range.tag.as_deref())
        .bind(range.limit)
        .bind(range.start);
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Keeps one that is to be looked at. Of a tenant for which [`MOST_WAITING`] wait it is
    /// [`StoreErrorKind::Conflict`].
    pub async fn backtrace_create(
        &mut self,
        tenant: TenantId,
        draft: BacktraceDraft,
    ) -> Result<Backtrace, StoreError> {
        if self.view().pipeline(draft.pipeline).await?.tenant != tenant {
            return Err(StoreErrorKind::Referenced.into());
        }
        // Nobody else counts until this change ends.
        self.tenant_lock(tenant).await?;
        let waiting = Statement::new(
            "SELECT COUNT(*) AS waiting FROM backtrace WHERE tenant = $1 AND state = 'waiting'",
        );
        let waiting: u64 = self.view().found(waiting.bind(tenant)).await?.number("waiting")?;
        if waiting >= MOST_WAITING {
            return Err(StoreErrorKind::Conflict.into());
        }
        let id = BacktraceId::random(self.now())?;
        let statement = Statement::new(columns!(
            "INSERT INTO backtrace (id, tenant, pipeline, input, job, issuer, state, attempts, \
             taken_until, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, 0, $7) \
             RETURNING",
            ""
        ))
        .bind(id.as_str())
        .bind(tenant)
        .bind(draft.pipeline)
        .bind(&draft.input)
        .bind(draft.job.as_deref())
        .bind(&draft.issuer)
        .bind(self.now());
        let made = read(&self.view().found(statement).await?)?;
        self.note("backtrace.create", Some(tenant), id.as_str(), None, Some(&made));
        Ok(made)
    }

    /// Takes the first that waits and that nobody has, until that time.
    pub async fn backtrace_take(
        &mut self,
        until: UnixSeconds,
    ) -> Result<Option<Backtrace>, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(columns!(
            "UPDATE backtrace SET taken_until = $1, attempts = attempts + 1 WHERE taken_until <= $2 \
             AND id = (SELECT id FROM backtrace WHERE state = 'waiting' AND taken_until <= $2 \
             ORDER BY id LIMIT 1) RETURNING",
            ""
        ));
        let statement = statement.bind(until).bind(self.now());
        let row = self.view().connection().row(statement).await?;
        row.as_ref().map(read).transpose()
    }

    /// Whoever took one keeps it until that time. [`StoreErrorKind::NotFound`] where somebody else took
    /// it, or it is over.
    pub async fn backtrace_hold(
        &mut self,
        taken: &Backtrace,
        until: UnixSeconds,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE backtrace SET taken_until = $1 WHERE id = $2 AND state = 'waiting' \
             AND attempts = $3 RETURNING id",
        );
        let statement = statement.bind(until).bind(taken.id.as_str()).bind(taken.attempts);
        self.view().found(statement).await?;
        Ok(())
    }

    /// Whoever took one came to an end: with whose copy it is, or why nobody knows.
    /// [`StoreErrorKind::NotFound`] where somebody else took it, or it is over.
    pub async fn backtrace_finish(
        &mut self,
        taken: &Backtrace,
        came_of_it: Result<&str, BacktraceProblem>,
    ) -> Result<Backtrace, StoreError> {
        let (state, tag, problem) = match came_of_it {
            Ok(tag) => (BacktraceState::Found, Some(tag), None),
            Err(problem) => (BacktraceState::Failed, None, Some(problem.wire_name())),
        };
        let statement = Statement::new(columns!(
            "UPDATE backtrace SET state = $1, tag = $2, problem = $3, finished_at = $4 \
             WHERE id = $5 AND state = 'waiting' AND attempts = $6 RETURNING",
            ""
        ))
        .bind(state.wire_name())
        .bind(tag)
        .bind(problem)
        .bind(self.now())
        .bind(taken.id.as_str())
        .bind(taken.attempts);
        read(&self.view().found(statement).await?)
    }

    /// Forgets some that were over before that time; how many.
    pub async fn backtrace_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM backtrace WHERE id IN \
             (SELECT id FROM backtrace WHERE finished_at < $1 LIMIT $2)",
        );
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        self.view().connection().execute(statement).await
    }
}
