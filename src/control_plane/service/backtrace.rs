//! Files at origins of which somebody asks whose copy they are (requirement K.6, in the vendor's
//! spelling): taken down, and looked at in the background, a few at a time.
//!
//! What waits is in the store: after a restart it is taken up again, by this control plane or by another.

use std::convert::Infallible;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::copy_issue::TagOrigin;
use super::desk::Services;
use super::error::{Invalid, ServiceError};
use super::object_key;
use super::trace::{Inspecting, Traced};
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{
    ApplicationId, Backtrace, BacktraceDraft, BacktraceId, BacktraceProblem, PersonId, Scope,
    ScopeSet,
};
use crate::control_plane::store::{BacktraceRange, MOST_BACKTRACES_WAITING, StoreErrorKind};
use crate::delivery::{DeliveryDesk, DigestError, Retry};
use crate::policy::OriginName;
use crate::telemetry::ErrorChain;

/// That are looked at at once.
const AT_ONCE: usize = 2;

/// Bytes of one that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(64 << 20).unwrap();

/// The longest that one is looked at.
const LONGEST: Duration = Duration::from_hours(1);

/// Seconds for which whoever takes one has it, unless they say that they go on.
const HELD: u64 = 60;

/// Between two words that somebody goes on.
const GOES_ON: Duration = Duration::from_secs(20);

/// How often one is taken up whose origin fails, or whose program dies.
const MOST_ATTEMPTS: u64 = 3;

/// Between two looks for what another program left.
const REST: Duration = Duration::from_secs(15);

/// Longest name of a job, in bytes.
const LONGEST_JOB: usize = 128;

/// What came of a look.
type CameOfIt = Result<Box<str>, BacktraceProblem>;

