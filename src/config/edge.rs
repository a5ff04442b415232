//! `[edge]`: listeners, limits, and whom it believes.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use http::HeaderName;

use super::document::{Bounds, Section, Value};
use super::finding::{Finding, chain};
use super::fraud::{self, FRAUD_KEYS, FraudConfig};
use super::lists;
use crate::data_plane::{
    AccessLog, CertificateFiles, Config, ForwardedHeader, Limits, ListenerConfig, Missing, Reasons,
    Settings,
};
use crate::network::NetworkSet;
use crate::policy::Revocations;
use crate::response::CdnMarkers;

pub(super) const EDGE_KEYS: &[&str] = &[
    "listen",
    "workers",
    "trusted_proxies",
    "forwarded_header",
    "cdn_headers",
    "expose_reasons",
    "reveal_missing",
    "blocklists",
    "overrides",
    "revocations",
    "access_log",
    "drain_timeout",
    "listener",
    "limits",
    "fraud",
    "sync",
];

pub(super) const LISTENER_KEYS: &[&str] = &["address", "certificates", "proxy_protocol_from"];

pub(super) const CERTIFICATE_KEYS: &[&str] = &["cert", "key"];

pub(super) const LIMIT_KEYS: &[&str] = &[
    "handshake_timeout",
    "header_timeout",
    "idle_timeout",
    "write_timeout",
    "max_connections",
    "max_connections_per_address",
    "max_requests_per_connection",
    "max_header_bytes",
    "max_headers",
    "max_target_bytes",
];

/// Listeners of one edge. Each is a task of every worker.
pub(super) const MAX_LISTENERS: usize = 64;

/// Certificates of one listener, which are all in memory.
const MAX_CERTIFICATES: usize = 1000;

/// Headers by which CDNs are known: each is looked for in every request.
const MAX_CDN_HEADERS: usize = 16;

const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

const WORKERS: Bounds<u64> = Bounds {
    min: 1,
    max: 1024,
    why: "a worker is a thread that serves; \"auto\" is one for each processor",
};

const DRAIN: Bounds<Duration> = Bounds {
    min: Duration::ZERO,
    max: Duration::from_hours(24),
    why: "requests in flight get this long after SIGTERM; \"0s\" cuts them off",
};

const TIMEOUT: Bounds<Duration> = Bounds {
    min: Duration::from_millis(10),
    max: Duration::from_hours(1),
    why: "without an end, silent clients hold connections until none are left",
};

const OPTIONAL_LIMIT: Bounds<u64> =
    Bounds { min: 0, max: 1 << 30, why: "0 switches the limit off" };

const HEADER_BYTES: Bounds<u64> = Bounds {
    min: 8 * 1024,
    max: 1 << 20,
    why: "the HTTP library cannot read into less than 8KiB; more than 1MiB a connection is an \
          invitation to fill the memory",
};

const HEADERS: Bounds<u64> = Bounds {
    min: 16,
    max: 1000,
    why: "browsers send up to 16; a table of more than 1000 serves only floods",
};

const TARGET_BYTES: Bounds<u64> = Bounds {
    min: 256,
    max: 65_534,
    why: "a token alone is longer than 256; the HTTP library reads no target above 65534",
};

/// `[edge]`, resolved.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) blocklist_files: Vec<PathBuf>,
    pub(super) overrides_file: Option<PathBuf>,
    pub(super) revocations: Revocations,
    pub(super) fraud: FraudConfig,
}

impl Edge {
    /// What an absent `[edge]` means.
    pub(super) fn standard() -> Self {
        Self {
            config: Config {
                listeners: vec![plain(DEFAULT_ADDRESS)],
                workers: automatic_workers(),
                drain_timeout: DEFAULT_DRAIN,
            },
            settings: Settings::default(),
            blocklist_files: Vec::new(),
            overrides_file: None,
            revocations: Revocations::default(),
            fraud: FraudConfig::default(),
        }
    }

