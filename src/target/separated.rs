//! Texts taken apart at one ASCII character. The searchers of `str` are made for long texts; what
//! a request is made of is short, and there is much of it.

/// What stands before the first separator, and after it; none without one.
pub fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    debug_assert!(separator.is_ascii(), "never a part of another character");
    let at = memchr::memchr(separator, text.as_bytes())?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}

/// Is the character in the text?
pub fn holds(text: &str, character: u8) -> bool {
    memchr::memchr(character, text.as_bytes()).is_some()
}

/// The texts between separators, empty ones too, as `str::split` gives them.
pub fn separated(text: &str, separator: u8) -> Separated<'_> {
    Separated { rest: Some(text), separator }
}

/// See [`separated`].
#[derive(Clone, Debug)]
pub struct Separated<'t> {
    rest: Option<&'t str>,
    separator: u8,
}

impl<'t> Iterator for Separated<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.rest?;
        let (one, rest) = match cut(text, self.separator) {
            Some((one, rest)) => (one, Some(rest)),
            None => (text, None),
        };
        self.rest = rest;
        Some(one)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_come_apart_as_those_of_std(text in "[a-cé/]{0,12}") {
            let ours: Vec<_> = separated(&text, b'/').collect();
            prop_assert_eq!(ours, text.split('/').collect::<Vec<_>>());
            prop_assert_eq!(cut(&text, b'/'), text.split_once('/'));
            prop_assert_eq!(holds(&text, b'/'), text.contains('/'));
        }
    }
}
