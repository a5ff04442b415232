//! `[edge.fraud]`: what makes a request suspect, and what becomes of it.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::document::{Bounds, Section, Value};
use super::edge::existing_file;
use super::finding::Finding;
use super::lists::{BlocklistErrors, blocklist_files, load_blocklist};
use crate::clock::UnixSeconds;
use crate::policy::{
    AddressDatabaseError, AnonymousIpDatabase, AnonymousKind, AnonymousKinds, AntiFraud,
    AntiFraudUse, AsnDatabase, AsnList, AsnListErrors, FraudList, FraudLists, FraudMode,
    MAX_ASN_FILE_BYTES, ProxyHeaderRule, SharingRules, UserAgentRule,
};
use crate::telemetry::ErrorChain;

pub(super) const FRAUD_KEYS: &[&str] = &[
    "anti_fraud",
    "mode",
    "anonymizers",
    "anonymizer_asns",
    "asn_database",
    "anonymous_ip_database",
    "anonymous_ip_kinds",
    "proxy_headers",
    "blacklists",
    "places",
    "window",
    "user_agent",
];

/// Bytes of a database. The largest that are published take a tenth.
const MAX_DATABASE_BYTES: u64 = 1 << 30;

const PLACES: Bounds<u64> =
    Bounds { min: 1, max: 16, why: "at so many networks a link may be in use within `window`" };

const WINDOW: Bounds<Duration> = Bounds {
    min: Duration::from_mins(1),
    max: Duration::from_hours(24 * 31),
    why: "a place where a link was not used for so long is forgotten",
};

/// `[edge.fraud]`, resolved; the lists are read later and elsewhere.
#[derive(Clone, Debug, Default)]
pub struct FraudConfig {
    /// For sites that say nothing else.
    pub(super) used: AntiFraudUse,
    mode: FraudMode,
    proxy_headers: ProxyHeaderRule,
    sharing: SharingRules,
    /// For [`load_fraud_lists`].
    pub files: FraudFiles,
}

impl FraudConfig {
    /// With its lists.
    pub fn with(&self, lists: Arc<FraudLists>) -> AntiFraud {
        let Self { used: _, mode, proxy_headers, sharing, files: _ } = self;
        AntiFraud { mode: *mode, proxy_headers: *proxy_headers, sharing: *sharing, lists }
    }
}

/// The files behind the lists of step 8: patterns expanded, in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FraudFiles {
    anonymizers: Vec<PathBuf>,
    asns: Vec<PathBuf>,
    asn_database: Option<PathBuf>,
    anonymous_ips: Option<PathBuf>,
    kinds: AnonymousKinds,
    blacklists: Vec<PathBuf>,
}

impl FraudFiles {
    /// Every one.
    pub fn paths(&self) -> Vec<PathBuf> {
        let Self { anonymizers, asns, asn_database, anonymous_ips, kinds: _, blacklists } = self;
        let databases = asn_database.iter().chain(anonymous_ips);
        anonymizers.iter().chain(asns).chain(blacklists).chain(databases).cloned().collect()
    }
}

/// Which requests go through step 8.
pub(super) fn anti_fraud_use(value: Value<'_>) -> Option<AntiFraudUse> {
    let choices: Vec<_> = AntiFraudUse::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    value.one_of(&choices)
}

pub(super) fn fraud(section: Section<'_>) -> FraudConfig {
    let modes: Vec<_> = FraudMode::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    let headers: Vec<_> = ProxyHeaderRule::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    let agents = [("bind", UserAgentRule::Bind), ("ignore", UserAgentRule::Ignore)];
    let kinds: Vec<_> = AnonymousKind::ALL.iter().map(|it| (it.as_str(), *it)).collect();
    let files = |key| section.value(key).map(blocklist_files).unwrap_or_default();
    let database = |key| {
        // An empty text is "none", as for `overrides`.
        section
            .value(key)
            .filter(|it| !it.is_text() || it.text() != Some(""))
            .and_then(existing_file)
    };
    let standard = SharingRules::default();
    let places = section.value("places").and_then(|it| it.count(PLACES));
    let places = places.and_then(|it| NonZeroU8::new(u8::try_from(it).ok()?));
    let config = FraudConfig {
        used: section.value("anti_fraud").and_then(anti_fraud_use).unwrap_or_default(),
        mode: section.value("mode").and_then(|it| it.one_of(&modes)).unwrap_or_default(),
        proxy_headers: section
            .value("proxy_headers")
            .and_then(|it| it.one_of(&headers))
            .unwrap_or_default(),
        sharing: SharingRules {
            places: places.unwrap_or(standard.places),
            window: section
                .value("window")
                .and_then(|it| it.seconds(WINDOW))
                .unwrap_or(standard.window),
            user_agent: section
                .value("user_agent")
                .and_then(|it| it.one_of(&agents))
                .unwrap_or(standard.user_agent),
        },
        files: FraudFiles {
            anonymizers: files("anonymizers"),
            asns: files("anonymizer_asns"),
            asn_database: database("asn_database"),
            anonymous_ips: database("anonymous_ip_database"),
            kinds: section.value("anonymous_ip_kinds").map_or_else(AnonymousKinds::default, |it| {
                let items = it.items(kinds.len()).into_iter().flatten();
                AnonymousKinds::new(items.filter_map(|item| item.one_of(&kinds)))
            }),
            blacklists: files("blacklists"),
        },
    };
    if let Some(value) = section.value("anonymizer_asns")
        && !section.has("asn_database")
        && !value.is_empty_list()
    {
        value.report(Finding::error("nothing says whose network an address is in").help(
            "numbers of autonomous systems are found by `asn_database`, a file in the MaxMind DB \
             format such as GeoLite2-ASN.mmdb; or list networks in `anonymizers`",
        ));
    }
    if let Some(value) = section.value("asn_database")
        && !section.has("anonymizer_asns")
    {
        value.report(
            Finding::warning("the database is asked for nothing")
                .help("list numbers of autonomous systems in `anonymizer_asns`"),
        );
    }
    config
}

