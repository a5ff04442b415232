//! What may stand in an object key: what the edge would take from a link, and nothing else.
//!
//! A key is appended to its pipeline's prefix as text, and the sum is a path at a disk or an HTTP
//! origin. Both have therefore to mean one path to every reader, by the rules that a request target
//! is held to; and a prefix ends in a slash, so that no key can name what lies beside it.

use percent_encoding::utf8_percent_encode;

use super::error::Invalid;
use crate::asset::PATH_ESCAPES;
use crate::target::{PathToken, RequestTarget};

/// Most bytes of a prefix or a key: what object stores take (S3).
const MOST: usize = 1_024;

/// A key, after its pipeline's prefix.
pub(super) fn key(pointer: &str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.ends_with('/') {
        return Err(Invalid::new(pointer.to_owned(), "must name an object, not a folder"));
    }
    path(pointer, text)
}

/// What stands before the keys of a pipeline: nothing, or a folder.
pub(super) fn prefix(pointer: &str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Ok(());
    }
    if !text.ends_with('/') {
        return Err(Invalid::new(pointer.to_owned(), "must be empty or end in a slash"));
    }
    path(pointer, text)
}

fn path(pointer: &str, text: &str) -> Result<(), Invalid> {
    if text.len() > MOST {
        return Err(Invalid::new(pointer.to_owned(), format!("has at most {MOST} bytes")));
    }
    let wire = format!("/{}", utf8_percent_encode(text, PATH_ESCAPES));
    let means_one_path = RequestTarget::parse(&wire, PathToken::Absent, 4 * MOST)
        .is_ok_and(|target| target.decoded().strip_prefix('/') == Some(text));
    if means_one_path {
        Ok(())
    } else {
        let detail = "must be names with one slash between, none of them . or .., without control \
                      characters, backslashes or what decodes into these";
        Err(Invalid::new(pointer.to_owned(), detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_one_path() {
        for good in
            ["a", "films/a b.mp4", "안/ü.pdf", "100%", "a;b/c!d", "...", "-", &"x".repeat(1024)]
        {
            assert!(key("/key", good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "../b",
            "a/..;x/b",
            "a\\b",
            "a\nb",
            "a\0b",
            "%2e%2e/b",
            "a%2fb",
            "a%252e%252e%252fb",
            &"x".repeat(1025),
        ] {
            assert!(key("/key", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_folder() {
        for good in ["", "a/", "a/b/"] {
            assert!(prefix("/prefix", good).is_ok(), "{good}");
        }
        for wrong in ["a", "/", "/a/", "a//", "../", "a/../"] {
            assert!(prefix("/prefix", wrong).is_err(), "{wrong}");
        }
    }
}
