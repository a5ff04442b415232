//! `[control]`: where the control plane listens, and what it keeps its records in.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Bounds, Section, Value};
use super::edge::{LISTENER_KEYS, MAX_LISTENERS, certificates, existing_file, plain as unsecured};
use super::finding::Finding;
use super::secret_source::secret;
use crate::control_plane::api::{ConnectionLimits, QueryToken};
use crate::control_plane::link::{MasterKey, MasterKeySource};
use crate::control_plane::service::{ImageMarks, LONGEST_LINK, UploadLimits};
use crate::control_plane::webhooks::Reach;
use crate::control_plane::{Config, StoreAddress, UploadConfig, WebhookConfig};
use crate::data_plane::ListenerConfig;
use crate::keyring::KeyMaterial;
use crate::network::NetworkSet;

pub(super) const CONTROL_KEYS: &[&str] = &[
    "listen",
    "public_url",
    "store",
    "master_key",
    "previous_master_keys",
    "trusted_proxies",
    "max_link_lifetime",
    "mail_networks",
    "mail_ports",
    "mark_images",
    "requests_per_minute",
    "max_connections",
    "max_connections_per_address",
    "compat",
    "listener",
    "uploads",
    "webhooks",
];

pub(super) const COMPAT_KEYS: &[&str] = &["query_token"];

pub(super) const UPLOADS_KEYS: &[&str] = &["folder", "max_size", "quota"];

pub(super) const WEBHOOKS_KEYS: &[&str] = &["allow_http", "networks", "ca"];

/// Of one upload, where nothing else is said: 100 GiB.
const MAX_SIZE: u64 = 100 << 30;

const UPLOAD_SIZE: Bounds<u64> =
    Bounds { min: 1, max: 5 << 40, why: "object stores take no larger object than 5 TiB" };

const QUOTA: Bounds<u64> = Bounds { min: 0, max: 1 << 60, why: "0 is any number" };

/// Where the APIs are, where nothing else is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Of each caller: what no program needs by mistake.
const REQUESTS_PER_MINUTE: u32 = 30_000;

const REQUESTS: Bounds<u64> = Bounds { min: 0, max: 10_000_000, why: "0 is any number" };

const LINK_LIFETIME: Bounds<Duration> = Bounds {
    min: Duration::from_mins(1),
    max: Duration::from_hours(366 * 24),
    why: "no link lives longer, whoever asks for it; a key that is replaced opens as long",
};
const ALL_CONNECTIONS: Bounds<u64> =
    Bounds { min: 1, max: 1_000_000, why: "nobody could ask anything" };

const CONNECTIONS: Bounds<u64> = Bounds { min: 0, max: 1_000_000, why: "0 is any number" };

/// Master keys that are on their way out.
const MOST_PREVIOUS: usize = 8;

/// Ports of mail servers that are named.
const MOST_MAIL_PORTS: usize = 16;

const PORT: Bounds<u64> = Bounds { min: 1, max: 65_535, why: "it is a port" };

const STORE: &str = "sqlite:countersign.db";

/// None where it cannot be started as written.
pub(super) fn control(section: Section<'_>) -> Option<Config> {
    let public_url = section.value("public_url").map(public_url);
    let store = store(section);
    let trusted_proxies = section.value("trusted_proxies").map(|it| it.networks());
    let master_key = store.as_ref().map(|store| master_key(section, store));
    let previous = section.value("previous_master_keys").map(previous_master_keys);
    let lifetime = section.value("max_link_lifetime").map(|it| it.duration(LINK_LIFETIME));
    let requests = section.value("requests_per_minute").map(|it| it.integer(REQUESTS));
    let requests = requests.unwrap_or(Some(REQUESTS_PER_MINUTE.into()));
    let connections = connections(section);
    let uploads = store.as_ref().and_then(|store| uploads(section, store).ok());
    let webhooks = section.value("webhooks").map(webhooks);
    let compat = section.value("compat").map(query_token);
    let mail_ports = section.value("mail_ports").map(mail_ports);
    let mark_images =
        section.value("mark_images").map(|it| it.flag(ImageMarks::Made, ImageMarks::Left));
    let mail_networks = section.value("mail_networks").map(|it| it.networks());
    Some(Config {
        query_token: compat.map_or(Some(QueryToken::Taken), |it| it)?,
        mail_ports: mail_ports.map_or(Some(Vec::new()), |it| it)?,
        mail_networks: mail_networks.map_or(Some(NetworkSet::default()), |it| it)?,
        image_marks: mark_images.unwrap_or(Some(ImageMarks::Left))?,
        connections: connections?,
        webhooks: webhooks.map_or(Some(WebhookConfig::default()), |it| it)?,
        uploads: uploads?,
        public_url: public_url.map_or(Some(None), |url| url.map(Some))?,
        store: store?,
        master_key: master_key??,
        previous_master_keys: previous.map_or(Some(Vec::new()), |it| it)?,
        trusted_proxies: trusted_proxies.map_or(Some(NetworkSet::default()), |it| it)?,
        max_link_lifetime: lifetime.unwrap_or(Some(Duration::from_secs(LONGEST_LINK)))?,
        requests_per_minute: u32::try_from(requests?).ok().and_then(NonZeroU32::new),
    })
}

