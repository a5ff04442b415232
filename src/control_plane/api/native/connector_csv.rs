//! The table of a connector's addresses as a spreadsheet takes it (RFC 4180).
//!
//! A cell that a spreadsheet would take for a formula has an apostrophe before it, which shows that
//! it is text: what people call their contents is not run by whoever opens the table.

use crate::control_plane::service::{ConnectorAddress, ConnectorContent};

/// The first line.
pub(super) const HEAD: &str = "content,title,kind,standing,language,name,url,state,others\r\n";

/// The lines of one content: one for each of its addresses, or one without.
pub(super) fn lines(item: &ConnectorContent, site: &str, into: &mut String) {
    let title = item.content.draft.texts.first().map_or("", |text| &*text.title);
    let about = [
        item.content.id.as_str(),
        title,
        item.content.draft.kind.wire_name(),
        item.standing.wire_name(),
    ];
    if item.addresses.is_empty() {
        line(about.into_iter().chain([""; 5]), into);
    }
    for ConnectorAddress { language, name, path, state, others } in &item.addresses {
        let url = path.as_ref().map_or_else(String::new, |path| format!("{site}{path}"));
        let others = others.to_string();
        let language = language.as_deref().unwrap_or_default();
        let cells = [language, name, &url, state.wire_name(), &others];
        line(about.into_iter().chain(cells), into);
    }
}

fn line<'c>(cells: impl Iterator<Item = &'c str>, into: &mut String) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            into.push(',');
        }
        into.push('"');
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            into.push('\'');
        }
        for character in cell.chars() {
            if character == '"' {
                into.push('"');
            }
            into.push(character);
        }
        into.push('"');
    }
    into.push_str("\r\n");
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        let mut text = String::new();
        let cells =
            ["plain", "=HYPERLINK(\"x\")", "-civ9", "+1", "@a", "\tx", "a,b", "in\nlines", ""];
        line(cells.into_iter(), &mut text);
        assert_eq!(
            text,
            "\"plain\",\"'=HYPERLINK(\"\"x\"\")\",\"'-civ9\",\"'+1\",\"'@a\",\"'\tx\",\"a,b\",\
             \"in\nlines\",\"\"\r\n"
        );
    }
}
