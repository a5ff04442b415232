//! The path pattern grammar: `*` is any run of bytes, slashes included, also none; `?` is exactly
//! one byte; everything else is itself. No classes, no escapes, case-sensitive, whole string.
//!
//! It is Akamai's ACL grammar (read off Akamai's own live tests), and the only one in the program.
//! Matching keeps one place to return to, the last `*`, so that it takes at most
//! pattern × subject steps and never more, whatever the pattern.

/// A borrowed pattern. Every text is a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathPattern<'p>(&'p [u8]);

impl<'p> PathPattern<'p> {
    /// Reads `text` as a pattern.
    pub fn new(text: &'p str) -> Self {
        Self(text.as_bytes())
    }

    /// Reads bytes as a pattern.
    pub fn from_bytes(text: &'p [u8]) -> Self {
        Self(text)
    }

    /// Does the pattern cover the whole of `subject`?
    pub fn matches(self, subject: &str) -> bool {
        self.matches_bytes(subject.as_bytes())
    }

    /// The same over bytes.
    pub fn matches_bytes(self, subject: &[u8]) -> bool {
        let pattern = self.0;
        let (mut p, mut s) = (0, 0);
        // Where to go on when what follows the last star does not fit: the pattern position after
        // the star, and the subject position up to which the star has eaten.
        let mut retry: Option<(usize, usize)> = None;
        while let Some(&byte) = subject.get(s) {
            match pattern.get(p) {
                Some(b'*') => {
                    p += 1;
                    retry = Some((p, s));
                }
                Some(&expected) if expected == b'?' || expected == byte => {
                    p += 1;
                    s += 1;
                }
                Some(_) | None => {
                    let Some((after_star, eaten)) = retry else { return false };
                    p = after_star;
                    s = eaten + 1;
                    retry = Some((after_star, s));
                }
            }
        }
        pattern.get(p..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn akamai_live_table() {
        // From Akamai's own tests against their edge (tests/vectors note the source).
        for (pattern, path, expected) in [
            ("/c_escape/*", "/c_escape/a/b/c/d", true),
            ("/c_escape_ignore/*", "/c_escape_ignore/", true),
            ("/q_ignore/??r??", "/q_ignore/world", true),
            ("/h_ignore/??*", "/h_ignore/112", true),
            ("/q_escape/?????????", "/q_escape/%EC%95%88", true),
            ("/h", "/h", true),
            ("/h", "/h/", false),
            ("/h", "/H", false),
            ("*", "/anything", true),
            ("*/x", "/a/b/x", true),
            ("/a/*", "/a", false),
            ("/a/??", "/a/b", false),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(PathPattern::new(pattern).matches(path), expected, "{pattern} on {path}");
        }
    }

    #[test]
    fn hostile_patterns_stay_within_the_product() {
        // Exponential matchers never finish this one.
        let pattern = "*a".repeat(500);
        let subject = format!("/{}b", "a".repeat(8_000));
        assert!(!PathPattern::new(&pattern).matches(&subject));
    }

    /// The definition of the grammar, too slow to use.
    fn by_definition(pattern: &[u8], subject: &[u8]) -> bool {
        match (pattern.split_first(), subject.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                (0..=subject.len()).any(|eaten| by_definition(rest, &subject[eaten..]))
            }
            (Some((b'?', rest)), Some((_, tail))) => by_definition(rest, tail),
            (Some((expected, rest)), Some((byte, tail))) => {
                expected == byte && by_definition(rest, tail)
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?/]{0,8}", subject in "[ab/]{0,10}") {
            prop_assert_eq!(
                PathPattern::new(&pattern).matches(&subject),
                by_definition(pattern.as_bytes(), subject.as_bytes())
            );
        }

        #[test]
        fn a_text_without_wildcards_covers_only_itself(a in "/[a-z/]{0,6}", b in "/[a-z/]{0,6}") {
            prop_assert_eq!(PathPattern::new(&a).matches(&b), a == b);
        }
    }
}
