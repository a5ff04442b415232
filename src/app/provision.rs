//! What an operator does to a control plane's records from the machine it runs on, without its API:
//! the first application, and the check of the audit log.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Builder;

use super::load::{self, CheckError};
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::account::{HashingFailed, PasswordHasher};
use crate::control_plane::link::MasterKeyError;
use crate::control_plane::record::{ApplicationDraft, PersonDraft, Role};
use crate::control_plane::service::{PersonPassword, ResealError, ServiceError, Services};
use crate::control_plane::store::{
    BackupError, Copied, Page, RestoreError, Store, StoreError, WholeCopy,
};
use crate::control_plane::{self, Caller, Publisher, StoreAddress};
use crate::data_plane::SyncSetupError;
use crate::policy::ControlState;
use crate::secret::Secret;

pub use crate::control_plane::record::{ChainFault, ChainState, Scope, ScopeSet};
pub use crate::control_plane::service::{Resealed, SecretForm};
pub use crate::control_plane::store::Replaces;

/// Events of the audit log that are read at a time while it is written out.
const EXPORTED_AT_ONCE: u16 = 500;

/// What a new application may do.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// What people call it.
    pub name: String,
    /// The tenant it is bound to; none reaches every tenant.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// What its secret is good for.
    pub secret: SecretForm,
}

