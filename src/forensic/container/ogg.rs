//! Ogg: a comment more in the comment header of a stream (RFC 3533; RFC 7845, section 5.2; the
//! specifications of Vorbis I, section 5, Theora, section 6.3, and FLAC in Ogg).

use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: the length of the comment, and its field.
pub(in crate::forensic) const BEFORE: &[u8] = b"\x3c\0\0\0COUNTERSIGN=";

/// The largest comment header that is read.
const MOST_COMMENTS: usize = 512 << 10;

/// Pages that are looked at.
const MOST_PAGES: usize = 256;

/// Bytes of a page before its segments.
const HEADER: u64 = 27;

/// Flags of a page.
const CONTINUED: u8 = 1;
const FIRST: u8 = 2;

/// The number of pages stays the same, so that no page after the header changes: the comment has to
/// fit into the last page of its header, and does unless that page is full to its last segment.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let (serial, codec, from) = stream(file)?;
    let packet = Packet::read(file, serial, from)?;
    let comments = Comments::read(&packet.bytes, codec)?;
    let comment = [BEFORE, mark.as_bytes()].concat();
    let by = comment.len();
    let last = packet.parts.last().ok_or(Refusal::Malformed)?;
    let first = packet.parts.first().ok_or(Refusal::Malformed)?;
    let before_last = packet.bytes.len().checked_sub(last.bytes).ok_or(Refusal::Malformed)?;
    let within = comments.end.checked_sub(before_last).ok_or(Refusal::NoRoom)?;
    // What is at the beginning of the packet has to be in its first page.
    let numbers = comments.grown_numbers(&packet.bytes, codec, by)?;
    let reach = numbers.iter().map(|(at, bytes)| at.saturating_add(bytes.len())).max();
    if reach.is_some_and(|reach| reach > first.bytes) {
        return Err(Refusal::UnsupportedForm.into());
    }
    let mut pages = Vec::new();
    for (index, part) in packet.parts.iter().enumerate() {
        let (is_first, is_last) = (index == 0, index + 1 == packet.parts.len());
        if !is_first && !is_last {
            continue;
        }
        let mut page = Rewritten::of(file, part)?;
        if is_first {
            for (at, bytes) in &numbers {
                page.overwrite(*at, bytes)?;
            }
        }
        if is_last {
            page.insert(within, &comment, part)?;
        }
        pages.extend(page.edits());
    }
    Ok(pages)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    Flac,
    Opus,
    Speex,
    Theora,
    Vorbis,
}

impl Codec {
    fn of(first_packet: &[u8]) -> Option<Self> {
        let first_packets: [(&[u8], Self); 5] = [
            (b"\x01vorbis", Self::Vorbis),
            (b"OpusHead", Self::Opus),
            (b"\x7fFLAC", Self::Flac),
            (b"Speex   ", Self::Speex),
            (b"\x80theora", Self::Theora),
        ];
        let known = first_packets.iter().find(|(magic, _)| first_packet.starts_with(magic));
        known.map(|(_, codec)| *codec)
    }

    /// What the comment header begins with. That of FLAC is a block, whose flags and length differ.
    fn before_comments(self, packet: &[u8]) -> Option<usize> {
        let magic: &[u8] = match self {
            Self::Flac => return (packet.first()? & 0x7f == 4).then_some(4),
            Self::Opus => b"OpusTags",
            Self::Speex => b"",
            Self::Theora => b"\x81theora",
            Self::Vorbis => b"\x03vorbis",
        };
        packet.starts_with(magic).then_some(magic.len())
    }
}

struct Page {
    at: u64,
    flags: u8,
    serial: [u8; 4],
    segments: Vec<u8>,
    content: u64,
    end: u64,
}