fn connections(section: Section<'_>) -> Option<ConnectionLimits> {
    let limit = |key, bounds, usual: usize| match section.value(key) {
        Some(value) => value.integer(bounds).and_then(|it| usize::try_from(it).ok()),
        None => Some(usual),
    };
    let all = limit("max_connections", ALL_CONNECTIONS, ConnectionLimits::ALL);
    let each = limit("max_connections_per_address", CONNECTIONS, ConnectionLimits::EACH_ADDRESS);
    Some(ConnectionLimits { all: NonZeroUsize::new(all?)?, each_address: NonZeroUsize::new(each?) })
}

/// An address that links or answers begin with.
pub(super) fn public_url(value: Value<'_>) -> Option<Box<str>> {
    let text = value.text()?;
    let sound = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
    });
    if !sound {
        return value.refuse(Finding::error(
            "how outsiders reach this: public_url = \"https://files.example.com\"",
        ));
    }
    Some(text.trim_end_matches('/').into())
}

fn store(section: Section<'_>) -> Option<StoreAddress> {
    let value = section.value("store");
    let text = value.map_or(Some(STORE), |it| it.text())?;
    match StoreAddress::parse(text) {
        Ok(address) => {
            let file = section.document.file.path();
            Some(address.beneath(file.parent().unwrap_or(Path::new(""))))
        }
        Err(error) => {
            value?.report(Finding::error(error.to_string()));
            None
        }
    }
}

/// What keys are sealed under: written down, or in a file beside an embedded store.
fn master_key(section: Section<'_>, store: &StoreAddress) -> Option<MasterKeySource> {
    let Some(value) = section.value("master_key") else {
        let Some(file) = store.file() else {
            if let Some(previous) = section.value("previous_master_keys") {
                return previous.refuse(
                    Finding::error("there is no `master_key` that these were before")
                        .help("write the one in use as master_key = { file = \"master.hex\" }"),
                );
            }
            section.report(
                Finding::warning("without a master key no link can be signed here").help(
                    "control planes that share a database need the same one: countersign keygen > \
                     master.hex, and master_key = { file = \"master.hex\" }",
                ),
            );
            return Some(MasterKeySource::Missing);
        };
        let mut name = file.as_os_str().to_owned();
        name.push(".master-key");
        return Some(MasterKeySource::Beside(name.into()));
    };
    written_master_key(value).map(MasterKeySource::Given)
}

fn previous_master_keys(value: Value<'_>) -> Option<Vec<KeyMaterial>> {
    value.items(MOST_PREVIOUS)?.map(written_master_key).collect()
}

fn written_master_key(value: Value<'_>) -> Option<KeyMaterial> {
    let named = secret(value, "the master key")?;
    // Into the key, and no further.
    let text = String::from_utf8_lossy(named.content.expose());
    let material = match KeyMaterial::from_hex(&text) {
        Ok(material) => material,
        Err(rejection) => return named.named_by.refuse(Finding::error(rejection.to_string())),
    };
    if let Err(error) = MasterKey::of_material(&material) {
        return named.named_by.refuse(Finding::error(error.to_string()));
    }
    Some(material)
}

