//! Numbers of autonomous systems, one a line: `AS64500` or `64500`, comments after `#` or `;`.

use std::fmt;
use std::sync::Arc;

/// Bytes of one file. All numbers that are assigned, with names beside them, take a tenth.
pub const MAX_ASN_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Described errors; beyond these they are only counted.
const MAX_DESCRIBED: usize = 20;

/// The number of an autonomous system (RFC 6793).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asn(pub u32);

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// A set of numbers.
#[derive(Debug, Default)]
pub struct AsnList {
    /// Sorted, each once.
    numbers: Vec<Asn>,
    entries: usize,
}

impl AsnList {
    /// Reads files, each with its name for the operator who reads an error. One bad line refuses
    /// them all: a list that is half in force looks like one that is.
    pub fn read<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, AsnListErrors> {
        let mut numbers = Vec::new();
        let mut errors = AsnListErrors::default();
        for (name, bytes) in files {
            let name: Arc<str> = name.into();
            for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                match read_line(line) {
                    Ok(number) => numbers.extend(number),
                    Err(rejection) => errors.add(&name, index + 1, rejection),
                }
            }
        }
        if errors.total > 0 {
            return Err(errors);
        }
        let entries = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Self { numbers, entries })
    }

    /// Is it in the set?
    pub fn contains(&self, asn: Asn) -> bool {
        self.numbers.binary_search(&asn).is_ok()
    }

    /// Entries as written, duplicates included.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Is nobody in the set?
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// None for a line without an entry.
fn read_line(line: &[u8]) -> Result<Option<Asn>, AsnRejection> {
    let entry = line.split(|byte| matches!(byte, b'#' | b';')).next().unwrap_or_default();
    let entry = entry.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(entry).trim_ascii();
    if entry.is_empty() {
        return Ok(None);
    }
    let text = str::from_utf8(entry).map_err(|_| AsnRejection)?;
    let digits = match text.split_at_checked(2) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("as") => rest,
        Some(_) | None => text,
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(|number| Some(Asn(number))).ok_or(AsnRejection)
}

/// A line that is no number of an autonomous system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of an autonomous system: write AS64500 or 64500")]
pub struct AsnRejection;

/// Everything that is wrong with the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsnListErrors {
    first: Vec<(Arc<str>, usize, AsnRejection)>,
    total: usize,
}

impl AsnListErrors {
    fn add(&mut self, file: &Arc<str>, line: usize, rejection: AsnRejection) {
        self.total += 1;
        if self.first.len() < MAX_DESCRIBED {
            self.first.push((Arc::clone(file), line, rejection));
        }
    }
}

impl std::error::Error for AsnListErrors {}

impl fmt::Display for AsnListErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (file, line, rejection) in &self.first {
            write!(f, "{separator}{file}:{line}: {rejection}")?;
            separator = "\n";
        }
        match self.total - self.first.len() {
            0 => Ok(()),
            more => write!(f, "{separator}and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_letters() {
        let text = b"\xEF\xBB\xBFAS64500 # Example Hosting\r\n\n; none\n64501\nas4294967295";
        let list = AsnList::read([("a.asn", &text[..]), ("b.asn", b"64500\n")]).unwrap();
        assert_eq!(list.len(), 4);
        for number in [64_500, 64_501, u32::MAX] {
            assert!(list.contains(Asn(number)), "{number}");
        }
        assert!(!list.contains(Asn(64_502)));
        assert!(AsnList::default().is_empty());
    }

    #[test]
    fn one_bad_line_refuses_them_all_and_every_one_is_counted() {
        for line in ["AS", "A64500", "64500x", "+1", "-1", "4294967296", "192.0.2.0/24", "\u{fffd}"]
        {
            let errors = AsnList::read([("a.asn", line.as_bytes())]).unwrap_err();
            assert_eq!(errors.total, 1, "{line}");
        }
        let errors = AsnList::read([("a.asn", "x\n".repeat(30).as_bytes())]).unwrap_err();
        let shown = errors.to_string();
        assert!(shown.starts_with("a.asn:1: not the number"), "{shown}");
        assert!(shown.ends_with("and 10 more"), "{shown}");
    }
}
