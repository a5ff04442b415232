//! What the ledger knows of one link that may be used once: whose it is, and what they have had.
//!
//! The first claim that is granted makes its client the link's only one. Positions are *open* while
//! an answer with them is on its way, then *had* where all of it left, or *left* where it broke off
//! on the way. An answer that nobody heard the end of, because its edge was killed, is open for
//! ever: what it was to bring is never given again. So whatever dies, nothing is given twice.
//!
//! Of an answer that broke off nobody knows how much arrived: some was still in the buffers of both
//! systems. The client says so by going on somewhere: it has what comes before that, and is believed
//! to lack the rest, for [`MOST_AGAIN`] bytes of a link in all. What left of a file is never more than
//! that and its size; and nothing of an answer that left as a whole leaves again.
//!
//! Pure: the store keeps it, and holds its row's lock while it changes.

use serde::{Deserialize, Serialize};

use super::position_set::PositionSet;
use crate::claim::{
    ClaimDigest, ClaimDraft, ClaimEnd, ClaimId, ClaimOutcome, ClaimVerdict, PositionRun,
};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;

/// Seconds after its last answer began or ended in which a client may go on.
const RESUMED_WITHIN: u64 = 15 * 60;

/// Bytes that may leave again, of answers that broke off: more than systems buffer on a connection.
pub const MOST_AGAIN: u64 = 16 * 1024 * 1024;

/// Answers of a link on their way at once.
const MOST_OPEN: usize = 32;

/// Runs of positions that are kept of a link.
const MOST_KEPT_RUNS: usize = 256;

/// Ends that are kept, for claims that come after their end or again.
const MOST_ENDED: usize = 32;

/// The uses of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkClaim {
    winner: Option<Winner>,
    /// Claims that are over, the latest last.
    ended: Vec<ClaimId>,
}

/// Whose link it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Winner {
    client: ClientIp,
    agent: ClaimDigest,
    file: ClaimDigest,
    size: Option<u64>,
    /// When an answer last began or ended.
    active_at: UnixSeconds,
    /// Of answers that left as a whole, or of which the client went on behind.
    had: PositionSet,
    /// Of each answer that broke off, as far as it is not known to be had.
    left: Vec<PositionRun>,
    /// How much of that was given again.
    again: u64,
    open: Vec<OpenAnswer>,
}

/// An answer that nobody heard the end of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenAnswer {
    id: ClaimId,
    positions: PositionSet,
    /// How many of them left before.
    again: u64,
}

impl LinkClaim {
    /// Claims positions. The same claim again has the same effect, once.
    pub fn claim(&mut self, draft: &ClaimDraft, now: UnixSeconds) -> ClaimVerdict {
        self.claim_within(MOST_AGAIN, draft, now)
    }

    fn claim_within(
        &mut self,
        most_again: u64,
        draft: &ClaimDraft,
        now: UnixSeconds,
    ) -> ClaimVerdict {
        let ClaimDraft { id, client, agent, file, size, positions, .. } = draft;
        let positions = PositionSet::of(positions.iter().copied());
        if self.ended.contains(id) || positions.is_empty() {
            return ClaimVerdict::Used;
        }
        let open = |again| OpenAnswer { id: id.clone(), positions: positions.clone(), again };
        let Some(winner) = &mut self.winner else {
            self.winner = Some(Winner {
                client: *client,
                agent: agent.clone(),
                file: file.clone(),
                size: *size,
                active_at: now,
                had: PositionSet::default(),
                left: Vec::new(),
                again: 0,
                open: vec![open(0)],
            });
            return ClaimVerdict::Granted;
        };
        if (winner.client, &winner.agent, &winner.file, winner.size)
            != (*client, agent, file, *size)
        {
            return ClaimVerdict::Used;
        }
        if winner.open.iter().any(|answer| answer.id == *id) {
            return winner.verdict_on_open();
        }
        if now > winner.active_at.plus(RESUMED_WITHIN)
            || winner.had.runs().len() + winner.left.len() > MOST_KEPT_RUNS
            || winner.had.overlap(&positions) > 0
        {
            return ClaimVerdict::Used;
        }
        let is_on_its_way = |answer: &OpenAnswer| answer.positions.overlap(&positions) > 0;
        if winner.open.len() >= MOST_OPEN || winner.open.iter().any(is_on_its_way) {
            return ClaimVerdict::Busy;
        }
        let again = winner.left_of(&positions);
        if winner.again.saturating_add(again) > most_again {
            return ClaimVerdict::Used;
        }
        winner.again = winner.again.saturating_add(again);
        winner.active_at = now;
        winner.open.push(open(again));
        for run in positions.runs() {
            winner.goes_on(run.first);
        }
        ClaimVerdict::Resumed
    }

