//! The records of a zip archive around the bytes of its entries (PKWARE's APPNOTE 6.3.10, sections
//! 4.3.7 to 4.3.16).
//!
//! Entries are stored, and all of them is known beforehand: no compression, no data descriptors. The
//! forms of ZIP64 appear where a number does not fit into the older ones and nowhere else, for not
//! everybody reads them. Names are UTF-8 and say so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::clock::UnixSeconds;

/// What the records say of one entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described<'a> {
    /// No longer than 65,535 bytes.
    pub(super) name: &'a str,
    pub(super) size: u64,
    pub(super) crc32: u32,
    pub(super) modified: UnixSeconds,
    /// Where its local header begins.
    pub(super) at: u64,
}

/// Where the central directory is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) at: u64,
    pub(super) length: u64,
}

/// Section 4.4.4, bit 11: the name is UTF-8.
const UTF_8: u16 = 1 << 11;

/// Section 4.4.5.
const STORED: u16 = 0;

/// Section 4.4.2: made on Unix, whose permissions follow.
const MADE_ON_UNIX: u16 = 3 << 8;

/// A file that its owner may write, and everybody read.
const PERMISSIONS: u32 = 0o100_644 << 16;

/// Section 4.4.3.2: 2.0, and 4.5 where ZIP64 is needed.
const PLAIN: u16 = 20;
const ZIP64: u16 = 45;

impl Described<'_> {
    /// Section 4.3.7.
    pub(super) fn local_header(&self, into: &mut Vec<u8>) {
        let mut wide = Vec::new();
        let size = narrow(self.size);
        if size == u32::MAX {
            // Here both, always (section 4.5.3): uncompressed and compressed.
            wide.extend_from_slice(&self.size.to_le_bytes());
            wide.extend_from_slice(&self.size.to_le_bytes());
        }
        let extra = self.extra(&wide);
        put_u32(into, 0x0403_4b50);
        put_u16(into, needed(&wide));
        self.nature(into);
        put_u16(into, short(extra.len()));
        into.extend_from_slice(self.name.as_bytes());
        into.extend_from_slice(&extra);
    }

    /// Section 4.3.12.
    pub(super) fn central_header(&self, into: &mut Vec<u8>) {
        let mut wide = Vec::new();
        let at = narrow(self.at);
        if narrow(self.size) == u32::MAX {
            wide.extend_from_slice(&self.size.to_le_bytes());
            wide.extend_from_slice(&self.size.to_le_bytes());
        }
        if at == u32::MAX {
            wide.extend_from_slice(&self.at.to_le_bytes());
        }
        let extra = self.extra(&wide);
        put_u32(into, 0x0201_4b50);
        put_u16(into, MADE_ON_UNIX | needed(&wide));
        put_u16(into, needed(&wide));
        self.nature(into);
        put_u16(into, short(extra.len()));
        // Comment, disk, internal attributes.
        into.extend_from_slice(&[0; 6]);
        put_u32(into, PERMISSIONS);
        put_u32(into, at);
        into.extend_from_slice(self.name.as_bytes());
        into.extend_from_slice(&extra);
    }

    /// What both headers have in one order.
    fn nature(&self, into: &mut Vec<u8>) {
        let (date, time) = dos_time(self.modified);
        put_u16(into, UTF_8);
        put_u16(into, STORED);
        put_u16(into, time);
        put_u16(into, date);
        put_u32(into, self.crc32);
        put_u32(into, narrow(self.size));
        put_u32(into, narrow(self.size));
        put_u16(into, short(self.name.len()));
    }

    /// The numbers that need ZIP64, and the time in UTC for everybody who does not take the DOS time
    /// for one of his own zone: Info-ZIP's extended timestamp, where its 32 bits suffice.
    fn extra(&self, wide: &[u8]) -> Vec<u8> {
        let mut extra = Vec::new();
        if !wide.is_empty() {
            put_u16(&mut extra, 0x0001);
            put_u16(&mut extra, short(wide.len()));
            extra.extend_from_slice(wide);
        }
        if let Ok(modified) = i32::try_from(self.modified.get()) {
            put_u16(&mut extra, 0x5455);
            put_u16(&mut extra, 5);
            // It is there: the time of modification.
            extra.push(1);
            extra.extend_from_slice(&modified.to_le_bytes());
        }
        extra
    }
}

impl Directory {
    /// Sections 4.3.14 to 4.3.16.
    pub(super) fn end(&self, into: &mut Vec<u8>) {
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        let (length, at) = (narrow(self.length), narrow(self.at));
        if entries == u16::MAX || length == u32::MAX || at == u32::MAX {
            self.wide_end(into);
        }
        put_u32(into, 0x0605_4b50);
        // This disk, and the directory's.
        put_u32(into, 0);
        put_u16(into, entries);
        put_u16(into, entries);
        put_u32(into, length);
        put_u32(into, at);
        // Comment.
        put_u16(into, 0);
    }

