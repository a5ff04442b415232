//! `[[origin]]`: where files are.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderName;

use super::cache::Said;
use super::document::{Bounds, Section, Value};
use super::edge::existing_file;
use super::finding::{Finding, chain};
use super::object_stores::{azure, s3};
use crate::origin::{
    Config, Direction, DiskConfig, Forwarding, HttpConfig, Kind, ResponseHeaders, Symlinks,
    UpstreamUrl, UpstreamUrlRejection, may_travel,
};
use crate::policy::{CacheRules, OriginName, OriginTakes};

pub(super) const ORIGIN_KEYS: &[&str] = &[
    "name",
    "kind",
    "root",
    "symlinks",
    "url",
    "bucket",
    "region",
    "addressing",
    "account",
    "container",
    "endpoint",
    "prefix",
    "credentials",
    "ca",
    "connect_timeout",
    "header_timeout",
    "idle_timeout",
    "max_idle",
    "forward_request_headers",
    "forward_response_headers",
];

/// The kinds of origins, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OriginKind {
    Azure,
    Disk,
    Http,
    S3,
}

const KINDS: [(&str, OriginKind); 4] = [
    ("disk", OriginKind::Disk),
    ("http", OriginKind::Http),
    ("s3", OriginKind::S3),
    ("azure", OriginKind::Azure),
];

impl OriginKind {
    /// What it is asked with.
    pub(super) const fn takes(self) -> OriginTakes {
        match self {
            Self::Azure | Self::Disk | Self::S3 => OriginTakes::Keys,
            Self::Http => OriginTakes::Targets,
        }
    }

    /// The name, and the keys that have a meaning beside `name` and `kind`.
    const fn keys(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Azure => (
                "azure",
                &[
                    "account",
                    "container",
                    "endpoint",
                    "prefix",
                    "credentials",
                    "ca",
                    "connect_timeout",
                    "header_timeout",
                    "idle_timeout",
                    "max_idle",
                ],
            ),
            Self::Disk => ("disk", &["root", "symlinks"]),
            Self::Http => (
                "http",
                &[
                    "url",
                    "ca",
                    "connect_timeout",
                    "header_timeout",
                    "idle_timeout",
                    "max_idle",
                    "forward_request_headers",
                    "forward_response_headers",
                ],
            ),
            Self::S3 => (
                "s3",
                &[
                    "bucket",
                    "region",
                    "addressing",
                    "endpoint",
                    "prefix",
                    "credentials",
                    "ca",
                    "connect_timeout",
                    "header_timeout",
                    "idle_timeout",
                    "max_idle",
                ],
            ),
        }
    }
}

/// Headers that travel between one origin and its clients, each way.
const MAX_FORWARDED: usize = 64;

/// Origins of one configuration: each has a pool, a breaker and a row of metrics.
pub(super) const MAX_ORIGINS: usize = 1000;

const TIMEOUT: Bounds<Duration> = Bounds {
    min: Duration::from_millis(1),
    max: Duration::from_hours(1),
    why: "an origin that never answers must not hold requests for ever",
};

const MAX_IDLE: Bounds<u64> =
    Bounds { min: 0, max: 10_000, why: "idle connections hold descriptors; 0 keeps none" };

/// The origins, and the names that were declared, also where the rest is wrong.
#[derive(Debug, Default)]
pub(super) struct Origins {
    pub(super) entries: Vec<Config>,
    declared: HashMap<OriginName, OriginKind>,
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
        let help =
            "kind = \"disk\" for a folder, \"http\" for a server, \"s3\" or \"azure\" for a bucket";
        let kind = section.required("kind", help).and_then(|it| it.one_of(&KINDS));
        if let (Some(value), Some(name)) = (name_value, &name) {
            // A wrong kind is said already; the name still exists for those that refer to it.
            let kind = kind.unwrap_or(OriginKind::Disk);
            if self.declared.insert(name.clone(), kind).is_some() {
                value.report(Finding::error(format!("there are two origins named \"{name}\"")));
            }
        }
        let kind = kind.and_then(|kind| {
            refuse_keys(section, kind);
            match kind {
                OriginKind::Azure => azure(section, Deadlines::read(section)),
                OriginKind::Disk => disk(section),
                OriginKind::Http => http(section),
                OriginKind::S3 => s3(section, Deadlines::read(section)),
            }
        });
        if let (Some(name), Some(kind)) = (name, kind) {
            self.entries.push(Config { name: name.as_str().into(), kind });
        }
    }

    /// All that were declared, and whether answers of each are kept where this is said of them.
    pub(super) fn all(&self, cache: Said) -> impl Iterator<Item = (OriginName, CacheRules)> {
        self.declared.iter().map(move |(name, kind)| (name.clone(), cache.rules(*kind)))
    }

    /// The origin a value names.
    pub(super) fn named(&self, value: Value<'_>) -> Option<(OriginName, OriginKind)> {
        let name = OriginName::new(value.text()?);
        if let Some(kind) = self.declared.get(&name) {
            return Some((name, *kind));
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

fn disk(section: Section<'_>) -> Option<Kind> {
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
    Some(Kind::Disk(DiskConfig { root, symlinks: symlinks? }))
}

fn http(section: Section<'_>) -> Option<Kind> {
    let deadlines = Deadlines::read(section);
    let url =
        section.required("url", "an http origin has a server: url = \"http://10.0.0.7:9000\"");
    let ca = section.value("ca");
    let plain = |it: Value<'_>| {
        let scheme = it.text().and_then(|text| text.get(..5));
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
    };
    if let (Some(ca), Some(url)) = (ca, url)
        && url.is_text()
        && plain(url)
    {
        ca.report(
            Finding::error("`ca` has no meaning without TLS")
                .help("write the url with https, or take `ca` out"),
        );
    }
    let ca = ca.map(existing_file);
    let forwarding = forwarding(section);
    let standard = HttpConfig::new(origin_url(url?)?);
    let server = HttpConfig { ca: ca.flatten(), forwarding, ..standard };
    Some(Kind::Http(deadlines.over(server)))
}

/// How long a server may take, and how many connections to it are kept, where that is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    connect_timeout: Option<Duration>,
    header_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    max_idle: Option<usize>,
}