    /// Whose link it is.
    pub fn holder(&self) -> Option<ClaimDigest> {
        let Winner { client, agent, file, size, .. } = self.winner.as_ref()?;
        Some(ClaimDigest::of_asker(*client, agent, file, *size))
    }

    /// Ends a claim. One that is over already is left as it is, and one that is not known yet can
    /// not be made any more: its edge gave it up. One of which nothing left never was.
    pub fn end(&mut self, end: &ClaimEnd, now: UnixSeconds) {
        let ClaimEnd { id, sent, outcome, .. } = end;
        if self.ended.contains(id) {
            return;
        }
        if self.ended.len() >= MOST_ENDED {
            self.ended.remove(0);
        }
        self.ended.push(id.clone());
        let Some(winner) = &mut self.winner else { return };
        let Some(place) = winner.open.iter().position(|answer| answer.id == *id) else { return };
        let OpenAnswer { id: _, positions, again } = winner.open.remove(place);
        match outcome {
            ClaimOutcome::Complete => winner.had.insert_all(&positions),
            // Which bytes of several parts left cannot be told from how many.
            ClaimOutcome::Aborted if *sent > 0 && positions.runs().len() > 1 => {
                winner.had.insert_all(&positions);
            }
            ClaimOutcome::Aborted => {
                let sent = positions.beginning(*sent);
                let unspent = again.saturating_sub(winner.left_of(&sent));
                winner.again = winner.again.saturating_sub(unspent);
                winner.left.extend(sent.runs());
            }
        }
        winner.active_at = winner.active_at.max(now);
        if winner.open.is_empty() && winner.had.is_empty() && winner.left.is_empty() {
            self.winner = None;
        }
    }
}

impl Winner {
    /// How many of these left with answers that broke off.
    fn left_of(&self, positions: &PositionSet) -> u64 {
        PositionSet::of(self.left.iter().copied()).overlap(positions)
    }

    /// Whoever goes on there has what came before that, of the answer that it goes on with.
    fn goes_on(&mut self, at: u64) {
        for run in &mut self.left {
            if run.first < at && at <= run.last.saturating_add(1) {
                self.had.insert(PositionRun { first: run.first, last: at - 1 });
                run.first = at;
            }
        }
        self.left.retain(|run| run.first <= run.last);
    }

