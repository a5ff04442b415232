//! Idempotency keys.
//!
//! A request that is made with a key, what it changes and the answer to it are one transaction. The
//! first [`Change`](super::Change) that the work begins claims the key, and its commit hands the
//! transaction over instead of ending it; it ends when the answer is in it. After a crash there is
//! the change with its answer, or there is neither and nothing to clear away: whoever asks again is
//! answered again, or is the first. Meanwhile another request with the key waits, as any two changes
//! of one row do.
//!
//! What the work reads in a view of its own is as it was before its change. What changes many things
//! on its way and must not be one transaction says so ([`Store::change_apart`]).

use std::sync::{Arc, Mutex, PoisonError};

use super::change::Change;
use super::connection::Connection;
use super::database::Database;
use super::error::{StoreError, StoreErrorKind};
use super::handle::Store;
use super::statement::Statement;
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{IDEMPOTENCY_LIFETIME, IdempotencyFound, KeptAnswer};

tokio::task_local! {
    /// The request that this task works on, if it has a key.
    static UNDER_WAY: Arc<Claim>;
}

/// What became of work that is to be done once.
#[derive(Debug)]
pub enum Once<T> {
    /// It is done, or was refused and changed nothing.
    Done(T),
    /// Another request with this key was done meanwhile, and this one has changed nothing.
    Forestalled,
}

/// A key, and the transaction that its request is done in.
#[derive(Debug)]
pub(super) struct Claim {
    actor: String,
    key: String,
    request: String,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Another request has the key.
    Forestalled,
    /// What was committed so far waits for the answer.
    HandedOver(Box<Connection>, Growth),
    /// What had been handed over is being added to.
    Lent(Growth),
    /// Nothing is changed yet.
    Untouched,
}

/// Has the feed grown?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    Grown,
    None,
}

impl Store {
    /// Does work for the caller's key once. The work gives the answer that is to be kept, none where
    /// it refused; then nothing that it changed lasts, and the key is free.
    pub async fn once<T>(
        &self,
        caller: &Caller,
        now: UnixSeconds,
        key: &str,
        request: &str,
        work: impl Future<Output = (Option<KeptAnswer>, T)>,
    ) -> Result<Once<T>, StoreError> {
        let claim = Arc::new(Claim {
            actor: caller.actor().to_string(),
            key: key.to_owned(),
            request: request.to_owned(),
            state: Mutex::new(State::Untouched),
        });
        let (answer, done) = UNDER_WAY.scope(Arc::clone(&claim), work).await;
        let (connection, growth) = match (claim.swap(State::Forestalled), answer) {
            (State::Forestalled, _) => return Ok(Once::Forestalled),
            (State::HandedOver(..) | State::Lent(_) | State::Untouched, None) => {
                return Ok(Once::Done(done));
            }
            (State::HandedOver(connection, growth), Some(answer)) => {
                (claim.keep(*connection, &answer).await?, growth)
            }
            (State::Lent(_), Some(_)) => return Err(broken()),
            (State::Untouched, Some(answer)) => {
                let Some(connection) = claim.take(self.database(), now).await? else {
                    return Ok(Once::Forestalled);
                };
                (claim.keep(connection, &answer).await?, Growth::None)
            }
        };
        connection.commit().await?;
        if growth == Growth::Grown {
            self.announce();
        }
        Ok(Once::Done(done))
    }
}

impl View {
    /// What the caller's key was used for.
    pub async fn idempotency_find(
        &mut self,
        now: UnixSeconds,
        key: &str,
        request: &str,
    ) -> Result<IdempotencyFound, StoreError> {
        let statement = Statement::new(
            "SELECT request, status, answer FROM idempotency \
             WHERE actor = $1 AND name = $2 AND status IS NOT NULL AND created_at > $3",
        );
        let actor = self.caller().actor().to_string();
        let statement = statement.bind(actor).bind(key).bind(oldest(now));
        let Some(row) = self.connection().row(statement).await? else {
            return Ok(IdempotencyFound::Nothing);
        };
        if row.text::<Box<str>>("request")?.as_ref() != request {
            return Ok(IdempotencyFound::OtherRequest);
        }
        let answer = KeptAnswer { status: row.number("status")?, body: row.text("answer")? };
        Ok(IdempotencyFound::Answered(answer))
    }
}