    pub(super) fn read(section: Section<'_>) -> Self {
        let listeners = listeners(section);
        let workers = section.value("workers").and_then(workers);
        let drain_timeout = section.value("drain_timeout").and_then(|it| it.duration(DRAIN));
        let trusted_proxies = section.value("trusted_proxies").and_then(trusted_proxies);
        if let Some((value, trusted)) =
            section.value("trusted_proxies").zip(trusted_proxies.as_ref())
            && listeners.iter().any(|it| it.proxy_protocol_from.overlaps(trusted))
        {
            value.report(
                Finding::warning("a trusted proxy is in `proxy_protocol_from` as well")
                    .label("a client with an address of that network can claim any address")
                    .help(
                        "behind a PROXY header the peer is the client that it names, not the \
                         balancer; list a balancer in one of the two",
                    ),
            );
        }
        let names = ForwardedHeader::ALL.iter().map(|it| (it.as_str(), *it)).collect::<Vec<_>>();
        let forwarded = section.value("forwarded_header").and_then(|it| it.one_of(&names));
        let exposed = |it: Value<'_>| it.flag(Reasons::Exposed, Reasons::Hidden);
        let revealed = |it: Value<'_>| it.flag(Missing::Revealed, Missing::Hidden);
        let logged = |it: Value<'_>| it.flag(AccessLog::On, AccessLog::Off);
        Self {
            config: Config {
                listeners,
                workers: workers.unwrap_or_else(automatic_workers),
                drain_timeout: drain_timeout.unwrap_or(DEFAULT_DRAIN),
            },
            settings: Settings {
                trusted_proxies: trusted_proxies.unwrap_or_default(),
                forwarded_header: forwarded.unwrap_or(ForwardedHeader::XForwardedFor),
                cdn: section.value("cdn_headers").map(cdn_headers).unwrap_or_default(),
                reasons: section
                    .value("expose_reasons")
                    .and_then(exposed)
                    .unwrap_or(Reasons::Hidden),
                missing: section
                    .value("reveal_missing")
                    .and_then(revealed)
                    .unwrap_or(Missing::Hidden),
                access_log: section.value("access_log").and_then(logged).unwrap_or(AccessLog::On),
                limits: section
                    .value("limits")
                    .and_then(|it| it.section("[edge.limits]", LIMIT_KEYS))
                    .map(limits)
                    .unwrap_or_default(),
            },
            blocklist_files: section
                .value("blocklists")
                .map(lists::blocklist_files)
                .unwrap_or_default(),
            // An empty text is how the contract spells "none".
            overrides_file: section
                .value("overrides")
                .filter(|it| !it.is_text() || it.text() != Some(""))
                .and_then(|it| it.path()),
            revocations: section.value("revocations").map(lists::revocations).unwrap_or_default(),
            fraud: section
                .value("fraud")
                .and_then(|it| it.section("[edge.fraud]", FRAUD_KEYS))
                .map(fraud::fraud)
                .unwrap_or_default(),
        }
    }
}

fn cdn_headers(value: Value<'_>) -> CdnMarkers {
    let named = |item: Value<'_>| {
        let name = HeaderName::from_bytes(item.text()?.as_bytes()).ok();
        name.or_else(|| item.refuse(Finding::error("this is no name of a header")))
    };
    CdnMarkers::new(value.items(MAX_CDN_HEADERS).into_iter().flatten().filter_map(named))
}

fn automatic_workers() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

fn workers(value: Value<'_>) -> Option<usize> {
    if !value.is_text() {
        return value.count(WORKERS);
    }
    if value.text()? == "auto" {
        return Some(automatic_workers());
    }
    value.refuse(Finding::error("`workers` must be \"auto\" or an integer").help(WORKERS.why))
}

/// The default address stands only where nothing else is said: who writes a listener with
/// certificates does not expect a plain one beside it.
fn listeners(section: Section<'_>) -> Vec<ListenerConfig> {
    let mut listeners = Vec::new();
    let mut taken = HashSet::new();
    let mut add = |value: Value<'_>, listener: ListenerConfig| {
        // Port 0 is another port each time.
        if listener.address.port() != 0 && !taken.insert(listener.address) {
            value.report(Finding::error(format!("{} is listened on twice", listener.address)));
        }
        listeners.push(listener);
    };
    if let Some(items) = section.value("listen").and_then(|it| it.items(MAX_LISTENERS)) {
        for item in items {
            if let Some(address) = item.socket_address() {
                add(item, plain(address));
            }
        }
    }
    if let Some(items) = section.value("listener").and_then(|it| it.items(MAX_LISTENERS)) {
        for item in items {
            let Some(listener) = item.section("[[edge.listener]]", LISTENER_KEYS) else { continue };
            let help = "for example address = \"0.0.0.0:8443\"";
            let address = listener.required("address", help);
            let certificates = listener.value("certificates").and_then(certificates);
            let proxies = listener.value("proxy_protocol_from").and_then(|it| it.networks());
            if let Some((value, address)) = address.and_then(|it| Some((it, it.socket_address()?)))
            {
                let listener = ListenerConfig {
                    address,
                    certificates: certificates.unwrap_or_default(),
                    proxy_protocol_from: proxies.unwrap_or_default(),
                };
                add(value, listener);
            }
        }
    }
    if !section.has("listen") && !section.has("listener") {
        listeners.push(plain(DEFAULT_ADDRESS));
    }
    let empty = |key| section.value(key).is_none_or(|it| it.is_empty_list());
    if listeners.is_empty() && empty("listen") && empty("listener") {
        section.report(
            Finding::error("the edge listens nowhere")
                .help("for example listen = [\"127.0.0.1:8080\"]"),
        );
    }
    listeners
}

