//! The words of shares' pages and of letters, in the language of whoever reads them.
//!
//! A language is a file in each `words/`, in Fluent's syntax (projectfluent.org), which knows how many
//! plurals each language has. A test holds that each says everything that the first one says.

use std::borrow::Borrow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_langneg::{NegotiationStrategy, accepted_languages, negotiate_languages};
use unic_langid::{CharacterDirection, LanguageIdentifier};

/// Longest `Accept-Language` that is looked at.
const LONGEST: usize = 512;

/// Each language with what pages say, and what letters do. The first is everybody's who reads none of
/// the others.
const LANGUAGES: [(&str, [&str; 2]); 7] = [
    ("en", [include_str!("share_page/words/en.ftl"), include_str!("mail/words/en.ftl")]),
    ("de", [include_str!("share_page/words/de.ftl"), include_str!("mail/words/de.ftl")]),
    ("it", [include_str!("share_page/words/it.ftl"), include_str!("mail/words/it.ftl")]),
    ("fr", [include_str!("share_page/words/fr.ftl"), include_str!("mail/words/fr.ftl")]),
    ("es", [include_str!("share_page/words/es.ftl"), include_str!("mail/words/es.ftl")]),
    ("zh", [include_str!("share_page/words/zh.ftl"), include_str!("mail/words/zh.ftl")]),
    ("ar", [include_str!("share_page/words/ar.ftl"), include_str!("mail/words/ar.ftl")]),
];

static SPOKEN: LazyLock<Vec<Language>> = LazyLock::new(|| {
    LANGUAGES.iter().filter_map(|(tag, texts)| Language::read(tag, texts)).collect()
});

/// A language that is spoken here.
struct Language {
    tag: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
}

impl Language {
    /// None where the file does not hold to the syntax, which a test looks at.
    fn read(tag: &str, texts: &[&str]) -> Option<Self> {
        let tag: LanguageIdentifier = tag.parse().ok()?;
        let mut bundle = FluentBundle::new_concurrent(vec![tag.clone()]);
        // What is put in stands in elements of its own where its direction matters.
        bundle.set_use_isolating(false);
        for text in texts {
            bundle.add_resource(FluentResource::try_new((*text).to_owned()).ok()?).ok()?;
        }
        Some(Self { tag, bundle })
    }
}

/// The words of one language.
#[derive(Clone, Copy)]
pub(super) struct Words(Option<&'static Language>);

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Words").field(&self.tag()).finish()
    }
}

impl Words {
    /// Those of the share's own language (BCP 47), or else those that a browser prefers
    /// (`Accept-Language`, RFC 9110 section 12.5.4).
    pub(super) fn of(own: Option<&str>, accepted: Option<&str>) -> Self {
        let wanted: Vec<LanguageIdentifier> = match (own, accepted) {
            (Some(own), _) => own.parse().into_iter().collect(),
            (None, Some(text)) => accepted_languages::parse(text.get(..LONGEST).unwrap_or(text)),
            (None, None) => Vec::new(),
        };
        let spoken: Vec<&LanguageIdentifier> = SPOKEN.iter().map(|it| &it.tag).collect();
        let strategy = NegotiationStrategy::Lookup;
        let first = spoken.first();
        let chosen = negotiate_languages(&wanted, &spoken, first, strategy);
        let chosen = chosen.first().map(|tag| (***tag).clone());
        Self(SPOKEN.iter().find(|it| Some(&it.tag) == chosen.as_ref()).or(SPOKEN.first()))
    }

    /// The language, as HTML names it.
    pub(super) fn tag(self) -> String {
        self.0.map_or_else(|| "en".to_owned(), |it| it.tag.to_string())
    }

