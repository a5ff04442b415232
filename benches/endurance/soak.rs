//! Promise 18: memory and descriptors of an edge over an hour of everything at a modest pace.
//!
//! All caches are small, so that they are full when the warm-up is over: what grows after it is a
//! leak, or fragments.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::support::chance::Chance;
use crate::support::descriptors::Descriptors;
use crate::support::edge::{Edge, KEY_HEX, usual_config, with_server};
use crate::support::floods::HOST;
use crate::support::http2::{Outcome, RST_STREAM, frame, get, hello, outcome};
use crate::support::keep_alive::KeepAlive;
use crate::support::load::Load;
use crate::support::nginx::Nginx;
use crate::support::process::Process;
use crate::support::raw_client::Connection;
use crate::support::signing::token;
use crate::support::tls::{Certificate, LISTENER, TlsClient};

use crate::wait;

const EVERY: Duration = Duration::from_secs(10);

/// Objects of 16 KiB behind the origin: more than its memory holds.
const SMALL: usize = 2_000;

/// Objects of 4 MiB behind the origin: more than its disk holds.
const LARGE: usize = 48;

struct Sample {
    hours: f64,
    resident: u64,
    descriptors: Descriptors,
}

pub(crate) fn run() {
    let minutes = std::env::var("COUNTERSIGN_SOAK_MINUTES").map_or(60, |it| it.parse().unwrap());
    let (nginx, certificate) = (Nginx::start(), Certificate::of(&[HOST]));
    fill(&nginx);
    let edge = edge(&nginx, &certificate);
    let links = Arc::new(Links::of_today());
    let over = Arc::new(AtomicBool::new(false));
    let [plain, tls] = *edge.addresses() else { panic!("two listeners") };
    let began = Instant::now();
    println!("minutes\tresident KiB\tsockets\tpipes\tfiles\tothers\trequests\tbroken off");
    let idle_at_start = sample(&edge, began);
    let counts = Arc::new(Counts::default());
    let asked = {
        let (links, counts) = (Arc::clone(&links), Arc::clone(&counts));
        move |client: &mut KeepAlive, number: usize| {
            counts.requests.fetch_add(1, Ordering::Relaxed);
            ask(&links, client, number)
        }
    };
    let loads = [
        Load::start(plain, 8, 80, asked.clone()),
        Load::over(
            &TlsClient::trusting([&certificate], "http/1.1").dial(tls, "127.0.0.1"),
            4,
            30,
            asked,
        ),
    ];
    let hostile = [
        background(&over, Duration::from_millis(100), {
            let counts = Arc::clone(&counts);
            move |chance| counts.broken_off(|| break_off(plain, chance))
        }),
        background(&over, Duration::from_millis(500), {
            let counts = Arc::clone(&counts);
            move |chance| counts.broken_off(|| streams(&certificate, tls, chance))
        }),
        background(&over, Duration::from_secs(1), {
            let counts = Arc::clone(&counts);
            move |chance| counts.broken_off(|| nonsense(plain, chance))
        }),
    ];
    let mut samples = vec![];
    while began.elapsed() < Duration::from_mins(minutes) {
        wait(EVERY);
        let now = sample(&edge, began);
        println!(
            "{:.1}\t{}\t{}\t{}\t{}",
            now.hours * 60.0,
            now.resident >> 10,
            now.descriptors,
            counts.requests.load(Ordering::Relaxed),
            counts.broken.load(Ordering::Relaxed)
        );
        samples.push(now);
        if samples.len() % 6 == 0 {
            edge.signal(Signal::HUP);
        }
    }
    over.store(true, Ordering::Release);
    let mut failures = Vec::new();
    for load in loads {
        failures.extend(load.stop().failures);
    }
    let ended = hostile.into_iter().filter_map(|it| it.join().err()).count();
    // Idle connections to clients and to the origin are closed, and the memory is given back.
    wait(Duration::from_secs(75));
    let idle = sample(&edge, began);
    report(&samples, &idle_at_start, &idle);
    println!(
        "{} requests, {} failed {:?}; {} broken off, floods or nonsense; {} reloads",
        counts.requests.load(Ordering::Relaxed),
        failures.len(),
        failures.first(),
        counts.broken.load(Ordering::Relaxed),
        edge.metric("countersign_config_reloads_total")
    );
    let panics = edge.metric("countersign_panics_total");
    let (status, _) = edge.stop();
    println!("panics: {panics}; exit status {status:?}; hostile clients that gave up: {ended}");
}

