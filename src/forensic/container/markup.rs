//! HTML, SVG, XML: a comment after the last element (XML 1.0, productions 1 and 27; HTML, "Writing
//! HTML documents").

use crate::forensic::excerpt::{Excerpts, Pause};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark.
pub(in crate::forensic) const BEFORE: &[u8] = b"<!--";

/// Bytes at the end in which the last element has to end.
const TAIL: u64 = 1024;

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether it says that it is markup, and begins as such in a charset that has ASCII.
pub(in crate::forensic) fn is_markup(head: &[u8], media_type: Option<&str>) -> bool {
    let named = media_type.and_then(|it| it.split(';').next()).unwrap_or_default();
    let named = named.trim().to_ascii_lowercase();
    let says_so = matches!(named.as_str(), "text/html" | "text/xml" | "application/xml")
        || named.ends_with("+xml");
    let head = head.strip_prefix(UTF_8_MARK).unwrap_or(head);
    let head = head.trim_ascii_start();
    says_so && head.starts_with(b"<") && !head.contains(&0)
}

/// After the root element there may be comments in any of them.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let (_, tail) = file.tail(TAIL)?;
    if !tail.trim_ascii_end().ends_with(b">") {
        return Err(Refusal::Truncated.into());
    }
    let comment = [BEFORE, mark.as_bytes(), b"-->\n"].concat();
    Ok(vec![Edit::insert(file.length(), comment)])
}
