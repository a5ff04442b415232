//! What is typed into the form of a share, and what that says (requirements C11 to C17, G8, G24).

use super::form::Posted;
use super::query::number;
use super::shell::Here;
use super::spelling::Instant;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    PasswordRule, RecipientDraft, Share, ShareDelivery, ShareDownloads, ShareDraft,
    ShareInformation, ShareLogo, ShareNotices, SharePolicy, SharingDraft,
};
use crate::control_plane::service::{ShareExpiry, SharePassword};

/// Days that are offered as a share's end.
const PRESETS: [u16; 4] = [1, 7, 30, 90];

/// What the tenant's settings let a share be.
pub(super) struct Limits {
    /// Days that are offered as its end.
    pub(super) presets: Vec<u16>,
    pub(super) may_be_endless: Here,
    /// The days between which it ends, such as `2030-01-31`, where there are such.
    pub(super) first_day: Option<String>,
    pub(super) last_day: Option<String>,
    pub(super) password: PasswordRule,
    /// Can a share be delivered in China?
    pub(super) china: Here,
    most_days: Option<u16>,
}

impl Limits {
    /// Those of one that is made.
    pub(super) fn of_new(policy: &SharePolicy, now: UnixSeconds, china: Here) -> Self {
        let SharePolicy { default_days, least_days, most_days, password, download: _ } = *policy;
        let fits = |days: &u16| {
            least_days.is_none_or(|least| *days >= least)
                && most_days.is_none_or(|most| *days <= most)
        };
        let mut presets: Vec<u16> = PRESETS.into_iter().chain(default_days).filter(fits).collect();
        presets.sort_unstable();
        presets.dedup();
        Self {
            presets,
            may_be_endless: Here::when(most_days.is_none()),
            first_day: least_days.map(|days| day_after(days, now)),
            last_day: most_days.map(|days| day_after(days, now)),
            password,
            china,
            most_days,
        }
    }

    /// Those of one that is changed: its end may come at any time.
    pub(super) fn of_old(policy: &SharePolicy, now: UnixSeconds, china: Here) -> Self {
        let policy = SharePolicy { least_days: None, ..*policy };
        Self { first_day: None, ..Self::of_new(&policy, now, china) }
    }

    /// The same in words, where there are any.
    pub(super) fn told(&self) -> Option<String> {
        let most = self.most_days?;
        Some(format!("A share is open for {most} days at most, as the settings say."))
    }

    pub(super) fn needs_password(&self) -> bool {
        self.password == PasswordRule::Required
    }
}

fn day_after(days: u16, now: UnixSeconds) -> String {
    let at = Instant(now.plus(u64::from(days) * 24 * 3_600)).machine();
    at.get(.."2030-01-31".len()).unwrap_or_default().to_owned()
}

/// Languages that pages of shares speak, with what each calls itself.
pub(super) const LANGUAGES: [(&str, &str); 7] = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("it", "Italiano"),
    ("fr", "Français"),
    ("es", "Español"),
    ("zh", "简体中文"),
    ("ar", "العربية"),
];

/// When whoever made a share may be told of visitors.
pub(super) const NOTICES: [(ShareNotices, &str); 4] = [
    (ShareNotices::Off, "never"),
    (ShareNotices::First, "at the first visit"),
    (ShareNotices::Every, "at every visit"),
    (ShareNotices::Daily, "once a day"),
];

/// What was typed into the form: kept, so that a refusal loses nothing of it but passwords.
pub(super) struct Typed {
    pub(super) title: String,
    pub(super) message: String,
    /// How its end is said: a number of days, `date`, `never` or `kept`.
    pub(super) ends: String,
    pub(super) date: String,
    /// Minutes that the sender's clock is ahead of UTC.
    pub(super) offset: String,
    password: String,
    pub(super) password_change: String,
    pub(super) download: Here,
    pub(super) limit: String,
    pub(super) terms: String,
    pub(super) complete: Here,
    pub(super) language: String,
    pub(super) context: String,
    pub(super) china: Here,
    pub(super) notices: String,
    pub(super) mailed: Here,
    pub(super) recipients: String,
    pub(super) below: Here,
    pub(super) skip: Here,
    pub(super) revision: String,
}

impl Typed {
    /// What the form of a new one begins with.
    pub(super) fn usual(title: String, settings: &SharingDraft) -> Self {
        let policy = &settings.policy;
        Self {
            ends: policy.default_days.map_or("never".to_owned(), |days| days.to_string()),
            download: Here::when(policy.download != Some(ShareDownloads::Refused)),
            terms: settings.terms.as_deref().unwrap_or_default().to_owned(),
            ..Self::empty(title)
        }
    }

    fn empty(title: String) -> Self {
        Self {
            title,
            message: String::new(),
            ends: String::new(),
            date: String::new(),
            offset: String::new(),
            password: String::new(),
            password_change: String::new(),
            download: Here::Yes,
            limit: String::new(),
            terms: String::new(),
            complete: Here::No,
            language: String::new(),
            context: String::new(),
            china: Here::No,
            notices: ShareNotices::Off.to_string(),
            mailed: Here::No,
            recipients: String::new(),
            below: Here::Yes,
            skip: Here::No,
            revision: String::new(),
        }
    }