pub(super) fn plain(address: SocketAddr) -> ListenerConfig {
    ListenerConfig { address, certificates: Vec::new(), proxy_protocol_from: NetworkSet::default() }
}

pub(super) fn certificates(value: Value<'_>) -> Option<Vec<CertificateFiles>> {
    let items = value.items(MAX_CERTIFICATES)?;
    let read = |item: Value<'_>| {
        let section = item.section("a certificate", CERTIFICATE_KEYS)?;
        let help = "write { cert = \"tls/site.pem\", key = \"tls/site.key\" }, both PEM files";
        let cert = section.required("cert", help).and_then(existing_file);
        let key = section.required("key", help).and_then(existing_file);
        Some(CertificateFiles { cert: cert?, key: key? })
    };
    Some(items.filter_map(read).collect())
}

/// A file that is read later and elsewhere, but must be there now.
pub(super) fn existing_file(value: Value<'_>) -> Option<PathBuf> {
    let path = value.path()?;
    value.document.reading.watch(&path);
    match value.document.reading.surroundings.probe_file(&path) {
        Ok(()) => Some(path),
        Err(reason) => value.refuse(
            Finding::error(format!("cannot read {}", path.display())).label(chain(&reason)),
        ),
    }
}

fn trusted_proxies(value: Value<'_>) -> Option<NetworkSet> {
    for item in value.items(usize::MAX)? {
        if item.is_text() && item.text().is_some_and(|text| text.ends_with("/0")) {
            item.report(
                Finding::warning("every address is a trusted proxy")
                    .label("any client can claim any address")
                    .help("list the networks of the proxies that stand before this edge"),
            );
        }
    }
    value.networks()
}

fn limits(section: Section<'_>) -> Limits {
    let standard = Limits::default();
    let timeout =
        |key, standard| section.value(key).and_then(|it| it.duration(TIMEOUT)).unwrap_or(standard);
    let optional = |key| section.value(key).and_then(|it| it.count(OPTIONAL_LIMIT));
    let size = |key, bounds, standard| {
        let read = |it: Value<'_>| usize::try_from(it.size(bounds)?).ok();
        section.value(key).and_then(read).unwrap_or(standard)
    };
    let requests =
        section.value("max_requests_per_connection").and_then(|it| it.integer(OPTIONAL_LIMIT));
    let limits = Limits {
        handshake_timeout: timeout("handshake_timeout", standard.handshake_timeout),
        header_timeout: timeout("header_timeout", standard.header_timeout),
        idle_timeout: timeout("idle_timeout", standard.idle_timeout),
        write_timeout: timeout("write_timeout", standard.write_timeout),
        max_connections: optional("max_connections").filter(|it| *it > 0),
        max_connections_per_address: optional("max_connections_per_address").filter(|it| *it > 0),
        max_requests_per_connection: requests.filter(|it| *it > 0),
        max_header_bytes: size("max_header_bytes", HEADER_BYTES, standard.max_header_bytes),
        max_headers: section
            .value("max_headers")
            .and_then(|it| it.count(HEADERS))
            .unwrap_or(standard.max_headers),
        max_target_bytes: size("max_target_bytes", TARGET_BYTES, standard.max_target_bytes),
    };
    let value = section.value("max_target_bytes").or(section.value("max_header_bytes"));
    if let Some(value) = value
        && limits.max_target_bytes > limits.max_header_bytes
    {
        value.report(
            Finding::error("`max_target_bytes` is more than `max_header_bytes`")
                .help("the target is part of the header section, so its limit would never be met"),
        );
    }
    limits
}
