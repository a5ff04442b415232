//! Revoked link and session ids.

use std::collections::HashSet;

use crate::target::percent_decode;

/// A set of revoked ids (`id=` of a token).
#[derive(Clone, Debug, Default)]
pub struct Revocations(HashSet<Box<str>>);

impl Revocations {
    /// These ids are revoked.
    pub fn new(ids: impl IntoIterator<Item = Box<str>>) -> Self {
        Self(ids.into_iter().collect())
    }

    /// Reads one id a line; blank lines and lines that begin with `#` are passed over.
    pub fn lines(text: &str) -> impl Iterator<Item = Box<str>> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(Into::into)
    }

    /// Is the id, as written in the token, revoked? A signer that escapes early writes it
    /// percent-encoded, two of the official libraries a space as `+`; the list holds any of the
    /// spellings.
    pub fn contains(&self, id: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let decoded = |text: &str| percent_decode(text).is_some_and(|id| self.0.contains(&*id));
        self.0.contains(id)
            || id.contains('%') && decoded(id)
            || id.contains('+') && decoded(&id.replace('+', " "))
    }

    /// How many ids.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_either_spelling() {
        let revoked = Revocations::new(Revocations::lines("# lost\n\n s 1 \nlnk_2\r\n"));
        assert_eq!(revoked.len(), 2);
        for (id, expected) in [
            ("s 1", true),
            ("s%201", true),
            ("s+1", true),
            ("%73+1", true),
            ("s+", false),
            ("lnk_2", true),
            ("lnk_", false),
        ] {
            assert_eq!(revoked.contains(id), expected, "{id}");
        }
    }
}