impl Page {
    fn read(file: &Excerpts, at: u64) -> Result<Self, Pause> {
        let header = file.array::<27>(at)?;
        let [b'O', b'g', b'g', b'S', 0, flags, rest @ ..] = header else {
            return Err(Refusal::Malformed.into());
        };
        let [_, _, _, _, _, _, _, _, a, b, c, d, _, _, _, _, _, _, _, _, count] = rest;
        let table = past(at, HEADER)?;
        let segments = file.bytes(table, u64::from(count))?.to_vec();
        let content = past(table, u64::from(count))?;
        let end = past(content, segments.iter().map(|it| u64::from(*it)).sum())?;
        Ok(Self { at, flags, serial: [a, b, c, d], segments, content, end })
    }
}

/// The first stream that is known, and the first page that may have its comment header.
fn stream(file: &Excerpts) -> Result<([u8; 4], Codec, u64), Pause> {
    let mut found = None;
    let mut at = 0;
    for _ in 0..MOST_PAGES {
        let page = Page::read(file, at)?;
        if page.flags & FIRST == 0 {
            break;
        }
        let first_packet = file.up_to(page.content, 8)?;
        if let (None, Some(codec)) = (found, Codec::of(first_packet)) {
            found = Some((page.serial, codec));
        }
        at = page.end;
    }
    let (serial, codec) = found.ok_or(Refusal::NoCarrier)?;
    Ok((serial, codec, at))
}

/// The comment header as it lies in pages.
struct Packet {
    bytes: Vec<u8>,
    parts: Vec<Part>,
}

/// What of it is in one page: always from that page's first byte.
struct Part {
    page: Page,
    bytes: usize,
    segments: usize,
}

impl Packet {
    fn read(file: &Excerpts, serial: [u8; 4], from: u64) -> Result<Self, Pause> {
        let mut packet = Self { bytes: Vec::new(), parts: Vec::new() };
        let mut at = from;
        for _ in 0..MOST_PAGES {
            let page = Page::read(file, at)?;
            at = page.end;
            if page.serial != serial || page.segments.is_empty() {
                continue;
            }
            if packet.parts.is_empty() == (page.flags & CONTINUED != 0) {
                return Err(Refusal::Malformed.into());
            }
            let whole = page.segments.iter().position(|length| *length < 255);
            let segments = whole.map_or(page.segments.len(), |last| last.saturating_add(1));
            let lengths = page.segments.iter().take(segments);
            let bytes = lengths.map(|length| usize::from(*length)).sum::<usize>();
            if packet.bytes.len().saturating_add(bytes) > MOST_COMMENTS {
                return Err(Refusal::NoRoom.into());
            }
            packet.bytes.extend_from_slice(file.bytes(page.content, bytes as u64)?);
            packet.parts.push(Part { page, bytes, segments });
            if whole.is_some() {
                return Ok(packet);
            }
        }
        Err(Refusal::Malformed.into())
    }
}

/// Where in the packet things are.
struct Comments {
    /// The number of comments.
    count_at: usize,
    /// After the last comment.
    end: usize,
}

impl Comments {
    fn read(packet: &[u8], codec: Codec) -> Result<Self, Refusal> {
        let vendor = codec.before_comments(packet).ok_or(Refusal::Malformed)?;
        let count_at = after_text(packet, vendor)?;
        let count = number(packet, count_at)?;
        let mut end = count_at.saturating_add(4);
        for _ in 0..count {
            end = after_text(packet, end)?;
        }
        Ok(Self { count_at, end })
    }

    /// The numbers in front that count what is added.
    fn grown_numbers(
        &self,
        packet: &[u8],
        codec: Codec,
        by: usize,
    ) -> Result<Vec<(usize, Vec<u8>)>, Refusal> {
        let count = number(packet, self.count_at)?.checked_add(1).ok_or(Refusal::NoRoom)?;
        let mut numbers = vec![(self.count_at, count.to_le_bytes().to_vec())];
        if codec == Codec::Flac {
            let Some([_, a, b, c]) = packet.first_chunk::<4>() else {
                return Err(Refusal::Malformed);
            };
            let by = u32::try_from(by).map_err(|_| Refusal::NoRoom)?;
            let length = u32::from_be_bytes([0, *a, *b, *c]).saturating_add(by).to_be_bytes();
            let [0, length @ ..] = length else {
                return Err(Refusal::NoRoom);
            };
            numbers.push((1, length.to_vec()));
        }
        Ok(numbers)
    }
}

