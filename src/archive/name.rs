//! What an entry is called: a name that every system can save, which no other entry of its archive
//! has.
//!
//! An archive is flat, so that no name leads anywhere: separators of folders become `_` like all that
//! Windows forbids. Whoever unpacks on Windows or macOS has one file where two names differ in case
//! or in how accents are composed only, so names are compared without either. What comes out
//! goes through once more unchanged: names that were kept are the same on every machine.

use std::collections::{HashMap, HashSet};
use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Bytes of UTF-8 in a name. File systems take 255, and Windows no more than 260 characters of folders
/// and name together.
const LONGEST: usize = 200;

/// Bytes after a last dot that are still an extension, with the dot.
const LONGEST_EXTENSION: usize = 17;

/// Of a name of which nothing is left.
const NAMELESS: &str = "file";

/// The name of an entry. See the module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryName(Box<str>);

impl EntryName {
    /// The nearest name that every system can save.
    pub fn sanitised(wanted: &str) -> Self {
        // What is taken out must be gone before what it stood between is composed.
        let visible = wanted.chars().filter(|it| !is_invisible(*it));
        let name: String = visible.nfc().map(|it| if is_savable(it) { it } else { '_' }).collect();
        let mut name = cut(trimmed(&name), LONGEST);
        if is_reserved(&name) {
            name = cut(&format!("_{name}"), LONGEST);
        }
        if name.is_empty() { Self(NAMELESS.into()) } else { Self(name.into()) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn numbered(&self, number: u32) -> Self {
        let (stem, extension) = split(&self.0);
        let tail = format!(" ({number}){extension}");
        Self((start(stem, LONGEST.saturating_sub(tail.len())).trim_end().to_owned() + &tail).into())
    }

    /// The same for names that are one file on some system.
    fn folded(&self) -> Box<str> {
        // Both ways, for some letters have one capital and several small forms.
        let folded = self.0.to_uppercase().to_lowercase();
        folded.nfc().collect::<String>().into()
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of one archive.
#[derive(Debug, Default)]
pub struct EntryNames {
    /// Folded.
    taken: HashSet<Box<str>>,
    /// By what is left of a name where a number is put, folded: the last number that one got. Names
    /// that are apart behind that only count together, or each would try again what is taken.
    numbers: HashMap<Box<str>, u32>,
}

impl EntryNames {
    /// The nearest name that is still free: `name.ext`, `name (2).ext`, …
    pub fn assign(&mut self, wanted: &str) -> EntryName {
        let name = EntryName::sanitised(wanted);
        if self.taken.insert(name.folded()) {
            return name;
        }
        let number = self.numbers.entry(name.numbered(u32::MAX).folded()).or_insert(1);
        loop {
            *number = number.saturating_add(1);
            let other = name.numbered(*number);
            if self.taken.insert(other.folded()) {
                return other;
            }
        }
    }
}

/// What nobody sees, or what makes `exe.jpg` out of `gpj.exe`.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// May a file's name on Windows, which forbids most, have it?
fn is_savable(character: char) -> bool {
    let ends_a_line = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    !ends_a_line && !matches!(character, '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|')
}

/// Windows drops dots and spaces at the end, and then finds the archive broken; `.` and `..` go with
/// them.
fn trimmed(name: &str) -> &str {
    name.trim_start().trim_end_matches(|it: char| it == '.' || it.is_whitespace())
}

/// Does Windows take it for a device, whatever comes after its first dot?
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_port = port.is_some_and(|number| {
        let mut number = number.chars();
        let digit = number.next().is_some_and(|it| matches!(it, '0'..='9' | '¹' | '²' | '³'));
        digit && number.next().is_none()
    });
    is_port || matches!(&*stem, "AUX" | "CON" | "CONIN$" | "CONOUT$" | "NUL" | "PRN")
}

/// The name with its end cut off before its extension, if it is longer than that.
fn cut(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let short = start(stem, longest.saturating_sub(extension.len())).trim_end();
    trimmed(&format!("{short}{extension}")).to_owned()
}

/// Its stem, and its extension with the dot.
fn split(name: &str) -> (&str, &str) {
    let dot = name.rfind('.').filter(|dot| *dot > 0 && name.len() - dot <= LONGEST_EXTENSION);
    dot.and_then(|dot| name.split_at_checked(dot)).unwrap_or((name, ""))
}

/// As many whole characters as have no more than that many bytes.
fn start(text: &str, bytes: usize) -> &str {
    let whole = text.floor_char_boundary(bytes);
    text.split_at_checked(whole).map_or(text, |(start, _)| start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assigned(wanted: &[&str]) -> Vec<String> {
        let mut names = EntryNames::default();
        wanted.iter().map(|name| names.assign(name).to_string()).collect()
    }

    #[test]
    fn names_lead_nowhere_and_can_be_saved_everywhere() {
        for (wanted, name) in [
            ("film.mp4", "film.mp4"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("C:\\temp\\a.txt", "C__temp_a.txt"),
            ("..", "file"),
            ("", "file"),
            (" . ", "file"),
            ("a\u{0}b\nc\u{7f}\u{85}", "a_b_c__"),
            ("what? <really> \"no\"|*.jpg", "what_ _really_ _no___.jpg"),
            (" padded .jpg. . ", "padded .jpg"),
            ("con", "_con"),
            ("Nul.tar.gz", "_Nul.tar.gz"),
            ("LPT³ .txt", "_LPT³ .txt"),
            ("COM10.txt", "COM10.txt"),
            ("console.log", "console.log"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            // Of all that turns reading round, and all that ends a line in some viewer.
            ("photo\u{61c}\u{2066}gpj.exe\u{2069}", "photogpj.exe"),
            ("a\u{2028}b\u{2029}c.txt", "a_b_c.txt"),
            (".htaccess", ".htaccess"),
            // Composed, as everybody but macOS has it.
            ("e\u{301}te\u{301}.jpg", "\u{e9}t\u{e9}.jpg"),
            ("日本語 Ελληνικά العربية 🎞.mov", "日本語 Ελληνικά العربية 🎞.mov"),
        ] {
            assert_eq!(EntryName::sanitised(wanted).as_str(), name, "{wanted:?}");
        }
    }

    #[test]
    fn what_is_one_file_on_some_system_gets_a_number() {
        let wanted = ["a.jpg", "A.JPG", "a (2).jpg", "a.jpg", "b", "B", ".c", ".C"];
        let names =
            ["a.jpg", "A (2).JPG", "a (2) (2).jpg", "a (3).jpg", "b", "B (2)", ".c", ".C (2)"];
        assert_eq!(assigned(&wanted), names);
        // One letter, composed and not; the capital has another small form; a Kelvin sign.
        assert_eq!(assigned(&["\u{e9}", "E\u{301}"]), ["\u{e9}", "\u{c9} (2)"]);
        assert_eq!(assigned(&["ſ", "s"]), ["ſ", "s (2)"]);
        assert_eq!(assigned(&["\u{212a}", "k"]), ["K", "k (2)"]);
    }

    #[test]
    fn long_names_keep_their_extension_and_their_number() {
        let long = format!("{}.jpeg", "日".repeat(100));
        let names = assigned(&[&long, &long]);
        assert_eq!(
            names,
            [format!("{}.jpeg", "日".repeat(65)), format!("{} (2).jpeg", "日".repeat(63))]
        );
        let dotted = format!("a.{}", "b".repeat(300));
        assert_eq!(assigned(&[&dotted]), [format!("a.{}", "b".repeat(198))]);
        assert_eq!(assigned(&[&format!("con{}x.txt", " ".repeat(300))]), ["_con.txt"]);
    }

    #[test]
    fn ten_thousand_of_one_name_are_no_trouble() {
        let names = assigned(&vec!["image.jpg"; 10_000]);
        assert_eq!(names.last().unwrap(), "image (10000).jpg");
    }

    /// Names that are apart at their end only, which is cut off to make room for a number.
    #[test]
    fn ten_thousand_of_one_beginning_are_no_trouble() {
        let long = |index: u32| format!("{}{index:04}.jpg", "x".repeat(192));
        let twice: Vec<String> = (0..5_000).flat_map(|index| [long(index), long(index)]).collect();
        let wanted: Vec<&str> = twice.iter().map(String::as_str).collect();
        let names = assigned(&wanted);
        assert_eq!(names[0], long(0));
        assert_eq!(names[1], format!("{} (2).jpg", "x".repeat(192)));
        assert_eq!(names.last().unwrap(), &format!("{} (5001).jpg", "x".repeat(189)));
    }

    proptest! {
        #[test]
        fn assigned_names_are_savable_apart_and_final(
            wanted in prop::collection::vec(
                prop_oneof![any::<String>(), "[aA./\\\\ e\u{301}]{0,4}", "(con|LPT1|nul)[ .a]{0,3}",
                    "[a\u{e9} .]{190,260}"],
                1..40,
            ),
        ) {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let names = assigned(&wanted);
            let again: Vec<&str> = names.iter().map(String::as_str).collect();
            prop_assert_eq!(&assigned(&again), &names);
            let mut folded: Vec<String> =
                names.iter().map(|it| it.to_uppercase().to_lowercase().nfc().collect()).collect();
            folded.sort();
            folded.dedup();
            prop_assert_eq!(folded.len(), names.len());
            for name in names {
                prop_assert!(!name.is_empty() && name.len() <= LONGEST, "{:?}", name);
                prop_assert!(name.chars().all(is_savable) && !is_reserved(&name), "{:?}", name);
                prop_assert!(!name.ends_with(['.', ' ']), "{:?}", name);
            }
        }
    }
}