#[derive(Default)]
struct Counts {
    requests: AtomicUsize,
    broken: AtomicUsize,
}

impl Counts {
    fn broken_off(&self, attack: impl FnOnce()) {
        attack();
        self.broken.fetch_add(1, Ordering::Relaxed);
    }
}

fn fill(nginx: &Nginx) {
    let folder = nginx.path("http");
    std::fs::create_dir_all(&folder).unwrap();
    let mut chance = Chance(18);
    let mut file = |name: String, bytes: usize| {
        let content: Vec<u8> = (0..bytes / 8).flat_map(|_| chance.next().to_le_bytes()).collect();
        std::fs::write(folder.join(name), content).unwrap();
    };
    (0..SMALL).for_each(|number| file(format!("s{number}"), 16 << 10));
    (0..LARGE).for_each(|number| file(format!("l{number}"), 4 << 20));
}

fn edge(nginx: &Nginx, certificate: &Certificate) -> Process {
    let site = "default_ttl = \"20s\"";
    let config = usual_config(
        "overrides = \"overrides.toml\"\nblocklists = [\"some.netset\"]",
        site,
    )
    .replace("workers = 1", "workers = 2")
    .replace(
        "[admin]",
        "[cache]\nmemory = \"8MiB\"\nmax_object = \"64KiB\"\n[cache.disk]\npath = \"cache\"\n\
             size = \"128MiB\"\n[admin]",
    );
    let config = with_server(&config, nginx.address(), "", "open") + "\n" + LISTENER;
    let (mut blocked, mut open) = (String::new(), String::from("[[vm]]\nid = 1\nvideos = [\n"));
    for number in 0..10_000_u32 {
        writeln!(blocked, "10.{}.{}.1", number / 256, number % 256).unwrap();
    }
    for number in 0..1_000 {
        writeln!(open, "  {{ id = \"x{number}\", scope = \"public\" }},").unwrap();
    }
    open.push_str("]\n");
    let folder = Edge::builder(config)
        .file("media/vod/a.txt", "a signed file\n")
        .file("media/open/a.txt", "an open file\n")
        .zeros("media/open/large.bin", 64 << 20)
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .file("some.netset", blocked)
        .file("overrides.toml", open)
        .write();
    Process::start(folder, &[])
}

struct Links {
    good: String,
    expired: String,
}

impl Links {
    fn of_today() -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let link = |expiry| format!("/vod/a.txt?__token__={}", token(KEY_HEX, "/vod/*", expiry));
        Self { good: link(now + 24 * 3600), expired: link(now - 10) }
    }
}

/// One request of the mix, and what is wrong with its answer.
fn ask(links: &Links, client: &mut KeepAlive, number: usize) -> Result<(), String> {
    if number % 40 == 39 {
        client.hang_up();
    }
    let mut chance = Chance(number as u64);
    let (target, expected) = match number % 10 {
        0 => (links.good.clone(), 200),
        1 => (links.expired.clone(), 403),
        2 => ("/open/a.txt".to_owned(), 200),
        3 => (format!("/open/none-{}", chance.next()), 404),
        4 => (format!("/http/none-{}", chance.next()), 404),
        // A few that are always here, many that come and go.
        5 => (format!("/http/s{}", number / 10 % 50), 200),
        6 | 7 => (format!("/http/s{}?{}", chance.below(SMALL), chance.below(3)), 200),
        8 if number % 60 == 8 => (format!("/http/l{}", chance.below(LARGE)), 200),
        8 => ("/vod/%2e%2e/x".to_owned(), 400),
        _ => ("/private/videos/-civ9qE3JUjntKQM1HnGtU/source".to_owned(), 403),
    };
    match client.get(&target)?.status {
        status if status == expected => Ok(()),
        status => Err(format!("{target}: {status}")),
    }
}