impl Deadlines {
    fn read(section: Section<'_>) -> Self {
        let duration = |key| section.value(key).and_then(|it| it.duration(TIMEOUT));
        Self {
            connect_timeout: duration("connect_timeout"),
            header_timeout: duration("header_timeout"),
            idle_timeout: duration("idle_timeout"),
            max_idle: section.value("max_idle").and_then(|it| it.count(MAX_IDLE)),
        }
    }

    /// In place of those of a server.
    pub(super) fn over(self, server: HttpConfig) -> HttpConfig {
        HttpConfig {
            connect_timeout: self.connect_timeout.unwrap_or(server.connect_timeout),
            header_timeout: self.header_timeout.unwrap_or(server.header_timeout),
            idle_timeout: self.idle_timeout.unwrap_or(server.idle_timeout),
            max_idle: self.max_idle.unwrap_or(server.max_idle),
            ..server
        }
    }
}

fn forwarding(section: Section<'_>) -> Forwarding {
    let names = |key, direction| {
        let items = section.value(key).and_then(|it| it.items(MAX_FORWARDED));
        let names: Vec<HeaderName> =
            items.into_iter().flatten().filter_map(|it| forwarded(it, direction)).collect();
        names.into_boxed_slice()
    };
    let every = section.value("forward_response_headers").filter(|value| {
        let mut items = value.items(MAX_FORWARDED).into_iter().flatten();
        items.next().is_some_and(|it| it.is_text() && it.text() == Some("*"))
            && items.next().is_none()
    });
    let responses = match every {
        Some(_) => ResponseHeaders::Every,
        None => ResponseHeaders::Listed(names("forward_response_headers", Direction::Response)),
    };
    Forwarding { requests: names("forward_request_headers", Direction::Request), responses }
}

fn forwarded(value: Value<'_>, direction: Direction) -> Option<HeaderName> {
    let text = value.text()?;
    if text == "*" {
        let help = match direction {
            Direction::Request => {
                "name each header: what is forwarded may change the answer, and then has a part \
                 in what is kept"
            }
            Direction::Response => "\"*\" stands alone",
        };
        return value.refuse(Finding::error("`*` is no header").help(help));
    }
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        return value.refuse(Finding::error("this is no name of a header"));
    };
    if !may_travel(&name, direction) {
        return value.refuse(
            Finding::error(format!("`{name}` cannot be forwarded"))
                .label("credentials, framing, and what the edge says itself"),
        );
    }
    Some(name)
}

fn origin_url(value: Value<'_>) -> Option<UpstreamUrl> {
    match value.text()?.parse() {
        Ok(url) => Some(url),
        Err(UpstreamUrlRejection::Credentials) => {
            value.document.file.hide(value.span());
            value.refuse(
                Finding::error("`url` must hold no user name and no password")
                    .help("an origin is asked without credentials in this version"),
            )
        }
        Err(reason) => {
            value.refuse(Finding::error("`url` is no base URL").label(reason.to_string()).help(
                "for example \"http://10.0.0.7:9000\" or \"https://files.internal\"; the path is \
                 appended as it was authorised",
            ))
        }
    }
}

fn refuse_keys(section: Section<'_>, kind: OriginKind) {
    let (name, keys) = kind.keys();
    let others =
        ORIGIN_KEYS.iter().filter(|key| !keys.contains(key) && !["name", "kind"].contains(key));
    for value in others.filter_map(|key| section.value(key)) {
        value.report(Finding::error(format!(
            "`{}` has no meaning for an origin of kind \"{name}\"",
            value.key
        )));
    }
}