/// What a program logs in with.
pub struct ClientCredentials {
    /// The application's id.
    pub client_id: String,
    /// Its secret, which is kept nowhere else.
    pub client_secret: Secret<String>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why a control plane's records could not be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(CheckError),
    /// The master key cannot be had.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The store cannot be copied out.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A file cannot be opened or written.
    #[error("the file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was asked for cannot be written out.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
    /// A copy was not brought in.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// What an edge was told cannot be read.
    #[error(transparent)]
    Sync(#[from] SyncSetupError),
    /// An edge was told nothing.
    #[error("the edge's state folder is empty: no control plane has told it anything yet")]
    NothingTold,
    /// There is no control plane in it.
    #[error("the configuration has no [control]: there are no records")]
    NoControl,
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Passwords(#[from] HashingFailed),
    /// It is not allowed, or does not fit.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Something that is sealed cannot be sealed anew.
    #[error(transparent)]
    Reseal(#[from] ResealError),
    /// The records cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The records cannot be had.
    #[error("the store {address} cannot be opened")]
    Open {
        /// Where it is, without a password.
        address: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The system gives no runtime.
    #[error("the system refuses a runtime")]
    System(#[source] io::Error),
}

/// Makes an application and gives its credentials.
pub fn create_application(
    config: &Path,
    clock: Clock,
    new: NewApplication,
) -> Result<ClientCredentials, ProvisionError> {
    let NewApplication { name, tenant, scopes, secret } = new;
    let control = control_config(config)?;
    with_store_at(&control.store, async |store| {
        let master_key = match secret {
            SecretForm::Password => None,
            SecretForm::Signing => control.master_key()?,
        };
        let services =
            Services::new(store, clock, PasswordHasher::new()?).with_master_key(master_key);
        let draft = ApplicationDraft { tenant, name: name.into(), scopes, disabled_at: None };
        let caller = Caller::system("app create");
        let (application, issued) = services.application_create(&caller, draft, secret).await?;
        Ok(ClientCredentials {
            client_id: application.id.to_string(),
            client_secret: Secret::new(issued.secret.reveal().to_owned()),
        })
    })
}

/// Makes a person who may log in, an administrator of one tenant.
pub fn create_administrator(
    config: &Path,
    clock: Clock,
    username: &str,
    password: &Secret<String>,
    tenant: TenantId,
) -> Result<(), ProvisionError> {
    with_store(config, async |store| {
        let services = Services::new(store, clock, PasswordHasher::new()?);
        let draft = PersonDraft {
            tenant: Some(tenant),
            username: username.into(),
            role: Role::Admin,
            scopes: ScopeSet::EVERY,
            disabled_at: None,
        };
        let caller = Caller::system("person create");
        // To where it is hashed, and no further.
        let password = PersonPassword(Secret::new(password.expose().clone()));
        services.person_create(&caller, draft, Some(password)).await?;
        Ok(())
    })
}

/// Walks along the audit log's chain of hashes.
pub fn verify_audit(config: &Path) -> Result<ChainState, ProvisionError> {
    with_store(config, async |store| {
        let mut view = store.view(&Caller::system("audit verify")).await?;
        Ok(view.audit_verify().await?)
    })
}

/// Writes the audit log out, an event a line, as the API's export has it.
pub fn export_audit(config: &Path, out: impl Write) -> Result<(), ProvisionError> {
    with_store(config, async |store| {
        let (mut out, caller) = (BufWriter::new(out), Caller::system("audit export"));
        let mut page = Page::first(EXPORTED_AT_ONCE);
        loop {
            // None is held while whoever reads is waited for: the log only grows.
            let listed = store.view(&caller).await?.audit_list(&page).await?;
            for event in &listed.items {
                let line = serde_json::to_writer(&mut out, event).map_err(io::Error::from);
                line.and_then(|()| out.write_all(b"\n")).map_err(ProvisionError::Output)?;
            }
            let Some(next) = listed.next else { break };
            page = Page::after(next, EXPORTED_AT_ONCE);
        }
        out.flush().map_err(ProvisionError::Output)
    })
}

/// Copies everything that is recorded into a new file that only its owner can read.
pub fn back_up(config: &Path, clock: Clock, into: &Path) -> Result<Copied, ProvisionError> {
    with_store(config, async |store| {
        let failed = |source| ProvisionError::File { path: into.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(into);
        let file = file.map_err(failed)?;
        let mut out = BufWriter::new(file);
        let mut view = store.view(&Caller::system("backup")).await?;
        let copied = view.backup(clock.now(), &mut out).await?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(copied)
    })
}

/// Puts a copy in the place of everything that is recorded. Gives how many rows it had.
pub fn restore(
    config: &Path,
    clock: Clock,
    from: &Path,
    replaces: Replaces,
) -> Result<u64, ProvisionError> {
    let open = || {
        let failed = |source| ProvisionError::File { path: from.to_owned(), source };
        File::open(from).map(BufReader::new).map_err(failed)
    };
    // Read to its end before anything is touched.
    let copy = WholeCopy::check(&mut open()?)?;
    with_store(config, async |store| {
        let mut change = store.change(&Caller::system("restore"), clock.now()).await?;
        change.restore(&copy, &mut open()?, replaces).await?;
        change.commit().await?;
        Ok(copy.rows())
    })
}

/// Seals anew, under the master key that is configured, what is sealed under one before it.
pub fn reseal(config: &Path, clock: Clock) -> Result<Resealed, ProvisionError> {
    let control = control_config(config)?;
    with_store_at(&control.store, async |store| {
        let services = Services::new(store, clock, PasswordHasher::new()?)
            .with_master_key(control.master_key()?);
        Ok(services.reseal(&Caller::system("reseal")).await?)
    })
}

/// What the records say at `now` of what edges are to do. A store that was never made says nothing,
/// and is not made for the question.
pub(super) fn control_state(
    config: &control_plane::Config,
    now: UnixSeconds,
) -> Result<Arc<ControlState>, ProvisionError> {
    let address = &config.store;
    if address.file().is_some_and(|file| !file.exists()) {
        return Ok(Arc::new(ControlState::empty()));
    }
    let master_key = config.master_key()?;
    with_store_at(address, async |store| {
        let mut publisher = Publisher::start(store, Clock::Fixed(now), master_key).await?;
        Ok(publisher.state())
    })
}

fn with_store<T>(
    config: &Path,
    work: impl AsyncFnOnce(Store) -> Result<T, ProvisionError>,
) -> Result<T, ProvisionError> {
    with_store_at(&control_config(config)?.store, work)
}

pub(super) fn control_config(config: &Path) -> Result<control_plane::Config, ProvisionError> {
    let loaded = load::read(config).map_err(ProvisionError::Config)?;
    loaded.control.ok_or(ProvisionError::NoControl)
}

pub(super) fn with_store_at<T, E: From<ProvisionError>>(
    address: &StoreAddress,
    work: impl AsyncFnOnce(Store) -> Result<T, E>,
) -> Result<T, E> {
    let runtime =
        Builder::new_current_thread().enable_all().build().map_err(ProvisionError::System)?;
    runtime.block_on(async {
        let failed = |source| ProvisionError::Open { address: format!("{address:?}"), source };
        let store = Store::open(address).await.map_err(failed)?;
        let outcome = work(store.clone()).await;
        store.close().await;
        outcome
    })
}
