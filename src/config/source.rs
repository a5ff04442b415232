//! The text of one configuration file, and the excerpts that messages show of it.
//!
//! An excerpt is a window of one line: it stays readable when a line is a megabyte, and it holds
//! no secret. What a reader recognised as one is blanked out, and so is whatever looks like one,
//! because a file with a syntax error is shown before anybody knows what its words mean.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Characters shown before and after the beginning of what is marked.
const WINDOW: (usize, usize) = (200, 120);

/// So many hexadecimal digits in a row are taken for a key.
const KEY_DIGITS: usize = 16;

/// Keys whose text must not be shown even where the file does not parse.
const SECRET_NAMES: &[&str] =
    &["salt", "hex", "key_hex", "secret", "password", "token", "credentials"];

/// A file of a configuration.
#[derive(Debug)]
pub(super) struct SourceFile {
    path: PathBuf,
    text: String,
    secrets: RefCell<Vec<Range<usize>>>,
}

impl SourceFile {
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text, secrets: RefCell::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where the paths in this file begin.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// No excerpt will show these bytes.
    pub(super) fn hide(&self, span: Range<usize>) {
        self.secrets.borrow_mut().push(span);
    }

    /// The line a byte is on, as a range of bytes without its line break.
    pub(super) fn line_around(&self, offset: usize) -> Range<usize> {
        let offset = self.floor(offset);
        let before = self.text.get(..offset).unwrap_or_default();
        let after = self.text.get(offset..).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(self.text.len(), |at| offset + at);
        start..end
    }

    /// The line where `span` begins, with what of the span is on it.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let start = self.floor(span.start);
        let line = self.line_around(start);
        let end = self.floor(span.end).clamp(start, line.end.max(start));
        let number = self.text.get(..line.start).unwrap_or_default().matches('\n').count() + 1;
        let before = self.text.get(line.start..start).unwrap_or_default();
        let column = before.chars().count() + 1;

        let from = before
            .char_indices()
            .rev()
            .nth(WINDOW.0 - 1)
            .map_or(line.start, |(at, _)| line.start + at);
        let after = self.text.get(start..line.end).unwrap_or_default();
        let to = after.char_indices().nth(WINDOW.1).map_or(line.end, |(at, _)| start + at);

        // Masked as a whole line, so that a word cut by the window is still recognised.
        let mask = self.mask(&line);
        let shown = self.text.get(from..to).unwrap_or_default();
        let text: String = shown
            .char_indices()
            .map(|(at, c)| {
                let hidden = mask.iter().any(|hidden| hidden.contains(&(from + at)));
                // One byte for one byte, so that the mark stays where it is.
                if hidden { "x".repeat(c.len_utf8()) } else { c.to_string() }
            })
            .collect();
        let text = text.trim_end_matches('\r').to_owned();
        let mark = (start - from).min(text.len())..(end.min(to) - from).min(text.len());
        let cut = if from == line.start { Cut::No } else { Cut::Before };
        Excerpt { line: number, column, text, mark, cut }
    }

    /// The byte ranges of a line that must not be shown.
    fn mask(&self, line: &Range<usize>) -> Vec<Range<usize>> {
        let text = self.text.get(line.clone()).unwrap_or_default();
        let mut hidden: Vec<Range<usize>> = self.secrets.borrow().clone();
        let mut digits = 0;
        for (at, byte) in text.bytes().chain([b'\n']).enumerate() {
            if byte.is_ascii_hexdigit() {
                digits += 1;
                continue;
            }
            if digits >= KEY_DIGITS {
                hidden.push(line.start + at - digits..line.start + at);
            }
            digits = 0;
        }
        for name in SECRET_NAMES {
            for (at, _) in text.match_indices(name) {
                let rest = text.get(at + name.len()..).unwrap_or_default();
                let value = rest.trim_start_matches(['"', '\'', ' ', '\t']).strip_prefix('=');
                let Some(value) = value.map(str::trim_start) else { continue };
                let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
                    continue;
                };
                let begin = line.end - value.len() + 1;
                let inside = value.get(1..).unwrap_or_default();
                let length = inside.find(quote).unwrap_or(inside.len());
                hidden.push(begin..begin + length);
            }
        }
        hidden
    }

    /// The nearest character boundary at or below.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// A window of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
    /// What is shown.
    pub(super) text: String,
    /// What of it is meant, in bytes.
    pub(super) mark: Range<usize>,
    /// Does the text begin where the line begins?
    pub(super) cut: Cut,
}

/// Is the beginning of the line left out?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is.
    Before,
    /// It is not, so columns of the text are columns of the line.
    No,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(text: &str, span: Range<usize>) -> Excerpt {
        SourceFile::new(Path::new("f"), text.to_owned()).excerpt(&span)
    }

    #[test]
    fn a_line_with_its_place() {
        let text = "a = 1\r\nbé = 22\r\nc = 3";
        let at = text.find("22").unwrap();
        let found = excerpt(text, at..at + 2);
        assert_eq!((found.line, found.column, &*found.text), (2, 6, "bé = 22"));
        assert_eq!(found.text.get(found.mark), Some("22"));
        assert_eq!(excerpt(text, 0..text.len()).mark, 0..5);
        assert_eq!((excerpt("", 0..9).line, excerpt("a\n", 2..2).line), (1, 2));
    }

    #[test]
    fn a_long_line_is_a_window() {
        let text = format!("{}HERE{}", "é".repeat(1000), "z".repeat(1000));
        let found = excerpt(&text, 2000..2004);
        assert_eq!(found.column, 1001);
        assert_eq!((found.text.chars().count(), found.cut), (320, Cut::Before));
        assert_eq!(found.text.get(found.mark), Some("HERE"));
    }

    #[test]
    fn what_looks_like_a_secret_is_blank() {
        let key = "00112233445566778899aabbccddeeff";
        for (text, leak) in [
            (format!("keys = [{{ id = \"a\", value = \"{key}\" }}]"), key),
            (format!("x = {key}"), key),
            ("salt = \"pepper".to_owned(), "pepper"),
            ("salt='pepper' # x".to_owned(), "pepper"),
            ("\"salt\" = 'pepper', id = 'a'".to_owned(), "pepper"),
            ("token = \"open sesame\"".to_owned(), "sesame"),
        ] {
            let found = excerpt(&text, 0..1);
            assert!(!found.text.contains(leak), "{}", found.text);
            assert_eq!(found.text.len(), text.len());
        }
        let kept = "access = \"token\", id = \"2026-11\"";
        assert_eq!(excerpt(kept, 0..1).text, kept);
    }

    #[test]
    fn what_a_reader_hides_is_blank() {
        let file = SourceFile::new(Path::new("f"), "word = \"pepper\"".to_owned());
        file.hide(7..15);
        assert_eq!(file.excerpt(&(0..4)).text, "word = xxxxxxxx");
    }

    proptest! {
        #[test]
        fn the_mark_is_always_inside(text in "[a-fé\n\r\"=]{0,300}", start in 0_usize..400, end in 0_usize..400) {
            let found = excerpt(&text, start..end);
            prop_assert!(found.mark.start <= found.mark.end);
            prop_assert!(found.text.get(found.mark.clone()).is_some());
            prop_assert!(!found.text.contains('\n'));
        }
    }
}
