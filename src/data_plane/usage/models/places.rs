//! At how many places a link is in use.

use std::collections::HashMap;
use std::num::NonZeroU8;

use proptest::prelude::*;

use crate::clock::UnixSeconds;
use crate::data_plane::usage::link::{LinkKey, PlaceKey, Visit};
use crate::data_plane::usage::places::{PlaceTable, Verdict};
use crate::policy::{SharingRules, UserAgentRule};

const WINDOW: u64 = 100;

fn rules(places: u8) -> SharingRules {
    let places = NonZeroU8::new(places).unwrap();
    SharingRules { places, window: WINDOW, user_agent: UserAgentRule::Bind }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Time(u64),
    /// A machine's clock may be set back.
    TimeBack(u64),
    Visit {
        link: u128,
        place: u64,
        visit: Visit,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let visit = prop_oneof![3 => Just(Visit::Use), 1 => Just(Visit::Look)];
    prop_oneof![
        6 => (0_u128..4, 0_u64..5, visit)
            .prop_map(|(link, place, visit)| Event::Visit { link, place, visit }),
        2 => (0_u64..WINDOW + 10).prop_map(Event::Time),
        1 => (0_u64..30).prop_map(Event::TimeBack),
    ]
}

proptest! {
    /// A link has a place for each where it was used within the window, and no more than it may.
    #[test]
    fn a_table_agrees_with_its_model(
        events in prop::collection::vec(event(), 1..200),
        places in 1_u8..4,
    ) {
        let table = PlaceTable::new(1000);
        let rules = rules(places);
        let mut model: HashMap<u128, HashMap<u64, u64>> = HashMap::new();
        let mut now = 1_000_000;
        for event in events {
            let (link, place, visit) = match event {
                Event::Time(seconds) => {
                    now += seconds;
                    continue;
                }
                Event::TimeBack(seconds) => {
                    now -= seconds;
                    continue;
                }
                Event::Visit { link, place, visit } => (link, place, visit),
            };
            let used = model.entry(link).or_default();
            used.retain(|_, at| now.saturating_sub(*at) < WINDOW);
            let lets_in = used.contains_key(&place) || used.len() < usize::from(places);
            if lets_in && visit == Visit::Use {
                let at = used.entry(place).or_insert(now);
                *at = now.max(*at);
            }
            let expected = if lets_in { Verdict::Known } else { Verdict::TooMany };
            let at = UnixSeconds::new(now);
            let said = table.visit(LinkKey(link), PlaceKey(place), &rules, at, visit);
            prop_assert_eq!(said, expected, "{:?} at {}", event, now);
        }
    }
}

#[test]
fn a_table_holds_no_more_links_than_it_was_given_room_for() {
    let table = PlaceTable::new(1600);
    let now = UnixSeconds::new(0);
    for link in 0..50_000 {
        table.visit(LinkKey(link), PlaceKey(1), &rules(1), now, Visit::Use);
    }
    assert_eq!(table.len(), 1600);
    // Those that were used last are known, and the first are bound anew.
    let visit = |link| table.visit(LinkKey(link), PlaceKey(2), &rules(1), now, Visit::Look);
    assert_eq!((visit(49_999), visit(0)), (Verdict::TooMany, Verdict::Known));
}

#[test]
fn what_the_window_has_passed_makes_room() {
    let table = PlaceTable::new(100_000);
    for link in 0..1000 {
        let before = UnixSeconds::new(0);
        table.visit(LinkKey(link), PlaceKey(1), &rules(2), before, Visit::Use);
    }
    assert_eq!(table.len(), 1000);
    for link in 1000..2000 {
        let later = UnixSeconds::new(WINDOW);
        table.visit(LinkKey(link), PlaceKey(1), &rules(2), later, Visit::Use);
    }
    assert_eq!(table.len(), 1000, "for each that came, one that was past went");
}

#[test]
fn looking_binds_nothing() {
    let table = PlaceTable::new(1000);
    let now = UnixSeconds::new(0);
    for place in 0..10 {
        let said = table.visit(LinkKey(1), PlaceKey(place), &rules(1), now, Visit::Look);
        assert_eq!(said, Verdict::Known);
    }
    assert_eq!(table.len(), 0);
}