/// Reads the lists' files. Apart from [`super::load`], because lists can be large and are kept as
/// they are while their files have not changed.
pub fn load_fraud_lists(files: &FraudFiles) -> Result<FraudLists, FraudListError> {
    let networks = |paths: &[PathBuf]| load_blocklist(paths).map_err(FraudListError::Networks);
    let asn_files = files.asns.iter().map(|path| {
        let bytes = read(path, MAX_ASN_FILE_BYTES)?;
        Ok((path.to_string_lossy(), bytes))
    });
    let asn_files: Vec<_> = asn_files.collect::<Result<_, FraudListError>>()?;
    let asns = AsnList::read(asn_files.iter().map(|(name, bytes)| (&**name, &**bytes)))
        .map_err(FraudListError::Asns)?;
    let asn_database = open(files.asn_database.as_deref(), AsnDatabase::open)?;
    let anonymous_ips = open(files.anonymous_ips.as_deref(), AnonymousIpDatabase::open)?;
    let dated = |list, paths: &[PathBuf]| Some((list, oldest(paths)?));
    let made = [
        dated(FraudList::Anonymizers, &files.anonymizers),
        dated(FraudList::AnonymizerAsns, &files.asns),
        dated(FraudList::Blacklists, &files.blacklists),
        asn_database.as_ref().map(|it| (FraudList::AsnDatabase, it.built())),
        anonymous_ips.as_ref().map(|it| (FraudList::AnonymousIps, it.built())),
    ];
    Ok(FraudLists {
        blacklist: networks(&files.blacklists)?,
        anonymizers: networks(&files.anonymizers)?,
        asns,
        asn_database,
        anonymous_ips,
        anonymous_kinds: files.kinds,
        made: made.into_iter().flatten().collect(),
    })
}

fn open<D>(
    path: Option<&Path>,
    open: fn(Vec<u8>) -> Result<D, AddressDatabaseError>,
) -> Result<Option<D>, FraudListError> {
    let Some(path) = path else { return Ok(None) };
    let database = open(read(path, MAX_DATABASE_BYTES)?)
        .map_err(|source| FraudListError::Database { path: path.to_owned(), source })?;
    Ok(Some(database))
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FraudListError> {
    let unreadable = |source| FraudListError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(unreadable(io::ErrorKind::FileTooLarge.into()))
    }
}

/// When the file was changed that was not changed for longest.
fn oldest(paths: &[PathBuf]) -> Option<UnixSeconds> {
    let changed = |path: &PathBuf| {
        let changed = fs::metadata(path).ok()?.modified().ok()?;
        Some(UnixSeconds::new(changed.duration_since(UNIX_EPOCH).ok()?.as_secs()))
    };
    paths.iter().filter_map(changed).min()
}

/// What is wrong with the lists of step 8.
#[derive(Debug)]
pub enum FraudListError {
    /// Lines that are no numbers of autonomous systems.
    Asns(AsnListErrors),
    /// A file that is no database of addresses.
    Database {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: AddressDatabaseError,
    },
    /// Lists of networks.
    Networks(BlocklistErrors),
    /// A file that cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl std::error::Error for FraudListError {}

impl fmt::Display for FraudListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asns(errors) => errors.fmt(f),
            Self::Database { path, source } => {
                write!(f, "cannot use {}: {}", path.display(), ErrorChain(source))
            }
            Self::Networks(errors) => errors.fmt(f),
            Self::Unreadable { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
        }
    }
}
