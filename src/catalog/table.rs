//! Entries by key, so laid out that whoever looks for one waits for memory twice: for the line that
//! says where the entry is, and for the entry. In a large table no cache has either.
//!
//! A bucket is one such line: the entries that are in it, a tag of each, and how many were to be in it
//! or before it and found room only behind. So no other entry is looked at but by a chance of one in
//! four thousand million, the search ends where nothing went past, and what is removed leaves no mark.
//! (The counter is that of Folly's F14, `folly/container/F14.md`.) A tag says which bucket is an
//! entry's own as well: a table that grows looks at no entry.

use super::packed::Entry;

/// Of a bucket: as many as there is room for in 64 bytes.
const SLOTS: usize = 3;

/// Of this many slots …
const FULL_OF: usize = 8;

/// … so many may be taken before the table grows.
const FULL_AT: usize = 7;

/// Entries, each by its key and a tag that is drawn from it.
#[derive(Debug, Default)]
pub(super) struct Table {
    buckets: Box<[Bucket]>,
    len: usize,
}

/// A line of memory.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket {
    entries: [Option<Entry>; SLOTS],
    tags: [u32; SLOTS],
    /// Entries that were to be here, or came by on their way, and are in a bucket behind.
    passed: u32,
}

impl Table {
    /// How many entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The entry of a key.
    pub(super) fn find(&self, tag: u32, key: &[u8]) -> Option<&Entry> {
        let (bucket, slot) = self.place(tag, key)?;
        self.buckets.get(bucket)?.entries.get(slot)?.as_ref()
    }

    /// Puts an entry, and gives back the one of the same key that was there.
    pub(super) fn put(&mut self, tag: u32, entry: Entry) -> Option<Entry> {
        if let Some((bucket, slot)) = self.place(tag, entry.key()) {
            return self.buckets.get_mut(bucket)?.entries.get_mut(slot)?.replace(entry);
        }
        if (self.len + 1) * FULL_OF > self.buckets.len() * SLOTS * FULL_AT {
            self.rebuild(self.buckets.len() + self.buckets.len() / 2 + 1, |_| true);
        }
        self.add(tag, entry);
        None
    }

    /// Takes out the entry of a key.
    pub(super) fn remove(&mut self, tag: u32, key: &[u8]) -> Option<Entry> {
        let (bucket, slot) = self.place(tag, key)?;
        let removed = self.buckets.get_mut(bucket)?.entries.get_mut(slot)?.take();
        self.len -= 1;
        let mut at = self.own(tag);
        while at != bucket {
            self.buckets.get_mut(at)?.passed -= 1;
            at = self.behind(at);
        }
        removed
    }

    /// Keeps the entries of which this says so.
    pub(super) fn retain(&mut self, keeps: impl Fn(&Entry) -> bool) {
        self.rebuild(self.buckets.len(), keeps);
    }

    /// Where the entry of a key is: its bucket, and its place there.
    fn place(&self, tag: u32, key: &[u8]) -> Option<(usize, usize)> {
        let mut at = self.own(tag);
        for _ in 0..self.buckets.len() {
            let bucket = self.buckets.get(at)?;
            for (slot, (known, entry)) in bucket.tags.iter().zip(&bucket.entries).enumerate() {
                if *known == tag && entry.as_ref().is_some_and(|it| it.is_of(key)) {
                    return Some((at, slot));
                }
            }
            if bucket.passed == 0 {
                return None;
            }
            at = self.behind(at);
        }
        None
    }

    /// Puts an entry whose key has none. There is room.
    fn add(&mut self, tag: u32, entry: Entry) {
        let mut at = self.own(tag);
        while let Some(bucket) = self.buckets.get_mut(at) {
            let mut slots = bucket.entries.iter_mut().zip(&mut bucket.tags);
            if let Some((free, known)) = slots.find(|(it, _)| it.is_none()) {
                (*free, *known) = (Some(entry), tag);
                self.len += 1;
                return;
            }
            bucket.passed += 1;
            at = self.behind(at);
        }
    }

    fn rebuild(&mut self, buckets: usize, keeps: impl Fn(&Entry) -> bool) {
        let empty = (0..buckets).map(|_| Bucket::default()).collect();
        let before = std::mem::replace(&mut self.buckets, empty);
        self.len = 0;
        for Bucket { entries, tags, passed: _ } in before {
            for (tag, entry) in tags.into_iter().zip(entries) {
                if let Some(entry) = entry.filter(&keeps) {
                    self.add(tag, entry);
                }
            }
        }
    }

    /// The bucket that an entry is to be in.
    fn own(&self, tag: u32) -> usize {
        // As far into the table as the tag is into all tags.
        let at = (u64::from(tag) * self.buckets.len() as u64) >> u32::BITS;
        usize::try_from(at).unwrap_or_default()
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 < self.buckets.len() { at + 1 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::asset::{ChannelId, TenantId};
    use crate::catalog::FolderState;
    use crate::catalog::names::Names;
    use crate::catalog::packed::channel_key;

    #[test]
    fn a_bucket_is_a_line_of_memory() {
        assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
    }

    /// Few tags, so that many entries have one, and go past each other and past the end.
    fn tag(number: u64) -> u32 {
        match number % 5 {
            0 => 0,
            1 => 1,
            2 => 1 << 31,
            3 => u32::MAX - 1,
            _ => u32::MAX,
        }
    }

    fn entry(number: u64, version: u64) -> Entry {
        let state =
            FolderState { tenant: TenantId(1), number: ChannelId(number), files: Vec::new() };
        Entry::of_folder(&state, &Names::default()).since(version)
    }

    fn passed(table: &Table) -> u32 {
        table.buckets.iter().map(|it| it.passed).sum()
    }

    proptest! {
        /// It has what a map would have, whatever was put, replaced, removed and kept.
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0..4_u8, 0..60_u64), 1..300)) {
            let mut table = Table::default();
            let mut model = BTreeMap::new();
            for (version, (step, number)) in (1..).zip(steps) {
                let key = channel_key(TenantId(1), ChannelId(number));
                match step {
                    0 | 1 => {
                        let new = entry(number, version);
                        let before = model.insert(number, new.clone());
                        prop_assert_eq!(table.put(tag(number), new), before);
                    }
                    2 => {
                        let removed = table.remove(tag(number), &key);
                        prop_assert_eq!(removed, model.remove(&number));
                    }
                    _ if number < 3 => {
                        let keeps = |it: &Entry| it.known_since() % 3 != number;
                        table.retain(keeps);
                        model.retain(|_, it| keeps(it));
                    }
                    _ => prop_assert_eq!(table.find(tag(number), &key), model.get(&number)),
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for number in 0..60 {
                let key = channel_key(TenantId(1), ChannelId(number));
                prop_assert_eq!(table.find(tag(number), &key), model.get(&number));
                table.remove(tag(number), &key);
            }
            prop_assert_eq!((table.len(), passed(&table)), (0, 0));
        }
    }
}
