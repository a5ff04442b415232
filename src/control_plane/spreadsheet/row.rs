//! A row of a spreadsheet.

/// Writes a row (RFC 4180), each cell between quotes, with its end. A cell that a spreadsheet would
/// take for a formula gets an apostrophe before it, which shows that it is text (OWASP, CSV
/// injection): what people call their things is not run by whoever opens the table.
pub(in crate::control_plane) fn write_row<'c>(
    cells: impl IntoIterator<Item = &'c str>,
    into: &mut String,
) {
    for (place, cell) in cells.into_iter().enumerate() {
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
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_ends() {
        for (cell, expected) in [
            ("plain", "\"plain\""),
            ("", "\"\""),
            ("a \"quote\", b", "\"a \"\"quote\"\", b\""),
            ("in\nlines", "\"in\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("-civ9", "\"'-civ9\""),
            ("+1", "\"'+1\""),
            ("@a", "\"'@a\""),
            ("\tx", "\"'\tx\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
        ] {
            let mut text = String::new();
            write_row([cell, "behind"], &mut text);
            assert_eq!(text, format!("{expected},\"behind\"\r\n"));
        }
    }
}