/// Why nothing came of a look yet.
#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error(transparent)]
    Origin(#[from] DigestError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Services {
    /// Takes down that somebody asks whose copy an object of a pipeline is.
    pub async fn backtrace_create(
        &self,
        caller: &Caller,
        pipeline: u64,
        input: &str,
        job: Option<&str>,
    ) -> Result<Backtrace, ServiceError> {
        caller.require(Scope::Trace)?;
        let tenant = self.view(caller).await?.pipeline(pipeline).await?.tenant;
        object_key::key("/backtrace/input/input_name", input)?;
        let fits = |job: &str| job.len() <= LONGEST_JOB && !job.chars().any(char::is_control);
        if !job.is_none_or(fits) {
            let detail = format!("has at most {LONGEST_JOB} bytes, and no control characters");
            return Err(Invalid::new("/job_id", detail).into());
        }
        let issuer = caller.actor().to_string().into();
        let draft =
            BacktraceDraft { pipeline, input: input.into(), job: job.map(Into::into), issuer };
        let mut change = self.change(caller).await?;
        let made = match change.backtrace_create(tenant, draft).await {
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                return Err(ServiceError::TooManyTraces { most: MOST_BACKTRACES_WAITING });
            }
            made => made?,
        };
        change.commit().await?;
        self.backtraces().notify_one();
        Ok(made)
    }

    /// The one of that id.
    pub async fn backtrace(
        &self,
        caller: &Caller,
        id: &BacktraceId,
    ) -> Result<Backtrace, ServiceError> {
        caller.require(Scope::Trace)?;
        Ok(self.view(caller).await?.backtrace(id).await?)
    }

    /// Those that the caller may know of.
    pub async fn backtrace_range(
        &self,
        caller: &Caller,
        range: &BacktraceRange,
    ) -> Result<Vec<Backtrace>, ServiceError> {
        caller.require(Scope::Trace)?;
        Ok(self.view(caller).await?.backtrace_range(range).await?)
    }

    /// Looks at what waits, for ever. `desk` gives the origins there are now.
    pub async fn backtraces_run(&self, desk: impl Fn() -> Option<Arc<DeliveryDesk>>) -> Infallible {
        let mut looking = JoinSet::new();
        loop {
            while looking.len() < AT_ONCE {
                // Without origins nothing is lost: what waits is left to those who have some.
                let Some(desk) = desk() else { break };
                match self.backtrace_take().await {
                    Ok(Some(taken)) => {
                        let services = self.clone();
                        looking.spawn(async move { services.backtrace_look(&desk, &taken).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        let error = ErrorChain(&error);
                        tracing::warn!(%error, "backtraces are not looked at");
                        break;
                    }
                }
            }
            tokio::select! {
                Some(_) = looking.join_next() => {}
                // Woken, or not.
                _ = timeout(REST, self.backtraces().notified()), if looking.len() < AT_ONCE => {}
            }
        }
    }

    async fn backtrace_take(&self) -> Result<Option<Backtrace>, ServiceError> {
        let mut change = self.change(&Caller::system("backtrace")).await?;
        let until = self.now().plus(HELD);
        let Some(taken) = change.backtrace_take(until).await? else { return Ok(None) };
        change.commit().await?;
        Ok(Some(taken))
    }

    /// Looks at one, and keeps what came of it. What fails for now is left to be taken up again.
    async fn backtrace_look(&self, desk: &DeliveryDesk, taken: &Backtrace) {
        let looked = if taken.attempts > MOST_ATTEMPTS {
            // Whoever looked at it never came to an end.
            Ok(Ok(Err(BacktraceProblem::Unreadable)))
        } else {
            tokio::select! {
                looked = timeout(LONGEST, self.backtrace_inspect(desk, taken)) => looked,
                // Somebody else has it.
                () = self.backtrace_go_on(taken) => return,
            }
        };
        let id = &taken.id;
        let came_of_it = match looked {
            Ok(Ok(came_of_it)) => came_of_it,
            Ok(Err(error)) => {
                tracing::warn!(%id, error = %ErrorChain(&error), "a backtrace cannot be looked at");
                if taken.attempts < MOST_ATTEMPTS && is_passing(&error) {
                    return;
                }
                Err(BacktraceProblem::Unreadable)
            }
            Err(_) => Err(BacktraceProblem::Late),
        };
        if let Err(error) = self.backtrace_finish(taken, came_of_it).await {
            tracing::warn!(%id, error = %ErrorChain(&error), "what came of a backtrace is not kept");
        }
    }

    async fn backtrace_finish(
        &self,
        taken: &Backtrace,
        came_of_it: CameOfIt,
    ) -> Result<(), ServiceError> {
        let mut change = self.change(&Caller::system("backtrace")).await?;
        let came_of_it = came_of_it.as_deref().map_err(|problem| *problem);
        change.backtrace_finish(taken, came_of_it).await?;
        change.commit().await?;
        Ok(())
    }

    /// Says now and then that this program looks at it. Ends where somebody else does.
    async fn backtrace_go_on(&self, taken: &Backtrace) {
        loop {
            sleep(GOES_ON).await;
            let held = async {
                let mut change = self.change(&Caller::system("backtrace")).await?;
                change.backtrace_hold(taken, self.now().plus(HELD)).await?;
                change.commit().await?;
                Ok::<_, ServiceError>(())
            };
            match held.await {
                Ok(()) => {}
                Err(ServiceError::NotFound) => return,
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(id = %taken.id, %error, "a backtrace is not held");
                }
            }
        }
    }

    async fn backtrace_inspect(
        &self,
        desk: &DeliveryDesk,
        taken: &Backtrace,
    ) -> Result<CameOfIt, NotYet> {
        let Backtrace { tenant, draft, .. } = taken;
        let system = Caller::system("backtrace");
        let pipeline = match self.view(&system).await?.pipeline(draft.pipeline).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                return Ok(Err(BacktraceProblem::Missing));
            }
            found => found.map_err(ServiceError::from)?,
        };
        let key = format!("{}{}", pipeline.prefix, draft.input);
        let origin = OriginName::new(&pipeline.origin);
        let mut inspecting = Inspecting::default();
        let show = |bytes: &[u8]| inspecting.feed(bytes);
        match desk.show(&origin, &key, PACE, self.clock(), show).await {
            Ok(_) => {}
            Err(DigestError::Missing | DigestError::NoOrigin) => {
                return Ok(Err(BacktraceProblem::Missing));
            }
            Err(error) => return Err(error.into()),
        }
        let inspection = inspecting.finish();
        // It is asked by whoever had it asked.
        let scopes = ScopeSet::EMPTY.with(Scope::Trace);
        let caller = Caller::authenticated(actor_of(&draft.issuer), scopes, Reach::Tenant(*tenant));
        let Traced { exact, tags, comparison: _ } = self.trace(&caller, &inspection, None).await?;
        let is_tagged = !tags.is_empty();
        let of_tags = tags.into_iter().find_map(|tag| match tag.origin {
            TagOrigin::Issued(issue) => Some(issue),
            TagOrigin::Forged | TagOrigin::Unlogged => None,
        });
        let issued = exact.or(of_tags).map(|issue| issue.tag);
        let none = if is_tagged { BacktraceProblem::NotIssued } else { BacktraceProblem::NoTag };
        Ok(issued.ok_or(none))
    }
}

/// May the same be done later?
fn is_passing(error: &NotYet) -> bool {
    match error {
        NotYet::Origin(DigestError::Changed) | NotYet::Service(_) => true,
        NotYet::Origin(DigestError::Missing | DigestError::NoOrigin) => false,
        NotYet::Origin(DigestError::Origin(error)) => error.retry() == Retry::Later,
    }
}

/// Who has that id.
fn actor_of(id: &str) -> Actor {
    match (ApplicationId::parse(id), PersonId::parse(id)) {
        (Some(id), _) => Actor::Application(id),
        (None, Some(id)) => Actor::Person(id),
        (None, None) => Actor::System("backtrace"),
    }
}
