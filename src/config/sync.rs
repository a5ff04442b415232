//! `[edge.sync]`: which control planes an edge follows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::document::{Bounds, Section, Value};
use super::edge::existing_file;
use super::finding::Finding;
use super::secret_source::{line, secret};
use crate::data_plane::{ControlUrl, SyncConfig};
use crate::secret::Secret;

pub(super) const SYNC_KEYS: &[&str] = &["urls", "token", "ca", "state", "max_age"];

/// Control planes of one edge.
const MOST_URLS: usize = 16;

/// Beside the configuration.
const STATE: &str = "edge-state";

const MAX_AGE: Duration = Duration::from_hours(24);

const AGE: Bounds<Duration> = Bounds {
    min: Duration::from_secs(1),
    max: Duration::from_hours(24 * 3660),
    why: "how long private files are served without news from a control plane",
};

/// None where something is wrong with it.
pub(super) fn sync(section: Section<'_>) -> Option<SyncConfig> {
    let help = "the control planes to follow: urls = [\"https://control-1.internal:8081\"]";
    let urls = section.required("urls", help).and_then(urls);
    let token = section.required("token", "token = { file = \"edge.token\" }").and_then(token);
    let ca = section.value("ca").map(existing_file);
    let state = section.value("state").map(|it| it.path());
    let max_age = section.value("max_age").map(|it| it.duration(AGE));
    let beside = section.document.file.path().parent().unwrap_or(Path::new(""));
    Some(SyncConfig {
        urls: urls?,
        token: Arc::new(token?),
        ca: ca.map_or(Some(None), |ca| ca.map(Some))?,
        state: state.unwrap_or_else(|| Some(beside.join(STATE)))?,
        max_age: max_age.unwrap_or(Some(MAX_AGE))?,
    })
}

fn urls(value: Value<'_>) -> Option<Vec<ControlUrl>> {
    if value.is_empty_list() {
        return value.refuse(Finding::error("an edge follows at least one control plane"));
    }
    let read = |item: Value<'_>| match ControlUrl::parse(item.text()?) {
        Ok(url) => Some(url),
        Err(rejection) => item.refuse(Finding::error(rejection.to_string())),
    };
    value.items(MOST_URLS)?.map(read).collect()
}

fn token(value: Value<'_>) -> Option<Secret<String>> {
    let named = secret(value, "the token")?;
    let text = String::from_utf8(line(&named.content).expose().trim_ascii().to_vec());
    match text {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Some(Secret::new(text)),
        Ok(_) | Err(_) => {
            named.named_by.refuse(Finding::error("the token has characters that no token has"))
        }
    }
}
