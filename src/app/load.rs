//! From a configuration file to what is put in force.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;

use crate::clock::UnixSeconds;
use crate::config::{
    self, BlocklistErrors, Colour, ConfigErrors, DurationRejection, FraudListError, KnownOverrides,
    Loaded, Surroundings,
};
use crate::control_plane;
use crate::data_plane::{
    Arrival, BodyPresence, CertificateError, Certificates, Explanation, Question, Settings,
    SyncConfig, explain, kept_state,
};
use crate::delivery::{DeliveryDesk, DeliverySetupError};
use crate::network::PeerIp;
use crate::policy::{Blocklist, ClientScheme, EdgeSnapshot, FraudLists, SiteTable};
use crate::telemetry::ErrorChain;

use super::composer::Rest;
use super::provision::{self, ProvisionError};

/// A compiled policy without origins or sockets: for `sign` and `explain`.
#[derive(Debug)]
pub struct Policy {
    /// The sites, with their keys.
    pub sites: Arc<SiteTable>,
    snapshot: EdgeSnapshot,
    settings: Settings,
    control: Option<control_plane::Config>,
    sync: Option<SyncConfig>,
}

/// A configuration is wrong. Prints everything that is.
#[derive(Debug)]
pub enum CheckError {
    /// A blocklist is wrong.
    Blocklist(BlocklistErrors),
    /// A certificate or its key is wrong.
    Certificate(CertificateError),
    /// The configuration or a file it names is wrong.
    Config(ConfigErrors),
    /// A list of anti-fraud is wrong.
    FraudList(FraudListError),
    /// An origin cannot be opened.
    Delivery(DeliverySetupError),
}

impl std::error::Error for CheckError {}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocklist(errors) => write!(f, "error: {errors}"),
            Self::Certificate(error) => write!(f, "error: {}", ErrorChain(error)),
            Self::Config(errors) => f.write_str(&errors.render(Colour::Plain)),
            Self::Delivery(error) => write!(f, "error: {}", ErrorChain(error)),
            Self::FraudList(error) => write!(f, "error: {error}"),
        }
    }
}

/// What a right configuration holds.
#[derive(Debug)]
pub struct Summary {
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<String>,
    sites: usize,
    origins: usize,
    keys: usize,
    overrides: usize,
    blocklist: usize,
    fraud: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ok: {} site(s), {} origin(s), {} key(s), {} override(s), {} blocklist entries",
            self.sites, self.origins, self.keys, self.overrides, self.blocklist
        )?;
        match self.fraud {
            0 => Ok(()),
            entries => write!(f, ", {entries} anti-fraud entries"),
        }
    }
}

/// Reads, resolves and opens everything, and lets go of it again.
pub fn check(path: &Path) -> Result<Summary, CheckError> {
    let loaded = read(path)?;
    let blocklist =
        config::load_blocklist(&loaded.blocklist_files).map_err(CheckError::Blocklist)?;
    let fraud = config::load_fraud_lists(&loaded.fraud.files).map_err(CheckError::FraudList)?;
    open_origins(&loaded, None).map_err(CheckError::Delivery)?;
    Certificates::load(&loaded.edge.listeners).map_err(CheckError::Certificate)?;
    Certificates::load(&loaded.control_listeners).map_err(CheckError::Certificate)?;
    let token_keys = |site: &crate::policy::Site| {
        site.token.as_ref().map_or(0, |token| match &token.scheme {
            crate::policy::Scheme::EdgeAuth(scheme) => scheme.keyring.keys().len(),
        })
    };
    Ok(Summary {
        warnings: loaded.warnings.iter().map(|it| it.render(Colour::Plain)).collect(),
        sites: loaded.sites.sites().len(),
        origins: loaded.origins.len(),
        keys: loaded.sites.sites().iter().map(token_keys).sum(),
        overrides: loaded.overrides.entries(),
        blocklist: blocklist.entries(),
        fraud: fraud.anonymizers.entries() + fraud.asns.len() + fraud.blacklist.entries(),
    })
}

/// Compiles the policy of a configuration, as it would be in force at `now`.
pub fn load_policy(path: &Path, now: UnixSeconds) -> Result<Policy, CheckError> {
    let loaded = read(path)?;
    let blocklist =
        config::load_blocklist(&loaded.blocklist_files).map_err(CheckError::Blocklist)?;
    let fraud = config::load_fraud_lists(&loaded.fraud.files).map_err(CheckError::FraudList)?;
    let lists = Lists { blocklist: Arc::new(blocklist), fraud: Arc::new(fraud) };
    let (settings, control, sync) =
        (loaded.settings.clone(), loaded.control.clone(), loaded.sync.clone());
    let snapshot = compile(loaded, lists, Rest { version: 1, now, control: None });
    Ok(Policy { sites: Arc::clone(&snapshot.sites), snapshot, settings, control, sync })
}

impl Policy {
    /// The same with what its control plane says at `now`, where it has one; of an edge that follows
    /// control planes elsewhere, what they have told it.
    pub fn with_control_plane(mut self, now: UnixSeconds) -> Result<Self, ProvisionError> {
        if let Some(config) = &self.control {
            self.snapshot.control = Some(provision::control_state(config, now)?);
        } else if let Some(config) = &self.sync {
            let kept = kept_state(config, now)?.ok_or(ProvisionError::NothingTold)?;
            self.snapshot.control = Some(Arc::new(kept));
        }
        Ok(self)
    }

    /// Explains the decision on one request that comes from `peer`, which speaks that.
    pub fn explain(
        &self,
        parts: &Parts,
        peer: PeerIp,
        scheme: ClientScheme,
        now: UnixSeconds,
    ) -> Explanation {
        let arrival = Arrival { peer, server_name: None, body: BodyPresence::Absent, scheme };
        explain(Question { parts, arrival, now }, &self.snapshot, &self.settings)
    }
}

/// Reads `120m` and the like.
pub fn parse_ttl(text: &str) -> Result<Duration, DurationRejection> {
    config::parse_duration(text)
}

pub(super) fn read(path: &Path) -> Result<Loaded, CheckError> {
    read_again(path, None)
}

pub(super) fn read_again(
    path: &Path,
    known: Option<&KnownOverrides>,
) -> Result<Loaded, CheckError> {
    config::load_again(path, &Surroundings::Machine, known).map_err(CheckError::Config)
}

/// What is read apart from the configuration, and kept while its files have not changed.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    pub(super) blocklist: Arc<Blocklist>,
    pub(super) fraud: Arc<FraudLists>,
}

pub(super) fn compile(loaded: Loaded, lists: Lists, rest: Rest) -> EdgeSnapshot {
    let Lists { blocklist, fraud } = lists;
    let Rest { version, now, control } = rest;
    EdgeSnapshot {
        version,
        published: now,
        sites: Arc::new(loaded.sites),
        overrides: loaded.overrides,
        blocklist,
        revocations: Arc::new(loaded.revocations),
        anti_fraud: Arc::new(loaded.fraud.with(fraud)),
        control,
    }
}

pub(super) fn open_origins(
    loaded: &Loaded,
    previous: Option<&DeliveryDesk>,
) -> Result<DeliveryDesk, DeliverySetupError> {
    DeliveryDesk::open(loaded.origins.clone(), previous)
}
