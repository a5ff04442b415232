//! What is typed into the settings of sharing pages, and what that says.

use super::form::Posted;
use super::query::{Query, address, number};
use super::shell::Here;
use crate::control_plane::record::{
    Colour, Palette, PasswordRule, ShareDownloads, SharePolicy, SharingDraft, SharingSettings,
};

/// The fields of colours, with what they are called: in the light, then in the dark.
const COLOURS: [(&str, &str); 6] = [
    ("light_accent", "Accent, in the light"),
    ("light_background", "Background, in the light"),
    ("light_text", "Text, in the light"),
    ("dark_accent", "Accent, in the dark"),
    ("dark_background", "Background, in the dark"),
    ("dark_text", "Text, in the dark"),
];

/// What was typed: kept, so that neither a look nor a refusal loses anything of it.
pub(super) struct Typed {
    pub(super) company: String,
    pub(super) privacy_url: String,
    pub(super) footer: String,
    pub(super) china_footer: String,
    pub(super) terms: String,
    pub(super) colours: [TypedColour; 6],
    pub(super) default_days: String,
    pub(super) least_days: String,
    pub(super) most_days: String,
    pub(super) password: Here,
    /// `yes`, `no`, or nothing.
    pub(super) download: String,
    pub(super) revision: String,
}

/// A colour as it was typed; nothing where it is as ever.
pub(super) struct TypedColour {
    pub(super) field: &'static str,
    pub(super) label: &'static str,
    pub(super) text: String,
}

impl Typed {
    pub(super) fn of_settings(settings: &SharingSettings) -> Self {
        let draft = &settings.draft;
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        let days = |days: Option<u16>| days.map(|it| it.to_string()).unwrap_or_default();
        let SharePolicy { default_days, least_days, most_days, password, download } = draft.policy;
        let said = [draft.light, draft.dark]
            .map(|Palette { accent, background, text }| [accent, background, text]);
        let mut said = said.into_iter().flatten();
        Self {
            company: draft.company.to_string(),
            privacy_url: text(&draft.privacy_url),
            footer: draft.footer.to_string(),
            china_footer: draft.china_footer.to_string(),
            terms: text(&draft.terms),
            colours: COLOURS.map(|(field, label)| {
                let colour = said.next().flatten();
                let text = colour.map(|it| it.to_string()).unwrap_or_default();
                TypedColour { field, label, text }
            }),
            default_days: days(default_days),
            least_days: days(least_days),
            most_days: days(most_days),
            password: Here::when(password == PasswordRule::Required),
            download: match download {
                Some(ShareDownloads::Allowed) => "yes".to_owned(),
                Some(ShareDownloads::Refused) => "no".to_owned(),
                None => String::new(),
            },
            revision: settings.revision.to_string(),
        }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name| posted.text(name).to_owned();
        let prose = |name| posted.text(name).replace("\r\n", "\n");
        Self {
            company: text("company"),
            privacy_url: text("privacy_url"),
            footer: prose("footer"),
            china_footer: prose("china_footer"),
            terms: prose("terms"),
            colours: COLOURS.map(|(field, label)| TypedColour { field, label, text: text(field) }),
            default_days: text("default_days"),
            least_days: text("least_days"),
            most_days: text("most_days"),
            password: Here::when(!posted.text("password").is_empty()),
            download: text("download"),
            revision: text("revision"),
        }
    }

    /// What is to be said, or what is wrong with it.
    pub(super) fn draft(&self) -> Result<SharingDraft, String> {
        let said = |text: &str| Some(text).filter(|it| !it.is_empty()).map(Box::from);
        let (light, dark) = self.palettes()?;
        Ok(SharingDraft {
            company: self.company.as_str().into(),
            privacy_url: said(&self.privacy_url),
            terms: said(&self.terms),
            footer: self.footer.as_str().into(),
            china_footer: self.china_footer.as_str().into(),
            light,
            dark,
            policy: SharePolicy {
                default_days: days(&self.default_days)?,
                least_days: days(&self.least_days)?,
                most_days: days(&self.most_days)?,
                password: match self.password {
                    Here::Yes => PasswordRule::Required,
                    Here::No => PasswordRule::Optional,
                },
                download: match &*self.download {
                    "yes" => Some(ShareDownloads::Allowed),
                    "no" => Some(ShareDownloads::Refused),
                    _ => None,
                },
            },
        })
    }

    fn palettes(&self) -> Result<(Palette, Palette), String> {
        let mut colours = [None; 6];
        for (place, typed) in colours.iter_mut().zip(&self.colours) {
            if !typed.text.is_empty() {
                let colour = Colour::parse(&typed.text);
                let wrong = || format!("{} is no colour such as #0b5cad.", typed.label);
                *place = Some(colour.ok_or_else(wrong)?);
            }
        }
        Ok(paired(colours))
    }

    /// Where the stylesheet is that shows these colours.
    pub(super) fn preview(&self, path: &str) -> String {
        let asked: Vec<_> = self.colours.iter().map(|it| (it.field, &*it.text)).collect();
        address(path, &asked)
    }
}

/// The colours that a query names; what is none is as ever.
pub(super) fn asked(query: &Query) -> SharingDraft {
    let (light, dark) = paired(COLOURS.map(|(field, _)| Colour::parse(query.text(field))));
    SharingDraft { light, dark, ..SharingDraft::default() }
}

fn paired(colours: [Option<Colour>; 6]) -> (Palette, Palette) {
    let [accent, background, text, dark_accent, dark_background, dark_text] = colours;
    let light = Palette { accent, background, text };
    let dark = Palette { accent: dark_accent, background: dark_background, text: dark_text };
    (light, dark)
}

fn days(text: &str) -> Result<Option<u16>, String> {
    match text {
        "" => Ok(None),
        text => match number(text).and_then(|days| u16::try_from(days).ok()) {
            Some(days) => Ok(Some(days)),
            None => Err("Days are a whole number, or nothing.".to_owned()),
        },
    }
}
