//! Settings of a tenant's sharing pages: what they look like, what they say under every share, and what
//! shares may be (requirements C19 to C21).

use serde::{Deserialize, Serialize};

use super::{Colour, ShareDownloads};
use crate::asset::{TenantId, wire_names};

/// What is set for a tenant's shares. Where nobody set anything, it is of revision 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharingSettings {
    /// Whose.
    pub tenant: TenantId,
    /// What can be said about them.
    #[serde(flatten)]
    pub draft: SharingDraft,
    /// The logo, if there is one.
    pub logo: Option<SharingLogo>,
    /// Counts their changes, from 1.
    pub revision: u64,
}

/// What can be said about sharing pages. As JSON it is what is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharingDraft {
    /// What the company is called; perhaps nothing.
    pub company: Box<str>,
    /// Where its privacy policy is (C20).
    pub privacy_url: Option<Box<str>>,
    /// What is to be accepted first where a share says nothing else.
    pub terms: Option<Box<str>>,
    /// What stands under every page; perhaps nothing.
    pub footer: Box<str>,
    /// What stands under it on sites for China (an ICP number, G27); perhaps nothing.
    pub china_footer: Box<str>,
    /// Colours of pages in the light.
    pub light: Palette,
    /// Colours of pages in the dark.
    pub dark: Palette,
    /// What shares may be.
    pub policy: SharePolicy,
}

/// The colours of pages: what is none is as ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Palette {
    /// Of what is pressed and followed. In the dark, where none is said, it is made of that in the light.
    pub accent: Option<Colour>,
    /// Behind everything.
    pub background: Option<Colour>,
    /// Of what is read.
    pub text: Option<Colour>,
}

/// A logo. Its bytes were written here, whatever they were made of, as PNG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharingLogo {
    /// The first half of the SHA-256 of its bytes, as hex.
    pub digest: Box<str>,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

wire_names! {
    /// Do shares need a password?
    PasswordRule {
        /// Each as its sharer says.
        Optional = "optional",
        /// Every one.
        Required = "required",
    }
}

/// What shares may be, and what they are where their sharer says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharePolicy {
    /// Days after which one ends where nobody says when; none: never.
    pub default_days: Option<u16>,
    /// Fewest days for which one is made; none: any.
    pub least_days: Option<u16>,
    /// Most days that one is open, from when that is said; none: any, and for ever.
    pub most_days: Option<u16>,
    /// Do they need a password?
    pub password: PasswordRule,
    /// May contents be saved where nobody says? None: as is usual where it is made.
    pub download: Option<ShareDownloads>,
}

impl Default for SharePolicy {
    /// What is so where nobody set anything.
    fn default() -> Self {
        Self {
            default_days: Some(30),
            least_days: None,
            most_days: None,
            password: PasswordRule::Optional,
            download: None,
        }
    }
}
