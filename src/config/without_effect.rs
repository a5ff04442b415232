//! Sections of the contract that this version reads and does not act on.
//!
//! They are read strictly, so that a configuration written for a later version is right or wrong
//! today, and each is pointed out, so that nobody believes it is in force.

use std::time::Duration;

use super::document::{Bounds, Section, Value};
use super::finding::Finding;
use super::secret_source::secret_form;

pub(super) const SYNC_KEYS: &[&str] = &["urls", "token", "ca", "state", "max_age"];

const AGE: Bounds<Duration> = Bounds {
    min: Duration::from_secs(1),
    max: Duration::from_hours(24 * 3660),
    why: "how long private files are served without news from a control plane",
};

fn warn(section: Section<'_>, name: &str) {
    section.report(Finding::warning(format!("{name} has no effect in this version")));
}

/// `[edge.sync]`
pub(super) fn sync(section: Section<'_>) {
    warn(section, "[edge.sync]");
    let urls = section.required("urls", "the control planes to follow");
    for url in urls.and_then(|it| it.items(16)).into_iter().flatten() {
        https(url);
    }
    if let Some(token) = section.required("token", "token = { file = \"edge.token\" }") {
        secret_form(token, "the token");
    }
    for value in ["ca", "state"].into_iter().filter_map(|key| section.value(key)) {
        value.path();
    }
    section.value("max_age").map(|it| it.duration(AGE));
}

fn https(value: Value<'_>) {
    let Some(text) = value.text() else { return };
    if text.parse::<http::Uri>().ok().and_then(|it| Some(it.scheme_str()? == "https")) != Some(true)
    {
        value.report(Finding::error("a control plane is followed over https only"));
    }
}
