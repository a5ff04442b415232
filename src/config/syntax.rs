//! From text to a table, also where the syntax is broken.
//!
//! The parser goes on after an error, but one forgotten quote makes it complain about every line
//! that follows. So a later complaint counts only if it is still there with the lines of the
//! earlier ones blanked out; what remains is read as if those lines were empty. Headers are not
//! blanked, for the keys below would fall into another table; what stands below a broken header
//! is not judged at all.

use std::ops::Range;
use std::rc::Rc;

use toml::de::DeTable;

use super::finding::{Finding, Reading};
use super::source::SourceFile;

/// Complaints that are looked into, each by parsing again.
const MAX_COMPLAINTS: usize = 20;

/// Text above which only the first complaint is reported.
const MAX_REPARSED_BYTES: usize = 1024 * 1024;

/// Parses a file, reports what is broken, and reads what is left.
pub(super) fn with_table<T>(
    reading: &Reading<'_>,
    file: &Rc<SourceFile>,
    read: impl FnOnce(&DeTable<'_>) -> T,
) -> T {
    let (table, mut errors) = DeTable::parse_recoverable(file.text());
    if errors.is_empty() {
        return read(table.get_ref());
    }
    // The parser says what a token is only after it has said where tokens do not belong.
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut rest = file.text().to_owned();
    let mut regions = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = file.line_around(span.start);
        let of_its_own = || may_reparse(&regions, &rest) && breaks(&rest, &line);
        if !(regions.is_empty() || of_its_own()) {
            continue;
        }
        let message = error.message().lines().next().unwrap_or("broken syntax").to_owned();
        let finding = Finding::error(message).help("the file is TOML, see https://toml.io");
        reading.report(file, span, finding);
        if is_header(file.text(), &line) {
            regions.push(line.start..next_header(file.text(), line.end));
        } else {
            let blank = " ".repeat(line.len());
            rest.replace_range(line.clone(), &blank);
            regions.push(line);
        }
    }
    let (table, _) = DeTable::parse_recoverable(&rest);
    let mark = reading.mark();
    let result = read(table.get_ref());
    reading.forget_consequences(mark, file, &regions);
    result
}

fn may_reparse(regions: &[Range<usize>], text: &str) -> bool {
    regions.len() < MAX_COMPLAINTS && text.len() <= MAX_REPARSED_BYTES
}

/// Does the parser complain about that line?
fn breaks(text: &str, line: &Range<usize>) -> bool {
    let (_, errors) = DeTable::parse_recoverable(text);
    // The end of a line is on it.
    errors
        .iter()
        .filter_map(toml::de::Error::span)
        .any(|span| line.contains(&span.start) || span.start == line.end)
}

fn is_header(text: &str, line: &Range<usize>) -> bool {
    text.get(line.clone()).is_some_and(|line| line.trim_start().starts_with('['))
}

/// Where the next line that begins with a bracket begins.
fn next_header(text: &str, from: usize) -> usize {
    let mut at = from;
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        if at > from && line.trim_start().starts_with('[') {
            return at;
        }
        at += line.len();
    }
    text.len()
}
