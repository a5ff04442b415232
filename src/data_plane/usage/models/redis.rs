//! What Redis says, against the model of it.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU8;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use prometheus::IntGauge;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{Instant, timeout};

use crate::asset::TenantId;
use crate::data_plane::usage::config::{RedisConfig, RedisUrl, WhenAway};
use crate::data_plane::usage::downloads::DownloadId;
use crate::data_plane::usage::lease::Lease;
use crate::data_plane::usage::link::{LinkRef, Place, Visit};
use crate::data_plane::usage::redis_store::{Away, Download, Places, Question, RedisStore, Said};
use crate::data_plane::usage::user_agent::UserAgentFamily;
use crate::network::ClientIp;
use crate::policy::{FraudMode, SharingRules, UserAgentRule};

/// Longer than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of this test's own, which keeps nothing. Dropped, it is gone.
struct Server {
    folder: TempDir,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let program = std::env::var_os("COUNTERSIGN_TEST_REDIS").unwrap_or("redis-server".into());
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "r.sock"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("no redis-server: run tests/run --env-only");
        let server = Self { folder, process };
        let began = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            assert!(began.elapsed() < PATIENCE, "redis does not answer");
            std::thread::yield_now();
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("r.sock")
    }

    fn config(&self) -> RedisConfig {
        let url = format!("redis+unix://{}", self.socket().display());
        RedisConfig {
            url: RedisUrl::parse(&url).unwrap(),
            username: None,
            password: None,
            authorities: None,
            when_away: WhenAway::Deny,
            timeout: Duration::from_secs(10),
            lease: Duration::from_mins(10),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A link is used, or looked at, by a client; a download of the whole file begins, or of parts.
    Use { link: u8, client: u8, visit: Visit, whole: bool },
    /// One of the downloads that are under way ends.
    End(prop::sample::Index),
}

fn event() -> impl Strategy<Value = Event> {
    let visit = prop_oneof![3 => Just(Visit::Use), 1 => Just(Visit::Look)];
    prop_oneof![
        3 => (0_u8..2, 0_u8..4, visit, any::<bool>())
            .prop_map(|(link, client, visit, whole)| Event::Use { link, client, visit, whole }),
        1 => any::<prop::sample::Index>().prop_map(Event::End),
    ]
}

/// A link by the model: where it was used, and the downloads under way, each with the number that
/// makes it one.
#[derive(Debug, Default)]
struct Model {
    places: HashSet<u8>,
    downloads: HashMap<u64, usize>,
}

/// Each client is in a network of its own.
fn client(number: u8) -> ClientIp {
    ClientIp::new([10, 0, number, 1].into())
}

async fn ask(store: &RedisStore, question: &Question<'_>) -> Said {
    match store.ask(question).await {
        Ok(said) => said,
        Err(Away { .. }) => panic!("redis is away"),
    }
}

/// One run, with links of its own.
async fn follow(store: &RedisStore, run: usize, events: &[Event], most: u8) {
    let sharing = SharingRules {
        places: NonZeroU8::new(most).unwrap(),
        window: 3600,
        user_agent: UserAgentRule::Bind,
    };
    let ids = [0, 1].map(|link| format!("lnk_{run}_{link}"));
    let mut model: [Model; 2] = Default::default();
    let mut under_way: Vec<(u8, u64, Lease)> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let (link, from, visit, whole) = match *event {
            Event::Use { link, client, visit, whole } => (link, client, visit, whole),
            Event::End(_) if under_way.is_empty() => continue,
            Event::End(index) => {
                let (link, download, lease) = under_way.swap_remove(index.index(under_way.len()));
                drop(lease);
                let known = &mut model[usize::from(link)].downloads;
                *known.get_mut(&download).unwrap() -= 1;
                known.retain(|_, requests| *requests > 0);
                settle(store, &ids[usize::from(link)], known.values().sum()).await;
                continue;
            }
        };
        let known = &mut model[usize::from(link)];
        let download = if whole { 1000 + number as u64 } else { u64::from(from) };
        let id = if whole { DownloadId::Whole(download) } else { DownloadId::Parts(client(from)) };
        let place = Place::of(client(from), UserAgentFamily::Chromium, sharing.user_agent);
        let question = Question {
            link: LinkRef { tenant: TenantId(1), key: "k", id: &ids[usize::from(link)] },
            place: Some((place, &sharing)),
            visit,
            mode: FraudMode::Enforce,
            parallel: (visit == Visit::Use).then_some((id, most.into())),
        };
        let said = ask(store, &question).await;
        let lets_in = known.places.contains(&from) || known.places.len() < usize::from(most);
        assert_eq!(said.places == Places::Few, lets_in, "{event:?}: {known:?}");
        if lets_in && visit == Visit::Use {
            known.places.insert(from);
        }
        let begins =
            known.downloads.contains_key(&download) || known.downloads.len() < usize::from(most);
        match said.download {
            Download::NotAsked => assert!(!lets_in || visit == Visit::Look, "{event:?}"),
            Download::TooMany => assert!(!begins, "{event:?}: {known:?}"),
            Download::Began(lease) => {
                assert!(begins, "{event:?}: {known:?}");
                *known.downloads.entry(download).or_default() += 1;
                under_way.push((link, download, lease));
            }
        }
    }
}

/// Waits until Redis was told that something ended.
async fn settle(store: &RedisStore, id: &str, expected: usize) {
    let link = LinkRef { tenant: TenantId(1), key: "k", id };
    let told = async {
        while store.requests(link).await != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, told).await.expect("redis was not told");
}

#[test]
fn the_script_agrees_with_the_model() {
    let server = Server::start();
    let runtime = Runtime::new().unwrap();
    let connected = IntGauge::new("connected", "connected").unwrap();
    let (store, keeper) = RedisStore::open(&server.config(), connected.clone()).unwrap();
    runtime.spawn(async move {
        let never = keeper.run().await;
        match never {}
    });
    let began = Instant::now();
    while connected.get() == 0 {
        assert!(began.elapsed() < PATIENCE, "never connected");
        std::thread::yield_now();
    }
    let runs = std::cell::Cell::new(0);
    let strategy = (prop::collection::vec(event(), 1..60), 1_u8..4);
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    let outcome = runner.run(&strategy, |(events, most)| {
        runs.set(runs.get() + 1);
        runtime.block_on(follow(&store, runs.get(), &events, most));
        Ok(())
    });
    outcome.unwrap();
}
