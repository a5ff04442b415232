//! The colours of sharing pages, in the light and in the dark: what is said, what follows of it, and
//! whether pages can be read so (C19).
//!
//! Three colours are said of each scheme, or none. The rest is made of them, so that nobody can say
//! something unreadable by leaving it out: cards, what is said softly, lines, what lies under the mouse.

use std::fmt::Write as _;

use super::error::Invalid;
use crate::control_plane::record::{Colour, Palette, SharingDraft};

/// The least contrast of what is read (WCAG 2.2, 1.4.3). What is worked with needs 3 (1.4.11), and is of
/// colours that are read as well: links and the borders of buttons have the accent, fields and ticks it
/// or what is said softly.
const READ: f64 = 4.5;

/// Most of 255 parts that something is mixed with something else.
const SOFTENED: u8 = 90;
const LINED: u8 = 36;
const TINTED: u8 = 28;

/// What a browser's reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Dark,
    Light,
}

/// All colours of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colours {
    ground: Colour,
    card: Colour,
    text: Colour,
    soft: Colour,
    line: Colour,
    accent: Colour,
    accent_text: Colour,
    accent_soft: Colour,
    focus: Colour,
}

/// The colours of a tenant's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagePalette {
    light: Palette,
    dark: Palette,
}

/// What cannot be told from what.
struct Fault {
    field: &'static str,
    colour: Colour,
    of: &'static str,
    on: Colour,
}

impl PagePalette {
    /// The one that is said.
    pub fn of(draft: &SharingDraft) -> Self {
        Self { light: draft.light, dark: draft.dark }
    }

    /// The stylesheet of pages that have other colours than ever.
    pub fn stylesheet(&self) -> Option<String> {
        if *self == (Self { light: Palette::default(), dark: Palette::default() }) {
            return None;
        }
        let (light, dark) = (self.variables(Scheme::Light), self.variables(Scheme::Dark));
        Some(format!(
            ":root {{\n{light}}}\n@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"
        ))
    }

    /// A stylesheet that shows both schemes beside each other, in elements of the classes `in-light` and
    /// `in-dark`.
    pub fn preview(&self) -> String {
        let (light, dark) = (self.variables(Scheme::Light), self.variables(Scheme::Dark));
        format!(".in-light {{\n{light}}}\n.in-dark {{\n{dark}}}\n")
    }

    /// Refuses colours in which pages cannot be read.
    pub(super) fn accept(&self) -> Result<(), Invalid> {
        [Scheme::Light, Scheme::Dark].into_iter().try_for_each(|scheme| self.accept_one(scheme))
    }

    fn accept_one(&self, scheme: Scheme) -> Result<(), Invalid> {
        let said = self.said(scheme);
        let Some(Fault { field, colour, of, on }) = fault(scheme, &said) else { return Ok(()) };
        let ratio = (colour.contrast(on) * 100.0).floor() / 100.0;
        let nearest = match nearest(scheme, &said, field, colour) {
            Some(colour) => format!("the nearest that has it is {colour}"),
            None => "no shade of it has".to_owned(),
        };
        let detail =
            format!("has a contrast of {ratio:.2}:1 to {of}, {on}, and needs {READ}:1; {nearest}");
        Err(Invalid::new(format!("/{}/{field}", scheme.name()), detail))
    }

    /// What is said of a scheme. An accent that is said for the light alone is that of the dark too, in
    /// the nearest shade in which it can be read there.
    fn said(&self, scheme: Scheme) -> Palette {
        match scheme {
            Scheme::Light => self.light,
            Scheme::Dark => {
                let accent = self.dark.accent.or_else(|| {
                    let own = self.light.accent?;
                    let said = Palette { accent: Some(own), ..self.dark };
                    let reads = fault_of_accent(scheme, &said).is_none();
                    if reads { Some(own) } else { nearest(scheme, &said, "accent", own) }
                });
                Palette { accent, ..self.dark }
            }
        }
    }

    fn variables(&self, scheme: Scheme) -> String {
        let Colours { ground, card, text, soft, line, accent, accent_text, accent_soft, focus } =
            Colours::of(scheme, &self.said(scheme));
        let mut variables = String::new();
        for (name, colour) in [
            ("ground", ground),
            ("card", card),
            ("text", text),
            ("soft", soft),
            ("line", line),
            ("accent", accent),
            ("accent-text", accent_text),
            ("accent-soft", accent_soft),
            ("focus", focus),
        ] {
            // A string takes everything.
            let _ = writeln!(variables, "  --{name}: {colour};");
        }
        variables
    }
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// What is so where nobody says anything, as in `page.css`.
    const fn usual(self) -> Colours {
        match self {
            Self::Dark => Colours {
                ground: Colour::of([0x10, 0x14, 0x16]),
                card: Colour::of([0x1a, 0x20, 0x23]),
                text: Colour::of([0xe8, 0xed, 0xef]),
                soft: Colour::of([0xa8, 0xb3, 0xb8]),
                line: Colour::of([0x34, 0x3d, 0x42]),
                accent: Colour::of([0x7d, 0xb8, 0xf5]),
                accent_text: Colour::of([0x06, 0x19, 0x2c]),
                accent_soft: Colour::of([0x17, 0x29, 0x3b]),
                focus: Colour::of([0x8a, 0xb8, 0xff]),
            },
            Self::Light => Colours {
                ground: Colour::of([0xf6, 0xf7, 0xf7]),
                card: Colour::of([0xff, 0xff, 0xff]),
                text: Colour::of([0x17, 0x1c, 0x1f]),
                soft: Colour::of([0x50, 0x59, 0x5e]),
                line: Colour::of([0xd5, 0xda, 0xdd]),
                accent: Colour::of([0x0b, 0x5c, 0xad]),
                accent_text: Colour::of([0xff, 0xff, 0xff]),
                accent_soft: Colour::of([0xe4, 0xee, 0xf9]),
                focus: Colour::of([0x14, 0x56, 0xc4]),
            },
        }
    }