impl Change {
    /// Forgets answers that are older than they are kept for.
    pub async fn idempotency_forget(&mut self) -> Result<u64, StoreError> {
        let statement = Statement::new("DELETE FROM idempotency WHERE created_at <= $1");
        let oldest = oldest(self.now());
        self.view().connection().execute(statement.bind(oldest)).await
    }
}

/// The claim that this task works under.
pub(super) fn under_way() -> Option<Arc<Claim>> {
    UNDER_WAY.try_with(Arc::clone).ok()
}

impl Claim {
    /// The transaction to work in.
    pub(super) async fn connection(
        &self,
        database: &Database,
        now: UnixSeconds,
    ) -> Result<Connection, StoreError> {
        match self.swap(State::Untouched) {
            State::HandedOver(connection, growth) => {
                self.swap(State::Lent(growth));
                Ok(*connection)
            }
            // What was lent was given up, and with it what was done before.
            lent @ State::Lent(_) => {
                self.swap(lent);
                Err(broken())
            }
            State::Forestalled | State::Untouched => {
                let taken = self.take(database, now).await?;
                if taken.is_none() {
                    self.swap(State::Forestalled);
                }
                taken.ok_or_else(|| StoreErrorKind::Conflict.into())
            }
        }
    }

    /// Takes a transaction that would be committed now.
    pub(super) fn hand_over(
        &self,
        connection: Connection,
        growth: Growth,
    ) -> Result<(), StoreError> {
        connection.assert_sound()?;
        let before = match self.swap(State::Untouched) {
            State::HandedOver(_, growth) | State::Lent(growth) => growth,
            State::Forestalled | State::Untouched => Growth::None,
        };
        let growth = if before == Growth::Grown { before } else { growth };
        self.swap(State::HandedOver(Box::new(connection), growth));
        Ok(())
    }

    /// A transaction in which the key is this request's; none where it is another's.
    async fn take(
        &self,
        database: &Database,
        now: UnixSeconds,
    ) -> Result<Option<Connection>, StoreError> {
        let mut connection = database.begin_write().await?;
        let claim = Statement::new(
            "INSERT INTO idempotency (actor, name, request, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (actor, name) DO UPDATE \
             SET request = $3, status = NULL, answer = NULL, created_at = $4 \
             WHERE idempotency.created_at <= $5 OR idempotency.status IS NULL RETURNING name",
        );
        let claim = claim.bind(&*self.actor).bind(&*self.key).bind(&*self.request);
        let row = connection.row(claim.bind(now).bind(oldest(now))).await?;
        Ok(row.map(|_| connection))
    }

    async fn keep(
        &self,
        mut connection: Connection,
        answer: &KeptAnswer,
    ) -> Result<Connection, StoreError> {
        let statement = Statement::new(
            "UPDATE idempotency SET status = $3, answer = $4 WHERE actor = $1 AND name = $2",
        );
        let statement = statement.bind(&*self.actor).bind(&*self.key);
        connection.execute(statement.bind(answer.status).bind(&answer.body)).await?;
        Ok(connection)
    }

    fn swap(&self, state: State) -> State {
        // A panic elsewhere leaves a state that is whole.
        std::mem::replace(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}

fn broken() -> StoreError {
    let why = "a change of this request failed after another one";
    StoreError::caused_by(StoreErrorKind::Unavailable, why)
}

/// No claim is as old as that before the clock is: on a clock near 1970 nothing is over.
fn oldest(now: UnixSeconds) -> i64 {
    i64::try_from(now.get()).unwrap_or(i64::MAX).saturating_sub_unsigned(IDEMPOTENCY_LIFETIME)
}
