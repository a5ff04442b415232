//! `[[origin]]`: where files are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::document::{Bounds, Section, Value};
use super::edge::existing_file;
use super::finding::{Finding, chain};
use crate::policy::{OriginName, OriginTakes};

pub(super) const ORIGIN_KEYS: &[&str] = &[
    "name",
    "kind",
    "root",
    "symlinks",
    "url",
    "ca",
    "connect_timeout",
    "header_timeout",
    "idle_timeout",
    "max_idle",
];

const DISK_KEYS: &[&str] = &["root", "symlinks"];

const HTTP_KEYS: &[&str] =
    &["url", "ca", "connect_timeout", "header_timeout", "idle_timeout", "max_idle"];

/// Origins of one configuration: each has a pool, a breaker and a row of metrics.
pub(super) const MAX_ORIGINS: usize = 1000;

const TIMEOUT: Bounds<Duration> = Bounds {
    min: Duration::from_millis(1),
    max: Duration::from_hours(1),
    why: "an origin that never answers must not hold requests for ever",
};

const MAX_IDLE: Bounds<u64> =
    Bounds { min: 0, max: 10_000, why: "idle connections hold descriptors; 0 keeps none" };

/// One `[[origin]]`, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginEntry {
    /// The name that sites and routes use.
    pub name: OriginName,
    /// Where its objects are.
    pub kind: OriginKind,
}

/// The kinds of origins of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginKind {
    /// A folder.
    Disk {
        /// The folder; there when the configuration was read.
        root: PathBuf,
        /// What symbolic links in it may do.
        symlinks: Symlinks,
    },
    /// An HTTP server.
    Http {
        /// `http` or `https`, host and perhaps port; no path, no query.
        url: http::Uri,
        /// Certificate authorities to trust instead of the system's, a PEM file.
        ca: Option<PathBuf>,
        /// Until a connection stands.
        connect_timeout: Duration,
        /// From the request to the end of the answer's headers.
        header_timeout: Duration,
        /// Without progress within a body; also how long a connection is kept for reuse.
        idle_timeout: Duration,
        /// Connections kept for reuse.
        max_idle: usize,
    },
}

/// What symbolic links below a root may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symlinks {
    /// Lead elsewhere below the root.
    Beneath,
    /// Nothing: a path with one is not there.
    Refuse,
}

/// The origins, and the names that were declared, also where the rest is wrong.
#[derive(Debug, Default)]
pub(super) struct Origins {
    pub(super) entries: Vec<OriginEntry>,
    declared: HashMap<OriginName, OriginTakes>,
}

impl Origins {
    pub(super) fn read(value: Value<'_>) -> Self {
        let mut origins = Self::default();
        for item in value.items(MAX_ORIGINS).into_iter().flatten() {
            if let Some(section) = item.section("[[origin]]", ORIGIN_KEYS) {
                origins.add(section);
            }
        }
        origins
    }

    fn add(&mut self, section: Section<'_>) {
        let name_value = section.required("name", "sites and routes refer to it");
        let name = name_value.and_then(|it| it.name(64)).map(OriginName::new);
        let kinds = [("disk", OriginTakes::Keys), ("http", OriginTakes::Targets)];
        let help = "kind = \"disk\" for a folder, \"http\" for a server";
        let takes = section.required("kind", help).and_then(|it| it.one_of(&kinds));
        if let (Some(value), Some(name)) = (name_value, &name) {
            // A wrong kind is said already; the name still exists for those that refer to it.
            let takes = takes.unwrap_or(OriginTakes::Keys);
            if self.declared.insert(name.clone(), takes).is_some() {
                value.report(Finding::error(format!("there are two origins named \"{name}\"")));
            }
        }
        let kind = match takes {
            Some(OriginTakes::Keys) => disk(section),
            Some(OriginTakes::Targets) => http(section),
            None => None,
        };
        if let (Some(name), Some(kind)) = (name, kind) {
            self.entries.push(OriginEntry { name, kind });
        }
    }

