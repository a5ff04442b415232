//! Counters that several edges share, in Redis.
//!
//! One connection for all workers, multiplexed. A task of the control runtime makes it, makes it
//! again when it breaks, renews leases, and says what has ended; requests find it or find it away,
//! and never wait for it to be made.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::IntGauge;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Script, TlsCertificates};
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::config::RedisConfig;
use super::counters::UsageSetupError;
use super::downloads::DownloadId;
use super::lease::{Ended, Lease, Leases};
use super::link::{LinkRef, Place, Visit};
use super::script::{BEGIN, RENEW};
use crate::policy::{FraudMode, SharingRules};
use crate::telemetry::ErrorChain;

/// Between two attempts to connect.
const AGAIN: Duration = Duration::from_millis(250);

/// To connect.
const CONNECT: Duration = Duration::from_secs(2);

/// Ends that are told at once.
const MOST_AT_ONCE: usize = 256;

/// Renewals within a lease: one may fail.
const RENEWALS: u32 = 3;

/// The end that requests have. See the module.
pub(super) struct RedisStore {
    connection: watch::Receiver<Option<MultiplexedConnection>>,
    broken: Arc<Notify>,
    begin: Script,
    leases: Arc<Leases>,
    /// This process, among all that ever were.
    edge: Box<str>,
    next: AtomicU64,
    timeout: Duration,
    lease: Duration,
}

/// What is asked about one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) link: LinkRef<'a>,
    pub(super) place: Option<(Place<'a>, &'a SharingRules)>,
    pub(super) visit: Visit,
    pub(super) mode: FraudMode,
    pub(super) parallel: Option<(DownloadId, u16)>,
}

/// What Redis says to it.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) places: Places,
    pub(super) download: Download,
}

/// Is the link in use at too many places?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    Few,
    TooMany,
}

/// Did the download begin?
#[derive(Debug)]
pub(super) enum Download {
    Began(Lease),
    NotAsked,
    TooMany,
}

/// Redis did not answer.
#[derive(Debug)]
pub(super) struct Away {
    /// To be answered for when it is back.
    pub(super) lease: Option<Lease>,
}

impl RedisStore {
    /// Before a connection was made, and what makes it.
    pub(super) fn open(
        config: &RedisConfig,
        connected: IntGauge,
    ) -> Result<(Self, RedisKeeper), UsageSetupError> {
        let client = client(config).map_err(UsageSetupError::Redis)?;
        let mut edge = [0; 8];
        getrandom::fill(&mut edge).map_err(|_| UsageSetupError::Random)?;
        let (leases, ended) = Leases::new();
        let (publish, connection) = watch::channel(None);
        let broken = Arc::new(Notify::new());
        let store = Self {
            connection,
            broken: Arc::clone(&broken),
            begin: Script::new(BEGIN),
            leases: Arc::clone(&leases),
            edge: hex::encode(edge).into(),
            next: AtomicU64::new(0),
            timeout: config.timeout,
            lease: config.lease,
        };
        let keeper = RedisKeeper {
            client,
            publish,
            broken,
            leases,
            ended,
            renew: Script::new(RENEW),
            timeout: config.timeout,
            lease: config.lease,
            connected,
        };
        Ok((store, keeper))
    }

    /// Asks about one request, and notes it.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Said, Away> {
        let link = question.link.digest();
        let lease = question.parallel.map(|(id, _)| self.lease_of(&link, id));
        // Cloned, so that nobody waits for a lock while Redis is asked.
        let Some(mut connection) = self.connection.borrow().clone() else {
            return Err(Away { lease });
        };
        let mut invocation = self.begin.prepare_invoke();
        invocation.key(places_key(&link)).key(downloads_key(&link));
        match &question.place {
            Some((place, rules)) => invocation
                .arg(place.to_string())
                .arg(rules.places.get())
                .arg(rules.window.saturating_mul(1000)),
            None => invocation.arg("").arg(0).arg(0),
        };
        invocation
            .arg(match question.visit {
                Visit::Look => "look",
                Visit::Use => "use",
            })
            .arg(question.mode.wire_name())
            .arg(lease.as_ref().map_or("", Lease::request))
            .arg(question.parallel.map_or(0, |(_, limit)| limit))
            .arg(millis(self.lease));
        let said = timeout(self.timeout, invocation.invoke_async(&mut connection)).await;
        let said: (u8, u8) = match said {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => {
                tracing::debug!(error = %ErrorChain(&error), "redis failed");
                self.broken.notify_one();
                return Err(Away { lease });
            }
            Err(_) => {
                self.broken.notify_one();
                return Err(Away { lease });
            }
        };
        let (places, download) = match said {
            (0, download) => (Places::Few, download),
            (_, download) => (Places::TooMany, download),
        };
        let download = match (download, lease) {
            (1, Some(lease)) => {
                lease.hold();
                Download::Began(lease)
            }
            (2, Some(_)) => Download::TooMany,
            (_, _) => Download::NotAsked,
        };
        Ok(Said { places, download })
    }

    /// How many requests of a link Redis has under way.
    #[cfg(test)]
    pub(super) async fn requests(&self, link: LinkRef<'_>) -> usize {
        let mut connection = self.connection.borrow().clone().unwrap();
        let key = downloads_key(&link.digest());
        redis::cmd("ZCARD").arg(key).query_async(&mut connection).await.unwrap()
    }

    fn lease_of(&self, link: &str, id: DownloadId) -> Lease {
        let (edge, number) = (&self.edge, self.next.fetch_add(1, Ordering::Relaxed));
        let request = match id {
            DownloadId::Parts(client) => format!("{client}|{edge}.{number}"),
            DownloadId::Whole(_) => format!("{edge}.{number}|"),
        };
        self.leases.ask(downloads_key(link).into(), request.into())
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("edge", &self.edge).finish_non_exhaustive()
    }
}

