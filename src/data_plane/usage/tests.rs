//! Claims against a ledger that says what it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus::Registry;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::claims::{Claims, LedgerAway};
use super::keeper::keep_claims;
use super::ledger::{Ledger, LedgerError};
use crate::asset::TenantId;
use crate::claim::{
    ClaimDigest, ClaimDraft, ClaimEnd, ClaimId, ClaimOutcome, ClaimRuling, ClaimVerdict,
    PositionRun,
};
use crate::clock::UnixSeconds;
use crate::data_plane::Metrics;
use crate::network::ClientIp;

/// What is said to one claim after the other, and to one end; then the last for ever.
#[derive(Clone, Default)]
struct Scripted {
    verdicts: Arc<Mutex<VecDeque<Says>>>,
    ends: Arc<Mutex<VecDeque<Says>>>,
    /// What it was told, with how often it had been told before.
    told: Arc<Mutex<Vec<ClaimEnd>>>,
    /// How often it was asked.
    asked: Arc<Mutex<usize>>,
}

#[derive(Clone, Copy)]
enum Says {
    Away,
    Nothing,
    Refused,
    This(ClaimVerdict),
}

impl Scripted {
    fn new(verdicts: &[Says], ends: &[Says]) -> Self {
        let queue = |says: &[Says]| Arc::new(Mutex::new(says.iter().copied().collect()));
        Self { verdicts: queue(verdicts), ends: queue(ends), ..Self::default() }
    }

    async fn say(queue: &Mutex<VecDeque<Says>>) -> Result<ClaimRuling, LedgerError> {
        let says = {
            let mut queue = queue.lock().unwrap();
            let next = queue.pop_front().unwrap();
            if queue.is_empty() {
                queue.push_back(next);
            }
            next
        };
        match says {
            Says::Away => Err(LedgerError::Away("away".into())),
            Says::Nothing => std::future::pending().await,
            Says::Refused => Err(LedgerError::Refused("refused".into())),
            Says::This(verdict) => Ok(ClaimRuling { verdict, holder: Some(draft(0).asker()) }),
        }
    }
}

impl Ledger for Scripted {
    async fn claim(&self, _: &ClaimDraft) -> Result<ClaimRuling, LedgerError> {
        *self.asked.lock().unwrap() += 1;
        Self::say(&self.verdicts).await
    }

    async fn end(&self, end: &ClaimEnd) -> Result<(), LedgerError> {
        self.told.lock().unwrap().push(end.clone());
        Self::say(&self.ends).await.map(drop)
    }
}

fn draft(first: u64) -> ClaimDraft {
    ClaimDraft {
        id: ClaimId::of_bytes([7; 16]),
        tenant: TenantId(1),
        link: "lnk_a".into(),
        expires_at: UnixSeconds::new(1_000),
        client: ClientIp::new([192, 0, 2, 1].into()),
        agent: ClaimDigest::of(&[]),
        file: ClaimDigest::of(&[]),
        size: Some(10),
        positions: vec![PositionRun { first, last: 9 }],
    }
}

fn kept(ledger: &Scripted) -> (Claims, JoinHandle<()>, Metrics) {
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (claims, orders) = Claims::new(metrics.clone());
    (claims, tokio::spawn(keep_claims(ledger.clone(), orders)), metrics)
}

const OK: Says = Says::This(ClaimVerdict::Granted);
const BUSY: Says = Says::This(ClaimVerdict::Busy);

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_not_answered_is_given_up() {
    for says in [Says::Away, Says::Nothing] {
        let ledger = Scripted::new(&[says], &[OK]);
        let (claims, keeper, metrics) = kept(&ledger);
        let began = Instant::now();
        assert_eq!(claims.claim(&draft(0)).await, Err(LedgerAway));
        assert!(began.elapsed() <= Duration::from_secs(5));
        claims.finish();
        keeper.await.unwrap();
        let told = ledger.told.lock().unwrap();
        assert_eq!((told.len(), told[0].sent), (1, 0));
        assert_eq!(told[0].outcome, ClaimOutcome::Aborted);
        assert_eq!(metrics.link_claims.with_label_values(&["unavailable"]).get(), 1);
    }
}

