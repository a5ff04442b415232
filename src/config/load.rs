//! From a file to what the components take.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use toml::de::DeTable;

use super::cache::{self, CACHE_KEYS};
use super::control::{self, CONTROL_KEYS};
use super::document::{Document, Section, Value};
use super::edge::{EDGE_KEYS, Edge};
use super::error::{ConfigErrors, Diagnostic, Watched};
use super::finding::{Finding, Reading, chain};
use super::fraud::FraudConfig;
use super::origins::Origins;
use super::overrides::{self, KnownOverrides, MAX_OVERRIDES_BYTES};
use super::pieces::Place;
use super::sites::{CatalogFrom, no_site, site_table};
use super::source::SourceFile;
use super::surroundings::Surroundings;
use super::sync::{self, SYNC_KEYS};
use super::syntax::with_table;
use super::usage::{self, USAGE_KEYS};
use crate::control_plane;
use crate::data_plane::{CacheConfig, Config, ListenerConfig, Settings, SyncConfig, UsageConfig};
use crate::origin;
use crate::policy::{OverrideTable, Revocations, SiteTable};

/// Bytes of a configuration file. A thousand sites with all their keys take one.
pub(super) const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;

pub(super) const ROOT_KEYS: &[&str] =
    &["edge", "cache", "usage", "origin", "site", "control", "admin"];

pub(super) const ADMIN_KEYS: &[&str] = &["listen"];

const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9100);

/// A configuration, resolved.
#[derive(Debug)]
pub struct Loaded {
    /// Fixed at start.
    pub edge: Config,
    /// Reloads hot.
    pub settings: Settings,
    /// What is kept between requests, and how much of it.
    pub cache: CacheConfig,
    /// What is served, and to whom.
    pub sites: SiteTable,
    /// Where it is.
    pub origins: Vec<origin::Config>,
    /// What of it is public.
    pub overrides: Arc<OverrideTable>,
    /// For [`load_again`].
    pub known_overrides: Option<KnownOverrides>,
    /// Links and sessions that are taken back.
    pub revocations: Revocations,
    /// What makes a request suspect; its lists are for [`super::load_fraud_lists`].
    pub fraud: FraudConfig,
    /// For [`super::load_blocklist`]: patterns expanded, in order, each once.
    pub blocklist_files: Vec<PathBuf>,
    /// Where the uses of links are counted.
    pub usage: UsageConfig,
    /// Where metrics and health are; none where `listen` is empty.
    pub admin: Option<SocketAddr>,
    /// What may be handed out is kept, and changed, here; none: there is the configuration only.
    pub control: Option<control_plane::Config>,
    /// Where its APIs are.
    pub control_listeners: Vec<ListenerConfig>,
    /// The control planes that an edge follows.
    pub sync: Option<SyncConfig>,
    /// What a change of which calls for a reload.
    pub watched: Watched,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<Diagnostic>,
}

/// Reads and resolves a configuration, or says everything that is wrong with it.
pub fn load(path: &Path, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
    load_again(path, surroundings, None)
}

/// The same after an earlier time, whose override table is taken over if its file holds the same.
pub fn load_again(
    path: &Path,
    surroundings: &Surroundings,
    known: Option<&KnownOverrides>,
) -> Result<Loaded, ConfigErrors> {
    let reading = Reading::new(surroundings);
    let resolved = read_source(&reading, path, MAX_CONFIG_BYTES).map(|file| {
        let document = Document { reading: &reading, file: &file, place: Place::Whole };
        with_table(document, |table| resolve(document, table, known))
    });
    let (resolved, warnings, watched) = reading.finish(resolved)?;
    let Resolved { edge, sync, cache, sites, origins, overrides, usage, admin, control, listeners } =
        resolved;
    let known_overrides = overrides;
    let overrides = known_overrides.as_ref().map(|it| Arc::clone(it.table())).unwrap_or_default();
    let Edge { config, settings, blocklist_files, overrides_file: _, revocations, fraud } = edge;
    Ok(Loaded {
        edge: config,
        settings,
        cache,
        sites,
        origins,
        overrides,
        known_overrides,
        revocations,
        fraud,
        blocklist_files,
        usage,
        admin,
        control,
        control_listeners: listeners,
        sync,
        watched,
        warnings,
    })
}

#[derive(Debug)]
struct Resolved {
    edge: Edge,
    sync: Option<SyncConfig>,
    cache: CacheConfig,
    sites: SiteTable,
    origins: Vec<origin::Config>,
    overrides: Option<KnownOverrides>,
    usage: UsageConfig,
    admin: Option<SocketAddr>,
    control: Option<control_plane::Config>,
    listeners: Vec<ListenerConfig>,
}