fn number(packet: &[u8], at: usize) -> Result<u32, Refusal> {
    let bytes = packet.get(at..).and_then(<[u8]>::first_chunk).ok_or(Refusal::Malformed)?;
    Ok(u32::from_le_bytes(*bytes))
}

/// Where the text of stated length ends that begins there.
fn after_text(packet: &[u8], at: usize) -> Result<usize, Refusal> {
    let length = usize::try_from(number(packet, at)?).map_err(|_| Refusal::Malformed)?;
    let end = at.checked_add(4).and_then(|text| text.checked_add(length));
    end.filter(|end| *end <= packet.len()).ok_or(Refusal::Malformed)
}

/// A page as it was and as it is to be.
struct Rewritten {
    at: u64,
    /// Header and table, which change as a whole.
    head: Vec<u8>,
    old_head: u64,
    content: Vec<u8>,
    /// Of the content: where, what was there, what is there.
    changes: Vec<Edit>,
    content_at: u64,
}

impl Rewritten {
    fn of(file: &Excerpts, part: &Part) -> Result<Self, Pause> {
        let Page { at, flags: _, serial: _, segments: _, content, end } = part.page;
        let head = content.checked_sub(at).ok_or(Refusal::Malformed)?;
        let length = end.checked_sub(content).ok_or(Refusal::Malformed)?;
        Ok(Self {
            at,
            head: file.bytes(at, head)?.to_vec(),
            old_head: head,
            content: file.bytes(content, length)?.to_vec(),
            changes: Vec::new(),
            content_at: content,
        })
    }

    fn overwrite(&mut self, at: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let end = at.checked_add(bytes.len()).ok_or(Refusal::Malformed)?;
        let place = self.content.get_mut(at..end).ok_or(Refusal::Malformed)?;
        place.copy_from_slice(bytes);
        let offset = past(self.content_at, at as u64)?;
        self.changes.push(Edit::overwrite(offset, bytes.to_vec()));
        Ok(())
    }

    fn insert(&mut self, at: usize, bytes: &[u8], part: &Part) -> Result<(), Refusal> {
        if at > part.bytes {
            return Err(Refusal::Malformed);
        }
        let grown = part.bytes.checked_add(bytes.len()).ok_or(Refusal::NoRoom)?;
        let mut segments = vec![255; grown / 255];
        segments.push(u8::try_from(grown % 255).unwrap_or_default());
        segments.extend(part.page.segments.iter().skip(part.segments));
        let count = u8::try_from(segments.len()).map_err(|_| Refusal::NoRoom)?;
        self.head.truncate(26);
        self.head.push(count);
        self.head.extend_from_slice(&segments);
        let rest = self.content.split_off(at);
        self.content.extend_from_slice(bytes);
        self.content.extend_from_slice(&rest);
        self.changes.push(Edit::insert(past(self.content_at, at as u64)?, bytes.to_vec()));
        Ok(())
    }

    fn edits(mut self) -> Vec<Edit> {
        if let Some(sum) = self.head.get_mut(22..26) {
            sum.fill(0);
        }
        let sum = checksum(&self.head, &self.content);
        if let Some(place) = self.head.get_mut(22..26) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        let head = Edit { offset: self.at, removed: self.old_head, bytes: self.head.into() };
        let mut edits = vec![head];
        edits.append(&mut self.changes);
        edits
    }
}

/// CRC-32 with the highest bit first, from zero, not inverted (RFC 3533, section 6): the common one
/// of the bits in reverse, from its inverted beginning.
fn checksum(head: &[u8], content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(u32::MAX);
    for part in [head, content] {
        let reversed = part.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>();
        sum.update(&reversed);
    }
    (!sum.finalize()).reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32 of this form, as catalogues of CRCs have it for "123456789".
    #[test]
    fn the_checksum_is_the_one_of_ogg() {
        let plain = checksum(b"12345", b"6789");
        assert_eq!(plain, 0x89a1_897f);
    }
}
