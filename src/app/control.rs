//! The control plane within this process: its store, its listener, and the way to the edge.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::composer::Composer;
use crate::asset::TenantId;
use crate::clock::Clock;
use crate::control_plane::api::{Api, Listener, SharePages, serve};
use crate::control_plane::link::{LinkSigner, MasterKeyError};
use crate::control_plane::service::{
    KnownOrigins, ServiceError, Services, Sources, SourcesInForce, Staging, Uploads,
};
use crate::control_plane::store::{Store, StoreError, StoreErrorKind};
use crate::control_plane::webhooks::{Sender, SenderError, WebhookMetrics, deliver};
use crate::control_plane::{
    Caller, Config, CopyDesk, Post, Publisher, UploadConfig, WebhookConfig, hash_copies,
    hash_files, name_contents, retain, send_letters,
};
use crate::data_plane::{Certificates, EdgeState, ListenerConfig};
use crate::policy::SnapshotReader;
use crate::telemetry::ErrorChain;

/// Before the database is asked again to tell of changes.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// How long requests under way may take when the program ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a control plane does not start.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Its address cannot be had.
    #[error("the control plane cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What its keys are sealed under cannot be had.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// Its APIs cannot be set up.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// Uploads have nowhere to wait.
    #[error("the upload folder {} cannot be used", folder.display())]
    Uploads {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The metrics cannot be registered.
    #[error("the metrics cannot be registered")]
    Metrics(#[source] prometheus::Error),
    /// Messages to webhooks cannot be sent.
    #[error(transparent)]
    Webhooks(#[from] SenderError),
    /// Its records cannot be had.
    #[error("the store {address} cannot be opened")]
    Store {
        /// Where it is, without a password.
        address: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// What a control plane is started with.
#[derive(Debug)]
pub(super) struct ControlSetup {
    pub(super) config: Config,
    pub(super) listeners: Vec<ListenerConfig>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) files: Files,
}

/// Where files are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// By edges, whose origins only they know.
    Elsewhere,
    /// By this program.
    Here,
}

/// A running control plane.
#[derive(Debug)]
pub(super) struct Control {
    addresses: Vec<SocketAddr>,
    services: Services,
    share_pages: SharePages,
    store: Store,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Control {
    /// Opens the store, puts in force what it says, and starts to listen. A control plane without
    /// an edge signs links by what is in force, as one with an edge does.
    pub(super) async fn start(
        setup: ControlSetup,
        clock: Clock,
        composer: Composer,
        registry: &Registry,
    ) -> Result<Self, ControlError> {
        let ControlSetup { config, listeners, certificates, files } = setup;
        let master_key = config.master_key();
        let Config {
            public_url,
            store: place,
            trusted_proxies,
            master_key: _,
            previous_master_keys: _,
            max_link_lifetime,
            uploads,
            connections,
            requests_per_minute,
            webhooks: WebhookConfig { reach, ca },
            mail_ports,
            mail_networks,
            query_token,
            image_marks,
        } = config;
        let sender = Sender::new(reach.clone(), ca.as_deref())?;
        let metrics = WebhookMetrics::register(registry).map_err(ControlError::Metrics)?;
        let failed = |source| ControlError::Store { address: format!("{place:?}"), source };
        let store = Store::open(&place).await.map_err(failed)?;
        register_tenants(&store, &composer, clock).await.map_err(failed)?;
        let master_key = master_key?;
        let public_url = public_url.as_deref();
        let in_force = composer.reader();
        let links =
            LinkSigner::new(Arc::new(move || in_force.load().map(|state| state.policy.clone())));
        let sealing = master_key.clone();
        let api =
            Api::new(store.clone(), clock, public_url, trusted_proxies, sealing, links).await?;
        let api = api
            .with_rate_limit(requests_per_minute)
            .with_longest_link(max_link_lifetime.as_secs())
            .with_connections(connections)
            .with_query_token(query_token)
            .with_image_marks(image_marks)
            .with_webhook_reach(reach)
            .with_post(Post::new(&mail_ports, mail_networks).map_err(ControlError::Tls)?)
            .with_sources(sources(composer.reader()));
        let api = match files {
            Files::Here => api.with_origins(origins(composer.reader())),
            Files::Elsewhere => api,
        };
        let states = composer.reader();
        let api = api.with_originals(move || states.load().map(|it| Arc::clone(&it.delivery)));
        let api = match uploads {
            Some(UploadConfig { folder, limits }) => {
                let unusable = |source| ControlError::Uploads { folder: folder.clone(), source };
                let staging = Staging::open(&folder).map_err(unusable)?;
                let states = composer.reader();
                let desk = move || states.load().map(|state| Arc::clone(&state.delivery));
                api.with_uploads(Uploads::new(staging, limits, desk))
            }
            None => api,
        };
        api.services().signing_key_ensure(&Caller::system("configuration")).await?;
        let edges = api.edges();
        let (services, share_pages) = (api.services().clone(), api.share_pages());
        let mut tasks = Vec::new();
        let publisher = Publisher::start(store.clone(), clock, master_key.clone()).await;
        let mut publisher = publisher.map_err(failed)?;
        composer.put_control(publisher.state());
        let states = composer.reader();
        tasks
            .push(forever(async move { publisher.run(|state| composer.put_control(state)).await }));

        let secured = certificates.server_configs().map_err(ControlError::Tls)?;
        let mut bound = Vec::new();
        let mut addresses = Vec::new();
        for (ListenerConfig { address, .. }, tls) in listeners.into_iter().zip(secured) {
            let unbound = |source| ControlError::Bind { address, source };
            let listener = Listener::bind(address, tls).await.map_err(unbound)?;
            addresses.push(listener.address().map_err(unbound)?);
            bound.push(listener);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            // Whatever ends the waiting is the end.
            serve(bound, api, async { drop(stopped.await) }).await;
        });
        let copies_by = states.clone();
        // The origins of the configuration that is in force at that time.
        let desk = move || states.load().map(|state| Arc::clone(&state.delivery));
        tasks.push(forever(hash_files(store.clone(), clock, desk.clone())));
        tasks.push(forever(hash_copies(store.clone(), clock, move || copy_desk(&copies_by))));
        let tracing = services.clone();
        tasks.push(forever(async move { tracing.backtraces_run(desk).await }));
        let uploading = services.clone();
        tasks.push(forever(async move { uploading.uploads_complete().await }));
        tasks.push(forever(async move { edges.run().await }));
        tasks.push(forever(hear(store.clone())));
        tasks.push(forever(name_contents(store.clone(), clock)));
        tasks.push(forever(retain(store.clone(), clock)));
        tasks.push(forever(deliver(store.clone(), clock, master_key, sender, metrics)));
        tasks.push(forever(send_letters(services.clone())));
        Ok(Self { addresses, services, share_pages, store, stop, server, tasks })
    }

    /// Where its APIs are.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What its APIs do.
    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    /// What visitors of shares are answered by.
    pub(super) fn share_pages(&self) -> SharePages {
        self.share_pages.clone()
    }

    /// Finishes what is under way, and closes the store.
    pub(super) async fn stop(self) {
        let Self { addresses: _, services, share_pages: _, store, stop, server, tasks } = self;
        // The server is gone only where it failed.
        let _ = stop.send(());
        if timeout(PATIENCE, server).await.is_err() {
            tracing::warn!("requests to the control plane were cut off");
        }
        for task in tasks {
            task.abort();
        }
        // What left last is kept, too.
        if timeout(PATIENCE, services.sent_bytes_keep()).await.is_err() {
            tracing::warn!("what left of shares last was not kept");
        }
        store.close().await;
    }
}

/// Those of the configuration that is in force at that time.
fn origins(states: SnapshotReader<EdgeState>) -> KnownOrigins {
    KnownOrigins::new(move || {
        let state = states.load();
        let names = state.iter().flat_map(|state| state.delivery.origins());
        names.map(|name| name.as_str().into()).collect()
    })
}

/// What copies are made by, under the configuration that is in force.
fn copy_desk(states: &SnapshotReader<EdgeState>) -> Option<CopyDesk> {
    let state = states.load()?;
    let control = state.policy.control.as_ref();
    let image_mark_keys = control.map(|it| Arc::clone(&it.image_mark_keys)).unwrap_or_default();
    Some(CopyDesk { desk: Arc::clone(&state.delivery), image_mark_keys })
}

/// What originals are handed over by at that time.
fn sources(states: SnapshotReader<EdgeState>) -> Sources {
    Sources::new(move || {
        let state = states.load()?;
        Some(SourcesInForce {
            policy: state.policy.clone(),
            delivery: Arc::clone(&state.delivery),
            cdn: state.settings.cdn.clone(),
        })
    })
}

/// Spawns what ends only by being aborted.
fn forever(work: impl Future<Output = Infallible> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async {
        let never = work.await;
        match never {}
    })
}

/// A tenant that a site names exists: nobody has to make it first.
async fn register_tenants(
    store: &Store,
    composer: &Composer,
    clock: Clock,
) -> Result<(), StoreError> {
    let Some(state) = composer.reader().load() else { return Ok(()) };
    let tenants: BTreeSet<TenantId> =
        state.policy.sites.sites().iter().map(|site| site.tenant).collect();
    let mut change = store.change(&Caller::system("configuration"), clock.now()).await?;
    for tenant in tenants {
        match change.view().tenant(tenant).await {
            Ok(_) => {}
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                change.tenant_create(tenant, &format!("tenant-{tenant}")).await?;
            }
            Err(error) => return Err(error),
        }
    }
    change.commit().await.map(drop)
}

/// Listens for changes that other control planes make. What is missed meanwhile is found by looking.
async fn hear(store: Store) -> Infallible {
    loop {
        let Err(error) = store.hear().await;
        tracing::warn!(error = %ErrorChain(&error), "other control planes are not heard of");
        sleep(LEFT_ALONE).await;
    }
}
