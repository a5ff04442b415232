//! `[[origin]]`: where files are.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderName;

use super::cache::Said;
use super::document::{Bounds, Section, Value};
use super::edge::existing_file;
use super::finding::{Finding, chain};
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
    "ca",
    "connect_timeout",
    "header_timeout",
    "idle_timeout",
    "max_idle",
    "forward_request_headers",
    "forward_response_headers",
];

const DISK_KEYS: &[&str] = &["root", "symlinks"];

const HTTP_KEYS: &[&str] = &[
    "url",
    "ca",
    "connect_timeout",
    "header_timeout",
    "idle_timeout",
    "max_idle",
    "forward_request_headers",
    "forward_response_headers",
];

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
            self.entries.push(Config { name: name.as_str().into(), kind });
        }
    }

    /// All that were declared, and whether answers of each are kept where this is said of them.
    pub(super) fn all(&self, cache: Said) -> impl Iterator<Item = (OriginName, CacheRules)> {
        self.declared.iter().map(move |(name, takes)| (name.clone(), cache.rules(*takes)))
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

fn disk(section: Section<'_>) -> Option<Kind> {
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
    Some(Kind::Disk(DiskConfig { root, symlinks: symlinks? }))
}

fn http(section: Section<'_>) -> Option<Kind> {
    refuse_keys(section, DISK_KEYS, "http");
    let duration = |key| section.value(key).and_then(|it| it.duration(TIMEOUT));
    let connect_timeout = duration("connect_timeout");
    let header_timeout = duration("header_timeout");
    let idle_timeout = duration("idle_timeout");
    let max_idle = section.value("max_idle").and_then(|it| it.count(MAX_IDLE));
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
    Some(Kind::Http(HttpConfig {
        ca: ca.flatten(),
        connect_timeout: connect_timeout.unwrap_or(standard.connect_timeout),
        header_timeout: header_timeout.unwrap_or(standard.header_timeout),
        idle_timeout: idle_timeout.unwrap_or(standard.idle_timeout),
        max_idle: max_idle.unwrap_or(standard.max_idle),
        forwarding,
        ..standard
    }))
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

fn refuse_keys(section: Section<'_>, keys: &[&'static str], kind: &str) {
    for value in keys.iter().filter_map(|key| section.value(key)) {
        value.report(Finding::error(format!(
            "`{}` has no meaning for an origin of kind \"{kind}\"",
            value.key
        )));
    }
}