/// Its client went away.
#[tokio::test(start_paused = true)]
async fn a_claim_that_nobody_waits_for_is_given_up() {
    let ledger = Scripted::new(&[Says::Nothing], &[OK]);
    let (claims, keeper, _) = kept(&ledger);
    let draft = draft(0);
    let asking = tokio::time::timeout(Duration::from_millis(10), claims.claim(&draft));
    assert!(asking.await.is_err());
    claims.finish();
    keeper.await.unwrap();
    assert_eq!(ledger.told.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_waits_for_the_end_of_what_was_before() {
    let resumed = Says::This(ClaimVerdict::Resumed);
    let ledger = Scripted::new(&[BUSY, BUSY, resumed], &[OK]);
    let (claims, keeper, metrics) = kept(&ledger);
    assert_eq!(claims.claim(&draft(5)).await, Ok(ClaimVerdict::Resumed));
    // A link that is in use is not waited for by whoever begins.
    *ledger.verdicts.lock().unwrap() = [BUSY].into();
    let began = Instant::now();
    assert_eq!(claims.claim(&draft(0)).await, Ok(ClaimVerdict::Busy));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(claims.claim(&draft(5)).await, Ok(ClaimVerdict::Busy));
    assert!(began.elapsed() < Duration::from_secs(3));
    claims.finish();
    keeper.await.unwrap();
    assert!(ledger.told.lock().unwrap().is_empty());
    assert_eq!(metrics.link_claims.with_label_values(&["busy"]).get(), 2);
}

/// A crowd at one link waits for itself, and for so long.
#[tokio::test(start_paused = true)]
async fn a_crowd_at_one_link_keeps_nobody_from_another() {
    let silent = Says::Nothing;
    let ledger = Scripted::new(&[silent, silent, silent, silent, OK], &[OK]);
    let (claims, keeper, _) = kept(&ledger);
    let crowd: Vec<_> = (0..2_000)
        .map(|_| {
            let claims = claims.clone();
            tokio::spawn(async move { claims.claim(&draft(0)).await })
        })
        .collect();
    // Let each of them ask first.
    tokio::task::yield_now().await;
    let began = Instant::now();
    let other = ClaimDraft { link: "lnk_b".into(), ..draft(0) };
    assert_eq!(claims.claim(&other).await, Ok(ClaimVerdict::Granted));
    assert_eq!(began.elapsed(), Duration::ZERO);
    for one in crowd {
        assert_eq!(one.await.unwrap(), Err(LedgerAway));
    }
    claims.finish();
    keeper.await.unwrap();
    // Of those that were never begun there is nothing to tell.
    let told = ledger.told.lock().unwrap().len();
    assert!((4..1_000).contains(&told), "{told}");
}

/// One answer is an answer to everybody who waited for it.
#[tokio::test(start_paused = true)]
async fn whoever_asks_at_the_same_moment_as_the_winner_is_refused_with_one_answer() {
    let ledger = Scripted::new(&[OK, BUSY], &[OK]);
    let (claims, keeper, _) = kept(&ledger);
    let asking: Vec<_> = (0_u8..100)
        .map(|number| {
            let claims = claims.clone();
            // The first ten are one client, who is the first.
            let client = ClientIp::new([192, 0, 2, 1 + number / 10].into());
            tokio::spawn(
                async move { claims.claim(&ClaimDraft { client, ..draft(0) }).await.unwrap() },
            )
        })
        .collect();
    let mut verdicts = Vec::new();
    for one in asking {
        verdicts.push(one.await.unwrap());
    }
    assert_eq!(verdicts.iter().filter(|it| **it == ClaimVerdict::Granted).count(), 1);
    assert!(verdicts[10..].iter().all(|it| *it == ClaimVerdict::Used));
    assert!(verdicts[..10].iter().all(|it| *it != ClaimVerdict::Used));
    assert_eq!(*ledger.asked.lock().unwrap(), 10);
    claims.finish();
    keeper.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_is_told_until_it_is_taken_or_refused() {
    for (ends, times) in
        [(vec![Says::Away, Says::Away, OK], 3), (vec![Says::Away, Says::Refused], 2), (vec![OK], 1)]
    {
        let ledger = Scripted::new(&[OK], &ends);
        let (claims, keeper, metrics) = kept(&ledger);
        let end = super::claims::nothing_left(&draft(0));
        claims.end(ClaimEnd { sent: 5, ..end });
        claims.finish();
        keeper.await.unwrap();
        assert_eq!(ledger.told.lock().unwrap().len(), times);
        assert_eq!(metrics.link_claims_untold.get(), 0);
    }
}