    fn wide_end(&self, into: &mut Vec<u8>) {
        put_u32(into, 0x0606_4b50);
        // What follows of this record.
        put_u64(into, 44);
        put_u16(into, MADE_ON_UNIX | ZIP64);
        put_u16(into, ZIP64);
        // This disk, and the directory's.
        put_u64(into, 0);
        put_u64(into, self.entries);
        put_u64(into, self.entries);
        put_u64(into, self.length);
        put_u64(into, self.at);
        // The locator of this record, which begins where the directory ends.
        put_u32(into, 0x0706_4b50);
        put_u32(into, 0);
        put_u64(into, self.at.saturating_add(self.length));
        // Disks.
        put_u32(into, 1);
    }
}

/// The number; all ones, where it does not fit and where it would look as if it did not.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn needed(wide: &[u8]) -> u16 {
    if wide.is_empty() { PLAIN } else { ZIP64 }
}

/// Of lengths that are short by construction.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Section 4.4.6: date and time in UTC, the nearest there is between 1980 and 2107.
fn dos_time(time: UnixSeconds) -> (u16, u16) {
    let first = DateTime::constant(1980, 1, 1, 0, 0, 0, 0);
    let last = DateTime::constant(2107, 12, 31, 23, 59, 58, 0);
    let time = i64::try_from(time.get()).ok().and_then(|it| Timestamp::from_second(it).ok());
    let time = time.map_or(last, |it| Offset::UTC.to_datetime(it)).clamp(first, last);
    let part = |number: i8| u16::from(number.unsigned_abs());
    let years = time.year().saturating_sub(1980).unsigned_abs();
    (
        years << 9 | part(time.month()) << 5 | part(time.day()),
        part(time.hour()) << 11 | part(time.minute()) << 5 | (part(time.second()) / 2),
    )
}

fn put_u16(into: &mut Vec<u8>, number: u16) {
    into.extend_from_slice(&number.to_le_bytes());
}

fn put_u32(into: &mut Vec<u8>, number: u32) {
    into.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(into: &mut Vec<u8>, number: u64) {
    into.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(size: u64, at: u64) -> Described<'static> {
        Described { name: "a", size, crc32: 7, modified: UnixSeconds::new(1_000_000_000), at }
    }

    fn central(size: u64, at: u64) -> usize {
        let mut bytes = Vec::new();
        described(size, at).central_header(&mut bytes);
        bytes.len()
    }

    fn local(size: u64) -> usize {
        let mut bytes = Vec::new();
        described(size, 0).local_header(&mut bytes);
        bytes.len()
    }

    fn end(entries: u64, at: u64, length: u64) -> usize {
        let mut bytes = Vec::new();
        Directory { entries, at, length }.end(&mut bytes);
        bytes.len()
    }

    /// The value of all ones means "look elsewhere", so the largest plain one is the one before.
    #[test]
    fn zip64_appears_where_a_number_does_not_fit() {
        let (most, too_much) = (u64::from(u32::MAX) - 1, u64::from(u32::MAX));
        let plain = (30 + 1 + 9, 46 + 1 + 9);
        assert_eq!((local(0), central(0, 0)), plain);
        assert_eq!((local(most), central(most, most)), plain);
        assert_eq!(local(too_much), plain.0 + 20);
        assert_eq!(central(too_much, most), plain.1 + 20);
        assert_eq!(central(most, too_much), plain.1 + 12);
        assert_eq!(central(u64::MAX, u64::MAX), plain.1 + 28);
        assert_eq!(end(65_534, most, most), 22);
        for (entries, at, length) in [(65_535, 0, 0), (1, too_much, 9), (1, 9, too_much)] {
            assert_eq!(end(entries, at, length), 22 + 56 + 20);
        }
    }

    #[test]
    fn dos_times_are_utc_and_within_their_years() {
        let read = |seconds| {
            let (date, time) = dos_time(UnixSeconds::new(seconds));
            (
                1980 + (date >> 9),
                date >> 5 & 15,
                date & 31,
                time >> 11,
                time >> 5 & 63,
                (time & 31) * 2,
            )
        };
        assert_eq!(read(0), (1980, 1, 1, 0, 0, 0));
        // Sun, 06 Nov 1994 08:49:37 GMT: seconds are even.
        assert_eq!(read(784_111_777), (1994, 11, 6, 8, 49, 36));
        assert_eq!(read(4_354_819_199), (2107, 12, 31, 23, 59, 58));
        assert_eq!(read(4_354_819_200), (2107, 12, 31, 23, 59, 58));
        assert_eq!(read(u64::MAX), (2107, 12, 31, 23, 59, 58));
    }

    #[test]
    fn a_time_past_2038_has_no_extended_timestamp() {
        let mut bytes = Vec::new();
        let modified = UnixSeconds::new(1 << 31);
        Described { modified, ..described(0, 0) }.local_header(&mut bytes);
        assert_eq!(bytes.len(), 31);
    }
}
