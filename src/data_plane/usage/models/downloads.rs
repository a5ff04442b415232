//! How many downloads of a link are under way.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::thread;

use proptest::prelude::*;

use crate::data_plane::usage::downloads::{Counted, DownloadKind, DownloadTable};
use crate::data_plane::usage::link::LinkKey;
use crate::network::ClientIp;

fn client(number: u8) -> ClientIp {
    ClientIp::new([192, 0, 2, number].into())
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    Begin {
        link: u128,
        /// None: the whole file.
        client: Option<u8>,
    },
    /// One of those under way ends.
    End(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_u128..3, prop::option::of(0_u8..3))
            .prop_map(|(link, client)| Event::Begin { link, client }),
        2 => any::<prop::sample::Index>().prop_map(Event::End),
    ]
}

/// What of a link is under way, by the model.
#[derive(Debug, Default)]
struct Model {
    wholes: usize,
    parts: HashMap<u8, usize>,
}

proptest! {
    #[test]
    fn a_table_agrees_with_its_model(
        events in prop::collection::vec(event(), 1..200),
        limit in 1_u16..4,
    ) {
        let table = Arc::new(DownloadTable::new());
        let most = NonZeroU16::new(limit);
        let mut model: HashMap<u128, Model> = HashMap::new();
        let mut under_way: Vec<(u128, Option<u8>, Counted)> = Vec::new();
        for event in events {
            match event {
                Event::Begin { link, client: of } => {
                    let known = model.entry(link).or_default();
                    let downloads = known.wholes + known.parts.len();
                    let joins = of.is_some_and(|of| known.parts.contains_key(&of));
                    let kind = of.map_or(DownloadKind::Whole, |of| DownloadKind::Parts(client(of)));
                    let began = table.begin(LinkKey(link), table.name(kind), most);
                    prop_assert_eq!(began.is_some(), joins || downloads < usize::from(limit));
                    let Some(counted) = began else { continue };
                    match of {
                        Some(of) => *known.parts.entry(of).or_default() += 1,
                        None => known.wholes += 1,
                    }
                    under_way.push((link, of, counted));
                }
                Event::End(index) => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (link, of, counted) = under_way.swap_remove(index.index(under_way.len()));
                    drop(counted);
                    let known = model.entry(link).or_default();
                    match of {
                        Some(of) => {
                            *known.parts.entry(of).or_default() -= 1;
                            known.parts.retain(|_, requests| *requests > 0);
                        }
                        None => known.wholes -= 1,
                    }
                }
            }
            for (link, known) in &model {
                prop_assert_eq!(table.of(LinkKey(*link)), known.wholes + known.parts.len());
            }
        }
        drop(under_way);
        prop_assert_eq!(table.links(), 0, "nothing is left when all has ended");
    }
}

#[test]
fn no_more_than_the_limit_under_way_whatever_threads_do() {
    let table = Arc::new(DownloadTable::new());
    let begin = || {
        let limit = NonZeroU16::new(3);
        table.begin(LinkKey(7), table.name(DownloadKind::Whole), limit)
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let counted = begin();
                    assert!(table.of(LinkKey(7)) <= 3);
                    drop(counted);
                }
            });
        }
    });
    let held: Vec<_> = std::iter::from_fn(begin).collect();
    assert_eq!(held.len(), 3);
}
