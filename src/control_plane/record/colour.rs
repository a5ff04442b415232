//! Colours, and how well one is seen on another.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An opaque colour of sRGB. As text, `#` and six hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);

    /// The colour of those channels: red, green and blue.
    pub const fn of(channels: [u8; 3]) -> Self {
        Self(channels)
    }

    /// The colour of that text, in either case of letters.
    pub fn parse(text: &str) -> Option<Self> {
        let mut channels = [0; 3];
        hex::decode_to_slice(text.strip_prefix('#')?, &mut channels).ok()?;
        Some(Self(channels))
    }

    /// So many of 255 parts of the way to another colour.
    #[must_use]
    pub fn towards(self, other: Self, parts: u8) -> Self {
        let (all, parts) = (u32::from(u8::MAX), u32::from(parts));
        let mut channels = self.0;
        for (own, their) in channels.iter_mut().zip(other.0) {
            let mixed = u32::from(*own) * (all - parts) + u32::from(their) * parts;
            *own = u8::try_from((mixed + all / 2) / all).unwrap_or(u8::MAX);
        }
        Self(channels)
    }

    /// How well one is seen on the other, from 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no colour such as #0b5cad"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    /// Ratios as other programs say them.
    #[test]
    fn contrast_is_that_of_the_guidelines() {
        for (one, other, expected) in [
            ("#000000", "#ffffff", "21.00"),
            ("#777777", "#ffffff", "4.48"),
            ("#767676", "#FFFFFF", "4.54"),
            ("#0b5cad", "#f6f7f7", "6.21"),
            ("#ff0000", "#00ff00", "2.91"),
            ("#123456", "#123456", "1.00"),
        ] {
            let (one, other) = (colour(one), colour(other));
            assert_eq!(format!("{:.2}", one.contrast(other)), expected, "{one} {other}");
            assert_eq!(format!("{:.2}", other.contrast(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(colour("#0B5cAd").to_string(), "#0b5cad");
        for text in ["", "#", "0b5cad", "#0b5ca", "#0b5cadf", "#0b5cag", "red", "#fff", "#+1+1+1"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
        let half = Colour::BLACK.towards(Colour::WHITE, 128);
        assert_eq!(half.to_string(), "#808080");
        assert_eq!(half.towards(Colour::WHITE, 0), half);
        assert_eq!(half.towards(Colour::WHITE, 255), Colour::WHITE);
        let json = serde_json::to_string(&half).unwrap();
        assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), half);
    }
}
