//! Registering what an origin holds already: a folder, from the machine that has it, or a bucket.

use std::io;
use std::path::{Path, PathBuf};

use super::load;
use super::provision::{ProvisionError, with_store_at};
use crate::asset::{ChannelId, TenantId};
use crate::clock::Clock;
use crate::control_plane::Caller;
use crate::control_plane::account::PasswordHasher;
use crate::control_plane::record::Publication;
use crate::control_plane::service::{
    CatalogScan, ScanDraft, ScanStep, ScannedFile, ServiceError, Services,
};
use crate::origin::{Config, DiskListing, Kind, Listed, ListingError, ObjectListing, PassedOver};

/// Files that are registered in one change.
const AT_A_TIME: usize = 500;

/// What is to be scanned, and what is said of what is found.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Whose contents they become.
    pub tenant: TenantId,
    /// The name of the pipeline whose folder is scanned.
    pub pipeline: String,
    /// The folder they come to be in.
    pub folder: Option<ChannelId>,
    /// The language of their titles.
    pub language: String,
    /// Are they made public?
    pub publication: Publication,
    /// Is anything written?
    pub effect: ScanEffect,
}

/// Is anything written?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEffect {
    /// No: it is only said what would be.
    TryOut,
    /// Yes.
    Register,
}

/// How far a scan is.
#[derive(Clone, Debug, Default)]
pub struct ScanReport {
    /// Files that were come across.
    pub files: u64,
    /// Those that were registered, or would be.
    pub registered: u64,
    /// Those that were registered before.
    pub known: u64,
    /// Those that cannot be registered: where, and why.
    pub refused: Vec<(String, String)>,
    /// What is no file that could be asked for: where, and why.
    pub passed_over: Vec<(PathBuf, String)>,
}

/// Why a scan cannot be made, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The bucket cannot be read.
    #[error("the bucket cannot be listed")]
    Bucket(#[source] ListingError),
    /// The folder cannot be read.
    #[error("{} cannot be listed", path.display())]
    Folder {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Only folders and buckets can be listed.
    #[error(
        "the origin {0} is a server, and a server cannot be listed: \
         import its contents as lines (POST …/contents/import)"
    )]
    NotAFolder(String),
    /// The pipeline is of an origin that this configuration does not have.
    #[error("the configuration has no origin {0}")]
    OriginUnknown(String),
    /// The tenant, its pipeline or its folder is not there.
    #[error("tenant {tenant} has no pipeline {pipeline:?}, or not that folder")]
    NotThere {
        /// The tenant.
        tenant: TenantId,
        /// The pipeline.
        pipeline: String,
    },
    /// The records cannot be worked with.
    #[error(transparent)]
    Records(#[from] ProvisionError),
}

/// Registers what is in a pipeline's folder and not registered yet. `progress` is told how far it
/// is, and of how many files where that is known.
pub fn scan_catalog(
    config: &Path,
    clock: Clock,
    request: ScanRequest,
    progress: impl FnMut(&ScanReport, u64),
) -> Result<ScanReport, ScanError> {
    let loaded = load::read(config).map_err(ProvisionError::Config)?;
    let control = loaded.control.ok_or(ProvisionError::NoControl)?;
    let origins = loaded.origins;
    with_store_at(&control.store, async |store| {
        let passwords = PasswordHasher::new().map_err(ProvisionError::from)?;
        let services = Services::new(store, clock, passwords);
        run(&services, &origins, request, progress).await
    })
}

async fn run(
    services: &Services,
    origins: &[Config],
    request: ScanRequest,
    mut progress: impl FnMut(&ScanReport, u64),
) -> Result<ScanReport, ScanError> {
    let ScanRequest { tenant, pipeline, folder, language, publication, effect } = request;
    let draft = ScanDraft { folder, language: language.into(), publication };
    let caller = Caller::system("catalog scan");
    let scan = match services.catalog_scan(&caller, tenant, &pipeline, draft).await {
        Ok(scan) => scan,
        Err(ServiceError::NotFound) => return Err(ScanError::NotThere { tenant, pipeline }),
        Err(error) => return Err(ProvisionError::from(error).into()),
    };
    let (origin, prefix) = (&scan.pipeline().origin, &scan.pipeline().prefix);
    let config = origins.iter().find(|known| known.name == *origin);
    let (mut listing, total) = match config.map(|config| &config.kind) {
        Some(Kind::Disk(disk)) => {
            let failed = |source| ScanError::Folder { path: disk.root.join(&**prefix), source };
            // Once to know how many there are; names alone, which is quick.
            let is_file = |entry: &Listed| matches!(entry, Listed::File { .. });
            let total = disk.list(prefix).map_err(failed)?.filter(is_file).count() as u64;
            (Listing::Folder(disk.list(prefix).map_err(failed)?), total)
        }
        // To count takes as long as to list.
        Some(Kind::ObjectStore(store)) => {
            (Listing::Bucket(store.list(prefix).map_err(ScanError::Bucket)?), 0)
        }
        Some(Kind::Http(_)) => return Err(ScanError::NotAFolder(origin.to_string())),
        None => return Err(ScanError::OriginUnknown(origin.to_string())),
    };
    let mut report = ScanReport::default();
    let mut batch = Vec::with_capacity(AT_A_TIME);
    while let Some(entry) = listing.next().await.transpose().map_err(ScanError::Bucket)? {
        match entry {
            Listed::File { key, size } => batch.push(ScannedFile { key: key.into(), size }),
            // Hidden files and markers of folders are nobody's news.
            Listed::PassedOver { path: _, why: PassedOver::Hidden | PassedOver::Marker } => {}
            Listed::PassedOver { path, why } => report.passed_over.push((path, why.to_string())),
        }
        if batch.len() >= AT_A_TIME {
            report.add(step(&scan, effect, &mut batch).await?);
            progress(&report, total);
        }
    }
    report.add(step(&scan, effect, &mut batch).await?);
    progress(&report, total);
    Ok(report)
}

/// What an origin holds.
enum Listing {
    Bucket(ObjectListing),
    Folder(DiskListing),
}

impl Listing {
    async fn next(&mut self) -> Option<Result<Listed, ListingError>> {
        match self {
            Self::Bucket(bucket) => bucket.next().await,
            Self::Folder(folder) => folder.next().map(Ok),
        }
    }
}

async fn step(
    scan: &CatalogScan,
    effect: ScanEffect,
    batch: &mut Vec<ScannedFile>,
) -> Result<ScanStep, ScanError> {
    let files = std::mem::take(batch);
    let step = match effect {
        ScanEffect::TryOut => scan.try_out(files).await,
        ScanEffect::Register => scan.take(files).await,
    };
    Ok(step.map_err(ProvisionError::from)?)
}

impl ScanReport {
    fn add(&mut self, ScanStep { registered, known, refused }: ScanStep) {
        self.files += registered + known + refused.len() as u64;
        self.registered += registered;
        self.known += known;
        let refused = refused.into_iter().map(|(key, why)| (key.into(), why.to_string()));
        self.refused.extend(refused);
    }
}
