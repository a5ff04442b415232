//! Cross-reference sections, and the chain of them (sections 7.5.4 and 7.5.8).

use super::object::{Stream, indirect, read_at};
use super::syntax::{Dictionary, Object, Reader, Value};
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;

/// Sections of a chain that are looked at.
const MOST_SECTIONS: usize = 32;

/// Ranges of object numbers of a section that are looked at.
const MOST_RANGES: usize = 1_000;

/// Bytes of an entry in a table.
const ENTRY: u64 = 20;

/// What streams may become, all together.
const MOST_UNPACKED: usize = 4 << 20;

/// The newest section, and what came before it, as far back as somebody looked.
pub(super) struct Sections<'a> {
    file: &'a Excerpts,
    read: Vec<Section<'a>>,
    /// Where the sections are that come after those, the last one first.
    next: Vec<u64>,
    /// What streams may still become.
    left: usize,
}

/// One section.
pub(super) struct Section<'a> {
    /// Where it begins.
    pub(super) at: u64,
    pub(super) trailer: Dictionary<'a>,
    entries: Entries,
}

enum Entries {
    /// Ranges of object numbers, and where in the file the first entry of each is.
    Table(Vec<(u64, u64, u64)>),
    /// Ranges of object numbers, the bytes of each field of an entry, and the entries.
    Stream { ranges: Vec<(u64, u64)>, widths: [usize; 3], bytes: Vec<u8> },
}

/// Where an object is.
enum Place {
    Free,
    At(u64),
    /// In a stream of objects, with its number.
    In(u32),
}

impl<'a> Sections<'a> {
    /// Begins the chain with the section there.
    pub(super) fn read(file: &'a Excerpts, newest: u64) -> Result<Self, Pause> {
        let (read, next) = (Vec::new(), vec![newest]);
        let mut chain = Self { file, read, next, left: MOST_UNPACKED };
        chain.follow()?;
        Ok(chain)
    }

    /// Reads the next section, if there is one.
    fn follow(&mut self) -> Result<Option<()>, Pause> {
        let Some(at) = self.next.pop() else {
            return Ok(None);
        };
        if self.read.iter().any(|section| section.at == at) {
            return Err(Refusal::Malformed.into());
        }
        if self.read.len() >= MOST_SECTIONS {
            return Err(Refusal::Scattered.into());
        }
        let section = Section::read(self.file, at, &mut self.left)?;
        // What is hidden from readers of old comes before what was before.
        self.next.extend(section.trailer.integer("Prev"));
        self.next.extend(section.trailer.integer("XRefStm"));
        self.read.push(section);
        Ok(Some(()))
    }

    /// The newest section.
    pub(super) fn newest(&self) -> Result<&Section<'a>, Refusal> {
        self.read.first().ok_or(Refusal::Malformed)
    }

    /// What `look` sees of that object; what is free or not listed is null.
    pub(super) fn look<T>(
        &mut self,
        number: u32,
        look: impl FnOnce(Option<&Object<'_>>) -> T,
    ) -> Result<T, Pause> {
        match self.place(number)? {
            Place::Free => Ok(look(None)),
            Place::At(at) => Ok(look(Some(&indirect(self.file, at, number)?))),
            Place::In(container) => {
                let Place::At(at) = self.place(container)? else {
                    return Err(Refusal::Malformed.into());
                };
                let stream = Stream::read(self.file, at)?;
                let length = self.length(&stream)?;
                let bytes = stream.bytes(self.file, length, &mut self.left)?;
                let object =
                    packed(&stream.dictionary, &bytes, number).ok_or(Refusal::Malformed)?;
                Ok(look(Some(&object)))
            }
        }
    }

    /// The length of a stream, which may stand elsewhere.
    fn length(&mut self, stream: &Stream<'_>) -> Result<u64, Pause> {
        let stated = stream.dictionary.get("Length").ok_or(Refusal::Malformed)?;
        let Value::Reference(number) = stated.value else {
            return Ok(stated.value.integer().ok_or(Refusal::Malformed)?);
        };
        let Place::At(at) = self.place(number)? else {
            return Err(Refusal::Malformed.into());
        };
        let length = indirect(self.file, at, number)?.value.integer();
        Ok(length.ok_or(Refusal::Malformed)?)
    }

    fn place(&mut self, number: u32) -> Result<Place, Pause> {
        let mut index = 0_usize;
        loop {
            let Some(section) = self.read.get(index) else {
                if self.follow()?.is_none() {
                    return Ok(Place::Free);
                }
                continue;
            };
            if let Some(place) = section.entries.place(self.file, number)? {
                return Ok(place);
            }
            index = index.saturating_add(1);
        }
    }
}

impl<'a> Section<'a> {
    fn read(file: &'a Excerpts, at: u64, left: &mut usize) -> Result<Self, Pause> {
        if read_at(file, at, |reader| Some(reader.word(b"xref").is_some()))? {
            return Self::table(file, at);
        }
        let stream = Stream::read(file, at)?;
        // Of a section it stands here: its place would be in the section.
        let length = stream.dictionary.integer("Length").ok_or(Refusal::Malformed)?;
        let bytes = stream.bytes(file, length, left)?;
        let trailer = stream.dictionary;
        if !trailer.is_name("Type", "XRef") {
            return Err(Refusal::Malformed.into());
        }
        let entries = Entries::of_stream(&trailer, bytes).ok_or(Refusal::Malformed)?;
        Ok(Self { at, trailer, entries })
    }

