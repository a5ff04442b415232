//! Addresses with a bad name: the compiled blocklist and its look-up.
//!
//! Invariants: the ranges of a table are sorted, disjoint and not adjacent, so at most one covers
//! an address; a mapped address was folded before it came here, on both sides, so an IPv4 address
//! is only ever looked for in the IPv4 table. A [`Blocklist`] never changes: a new one takes its
//! place whole.
//!
//! A look-up descends a tree of *fences*: every 16th first address copied out, then every 16th of
//! those, until one node is left. A node is scanned, not bisected: the loads of a scan do not
//! wait for each other, and a look-up is mostly waiting for memory. Against an index over the top
//! bits this costs the same whatever the addresses are: real IPv6 lists crowd into a handful of
//! /16s, where such an index degenerates into a search of the whole table. And a short list costs
//! a short list's memory.
//!
//! Not here: the text of the files (`netset`), when they are read, and what a refusal looks like.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::network::ClientIp;

/// An immutable set of addresses and networks. See the module.
#[derive(Debug, Default)]
pub struct Blocklist {
    v4: RangeTable<u32>,
    v6: RangeTable<u128>,
    entries: usize,
}

impl Blocklist {
    /// The list that blocks nobody.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Compiles what was collected, using the memory of the two vectors for the tables.
    pub(super) fn compile(v4: Vec<Range<u32>>, v6: Vec<Range<u128>>) -> Self {
        let entries = v4.len() + v6.len();
        Self { v4: RangeTable::compile(v4), v6: RangeTable::compile(v6), entries }
    }

    /// Is the address blocked?
    pub fn contains(&self, client: ClientIp) -> bool {
        self.find(client).is_some()
    }

    /// The blocked range that covers the address: entries that overlap or touch are one range, so
    /// it may be wider than the line an operator wrote.
    pub fn find(&self, client: ClientIp) -> Option<BlockedRange> {
        match client.get() {
            IpAddr::V4(address) => {
                let range = self.v4.find(address.to_bits())?;
                Some(BlockedRange::V4 {
                    first: Ipv4Addr::from_bits(range.first),
                    last: Ipv4Addr::from_bits(range.last),
                })
            }
            IpAddr::V6(address) => {
                let range = self.v6.find(address.to_bits())?;
                Some(BlockedRange::V6 {
                    first: Ipv6Addr::from_bits(range.first),
                    last: Ipv6Addr::from_bits(range.last),
                })
            }
        }
    }

    /// Entries as written in the files, duplicates included (`countersign_blocklist_entries`).
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// IPv4 ranges after merging.
    pub fn len_v4(&self) -> usize {
        self.v4.ranges.len()
    }

    /// IPv6 ranges after merging.
    pub fn len_v6(&self) -> usize {
        self.v6.ranges.len()
    }

    /// Bytes the two tables occupy.
    pub fn memory_bytes(&self) -> usize {
        self.v4.memory_bytes() + self.v6.memory_bytes()
    }
}

/// What blocked an address; prints as an address, a CIDR network or `first-last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockedRange {
    /// A range of IPv4 addresses, ends included.
    V4 {
        /// The lowest address.
        first: Ipv4Addr,
        /// The highest address.
        last: Ipv4Addr,
    },
    /// A range of IPv6 addresses, ends included.
    V6 {
        /// The lowest address.
        first: Ipv6Addr,
        /// The highest address.
        last: Ipv6Addr,
    },
}

impl fmt::Display for BlockedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last, differing_bits) = match *self {
            Self::V4 { first, last } => {
                let differing = 32 - (first.to_bits() ^ last.to_bits()).leading_zeros();
                (IpAddr::V4(first), IpAddr::V4(last), differing)
            }
            Self::V6 { first, last } => {
                let differing = 128 - (first.to_bits() ^ last.to_bits()).leading_zeros();
                (IpAddr::V6(first), IpAddr::V6(last), differing)
            }
        };
        if first == last {
            return first.fmt(f);
        }
        let width = if first.is_ipv4() { 32 } else { 128 };
        // The smallest network around both ends; the range is that network if its ends agree.
        let network =
            u8::try_from(width - differing_bits).ok().and_then(|p| IpNet::new(first, p).ok());
        match network {
            Some(net) if net.network() == first && net.broadcast() == last => net.fmt(f),
            Some(_) | None => write!(f, "{first}-{last}"),
        }
    }
}