/// A large download that is left at any point, or a range of one.
fn break_off(edge: SocketAddr, chance: &mut Chance) {
    let path = match chance.below(3) {
        0 => "/open/large.bin".to_owned(),
        _ => format!("/http/l{}", chance.below(LARGE)),
    };
    let first = chance.below(3 << 20);
    let mut connection = Connection::open(edge);
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nRange: bytes={first}-\r\n\r\n"));
    let _ = connection.take(chance.below(900 << 10));
}

/// A connection of HTTP/2 with ten streams, of which some are reset.
fn streams(certificate: &Certificate, edge: SocketAddr, chance: &mut Chance) {
    let mut connection = certificate.connect(edge, HOST, "h2");
    connection.send(hello(1 << 20));
    // WINDOW_UPDATE of the connection: what was on its way when a stream was reset counts too.
    connection.send(frame(8, 0, 0, &(1_u32 << 30).to_be_bytes()));
    for stream in (1..20).step_by(2) {
        let path = match chance.below(3) {
            0 => "/open/a.txt".to_owned(),
            1 => format!("/http/s{}", chance.below(SMALL)),
            _ => format!("/http/l{}", chance.below(LARGE)),
        };
        connection.send(get(stream, HOST, &path));
        if path.contains("/l") {
            connection.send(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        } else {
            assert_eq!(outcome(&mut connection, stream), Outcome::Status(200), "{path}");
        }
    }
}

/// What is refused, or never becomes a request.
fn nonsense(edge: SocketAddr, chance: &mut Chance) {
    let bytes: &[u8] = match chance.below(5) {
        0 => b"\x16\x03\x01\x00\xa5\x01\x00",
        1 => b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        2 => b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        3 => b"GET /open/a.txt HTTP/1.1\r\nHo",
        _ => b"",
    };
    let mut connection = Connection::open(edge);
    connection.send(bytes);
}

/// Does this again and again until it is over.
fn background(
    over: &Arc<AtomicBool>,
    pace: Duration,
    mut act: impl FnMut(&mut Chance) + Send + 'static,
) -> std::thread::JoinHandle<()> {
    let over = Arc::clone(over);
    std::thread::spawn(move || {
        let mut chance = Chance(u64::from(pace.subsec_nanos()));
        while !over.load(Ordering::Acquire) {
            act(&mut chance);
            wait(pace);
        }
    })
}

fn sample(edge: &Process, began: Instant) -> Sample {
    Sample {
        hours: began.elapsed().as_secs_f64() / 3600.0,
        resident: edge.resident(),
        descriptors: Descriptors::of(edge.id()),
    }
}

/// The line through the samples after the first quarter, by least squares.
fn report(samples: &[Sample], before: &Sample, idle: &Sample) {
    let steady = &samples[samples.len() / 4..];
    let slope = |of: &dyn Fn(&Sample) -> f64| {
        let count = steady.len() as f64;
        let mean = |of: &dyn Fn(&Sample) -> f64| steady.iter().map(of).sum::<f64>() / count;
        let (hours, value) = (mean(&|it| it.hours), mean(of));
        let (mut up, mut along) = (0.0, 0.0);
        for it in steady {
            up += (it.hours - hours) * (of(it) - value);
            along += (it.hours - hours).powi(2);
        }
        up / along
    };
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let most = samples.iter().map(|it| it.resident).max().unwrap_or_default();
    println!("\n| figure | promised | measured |\n|---|--:|--:|");
    println!("| idle, just started | ≤ 64 MB | {:.1} MiB |", mib(before.resident));
    println!("| idle, afterwards | ≤ 64 MB | {:.1} MiB |", mib(idle.resident));
    println!("| at most, under load | ≤ 512 MB | {:.1} MiB |", mib(most));
    println!(
        "| slope of memory, last three quarters | ≤ 4 MB/h | {:+.2} MiB/h |",
        slope(&|it| mib(it.resident))
    );
    println!("| slope of descriptors | 0 | {:+.1}/h |", slope(&|it| all(it) as f64));
    println!(
        "| descriptors idle, before and after | the same | {} and {} (sockets, pipes, files, others: {:?}, {:?}) |",
        all(before),
        all(idle),
        before.descriptors,
        idle.descriptors
    );
}

fn all(sample: &Sample) -> usize {
    let Descriptors { sockets, pipes, files, others } = sample.descriptors;
    sockets + pipes + files + others
}