    /// Whether it is a stream, which a section after it has to be as well.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.entries, Entries::Stream { .. })
    }

    fn table(file: &'a Excerpts, at: u64) -> Result<Self, Pause> {
        let mut ranges = Vec::new();
        let mut next = read_at(file, at, |reader| {
            reader.word(b"xref")?;
            Some(reader.at())
        })
        .map(|length| past(at, length as u64))??;
        for _ in 0..MOST_RANGES {
            let range = read_at(file, next, |reader| match reader.word(b"trailer") {
                Some(()) => Some(None),
                None => Some(Some((reader.number()?, reader.number()?, {
                    reader.space();
                    reader.at()
                }))),
            })?;
            let Some((first, count, head)) = range else {
                let trailer = read_at(file, next, |reader| {
                    reader.word(b"trailer")?;
                    reader.dictionary()
                })?;
                return Ok(Self { at, trailer, entries: Entries::Table(ranges) });
            };
            let entries = past(next, head as u64)?;
            ranges.push((first, count, entries));
            let length = count.checked_mul(ENTRY).ok_or(Refusal::Malformed)?;
            next = past(entries, length)?;
        }
        Err(Refusal::Scattered.into())
    }
}

impl Entries {
    fn of_stream(trailer: &Dictionary<'_>, bytes: Vec<u8>) -> Option<Self> {
        let widths = trailer.integers("W")?;
        let [kind, second, third] = *widths.first_chunk()?;
        let width = |width: u64| usize::try_from(width).ok().filter(|width| *width <= 8);
        let widths = [width(kind)?, width(second)?, width(third)?];
        let ranges = if trailer.get("Index").is_some() {
            let numbers = trailer.integers("Index")?;
            let (pairs, _) = numbers.as_chunks::<2>();
            pairs.iter().map(|[first, count]| (*first, *count)).collect()
        } else {
            vec![(0, trailer.integer("Size")?)]
        };
        Some(Self::Stream { ranges, widths, bytes })
    }

    fn place(&self, file: &Excerpts, number: u32) -> Result<Option<Place>, Pause> {
        let number = u64::from(number);
        match self {
            Self::Table(ranges) => {
                let within = |(first, count, _): &&(u64, u64, u64)| {
                    number.checked_sub(*first).is_some_and(|index| index < *count)
                };
                let Some((first, _, at)) = ranges.iter().find(within) else {
                    return Ok(None);
                };
                let index = number.saturating_sub(*first).saturating_mul(ENTRY);
                let entry = file.array::<20>(past(*at, index)?)?;
                Ok(Some(table_place(&entry).ok_or(Refusal::Malformed)?))
            }
            Self::Stream { ranges, widths, bytes } => {
                let mut before = 0_u64;
                for (first, count) in ranges {
                    if let Some(index) = number.checked_sub(*first).filter(|index| index < count) {
                        let index = before.checked_add(index).ok_or(Refusal::Malformed)?;
                        let place = stream_place(bytes, *widths, index);
                        return Ok(Some(place.ok_or(Refusal::Malformed)?));
                    }
                    before = before.saturating_add(*count);
                }
                Ok(None)
            }
        }
    }
}

fn table_place(entry: &[u8; 20]) -> Option<Place> {
    let [digits @ .., _, _, _, _, _, _, _, kind, _, _] = entry;
    let digits: &[u8] = digits.first_chunk::<10>()?;
    let at = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match kind {
        b'n' => Some(Place::At(at)),
        b'f' => Some(Place::Free),
        _ => None,
    }
}

fn stream_place(bytes: &[u8], widths: [usize; 3], index: u64) -> Option<Place> {
    let length = widths.iter().sum::<usize>();
    let at = usize::try_from(index).ok()?.checked_mul(length)?;
    let entry = bytes.get(at..)?.get(..length)?;
    let [kind, second, _] = widths;
    let (kind, rest) = entry.split_at_checked(kind)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let second = number(rest.get(..second)?);
    // Without the first field, all are of kind 1.
    match if kind.is_empty() { 1 } else { number(kind) } {
        0 => Some(Place::Free),
        1 => Some(Place::At(second)),
        2 => Some(Place::In(u32::try_from(second).ok()?)),
        _ => None,
    }
}

/// An object in a stream of them (section 7.5.7).
fn packed<'b>(dictionary: &Dictionary<'_>, bytes: &'b [u8], number: u32) -> Option<Object<'b>> {
    let first = usize::try_from(dictionary.integer("First")?).ok()?;
    let mut head = Reader::of(bytes.get(..first)?);
    for _ in 0..dictionary.integer("N")? {
        let (stated, offset) = (head.number()?, head.number_or_end()?);
        if stated == u64::from(number) {
            let at = first.checked_add(usize::try_from(offset).ok()?)?;
            return Reader::of(bytes.get(at..)?).object();
        }
    }
    None
}