/// Addresses from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Range<K> {
    pub(super) first: K,
    pub(super) last: K,
}

/// An address as a number.
pub(super) trait Key: Copy + Ord {
    /// The next address; `None` after the last.
    fn successor(self) -> Option<Self>;
}

impl Key for u32 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Key for u128 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Ranges behind one fence of the lowest level. Measured against 2, 4, 8, 24 and 32.
const BLOCK: usize = 16;

/// Fences of one node: 64 bytes of IPv4, 256 of IPv6. Measured against 8 and 32.
const FANOUT: usize = 16;

/// Sorted, disjoint, non-adjacent ranges and the fences above them.
#[derive(Debug)]
struct RangeTable<K> {
    ranges: Box<[Range<K>]>,
    /// Top first. The lowest level has `first` of every [`BLOCK`]th range, each one above it every
    /// [`FANOUT`]th fence; the top has one node.
    levels: Box<[Box<[K]>]>,
}

impl<K> Default for RangeTable<K> {
    fn default() -> Self {
        Self { ranges: Box::default(), levels: Box::default() }
    }
}

impl<K: Key> RangeTable<K> {
    /// Sorts and merges in place: a swap holds the old table and the new one, and no third.
    fn compile(mut ranges: Vec<Range<K>>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = kept.last.successor().is_none_or(|after| next.first <= after);
            if touches {
                kept.last = kept.last.max(next.last);
            }
            touches
        });
        let mut levels = Vec::new();
        let mut level: Box<[K]> =
            ranges.chunks(BLOCK).filter_map(|block| block.first()).map(|r| r.first).collect();
        while level.len() > FANOUT {
            let above = level.chunks(FANOUT).filter_map(|node| node.first()).copied().collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        levels.reverse();
        Self { ranges: ranges.into_boxed_slice(), levels: levels.into_boxed_slice() }
    }

    /// The one range that can cover the key is the last that begins at or before it.
    fn find(&self, key: K) -> Option<Range<K>> {
        let mut node = 0;
        for level in &self.levels {
            let keys = chunk(level, node, FANOUT)?;
            let below = count(keys, |fence| *fence <= key);
            // None: the key lies before every range.
            node = node * FANOUT + below.checked_sub(1)?;
        }
        let block = chunk(&self.ranges, node, BLOCK)?;
        let below = count(block, |range| range.first <= key);
        block.get(below.checked_sub(1)?).copied().filter(|range| range.last >= key)
    }

    fn memory_bytes(&self) -> usize {
        let fences: usize = self.levels.iter().map(|level| size_of_val(&**level)).sum();
        size_of_val(&*self.ranges) + fences
    }
}

/// `filter(..).count()` without its overflow check, which keeps the compiler from comparing
/// several keys at once; a node has at most [`FANOUT`] of them.
fn count<T>(items: &[T], matches: impl Fn(&T) -> bool) -> usize {
    items.iter().fold(0, |count: usize, item| count.wrapping_add(usize::from(matches(item))))
}

/// The chunk of this index, the last one possibly short.
fn chunk<T>(items: &[T], index: usize, size: usize) -> Option<&[T]> {
    let start = index * size;
    items.get(start..items.len().min(start + size))
}

#[cfg(test)]
mod tests {
    use super::super::BlocklistBuilder;
    use super::*;
    use crate::network::parse_network;
    use proptest::prelude::*;

    fn ip(text: &str) -> ClientIp {
        ClientIp::new(text.parse().unwrap())
    }

    fn list(lines: &[&str]) -> Blocklist {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("test.netset", lines.join("\n").as_bytes());
        builder.build().unwrap()
    }

