//! One attacker after the other floods by HTTP/2, each on a new connection as soon as its last one
//! was closed (promise 17). They come from an address of their own; in the last row they share that
//! of the good clients.

use std::net::SocketAddr;
use std::time::Duration;

use crate::comparison::{Comparison, Round, print_head, wait};
use crate::support::edge::{Edge, EdgeBuilder, usual_config, with_server};
use crate::support::floods::{Flood, HOST, floods};
use crate::support::http2::hello;
use crate::support::load::Load;
use crate::support::nginx::Nginx;
use crate::support::process::Process;
use crate::support::raw_client::Connection;
use crate::support::stalls::Stall;
use crate::support::tls::{Certificate, LISTENER, TlsClient};

const WINDOW: u32 = 65_535;

/// What is read of it once is kept in files.
const CACHE: &str = "[cache.disk]\npath = \"cache\"\nsize = \"1GiB\"\n";

const ATTACKER: [u8; 4] = [127, 0, 0, 2];

/// That of the good clients.
const SHARED: [u8; 4] = [127, 0, 0, 1];

/// No flood is put up with for so many writes.
const MOST_WRITES: usize = 1_000_000;

pub(crate) fn run() {
    let certificate = Certificate::of(&[HOST]);
    let edge = edge(&certificate);
    let at = edge.addresses()[1];
    let good = &good(&certificate, at);
    print_head();
    comparison("none: the noise of it").run(&edge, good, |_, begun| {
        begun();
        0
    });
    // What every flood below begins with.
    comparison("handshakes alone").run(&edge, good, |round, begun| {
        begun();
        until_over(round, || certificate.connect_from(ATTACKER, at, HOST).send(hello(WINDOW)))
    });
    let attack = |flood: &Flood, source| {
        let mut connection = certificate.connect_from(source, at, HOST);
        connection.send(hello(WINDOW));
        connection.send(&flood.begin);
        connection.flood(&flood.again, MOST_WRITES);
    };
    for flood in floods() {
        comparison(flood.name).run(&edge, good, |round, begun| {
            begun();
            until_over(round, || attack(&flood, ATTACKER))
        });
    }
    for flood in floods().iter().filter(|flood| flood.name == "ping") {
        comparison("ping, from the same address").run(&edge, good, |round, begun| {
            begun();
            until_over(round, || attack(flood, SHARED))
        });
    }
    println!("handshakes delayed: {}", edge.metric("countersign_handshakes_delayed_total"));
}

/// Each kind at an edge of its own, whose memory nothing else has used.
pub(crate) fn run_stalls() {
    let certificate = Certificate::of(&[HOST]);
    print_head();
    for (stall, name) in Stall::ALL.into_iter().zip([
        "2,000 streams, no window",
        "2,000 streams, 64 KiB taken",
        "2,000 streams, nobody reads",
    ]) {
        let edge = edge(&certificate);
        stalled(&certificate, &edge, name, stall, "/open/large.bin", 20);
    }
    // Each stream has a connection to the origin, of which it takes no more than a few hundred.
    let nginx = Nginx::start();
    let file = nginx.path("http/large.bin");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, vec![7; 4 << 20]).unwrap();
    for (name, cache) in [
        ("300 streams of nginx, nobody reads", ""),
        ("300 streams out of the cache on disk, nobody reads", CACHE),
    ] {
        let config = config().replacen("[admin]", &format!("{cache}[admin]"), 1);
        let config = with_server(&config, nginx.address(), "", "open");
        let config = config + "  default_ttl = \"1h\"\n";
        let edge = builder(&certificate, config).spawn();
        stalled(&certificate, &edge, name, Stall::Unread, "/http/large.bin", 3);
    }
}

/// Connections whose streams all stall.
fn stalled(
    certificate: &Certificate,
    edge: &Process,
    name: &str,
    stall: Stall,
    path: &str,
    connections: usize,
) {
    let at = edge.addresses()[1];
    comparison(name).run(edge, good(certificate, at), |round, begun| {
        let stalled: Vec<Connection> = (0..connections)
            .map(|_| {
                let mut connection = certificate.connect_from(ATTACKER, at, HOST);
                stall.begin(&mut connection, HOST, path);
                connection
            })
            .collect();
        begun();
        while !round.is_over() {
            wait(Duration::from_millis(10));
        }
        stalled.len()
    });
}

fn edge(certificate: &Certificate) -> Process {
    builder(certificate, config()).spawn()
}

fn config() -> String {
    usual_config(LISTENER, "").replace("workers = 1", "workers = 2")
}

fn builder(certificate: &Certificate, config: String) -> EdgeBuilder {
    Edge::builder(config)
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .file("media/open/a.txt", "open file\n")
        .file("media/open/large.bin", vec![7; 4 << 20])
}

fn good(certificate: &Certificate, at: SocketAddr) -> impl Fn() -> Load + use<> {
    // Asked without SNI.
    let dial = TlsClient::trusting([certificate], "http/1.1").dial(at, "127.0.0.1");
    move || {
        Load::over(&dial, 8, 400, |client, _| match client.get("/open/a.txt")?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        })
    }
}

const fn comparison(name: &str) -> Comparison<'_> {
    Comparison {
        name,
        rounds: 7,
        quiet: Duration::from_secs(2),
        attacked: Duration::from_secs(2),
        limit: 1.5,
    }
}

fn until_over(round: &Round, attack: impl Fn()) -> usize {
    let mut attacks = 0;
    while !round.is_over() {
        attack();
        attacks += 1;
    }
    attacks
}
