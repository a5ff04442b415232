//! The pages of a tenant's settings.

use super::shell::{Here, InTenant, Way};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Mail,
    Sharing,
    Webhooks,
}

impl Setting {
    const ALL: [Self; 3] = [Self::Sharing, Self::Mail, Self::Webhooks];

    fn label(self) -> &'static str {
        match self {
            Self::Mail => "Mail",
            Self::Sharing => "Sharing pages",
            Self::Webhooks => "Webhooks",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Mail => "settings/mail",
            Self::Sharing => "settings/sharing",
            Self::Webhooks => "settings/webhooks",
        }
    }
}

/// The ways to all of them.
pub(super) fn tabs(at: &InTenant, here: Setting) -> Vec<Way> {
    let way = |it: Setting| Way {
        label: it.label(),
        path: at.path(it.path()),
        here: Here::when(it == here),
    };
    Setting::ALL.into_iter().map(way).collect()
}