    pub(super) fn of_share(share: &Share) -> Self {
        let draft = &share.draft;
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        Self {
            message: draft.message.to_string(),
            ends: "kept".to_owned(),
            download: Here::when(draft.download == ShareDownloads::Allowed),
            limit: draft.download_limit.map(|it| it.to_string()).unwrap_or_default(),
            terms: text(&draft.terms),
            complete: Here::when(draft.information == ShareInformation::Complete),
            language: text(&draft.language),
            context: text(&draft.context),
            china: Here::when(draft.delivery == ShareDelivery::China),
            notices: draft.notices.to_string(),
            revision: share.revision.to_string(),
            ..Self::empty(draft.title.to_string())
        }
    }

    /// What the form of a new one like that begins with: its password and its recipients stay its own.
    pub(super) fn like(share: &Share, settings: &SharingDraft) -> Self {
        let (ends, revision) = (Self::usual(String::new(), settings).ends, String::new());
        Self { ends, revision, ..Self::of_share(share) }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name| posted.text(name).to_owned();
        let ticked = |name| Here::when(!posted.text(name).is_empty());
        Self {
            title: text("title"),
            message: posted.text("message").replace("\r\n", "\n"),
            ends: text("ends"),
            date: text("date"),
            offset: text("offset"),
            password: posted.raw("password").to_owned(),
            password_change: text("password_change"),
            download: ticked("download"),
            limit: text("limit"),
            terms: posted.text("terms").replace("\r\n", "\n"),
            complete: ticked("complete"),
            language: text("language"),
            context: text("context"),
            china: ticked("china"),
            notices: text("notices"),
            mailed: ticked("mailed"),
            recipients: posted.text("recipients").replace("\r\n", "\n"),
            below: ticked("below"),
            skip: ticked("skip"),
            revision: text("revision"),
        }
    }

    /// The password that was typed, if one was.
    pub(super) fn password(&self) -> Option<SharePassword> {
        Some(&*self.password).filter(|it| !it.is_empty()).map(SharePassword::typed)
    }

    /// What is said of a share, or what is wrong with it.
    pub(super) fn draft(&self, logo: ShareLogo) -> Result<ShareDraft, String> {
        let said = |text: &str| Some(text).filter(|it| !it.is_empty()).map(Box::from);
        let limit = match &*self.limit {
            "" => None,
            text => Some(text.parse().map_err(
                |_| "The limit of downloads is a whole number of at least 1, or nothing.",
            )?),
        };
        Ok(ShareDraft {
            title: self.title.as_str().into(),
            message: self.message.as_str().into(),
            context: said(&self.context),
            delivery: match self.china {
                Here::Yes => ShareDelivery::China,
                Here::No => ShareDelivery::Standard,
            },
            information: match self.complete {
                Here::Yes => ShareInformation::Complete,
                Here::No => ShareInformation::Minimum,
            },
            download: match self.download {
                Here::Yes => ShareDownloads::Allowed,
                Here::No => ShareDownloads::Refused,
            },
            download_limit: limit,
            terms: said(&self.terms),
            language: said(&self.language),
            logo,
            notices: match &*self.notices {
                "" => ShareNotices::Off,
                name => ShareNotices::from_wire_name(name)
                    .ok_or("Choose when you are told of visitors.")?,
            },
        })
    }

    /// When it ends; none: as it does now.
    pub(super) fn expiry(&self) -> Result<Option<ShareExpiry>, String> {
        match &*self.ends {
            "kept" => Ok(None),
            "never" => Ok(Some(ShareExpiry::Never)),
            "now" => Ok(Some(ShareExpiry::Now)),
            "date" => {
                let end = ShareExpiry::end_of_day(&self.date, self.minutes()?);
                end.map(Some).ok_or_else(|| "Choose the last day, such as 2030-01-31.".to_owned())
            }
            days => {
                let days = number(days).and_then(|days| u16::try_from(days).ok());
                days.map(|days| Some(ShareExpiry::Days(days)))
                    .ok_or_else(|| "Choose when the share ends.".to_owned())
            }
        }
    }

    /// Who is to have an address of their own: one a line, perhaps with a mail address behind a comma,
    /// and with the last day of it behind another.
    pub(super) fn recipient_drafts(&self) -> Result<Vec<RecipientDraft>, String> {
        let lines = self.recipients.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| self.recipient_draft(line)).collect()
    }

    fn recipient_draft(&self, line: &str) -> Result<RecipientDraft, String> {
        let is_day = |text: &str| text.trim().starts_with(|it: char| it.is_ascii_digit());
        let (line, day) = match line.rsplit_once(',') {
            Some((rest, day)) if is_day(day) => (rest.trim(), Some(day.trim())),
            Some(_) | None => (line, None),
        };
        let expires_at = match day {
            None => None,
            Some(day) => Some(self.last_second(day)?),
        };
        let (name, email) = match line.rsplit_once(',') {
            Some((name, email)) if email.contains('@') => (name.trim(), Some(email.trim().into())),
            Some(_) | None => (line, None),
        };
        Ok(RecipientDraft { name: name.into(), email, expires_at })
    }

    /// When a recipient's last day ends.
    pub(super) fn last_second(&self, day: &str) -> Result<UnixSeconds, String> {
        match ShareExpiry::end_of_day(day, self.minutes()?) {
            Some(ShareExpiry::At(end)) => Ok(end),
            Some(ShareExpiry::Days(_) | ShareExpiry::Never | ShareExpiry::Now) | None => {
                Err(format!("A recipient's last day is one such as 2030-01-31, not {day}."))
            }
        }
    }

    /// How far the sender's clock is ahead of UTC.
    fn minutes(&self) -> Result<i32, String> {
        match &*self.offset {
            "" => Ok(0),
            text => text.parse().map_err(|_| "The time zone is none.".to_owned()),
        }
    }
}