fn resolve<'d>(
    document: Document<'d>,
    table: &'d DeTable<'d>,
    known: Option<&KnownOverrides>,
) -> Resolved {
    let root = Section::open(document, table, 0..0, "the configuration", ROOT_KEYS);
    let open = |key, name, keys| root.value(key).and_then(|it: Value<'d>| it.section(name, keys));

    let edge_section = open("edge", "[edge]", EDGE_KEYS);
    let edge = edge_section.map_or_else(Edge::standard, Edge::read);
    let sync = edge_section
        .and_then(|it| it.value("sync"))
        .and_then(|it| it.section("[edge.sync]", SYNC_KEYS));
    let followed = sync.and_then(sync::sync);
    let cache =
        open("cache", "[cache]", CACHE_KEYS).map_or_else(CacheConfig::default, cache::cache);
    let usage = open("usage", "[usage]", USAGE_KEYS).and_then(usage::usage).unwrap_or_default();
    let control = open("control", "[control]", CONTROL_KEYS);
    let control_plane = control.and_then(control::control);
    let listeners = control.map(control::listeners).unwrap_or_default();
    let admin = open("admin", "[admin]", ADMIN_KEYS).and_then(|it| it.value("listen"));
    let admin = match admin {
        Some(value) if value.is_text() && value.text() == Some("") => None,
        Some(value) => value.socket_address().inspect(|address| {
            let taken = |it: &ListenerConfig| it.address == *address && address.port() != 0;
            if edge.config.listeners.iter().any(taken) {
                value.report(Finding::error(format!("{address} is the edge's already")));
            }
        }),
        None => Some(DEFAULT_ADMIN),
    };

    let origins = root.value("origin").map(Origins::read).unwrap_or_default();
    let sites = if let Some(value) = root.value("site") {
        site_table(value, &origins, catalog_from(control, sync), edge.fraud.used)
    } else if control.is_some() && edge_section.is_none() {
        // A control plane alone serves no site.
        SiteTable::default()
    } else {
        document.reading.report_file(document.file.path(), no_site());
        SiteTable::default()
    };

    let mut overrides = None;
    let written = edge_section.and_then(|it| it.value("overrides"));
    if let (Some(path), Some(value)) = (&edge.overrides_file, written) {
        if sync.is_some() || control.is_some() {
            value.report(Finding::error("`overrides` stands beside a control plane").help(
                "with [control] or [edge.sync] the table is the control plane's; take one out",
            ));
        }
        overrides = override_table(value, path, known);
    }
    Resolved {
        edge,
        sync: followed,
        cache,
        sites,
        origins: origins.entries,
        overrides,
        usage,
        admin,
        control: control_plane,
        listeners,
    }
}

/// Who has a catalog: the control plane in the same program, or one that is followed.
fn catalog_from(control: Option<Section<'_>>, sync: Option<Section<'_>>) -> CatalogFrom {
    match control.or(sync) {
        Some(_) => CatalogFrom::ControlPlane,
        None => CatalogFrom::Nowhere,
    }
}

fn override_table(
    value: Value<'_>,
    path: &Path,
    known: Option<&KnownOverrides>,
) -> Option<KnownOverrides> {
    let reading = value.document.reading;
    if let Err(reason) = reading.surroundings.probe_file(path) {
        reading.watch(path);
        value.report(
            Finding::error(format!("cannot read {}", path.display())).label(chain(&reason)),
        );
        return None;
    }
    let file = read_source(reading, path, MAX_OVERRIDES_BYTES)?;
    Some(overrides::known_or_read(reading, &file, known))
}

/// Reads a file as text; what cannot be is reported.
fn read_source(reading: &Reading<'_>, path: &Path, limit: u64) -> Option<Rc<SourceFile>> {
    let content = match reading.read(path, limit) {
        Ok(content) => content,
        Err(reason) => {
            let message = format!("cannot read {}: {}", path.display(), chain(&reason));
            reading.report_file(path, Finding::error(message));
            return None;
        }
    };
    match String::from_utf8(content) {
        Ok(text) => Some(Rc::new(SourceFile::new(path, text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            // Up to `at` the lossy text is the same, so the place is right.
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let file = Rc::new(SourceFile::new(path, text));
            let finding = Finding::error("the file is not UTF-8").label("the first wrong byte");
            reading.report(&file, at..at + 1, finding);
            None
        }
    }
}