    /// What was said to a claim that is open.
    fn verdict_on_open(&self) -> ClaimVerdict {
        let is_first = self.open.len() == 1 && self.had.is_empty() && self.left.is_empty();
        if is_first { ClaimVerdict::Granted } else { ClaimVerdict::Resumed }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::asset::TenantId;

    const NOW: UnixSeconds = UnixSeconds::new(1_000_000);
    const SIZE: u64 = 100;

    fn id(number: u8) -> ClaimId {
        ClaimId::of_bytes([number; 16])
    }

    fn run(first: u64, last: u64) -> PositionRun {
        PositionRun { first, last }
    }

    fn draft(number: u8, who: u8, positions: &[PositionRun]) -> ClaimDraft {
        ClaimDraft {
            id: id(number),
            tenant: TenantId(1),
            link: "lnk_a".into(),
            expires_at: NOW,
            client: ClientIp::new([192, 0, 2, who].into()),
            agent: ClaimDigest::of(&[b"curl"]),
            file: ClaimDigest::of(&[b"film"]),
            size: Some(SIZE),
            positions: positions.to_vec(),
        }
    }

    fn end(number: u8, sent: u64, outcome: ClaimOutcome) -> ClaimEnd {
        let (tenant, link) = (TenantId(1), "lnk_a".into());
        ClaimEnd { id: id(number), tenant, link, expires_at: NOW, sent, outcome }
    }

    /// One link, and short words for what happens to it.
    #[derive(Default)]
    struct Told(LinkClaim);

    impl Told {
        fn claim(&mut self, number: u8, who: u8, first: u64, last: u64) -> ClaimVerdict {
            self.0.claim(&draft(number, who, &[run(first, last)]), NOW)
        }

        fn aborted(&mut self, number: u8, sent: u64) {
            self.0.end(&end(number, sent, ClaimOutcome::Aborted), NOW);
        }

        fn complete(&mut self, number: u8) {
            self.0.end(&end(number, SIZE, ClaimOutcome::Complete), NOW);
        }
    }

    #[test]
    fn one_client_has_the_file_once() {
        let mut link = Told::default();
        assert_eq!(link.0.holder(), None);
        assert_eq!(link.claim(1, 1, 0, 99), ClaimVerdict::Granted);
        assert_eq!(link.0.holder(), Some(draft(9, 1, &[]).asker()));
        assert_eq!(link.claim(1, 1, 0, 99), ClaimVerdict::Granted, "not heard the first time");
        assert_eq!(link.claim(2, 2, 0, 99), ClaimVerdict::Used);
        assert_eq!(link.claim(3, 1, 0, 99), ClaimVerdict::Busy);
        link.complete(1);
        for (number, first) in [(4, 0), (5, 1), (6, 99)] {
            assert_eq!(link.claim(number, 1, first, 99), ClaimVerdict::Used, "{first}");
        }
        assert_eq!(link.claim(1, 1, 0, 99), ClaimVerdict::Used, "it is over");
        let elsewhere =
            ClaimDraft { file: ClaimDigest::of(&[b"other"]), ..draft(7, 1, &[run(0, 9)]) };
        assert_eq!(link.0.claim(&elsewhere, NOW), ClaimVerdict::Used);
    }

    #[test]
    fn whoever_was_cut_off_goes_on_where_they_are() {
        let mut link = Told::default();
        assert_eq!(link.claim(1, 1, 0, 99), ClaimVerdict::Granted);
        link.aborted(1, 60);
        // Forty arrived, the rest of the sixty was lost on the way.
        assert_eq!(link.claim(2, 2, 40, 99), ClaimVerdict::Used, "another client");
        assert_eq!(link.claim(3, 1, 40, 99), ClaimVerdict::Resumed);
        assert_eq!(link.claim(3, 1, 40, 99), ClaimVerdict::Resumed);
        assert_eq!(link.claim(4, 1, 40, 40), ClaimVerdict::Busy, "on its way again");
        for (number, first, last) in [(5, 0, 39), (6, 0, 0), (7, 39, 39)] {
            let verdict = link.claim(number, 1, first, last);
            assert_eq!(verdict, ClaimVerdict::Used, "whoever goes on at 40 has {first}-{last}");
        }
        link.aborted(3, 60);
        // All of it left, and nobody knows whether it arrived.
        assert_eq!(link.claim(8, 1, 99, 99), ClaimVerdict::Resumed);
        link.complete(8);
        assert_eq!(link.claim(9, 1, 99, 99), ClaimVerdict::Used);
    }

    /// Of two parts at a time, each goes on by itself.
    #[test]
    fn a_part_that_goes_on_says_nothing_of_another() {
        let mut link = Told::default();
        assert_eq!(link.claim(1, 1, 0, 49), ClaimVerdict::Granted);
        assert_eq!(link.claim(2, 1, 50, 99), ClaimVerdict::Resumed);
        link.aborted(1, 50);
        link.aborted(2, 30);
        assert_eq!(link.claim(3, 1, 60, 99), ClaimVerdict::Resumed);
        assert_eq!(link.claim(4, 1, 50, 59), ClaimVerdict::Used);
        assert_eq!(link.claim(5, 1, 10, 49), ClaimVerdict::Resumed);
        assert_eq!(link.claim(6, 1, 9, 9), ClaimVerdict::Used);
    }

    #[test]
    fn what_leaves_again_is_bounded() {
        let mut link = LinkClaim::default();
        let mut claim = |number, first, most| {
            let verdict = link.claim_within(most, &draft(number, 1, &[run(first, 99)]), NOW);
            if verdict != ClaimVerdict::Used {
                link.end(&end(number, 50, ClaimOutcome::Aborted), NOW);
            }
            verdict
        };
        assert_eq!(claim(1, 0, 60), ClaimVerdict::Granted);
        assert_eq!(claim(2, 0, 60), ClaimVerdict::Resumed);
        assert_eq!(claim(3, 0, 60), ClaimVerdict::Used, "another fifty");
        assert_eq!(claim(4, 40, 60), ClaimVerdict::Resumed);
        assert_eq!(claim(5, 50, 60), ClaimVerdict::Used);
        assert_eq!(claim(6, 90, 60), ClaimVerdict::Resumed, "none of it left before");
    }

    #[test]
    fn who_another_is_shows_in_address_agent_size_and_time() {
        let mut link = Told::default();
        assert_eq!(link.claim(1, 1, 0, 9), ClaimVerdict::Granted);
        link.complete(1);
        let rest = draft(2, 1, &[run(10, 99)]);
        for other in [
            ClaimDraft { client: ClientIp::new([192, 0, 2, 9].into()), ..rest.clone() },
            ClaimDraft { agent: ClaimDigest::of(&[b"wget"]), ..rest.clone() },
            ClaimDraft { size: Some(SIZE + 1), ..rest.clone() },
        ] {
            assert_eq!(link.0.claim(&other, NOW), ClaimVerdict::Used, "{other:?}");
        }
        let last = NOW.plus(RESUMED_WITHIN);
        assert_eq!(link.0.clone().claim(&rest, last.plus(1)), ClaimVerdict::Used);
        assert_eq!(link.0.claim(&rest, last), ClaimVerdict::Resumed);
    }

    #[test]
    fn what_never_left_was_never_claimed() {
        let mut link = Told::default();
        assert_eq!(link.claim(1, 1, 0, 99), ClaimVerdict::Granted);
        link.aborted(1, 0);
        assert_eq!(link.claim(2, 2, 0, 99), ClaimVerdict::Granted, "another client may");
        // One that was given up before it came is not to come alive.
        link.aborted(3, 0);
        assert_eq!(link.claim(3, 2, 0, 99), ClaimVerdict::Used);
        link.complete(2);
        link.aborted(2, 0);
        assert_eq!(link.claim(4, 1, 0, 99), ClaimVerdict::Used, "told twice");
    }

    #[test]
    fn parts_that_break_off_are_all_had() {
        let mut link = LinkClaim::default();
        let parts = draft(1, 1, &[run(0, 9), run(20, 29)]);
        assert_eq!(link.claim(&parts, NOW), ClaimVerdict::Granted);
        link.end(&end(1, 5, ClaimOutcome::Aborted), NOW);
        assert_eq!(link.claim(&draft(2, 1, &[run(25, 40)]), NOW), ClaimVerdict::Used);
        assert_eq!(link.claim(&draft(3, 1, &[run(10, 19)]), NOW), ClaimVerdict::Resumed);
    }

    #[test]
    fn it_is_kept_as_it_is() {
        let mut link = Told::default();
        link.claim(1, 1, 0, 49);
        link.claim(2, 1, 50, 99);
        link.aborted(1, 7);
        let kept = serde_json::to_string(&link.0).unwrap();
        assert_eq!(serde_json::from_str::<LinkClaim>(&kept).unwrap(), link.0);
    }

    /// Something that happens to a link.
    #[derive(Clone, Debug)]
    enum Happens {
        Claim {
            who: u8,
            runs: Vec<PositionRun>,
        },
        /// One of those on their way ends.
        End {
            which: usize,
            sent: u64,
            whole: bool,
        },
        /// Its edge is killed: nobody hears how it ended.
        Killed {
            which: usize,
        },
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let runs = prop_oneof![
            4 => (0..SIZE).prop_map(|first| vec![run(first, SIZE - 1)]),
            2 => (0..SIZE, 0..SIZE).prop_map(|(a, b)| vec![run(a.min(b), a.max(b))]),
            1 => (0_u64..40, 50..SIZE).prop_map(|(a, b)| vec![run(a, 45), run(b, SIZE - 1)]),
        ];
        prop_oneof![
            4 => (1_u8..4, runs).prop_map(|(who, runs)| Happens::Claim { who, runs }),
            4 => (0_usize..4, 0..=SIZE, any::<bool>())
                .prop_map(|(which, sent, whole)| Happens::End { which, sent, whole }),
            1 => (0_usize..4).prop_map(|which| Happens::Killed { which }),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: bytes leave for one client only, none of what left as
        /// a whole, or may have left a killed edge, leaves again, and no more leaves again than is
        /// allowed.
        #[test]
        fn no_byte_leaves_twice_but_what_broke_off(
            all in prop::collection::vec(happens(), 1..40), most_again in 0_u64..60,
        ) {
            let mut link = LinkClaim::default();
            let mut on_the_way: Vec<(ClaimDraft, PositionSet)> = Vec::new();
            let (mut settled, mut sent_in_all) = (PositionSet::default(), 0_u64);
            let mut left = BTreeMap::<u64, u64>::new();
            let mut served = None;
            for (number, happens) in (0_u8..).zip(all) {
                match happens {
                    Happens::Claim { who, runs } => {
                        let draft = draft(number, who, &runs);
                        let wanted = PositionSet::of(runs);
                        match link.claim_within(most_again, &draft, NOW) {
                            ClaimVerdict::Granted | ClaimVerdict::Resumed => {
                                prop_assert_eq!(settled.overlap(&wanted), 0);
                                for (_, other) in &on_the_way {
                                    prop_assert_eq!(other.overlap(&wanted), 0);
                                }
                                on_the_way.push((draft, wanted));
                            }
                            ClaimVerdict::Busy | ClaimVerdict::Used => {}
                        }
                    }
                    Happens::End { which, sent, whole } if which < on_the_way.len() => {
                        let (draft, positions) = on_the_way.remove(which);
                        let (outcome, gone) = if whole {
                            (ClaimOutcome::Complete, positions.clone())
                        } else {
                            (ClaimOutcome::Aborted, positions.beginning(sent))
                        };
                        let number = draft.id.as_str();
                        let told = end(0, sent, outcome);
                        link.end(&ClaimEnd { id: ClaimId::parse(number).unwrap(), ..told }, NOW);
                        if whole || (positions.runs().len() > 1 && sent > 0) {
                            settled.insert_all(&positions);
                        }
                        for position in gone.runs().iter().flat_map(|run| run.first..=run.last) {
                            *left.entry(position).or_default() += 1;
                            sent_in_all += 1;
                            prop_assert_eq!(*served.get_or_insert(draft.client), draft.client);
                        }
                    }
                    Happens::Killed { which } if which < on_the_way.len() => {
                        settled.insert_all(&on_the_way.remove(which).1);
                    }
                    Happens::End { .. } | Happens::Killed { .. } => {}
                }
                prop_assert!(sent_in_all <= left.len() as u64 + most_again);
            }
        }
    }
}