    /// The origin a value names.
    pub(super) fn named(&self, value: Value<'_>) -> Option<(OriginName, OriginTakes)> {
        let name = OriginName::new(value.text()?);
        if let Some(takes) = self.declared.get(&name) {
            return Some((name, *takes));
        }
        let mut names: Vec<_> = self.declared.keys().map(OriginName::as_str).collect();
        names.sort_unstable();
        let help = if names.is_empty() {
            "declare one with [[origin]]".to_owned()
        } else {
            names.truncate(20);
            format!("the origins here are {}", names.join(", "))
        };
        value.refuse(Finding::absent("there is no such origin").help(help))
    }
}

fn disk(section: Section<'_>) -> Option<OriginKind> {
    refuse_keys(section, HTTP_KEYS, "disk");
    let links = [("refuse", Symlinks::Refuse), ("beneath", Symlinks::Beneath)];
    let symlinks = section.value("symlinks").map_or(Some(Symlinks::Refuse), |it| it.one_of(&links));
    let value = section.required("root", "a disk origin has a folder: root = \"media\"")?;
    let root = value.path()?;
    if let Err(reason) = value.document.reading.surroundings.probe_folder(&root) {
        return value.refuse(
            Finding::error(format!("cannot use the folder {}", root.display()))
                .label(chain(&reason)),
        );
    }
    Some(OriginKind::Disk { root, symlinks: symlinks? })
}

fn http(section: Section<'_>) -> Option<OriginKind> {
    refuse_keys(section, DISK_KEYS, "http");
    let duration = |key, standard| {
        section
            .value(key)
            .and_then(|it| it.duration(TIMEOUT))
            .unwrap_or(Duration::from_secs(standard))
    };
    let (connect_timeout, header_timeout, idle_timeout) = (
        duration("connect_timeout", 2),
        duration("header_timeout", 10),
        duration("idle_timeout", 30),
    );
    let max_idle = section.value("max_idle").and_then(|it| it.count(MAX_IDLE)).unwrap_or(32);
    let url = section
        .required("url", "an http origin has a server: url = \"http://10.0.0.7:9000\"")
        .and_then(origin_url);
    let ca = section.value("ca");
    if let (Some(ca), Some(url)) = (ca, &url)
        && url.scheme_str() == Some("http")
    {
        ca.report(
            Finding::error("`ca` has no meaning without TLS")
                .help("write the url with https, or take `ca` out"),
        );
    }
    let ca = ca.map(existing_file);
    Some(OriginKind::Http {
        url: url?,
        ca: ca.flatten(),
        connect_timeout,
        header_timeout,
        idle_timeout,
        max_idle,
    })
}

/// What was authorised is what the origin gets, so nothing may stand before or after it.
fn origin_url(value: Value<'_>) -> Option<http::Uri> {
    let text = value.text()?;
    let help = "for example \"http://10.0.0.7:9000\" or \"https://files.internal\"; the path of a \
                request follows exactly as it was authorised";
    let refuse = |label: &str| {
        value.refuse(Finding::error("`url` must be scheme, host and port").label(label).help(help))
    };
    let Ok(url) = text.parse::<http::Uri>() else { return refuse("not a URL") };
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return refuse("the scheme must be http or https");
    }
    if url.authority().is_none_or(|it| it.as_str().contains('@') || it.host().is_empty()) {
        return refuse("a host, without a user or password");
    }
    if url.path() != "/" || url.query().is_some() || text.contains('#') {
        return refuse("without a path or query");
    }
    Some(url)
}

fn refuse_keys(section: Section<'_>, keys: &[&'static str], kind: &str) {
    for value in keys.iter().filter_map(|key| section.value(key)) {
        value.report(Finding::error(format!(
            "`{}` has no meaning for an origin of kind \"{kind}\"",
            value.key
        )));
    }
}