    /// Which way it is written, as HTML says it.
    pub(super) fn direction(self) -> &'static str {
        match self.0.map(|it| it.tag.character_direction()) {
            Some(CharacterDirection::RTL) => "rtl",
            Some(CharacterDirection::LTR | CharacterDirection::TTB) | None => "ltr",
        }
    }

    /// What is said under that name.
    pub(super) fn say(self, name: &str) -> String {
        self.said(name, None)
    }

    /// The same, of something.
    pub(super) fn of_text(self, name: &str, what: &'static str, value: &str) -> String {
        let mut with = FluentArgs::new();
        with.set(what, FluentValue::from(value));
        self.said(name, Some(&with))
    }

    /// The same, of so many.
    pub(super) fn of_number(
        self,
        name: &str,
        what: &'static str,
        value: impl Borrow<u64>,
    ) -> String {
        let mut with = FluentArgs::new();
        with.set(what, FluentValue::from(*value.borrow()));
        self.said(name, Some(&with))
    }

    /// The same, of several texts and perhaps of so many.
    pub(super) fn of_all(
        self,
        name: &str,
        texts: &[(&'static str, &str)],
        number: Option<(&'static str, u64)>,
    ) -> String {
        let mut with = FluentArgs::new();
        for (what, value) in texts {
            with.set(*what, FluentValue::from(*value));
        }
        if let Some((what, value)) = number {
            with.set(what, FluentValue::from(value));
        }
        self.said(name, Some(&with))
    }

    /// A size, in decimal units (IEC 80000-13): three digits are enough to choose by.
    pub(super) fn size(self, bytes: impl Borrow<u64>) -> String {
        const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
        let (mut tenths, mut unit) = (bytes.borrow().saturating_mul(10), 0);
        while tenths >= 10_000 && unit + 1 < UNITS.len() {
            tenths /= 1_000;
            unit += 1;
        }
        let unit_name = UNITS.get(unit).copied().unwrap_or_default();
        let (whole, tenth) = (tenths / 10, tenths % 10);
        if unit == 0 || whole >= 100 || tenth == 0 {
            format!("{whole}\u{a0}{unit_name}")
        } else {
            format!("{whole}{}{tenth}\u{a0}{unit_name}", self.say("decimal"))
        }
    }

    fn said(self, name: &str, with: Option<&FluentArgs<'_>>) -> String {
        let said = self.0.and_then(|it| {
            let pattern = it.bundle.get_message(name)?.value()?;
            Some(it.bundle.format_pattern(pattern, with, &mut Vec::new()).into_owned())
        });
        said.unwrap_or_else(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluent_bundle::FluentMessage;

    use super::*;

    /// The names of what a language's files say.
    fn names<'t>(texts: &[&'t str]) -> BTreeSet<&'t str> {
        let lines = texts.iter().flat_map(|text| text.lines());
        let messages = lines.filter(|line| line.starts_with(|it: char| it.is_alphabetic()));
        messages.filter_map(|line| Some(line.split_once(" =")?.0)).collect()
    }

    #[test]
    fn every_language_says_everything() {
        assert_eq!(SPOKEN.len(), LANGUAGES.len());
        let (_, english) = LANGUAGES[0];
        let expected = names(&english);
        assert!(expected.len() > 60);
        for (tag, texts) in LANGUAGES {
            assert_eq!(names(&texts), expected, "{tag}");
            let words = Words::of(Some(tag), None);
            for name in &expected {
                let message: Option<FluentMessage<'_>> = words.0.unwrap().bundle.get_message(name);
                let pattern = message.unwrap().value().unwrap();
                for count in [0_u64, 1, 2, 3, 11, 100] {
                    let mut with = FluentArgs::new();
                    for what in ["count", "place", "seconds"] {
                        with.set(what, count);
                    }
                    for what in ["date", "name", "request", "title"] {
                        with.set(what, "<bdi>");
                    }
                    let mut faults = Vec::new();
                    let said =
                        words.0.unwrap().bundle.format_pattern(pattern, Some(&with), &mut faults);
                    assert!(faults.is_empty() && !said.is_empty(), "{tag} {name} {faults:?}");
                }
            }
        }
    }

    /// What pages ask for is there: a name that nobody says would be shown as it is.
    #[test]
    fn whatever_a_page_says_has_words() {
        let sources = [
            include_str!("share_page/layout.html"),
            include_str!("share_page/gate.html"),
            include_str!("share_page/gallery.html"),
            include_str!("share_page/item.html"),
            include_str!("share_page/refusal.html"),
            include_str!("mail/letter.rs"),
        ];
        let expected = names(&LANGUAGES[0].1);
        let mut asked = 0;
        for source in sources {
            for call in ["say(\"", "of_text(\"", "of_number(\"", "of_all(\""] {
                for rest in source.split(call).skip(1) {
                    let name = rest.split('"').next().unwrap();
                    assert!(expected.contains(name), "{name}");
                    asked += 1;
                }
            }
        }
        assert!(asked > 30, "{asked}");
    }

    #[test]
    fn a_browsers_language_is_spoken_where_the_share_says_none() {
        for (own, accepted, expected) in [
            (None, Some("de-AT,de;q=0.9,en;q=0.8"), "de"),
            (None, Some("pt,it;q=0.5"), "it"),
            (None, Some("zh-Hans-CN"), "zh"),
            (None, Some("pt"), "en"),
            (None, Some("\u{0}\u{0},;;q=,"), "en"),
            (None, None, "en"),
            (Some("fr-CA"), Some("de"), "fr"),
            (Some("pt"), Some("de"), "en"),
        ] {
            assert_eq!(Words::of(own, accepted).tag(), expected, "{own:?} {accepted:?}");
        }
        assert_eq!(Words::of(Some("ar"), None).direction(), "rtl");
        assert_eq!(Words::of(Some("zh"), None).direction(), "ltr");
    }

    #[test]
    fn sizes_have_three_digits() {
        let words = Words::of(Some("de"), None);
        for (bytes, expected) in [
            (0, "0\u{a0}B"),
            (999, "999\u{a0}B"),
            (1_000, "1\u{a0}kB"),
            (1_499_999, "1,4\u{a0}MB"),
            (123_456_789, "123\u{a0}MB"),
            (u64::MAX, "1844674\u{a0}TB"),
        ] {
            assert_eq!(words.size(bytes), expected);
        }
    }
}