fn places_key(link: &str) -> String {
    format!("countersign:places:{{{link}}}")
}

fn downloads_key(link: &str) -> String {
    format!("countersign:downloads:{{{link}}}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn client(config: &RedisConfig) -> RedisResult<Client> {
    let mut login = config.url.connection.redis_settings().clone();
    if let Some(username) = &config.username {
        login = login.set_username(username);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.expose());
    }
    let info = config.url.connection.clone().set_redis_settings(login);
    if config.url.is_encrypted() {
        let root_cert = config.authorities.as_ref().map(|pem| pem.to_vec());
        Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
    } else {
        Client::open(info)
    }
}

/// What makes the connection and keeps what is in Redis true. Runs until its runtime ends.
#[must_use = "without it Redis stays away"]
pub struct RedisKeeper {
    client: Client,
    publish: watch::Sender<Option<MultiplexedConnection>>,
    broken: Arc<Notify>,
    leases: Arc<Leases>,
    ended: Receiver<Ended>,
    renew: Script,
    timeout: Duration,
    lease: Duration,
    connected: IntGauge,
}

impl fmt::Debug for RedisKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisKeeper").finish_non_exhaustive()
    }
}

impl RedisKeeper {
    /// Connects, again and again.
    pub async fn run(mut self) -> Infallible {
        let mut was_away = false;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    tracing::info!("redis is there: links are counted for all edges");
                    was_away = false;
                    let error = self.keep(connection).await;
                    self.publish.send_replace(None);
                    self.connected.set(0);
                    tracing::warn!(error, "redis is away");
                }
                // Said once: an attempt follows every other.
                Err(error) if !was_away => {
                    was_away = true;
                    tracing::warn!(error = %ErrorChain(&error), "redis is away");
                }
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(self.timeout));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Until it breaks. Gives why.
    async fn keep(&mut self, mut connection: MultiplexedConnection) -> String {
        // What was begun while it was away, or what it has forgotten.
        if let Err(error) = self.renew(&mut connection).await {
            return ErrorChain(&error).to_string();
        }
        self.publish.send_replace(Some(connection.clone()));
        self.connected.set(1);
        let mut renewals = interval(self.lease / RENEWALS);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended = Vec::with_capacity(MOST_AT_ONCE);
        loop {
            let done = tokio::select! {
                () = self.broken.notified() => return "a request was not answered".to_owned(),
                _ = renewals.tick() => self.renew(&mut connection).await,
                _ = self.ended.recv_many(&mut ended, MOST_AT_ONCE) => {
                    let told = tell(&mut connection, &ended).await;
                    ended.clear();
                    told
                }
            };
            if let Err(error) = done {
                return ErrorChain(&error).to_string();
            }
        }
    }

    /// Answers for everything that is held for another while. Where nothing is, it asks whether
    /// anybody is there.
    async fn renew(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let held = self.leases.held();
        if held.is_empty() {
            return redis::cmd("PING").exec_async(connection).await;
        }
        for (key, requests) in held {
            let mut invocation = self.renew.prepare_invoke();
            invocation.key(&*key).arg(millis(self.lease));
            for request in &requests {
                invocation.arg(&**request);
            }
            let _: u8 = invocation.invoke_async(connection).await?;
        }
        Ok(())
    }
}

/// Says what has ended.
async fn tell(connection: &mut MultiplexedConnection, ended: &[Ended]) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for Ended { key, request } in ended {
        pipeline.cmd("ZREM").arg(&**key).arg(&**request).ignore();
    }
    pipeline.exec_async(connection).await
}