    /// Cards on a ground that somebody chose: a little nearer to the light.
    fn card(self, ground: Colour) -> Colour {
        match self {
            Self::Dark => ground.towards(Colour::WHITE, 12),
            Self::Light => ground.towards(Colour::WHITE, 178),
        }
    }
}

impl Colours {
    fn of(scheme: Scheme, said: &Palette) -> Self {
        let usual = scheme.usual();
        if *said == Palette::default() {
            return usual;
        }
        let (ground, card) = grounds(scheme, said);
        let text = said.text.unwrap_or(usual.text);
        let soft = mixed(text, ground, SOFTENED, |it| reads(it, ground) && reads(it, card));
        let accent = said.accent.unwrap_or(usual.accent);
        let accent_soft = mixed(card, accent, TINTED, |it| reads(accent, it) && reads(text, it));
        let on_accent = [Colour::WHITE, Colour::BLACK];
        let [white, black] = on_accent.map(|it| it.contrast(accent));
        Self {
            ground,
            card,
            text,
            soft,
            line: ground.towards(text, LINED),
            accent,
            accent_text: if white >= READ || white >= black {
                Colour::WHITE
            } else {
                Colour::BLACK
            },
            accent_soft,
            focus: accent,
        }
    }
}

/// What is behind everything, and what is behind what lies on it.
fn grounds(scheme: Scheme, said: &Palette) -> (Colour, Colour) {
    match said.background {
        Some(ground) => (ground, scheme.card(ground)),
        None => (scheme.usual().ground, scheme.usual().card),
    }
}

fn reads(one: Colour, other: Colour) -> bool {
    one.contrast(other) >= READ
}

/// As much of another colour as still holds, of so many parts at most.
fn mixed(from: Colour, with: Colour, most: u8, holds: impl Fn(Colour) -> bool) -> Colour {
    (0..=most).rev().map(|parts| from.towards(with, parts)).find(|it| holds(*it)).unwrap_or(from)
}

/// What cannot be read, if anything cannot.
fn fault(scheme: Scheme, said: &Palette) -> Option<Fault> {
    fault_of_text(scheme, said).or_else(|| fault_of_accent(scheme, said))
}

fn fault_of_text(scheme: Scheme, said: &Palette) -> Option<Fault> {
    let text = said.text.unwrap_or(scheme.usual().text);
    fault_between(scheme, said, ("text", "the text", said.text), text)
}

fn fault_of_accent(scheme: Scheme, said: &Palette) -> Option<Fault> {
    let accent = said.accent.unwrap_or(scheme.usual().accent);
    fault_between(scheme, said, ("accent", "the accent", said.accent), accent)
}

/// The fault is that of whatever was said; of both, that of what stands on the other.
fn fault_between(
    scheme: Scheme,
    said: &Palette,
    (field, name, own): (&'static str, &'static str, Option<Colour>),
    colour: Colour,
) -> Option<Fault> {
    let (ground, card) = grounds(scheme, said);
    let places = [(ground, "the background"), (card, "what lies on the background")];
    let (on, of) = places.into_iter().find(|(it, _)| !reads(colour, *it))?;
    match (own, said.background) {
        (None, Some(background)) => {
            let on_card = scheme.card(background);
            let seen = if reads(colour, background) { on_card } else { background };
            Some(Fault { field: "background", colour: seen, of: name, on: colour })
        }
        (Some(_), _) | (None, None) => Some(Fault { field, colour, of, on }),
    }
}