/// Where uploads wait: a folder beside an embedded store, if nothing else is said. None where what is
/// said is wrong.
fn uploads(section: Section<'_>, store: &StoreAddress) -> Result<Option<UploadConfig>, Refused> {
    let beside = store.file().map(|file| {
        let mut name = file.as_os_str().to_owned();
        name.push(".uploads");
        PathBuf::from(name)
    });
    let usual = UploadLimits { most: MAX_SIZE, quota: None };
    let Some(value) = section.value("uploads") else {
        return Ok(beside.map(|folder| UploadConfig { folder, limits: usual }));
    };
    let said = value.section("[control.uploads]", UPLOADS_KEYS).ok_or(Refused)?;
    let folder = match (said.value("folder"), beside) {
        (Some(folder), _) => folder.path().ok_or(Refused)?,
        (None, Some(beside)) => beside,
        (None, None) => {
            let missing = Finding::error("uploads need a folder to wait in").help(
                "folder = \"/var/lib/countersign/uploads\": one that control planes behind one \
                 balancer share",
            );
            return value.refuse(missing).ok_or(Refused);
        }
    };
    let most = said.value("max_size").map_or(Some(MAX_SIZE), |it| it.size(UPLOAD_SIZE));
    let quota = said.value("quota").map_or(Some(0), |it| it.size(QUOTA));
    let (most, quota) = most.zip(quota).ok_or(Refused)?;
    let limits = UploadLimits { most, quota: Some(quota).filter(|quota| *quota > 0) };
    Ok(Some(UploadConfig { folder, limits }))
}

/// What is written is wrong, and was reported.
struct Refused;

/// `[control.webhooks]`: where they may lead beyond the public internet.
fn webhooks(value: Value<'_>) -> Option<WebhookConfig> {
    let section = value.section("[control.webhooks]", WEBHOOKS_KEYS)?;
    let networks = section.value("networks").map(|it| it.networks());
    let networks = networks.map_or(Some(NetworkSet::default()), |it| it);
    let allow_http = section.value("allow_http").map_or(Some(false), |it| it.flag(true, false));
    let ca = section.value("ca").map(existing_file);
    if let (Some(value), Some(true), Some(networks)) =
        (section.value("allow_http"), allow_http, &networks)
        && networks.is_empty()
    {
        return value.refuse(
            Finding::error("messages go in the clear within `networks` only, and there is none")
                .help("name them: networks = [\"10.0.0.0/8\"]"),
        );
    }
    Some(WebhookConfig {
        reach: Reach { allow_http: allow_http?, networks: networks? },
        ca: ca.map_or(Some(None), |ca| ca.map(Some))?,
    })
}

/// `[control.compat]`: may a session's token be in an address?
fn query_token(value: Value<'_>) -> Option<QueryToken> {
    let section = value.section("[control.compat]", COMPAT_KEYS)?;
    match section.value("query_token") {
        Some(value) => value.flag(QueryToken::Taken, QueryToken::Refused),
        None => Some(QueryToken::Taken),
    }
}

/// Ports of mail servers beside those that they usually have.
fn mail_ports(value: Value<'_>) -> Option<Vec<u16>> {
    let port = |it: Value<'_>| it.integer(PORT).and_then(|it| u16::try_from(it).ok());
    value.items(MOST_MAIL_PORTS)?.map(port).collect()
}

/// The default address stands only where nothing else is said.
pub(super) fn listeners(section: Section<'_>) -> Vec<ListenerConfig> {
    let mut listeners = Vec::new();
    if let Some(value) = section.value("listen") {
        listeners.extend(value.socket_address().map(|address| plain(value, address)));
    } else if !section.has("listener") {
        listeners.push(unsecured(LISTEN));
    }
    let items = section.value("listener").and_then(|it| it.items(MAX_LISTENERS));
    for item in items.into_iter().flatten() {
        let Some(table) = item.section("[[control.listener]]", LISTENER_KEYS) else { continue };
        if let Some(value) = table.value("proxy_protocol_from") {
            value.report(
                Finding::error("a control plane reads no PROXY headers")
                    .help("the addresses of balancers before it go into `trusted_proxies`"),
            );
        }
        let certificates = table.value("certificates").and_then(certificates).unwrap_or_default();
        let address = table.required("address", "for example address = \"0.0.0.0:8443\"");
        let Some((value, address)) = address.and_then(|it| Some((it, it.socket_address()?))) else {
            continue;
        };
        listeners.push(if certificates.is_empty() {
            plain(value, address)
        } else {
            ListenerConfig { certificates, ..unsecured(address) }
        });
    }
    listeners
}

fn plain(value: Value<'_>, address: SocketAddr) -> ListenerConfig {
    if !address.ip().is_loopback() {
        value.report(
            Finding::warning("passwords and tokens travel in the clear")
                .help("give it certificates ([[control.listener]]), or a proxy that speaks TLS"),
        );
    }
    unsecured(address)
}