    fn found(list: &Blocklist, address: &str) -> Option<String> {
        list.find(ip(address)).map(|range| range.to_string())
    }

    #[test]
    fn the_empty_list_blocks_nobody() {
        let empty = Blocklist::empty();
        for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::1"] {
            assert!(!empty.contains(ip(address)));
        }
        assert_eq!((empty.entries(), empty.memory_bytes()), (0, 0));
    }

    #[test]
    fn the_ends_of_both_spaces_are_addresses_like_any_other() {
        let highest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let ends = list(&["0.0.0.0", "255.255.255.255", "::", highest]);
        assert_eq!((ends.len_v4(), ends.len_v6(), ends.entries()), (2, 2, 4));
        for address in ["0.0.0.0", "255.255.255.255", "::", highest] {
            assert_eq!(found(&ends, address).as_deref(), Some(address));
        }
        for address in ["0.0.0.1", "255.255.255.254", "::1", "ffff::", "::ffff:0.0.0.1"] {
            assert_eq!(found(&ends, address), None, "{address}");
        }
    }

    #[test]
    fn a_whole_space_is_one_range_and_the_other_stays_open() {
        let all_v4 = list(&["0.0.0.0/0", "255.255.255.255", "10.0.0.0/8"]);
        assert_eq!(found(&all_v4, "192.0.2.1").as_deref(), Some("0.0.0.0/0"));
        assert_eq!(found(&all_v4, "::1"), None);
        let all_v6 = list(&["::/0", "ffff::/16"]);
        assert_eq!(found(&all_v6, "2001:db8::1").as_deref(), Some("::/0"));
        assert_eq!(found(&all_v6, "192.0.2.1"), None);
        assert_eq!(found(&all_v6, "::ffff:192.0.2.1"), None);
    }

    #[test]
    fn ranges_that_overlap_or_touch_are_one() {
        let merged = list(&["10.0.0.2", "10.0.0.0/31", "10.0.0.3", "10.0.0.0/31", "10.0.0.8/29"]);
        assert_eq!((merged.len_v4(), merged.entries()), (2, 5));
        assert_eq!(found(&merged, "10.0.0.1").as_deref(), Some("10.0.0.0/30"));
        assert_eq!(found(&merged, "10.0.0.4"), None);
        assert_eq!(found(&merged, "10.0.0.15").as_deref(), Some("10.0.0.8/29"));

        let nested = list(&["2001:db8::/32", "2001:db8:1::/48", "2001:db9::/128"]);
        assert_eq!(nested.len_v6(), 1);
        let range = "2001:db8::-2001:db9::";
        assert_eq!(found(&nested, "2001:db8:ffff::").as_deref(), Some(range));
        assert_eq!(found(&nested, "2001:db9::1"), None);
    }

    #[test]
    fn a_range_that_is_no_network_prints_its_ends() {
        let odd = list(&["192.0.2.1", "192.0.2.2", "198.51.100.0/24"]);
        assert_eq!(found(&odd, "192.0.2.2").as_deref(), Some("192.0.2.1-192.0.2.2"));
        assert_eq!(found(&odd, "198.51.100.7").as_deref(), Some("198.51.100.0/24"));
    }

    #[test]
    fn mapped_entries_and_mapped_clients_are_ipv4() {
        let mapped = list(&["::ffff:192.0.2.0/120"]);
        assert_eq!((mapped.len_v4(), mapped.len_v6()), (1, 0));
        assert!(mapped.contains(ip("192.0.2.9")));
        assert!(mapped.contains(ip("::ffff:192.0.2.9")));
        assert!(list(&["192.0.2.9"]).contains(ip("::ffff:192.0.2.9")));
    }

    #[test]
    fn every_entry_of_many_blocks_is_found_and_every_gap_is_open() {
        let lines: Vec<String> =
            (0..10_000_u32).map(|n| Ipv4Addr::from_bits(n * 3).to_string()).collect();
        let table = list(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(table.len_v4(), 10_000);
        for n in 0..30_000_u32 {
            let client = ClientIp::new(IpAddr::V4(Ipv4Addr::from_bits(n)));
            assert_eq!(table.contains(client), n % 3 == 0, "{n}");
        }
    }

    #[test]
    fn an_entry_costs_less_than_promised() {
        let v4: Vec<String> =
            (0..5_000_u32).map(|n| Ipv4Addr::from_bits(n * 2).to_string()).collect();
        let v6: Vec<String> =
            (0..5_000_u128).map(|n| Ipv6Addr::from_bits(n * 2).to_string()).collect();
        let v4 = list(&v4.iter().map(String::as_str).collect::<Vec<_>>());
        let v6 = list(&v6.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(v4.memory_bytes() <= 24 * 5_000, "{}", v4.memory_bytes());
        assert!(v6.memory_bytes() <= 48 * 5_000, "{}", v6.memory_bytes());
    }

    /// Addresses from a few neighbourhoods, so that entries overlap and probes hit: both ends of
    /// both spaces, and two places inside.
    fn address() -> impl Strategy<Value = IpAddr> {
        let near = 0_u8..40;
        prop_oneof![
            near.clone().prop_map(|n| IpAddr::V4(Ipv4Addr::from_bits(u32::from(n)))),
            near.clone().prop_map(|n| IpAddr::V4(Ipv4Addr::from_bits(u32::MAX - u32::from(n)))),
            near.clone().prop_map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))),
            near.clone().prop_map(|n| IpAddr::V6(Ipv6Addr::from_bits(u128::from(n)))),
            near.clone().prop_map(|n| IpAddr::V6(Ipv6Addr::from_bits(u128::MAX - u128::from(n)))),
            near.clone().prop_map(|n| IpAddr::V6(Ipv4Addr::new(10, 0, 0, n).to_ipv6_mapped())),
            near.prop_map(|n| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()))),
        ]
    }

    /// A line of a netset file; prefixes are long, but for a rare short one.
    fn line() -> impl Strategy<Value = String> {
        (address(), prop_oneof![9 => 0_u8..6, 1 => 0_u8..=32], any::<bool>()).prop_map(
            |(address, missing, bare)| {
                let width = if address.is_ipv4() { 32 } else { 128 };
                let text = address.to_string();
                if bare { text } else { format!("{text}/{}", width - missing) }
            },
        )
    }

    fn build(lines: &[String]) -> Blocklist {
        list(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn agrees_with_a_walk_over_the_lines(
            lines in prop::collection::vec(line(), 0..200),
            probes in prop::collection::vec(address(), 1..100),
        ) {
            let table = build(&lines);
            prop_assert_eq!(table.entries(), lines.len());
            for probe in probes {
                let client = ClientIp::new(probe);
                let covered = lines
                    .iter()
                    .any(|line| parse_network(line).unwrap().contains(&client.get()));
                prop_assert_eq!(table.contains(client), covered, "{}", probe);
            }
        }

        #[test]
        fn one_more_entry_never_opens_an_address(
            mut lines in prop::collection::vec(line(), 0..100),
            more in line(),
            probes in prop::collection::vec(address(), 1..100),
        ) {
            let before = build(&lines);
            lines.push(more);
            let after = build(&lines);
            for probe in probes.into_iter().map(ClientIp::new) {
                prop_assert!(after.contains(probe) || !before.contains(probe), "{}", probe);
            }
        }

        #[test]
        fn the_order_of_the_lines_does_not_matter(
            (lines, shuffled) in prop::collection::vec(line(), 0..60)
                .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
            probes in prop::collection::vec(address(), 1..50),
        ) {
            let (straight, shuffled) = (build(&lines), build(&shuffled));
            prop_assert_eq!(straight.len_v4(), shuffled.len_v4());
            prop_assert_eq!(straight.len_v6(), shuffled.len_v6());
            for probe in probes.into_iter().map(ClientIp::new) {
                prop_assert_eq!(straight.find(probe), shuffled.find(probe));
            }
        }
    }
}
