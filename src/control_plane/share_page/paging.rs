//! The ways between the pages of a gallery. A page is of so many numbers, and may have fewer items:
//! where one was taken out, the others stay where they are.

use crate::control_plane::service::Page;

/// Cards of one page.
pub(super) const CARDS: u16 = 60;

/// Pages up to which their numbers are enough to get about.
const FEW: u64 = 7;

/// Where one is among the pages of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The page, from 1.
    page: u64,
    /// How many there are.
    pages: u64,
}

/// A way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) page: u64,
    pub(super) path: String,
    /// Is it the one that is shown?
    pub(super) here: bool,
    /// Are there pages between it and the one before?
    pub(super) behind_a_gap: bool,
}

/// All that leads away from a page.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    pub(super) numbered: Vec<Way>,
    /// How many pages there are, where a number is better typed.
    pub(super) typed: Option<u64>,
}

impl Place {
    /// That page of a share whose highest item has that number; none where it has no such page.
    pub(super) fn of(page: u64, last: Option<u64>) -> Option<Self> {
        let pages = last.map_or(1, |last| last / u64::from(CARDS) + 1);
        (1..=pages).contains(&page).then_some(Self { page, pages })
    }

    /// The items of it, and perhaps more.
    pub(super) fn items(self) -> Page<u64> {
        match self.first().checked_sub(1) {
            Some(before) => Page::after(before, CARDS),
            None => Page::first(CARDS),
        }
    }

    /// Is the item of that number on it?
    pub(super) fn has(self, item: u64) -> bool {
        self.first() <= item && item - self.first() < u64::from(CARDS)
    }

    /// The ways from it, of the share at that path; none where it is the only one.
    pub(super) fn ways(self, share: &str) -> Option<Ways> {
        let Self { page, pages } = self;
        if pages == 1 {
            return None;
        }
        let to = |page| path(share, page);
        let mut numbered: Vec<Way> = Vec::new();
        let near = page.saturating_sub(1).max(1)..=(page + 1).min(pages);
        let mut shown: Vec<u64> = [1, pages].into_iter().chain(near).collect();
        if pages <= FEW {
            shown = (1..=pages).collect();
        }
        shown.sort_unstable();
        shown.dedup();
        for shown in shown {
            let behind_a_gap = numbered.last().is_some_and(|before| before.page + 1 < shown);
            numbered.push(Way { page: shown, path: to(shown), here: shown == page, behind_a_gap });
        }
        Some(Ways {
            previous: (page > 1).then(|| to(page - 1)),
            next: (page < pages).then(|| to(page + 1)),
            numbered,
            typed: (pages > FEW).then_some(pages),
        })
    }

    fn first(self) -> u64 {
        (self.page - 1).saturating_mul(CARDS.into())
    }
}

/// The path of a page of the share at that path.
fn path(share: &str, page: u64) -> String {
    if page == 1 { share.to_owned() } else { format!("{share}?page={page}") }
}

/// Where an item is in the share at that path.
pub(super) fn path_of(share: &str, item: u64) -> String {
    format!("{}#i{item}", path(share, item / u64::from(CARDS) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_by_the_highest_number() {
        for (page, last, pages) in [
            (1, None, Some(1)),
            (2, None, None),
            (0, Some(5), None),
            (1, Some(59), Some(1)),
            (2, Some(59), None),
            (2, Some(60), Some(2)),
            (167, Some(9_999), Some(167)),
            (168, Some(9_999), None),
            (u64::MAX, Some(9_999), None),
        ] {
            assert_eq!(Place::of(page, last).map(|it| it.pages), pages, "{page} {last:?}");
        }
        let second = Place::of(2, Some(130)).unwrap();
        assert_eq!((second.items().after, second.items().limit), (Some(59), 60));
        assert_eq!([59, 60, 119, 120].map(|it| second.has(it)), [false, true, true, false]);
        assert_eq!(path_of("/s/a", 59), "/s/a#i59");
        assert_eq!(path_of("/s/a", 60), "/s/a?page=2#i60");
    }

    #[test]
    fn every_page_leads_to_its_neighbours_and_to_both_ends() {
        let told = |page, last| {
            let ways = Place::of(page, Some(last)).unwrap().ways("/s/a").unwrap();
            let number = |way: &Way| match (way.behind_a_gap, way.here) {
                (true, false) => format!("… {}", way.page),
                (false, true) => format!("[{}]", way.page),
                (false, false) => way.page.to_string(),
                (true, true) => panic!("{way:?}"),
            };
            let numbered: Vec<String> = ways.numbered.iter().map(number).collect();
            (ways.previous, numbered.join(" "), ways.next, ways.typed)
        };
        let path = |page: u64| Some(format!("/s/a?page={page}"));
        assert!(Place::of(1, Some(59)).unwrap().ways("/s/a").is_none());
        assert_eq!(told(1, 60), (None, "[1] 2".into(), path(2), None));
        assert_eq!(told(2, 60), (Some("/s/a".into()), "1 [2]".into(), None, None));
        assert_eq!(told(4, 419).1, "1 2 3 [4] 5 6 7");
        let many = (path(82), "1 … 82 [83] 84 … 167".into(), path(84), Some(167));
        assert_eq!(told(83, 9_999), many);
        assert_eq!(told(167, 9_999).1, "1 … 166 [167]");
        assert_eq!(told(2, 9_999).1, "1 [2] 3 … 167");
    }
}