/// The nearest shade of what was said of a field in which it can be read, if there is one.
fn nearest(scheme: Scheme, said: &Palette, field: &str, colour: Colour) -> Option<Colour> {
    let from = if field == "background" { said.background.unwrap_or(colour) } else { colour };
    let shades = (1..=u8::MAX)
        .flat_map(|parts| [Colour::BLACK, Colour::WHITE].map(|end| from.towards(end, parts)));
    shades.into_iter().find(|shade| match field {
        "text" => fault_of_text(scheme, &Palette { text: Some(*shade), ..*said }).is_none(),
        "accent" => fault_of_accent(scheme, &Palette { accent: Some(*shade), ..*said }).is_none(),
        _ => fault(scheme, &Palette { background: Some(*shade), ..*said }).is_none(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    fn light(accent: Option<&str>, background: Option<&str>, text: Option<&str>) -> PagePalette {
        let light = Palette {
            accent: accent.map(colour),
            background: background.map(colour),
            text: text.map(colour),
        };
        PagePalette { light, dark: Palette::default() }
    }

    fn refusal(palette: &PagePalette) -> (String, String) {
        let Invalid { pointer, detail } = palette.accept().unwrap_err();
        (pointer.into(), detail.into())
    }

    /// C19: what cannot be read is refused, with what it is that would be read.
    #[test]
    fn unreadable_colours_are_refused_with_the_nearest_that_are_not() {
        for (palette, pointer, detail) in [
            (
                light(Some("#ffcc00"), None, None),
                "/light/accent",
                "has a contrast of 1.40:1 to the background, #f6f7f7, and needs 4.5:1; \
                 the nearest that has it is #8a6e00",
            ),
            (
                light(None, Some("#ffffff"), Some("#999999")),
                "/light/text",
                "has a contrast of 2.84:1 to the background, #ffffff, and needs 4.5:1; \
                 the nearest that has it is #767676",
            ),
            (
                light(None, Some("#202020"), None),
                "/light/background",
                "has a contrast of 1.05:1 to the text, #171c1f, and needs 4.5:1; \
                 the nearest that has it is #d5d5d5",
            ),
        ] {
            let (at, why) = refusal(&palette);
            assert_eq!((&*at, &*why), (pointer, detail), "{palette:?}");
        }
        let dark = Palette { background: Some(colour("#777777")), ..Palette::default() };
        let palette = PagePalette { light: Palette::default(), dark };
        assert_eq!(refusal(&palette).0, "/dark/background");
        for good in [
            light(None, None, None),
            light(Some("#0b5cad"), None, None),
            light(Some("#005f5a"), Some("#fff8f0"), Some("#2b1d0e")),
        ] {
            assert_eq!(good.accept(), Ok(()), "{good:?}");
        }
    }

    /// One colour of a company is enough: the dark has a shade of it that is read there.
    #[test]
    fn an_accent_for_the_light_is_read_in_the_dark_too() {
        let palette = light(Some("#5b1a8e"), None, None);
        assert_eq!(palette.accept(), Ok(()));
        let dark = Colours::of(Scheme::Dark, &palette.said(Scheme::Dark));
        assert_ne!(dark.accent, colour("#5b1a8e"));
        assert!(reads(dark.accent, dark.ground) && reads(dark.accent, dark.card), "{dark:?}");
        let sheet = palette.stylesheet().unwrap();
        assert!(sheet.starts_with(":root {\n  --ground: #f6f7f7;\n"), "{sheet}");
        assert!(sheet.contains(&format!("--accent: {};", dark.accent)), "{sheet}");
        assert_eq!(light(None, None, None).stylesheet(), None);
    }

    fn any_colour() -> impl Strategy<Value = Colour> {
        any::<[u8; 3]>().prop_map(Colour::of)
    }

    fn any_palette() -> impl Strategy<Value = Palette> {
        let one = || proptest::option::of(any_colour());
        (one(), one(), one()).prop_map(|(accent, background, text)| Palette {
            accent,
            background,
            text,
        })
    }

    proptest! {
        /// Of whatever is accepted every part is read where it stands, and a refusal's advice holds.
        #[test]
        fn whatever_is_accepted_is_read(light in any_palette(), dark in any_palette()) {
            let palette = PagePalette { light, dark };
            match palette.accept() {
                Ok(()) => for scheme in [Scheme::Light, Scheme::Dark] {
                    let it = Colours::of(scheme, &palette.said(scheme));
                    for (over, under) in [
                        (it.text, it.ground), (it.text, it.card), (it.text, it.accent_soft),
                        (it.soft, it.ground), (it.soft, it.card), (it.accent, it.ground),
                        (it.accent, it.card), (it.accent, it.accent_soft),
                        (it.accent_text, it.accent),
                    ] {
                        prop_assert!(reads(over, under), "{it:?} {over} {under}");
                    }
                },
                Err(Invalid { pointer, detail }) => {
                    let Some((_, advice)) = detail.rsplit_once(" has it is ") else {
                        prop_assert!(detail.ends_with("no shade of it has"), "{detail}");
                        return Ok(());
                    };
                    let (scheme, field) = pointer.trim_start_matches('/').split_once('/').unwrap();
                    let mut palette = palette;
                    let said = if scheme == "dark" { &mut palette.dark } else { &mut palette.light };
                    let place = match field {
                        "accent" => &mut said.accent,
                        "text" => &mut said.text,
                        _ => &mut said.background,
                    };
                    *place = Colour::parse(advice);
                    prop_assert!(place.is_some());
                    // What is wrong with another field is said next.
                    let next = palette.accept().err().map(|it| it.pointer);
                    prop_assert_ne!(next, Some(pointer));
                }
            }
        }
    }
}
