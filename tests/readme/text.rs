//! Reading Markdown, as far as these files use it.

use std::path::Path;

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README's text.
pub(crate) fn readme() -> &'static str {
    include_str!("../../README.md")
}

/// What stands under a heading, up to the next one of its level or above.
pub(crate) fn section<'t>(text: &'t str, heading: &str) -> Section<'t> {
    let start = text.find(&format!("\n{heading}\n")).map(|at| at + heading.len() + 2);
    let rest = &text[start.unwrap_or_else(|| panic!("no heading {heading:?}"))..];
    let level = heading.bytes().take_while(|&byte| byte == b'#').count();
    let mut end = 0;
    let mut fenced = false;
    for line in rest.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        let marks = line.bytes().take_while(|&byte| byte == b'#').count();
        if !fenced && (1..=level).contains(&marks) {
            break;
        }
        end += line.len();
    }
    Section(&rest[..end])
}

/// A part of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'t>(&'t str);

impl<'t> Section<'t> {
    pub(crate) fn text(self) -> &'t str {
        self.0
    }

    /// The rows, without the head, of the tables whose first column has this name.
    pub(crate) fn rows(self, first_column: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let mut table: Option<bool> = None;
        for line in self.0.lines() {
            let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
                table = None;
                continue;
            };
            let cells: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
            match table {
                None => table = Some(cells[0] == first_column),
                Some(true) if !cells[0].starts_with("---") => rows.push(cells),
                Some(_) => {}
            }
        }
        assert!(!rows.is_empty(), "no table that begins with {first_column:?}");
        rows
    }
}

/// Words in backquotes, in order.
pub(crate) fn code_words(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
