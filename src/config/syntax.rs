//! From text to a table, also where the syntax is broken.
//!
//! The parser goes on after an error, but one forgotten quote makes it complain about every line
//! that follows. So a later complaint counts only if it is still there with the lines of the
//! earlier ones blanked out; what remains is read as if those lines were empty. Headers are not
//! blanked, for the keys below would fall into another table; what stands below a broken header
//! is not judged at all.

use std::ops::Range;

use toml::de::DeTable;

use super::document::Document;
use super::finding::Finding;

/// Complaints that are looked into, each by parsing again.
const MAX_REPARSES: usize = 20;

/// Text above which only the first complaint is reported, and nothing else is read: of a file
/// full of noise the parser complains once a byte.
pub(super) const MAX_RECOVERED_BYTES: usize = 256 * 1024;

/// Parses a file, reports what is broken, and reads what is left.
pub(super) fn with_table<T>(document: Document<'_>, read: impl FnOnce(&DeTable<'_>) -> T) -> T {
    let Document { reading, file, place: _ } = document;
    let first = match DeTable::parse(file.text()) {
        Ok(table) => return read(table.get_ref()),
        Err(error) => error,
    };
    let Broken { regions, rest } = if file.text().len() > MAX_RECOVERED_BYTES {
        complain(document, &first);
        let whole = 0..file.text().len();
        Broken { regions: std::iter::once(whole).collect(), rest: String::new() }
    } else {
        broken(document)
    };
    let (table, _) = DeTable::parse_recoverable(&rest);
    let mark = reading.mark();
    let result = read(table.get_ref());
    reading.forget_consequences(mark, file, &regions);
    result
}

/// Where a file is broken, and the file without that.
#[derive(Debug)]
struct Broken {
    regions: Vec<Range<usize>>,
    rest: String,
}

fn broken(document: Document<'_>) -> Broken {
    let file = document.file;
    let (_, mut errors) = DeTable::parse_recoverable(file.text());
    // The parser says what a token is only after it has said where tokens do not belong.
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut found = Broken { regions: Vec::new(), rest: file.text().to_owned() };
    let mut judged = 0..0;
    let mut reparses = 0;
    for error in errors {
        let start = error.span().map_or(0, |span| span.start);
        // The end of a line is on it.
        if reparses > 0 && (judged.contains(&start) || start == judged.end) {
            continue;
        }
        judged = file.line_around(start);
        reparses += 1;
        if reparses > MAX_REPARSES {
            // What follows was not looked into, so nothing is said about it.
            found.regions.push(judged.start..file.text().len());
            break;
        }
        if !found.regions.is_empty() && !breaks(&found.rest, &judged) {
            continue;
        }
        complain(document, &error);
        if is_header(file.text(), &judged) {
            found.regions.push(judged.start..next_header(file.text(), judged.end));
        } else {
            found.rest.replace_range(judged.clone(), &" ".repeat(judged.len()));
            found.regions.push(judged.start..judged.end + 1);
        }
    }
    found
}

/// Reports what the parser says.
pub(super) fn complain(document: Document<'_>, error: &toml::de::Error) {
    let message = error.message().lines().next().unwrap_or("broken syntax").to_owned();
    let finding = Finding::error(message).help("the file is TOML, see https://toml.io");
    document.report(document.in_file(error.span().unwrap_or(0..0)), finding);
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
