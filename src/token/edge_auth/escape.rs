//! `escape_early`, in the dialects of the official libraries, which disagree on seven characters.
//!
//! Read off the libraries by running them: Python's `quote_plus`, Node's `encodeURIComponent` with
//! three more characters, Java's `URLEncoder`; all with lower-case digits. The Perl tool of 2012
//! has a switch for upper-case digits.

/// A way to escape text before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeDialect {
    /// `EdgeAuth-Token-Java`.
    Java,
    /// `EdgeAuth-Token-Node`.
    Node,
    /// `EdgeAuth-Token-Python`.
    Python,
    /// Python's set with upper-case digits.
    UpperCase,
}

impl EscapeDialect {
    /// Every dialect, the most usual first.
    pub const ALL: &'static [Self] = &[Self::Python, Self::Node, Self::Java, Self::UpperCase];

    /// Does this dialect escape `text` as an earlier one of [`Self::ALL`] does, so that trying it
    /// would only repeat a MAC?
    pub(super) fn repeats_an_earlier_one(self, text: &[u8]) -> bool {
        let any = |set: &[u8]| text.iter().any(|byte| set.contains(byte));
        match self {
            Self::Python | Self::UpperCase => false,
            Self::Node => !any(b" !()~"),
            Self::Java => !any(b"*~"),
        }
    }

    /// Writes `text` escaped.
    pub(super) fn write(self, text: &[u8], mut sink: impl FnMut(&[u8])) {
        for &byte in text {
            if self.is_literal(byte) {
                sink(&[byte]);
            } else if byte == b' ' && self != Self::Node {
                sink(b"+");
            } else {
                let digits = if self == Self::UpperCase { UPPER } else { LOWER };
                let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or(b'0');
                sink(&[b'%', digit(byte >> 4), digit(byte & 0x0f)]);
            }
        }
    }

    /// `text` escaped.
    pub fn escape(self, text: &str) -> String {
        let mut escaped = Vec::with_capacity(text.len() * 3);
        self.write(text.as_bytes(), |piece| escaped.extend_from_slice(piece));
        String::from_utf8(escaped).unwrap_or_default()
    }

    fn is_literal(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || match self {
                Self::Java => b"-_.*".contains(&byte),
                Self::Node => b"-_.!()".contains(&byte),
                Self::Python | Self::UpperCase => b"-_.~".contains(&byte),
            }
    }
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_of_differences() {
        use EscapeDialect::{Java, Node, Python};
        for (text, python, node, java) in [
            (" ", "+", "%20", "+"),
            ("!", "%21", "!", "%21"),
            ("(", "%28", "(", "%28"),
            (")", "%29", ")", "%29"),
            ("*", "%2a", "%2a", "*"),
            ("~", "~", "%7e", "%7e"),
            ("'", "%27", "%27", "%27"),
            ("/é", "%2f%c3%a9", "%2f%c3%a9", "%2f%c3%a9"),
            ("%20", "%2520", "%2520", "%2520"),
        ] {
            assert_eq!(Python.escape(text), python);
            assert_eq!(Node.escape(text), node);
            assert_eq!(Java.escape(text), java);
        }
        assert_eq!(EscapeDialect::UpperCase.escape("/"), "%2F");
    }

    proptest! {
        #[test]
        fn a_skipped_dialect_would_have_said_nothing_new(text in "[ -~]{0,12}") {
            for (index, dialect) in EscapeDialect::ALL.iter().enumerate() {
                if dialect.repeats_an_earlier_one(text.as_bytes()) {
                    let escaped = dialect.escape(&text);
                    prop_assert!(EscapeDialect::ALL[..index].iter().any(|it| it.escape(&text) == escaped));
                }
            }
        }
    }
}
