//! Bytes that were made here and are on their way: a client that reads slowly keeps them in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes that are on their way to everybody at once, and to one visitor. What is kept anyway counts like
/// everything else: it may be kept no longer when it is sent.
const MOST: usize = 512 << 20;
const MOST_OF_ONE: usize = 128 << 20;

/// What is on its way. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    each: HashMap<Box<str>, usize>,
}

/// Bytes on their way, until nobody has them any more.
struct Lent {
    bytes: Bytes,
    visitor: Box<str>,
    of: InFlight,
}

impl InFlight {
    /// The same bytes, which count until the last of them was sent or given up; none where too many
    /// are on their way already.
    pub(super) fn lend(&self, visitor: &str, bytes: Bytes) -> Option<Bytes> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.each.get(visitor).copied().unwrap_or(0);
        let fits = |now: usize, most: usize| now == 0 || now.saturating_add(bytes.len()) <= most;
        if !fits(own, MOST_OF_ONE) || !fits(counts.all, MOST) {
            return None;
        }
        counts.all += bytes.len();
        counts.each.insert(visitor.into(), own + bytes.len());
        drop(counts);
        Some(Bytes::from_owner(Lent { bytes, visitor: visitor.into(), of: self.clone() }))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut counts = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= self.bytes.len();
        if let Entry::Occupied(mut own) = counts.each.entry(std::mem::take(&mut self.visitor)) {
            *own.get_mut() -= self.bytes.len();
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_visitor_has_so_much_on_its_way_and_all_together() {
        let sent = InFlight::default();
        let picture = Bytes::from(vec![7; MOST_OF_ONE / 2]);
        let mut of_one = vec![sent.lend("one", picture.clone()).unwrap()];
        assert_eq!(of_one[0], picture);
        assert_eq!(of_one[0].as_ptr(), picture.as_ptr(), "copied");
        of_one.push(sent.lend("one", picture.clone()).unwrap());
        assert!(sent.lend("one", Bytes::from_static(b"x")).is_none());
        let mut others = Vec::new();
        for visitor in ["two", "three", "four"] {
            others.push(sent.lend(visitor, picture.clone()).unwrap());
            others.push(sent.lend(visitor, picture.clone()).unwrap());
        }
        assert!(sent.lend("five", Bytes::from_static(b"x")).is_none());
        // A part of it is all of it, for it holds all.
        let part = of_one[0].slice(..1);
        drop(of_one);
        assert!(sent.lend("one", picture.clone()).is_some());
        assert!(sent.lend("one", picture.slice(1..)).is_some());
        drop((part, others));
        let counts = sent.0.lock().unwrap();
        assert_eq!((counts.all, counts.each.len()), (0, 0));
    }

    #[test]
    fn the_first_is_sent_however_long_it_is() {
        let sent = InFlight::default();
        let long = sent.lend("one", Bytes::from(vec![0; MOST_OF_ONE + 1])).unwrap();
        assert!(sent.lend("one", Bytes::new()).is_none());
        drop(long);
        assert!(sent.lend("one", Bytes::new()).is_some());
    }
}
