//! One attacker after the other floods by HTTP/2, each on a new connection as soon as its last one
//! was closed (promise 17).

use std::time::Duration;

use crate::comparison::{Comparison, Round, print_head};
use crate::support::edge::{Edge, usual_config};
use crate::support::floods::{HOST, floods};
use crate::support::http2::{get, hello};
use crate::support::load::Load;
use crate::support::raw_client::Connection;
use crate::support::tls::{Certificate, LISTENER, TlsClient};

const WINDOW: u32 = 65_535;

/// No flood is put up with for so many writes.
const MOST_WRITES: usize = 1_000_000;

pub(crate) fn run() {
    let certificate = Certificate::of(&[HOST]);
    let config = usual_config(LISTENER, "").replace("workers = 1", "workers = 2");
    let edge = Edge::builder(config)
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .file("media/open/a.txt", "open file\n")
        .file("media/open/large.bin", vec![7; 4 << 20])
        .spawn();
    let at = edge.addresses()[1];
    // Asked without SNI.
    let dial = TlsClient::trusting([&certificate], "http/1.1").dial(at, "127.0.0.1");
    let good = || {
        Load::over(&dial, 8, 400, |client, _| match client.get("/open/a.txt")?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        })
    };
    let comparison = |name| Comparison {
        name,
        rounds: 7,
        quiet: Duration::from_secs(2),
        attacked: Duration::from_secs(2),
        limit: 1.5,
    };
    print_head();
    comparison("none: the noise of it").run(&edge, good, |_, begun| {
        begun();
        0
    });
    // What every flood below begins with.
    comparison("handshakes alone").run(&edge, good, |round, begun| {
        begun();
        until_over(round, || certificate.connect(at, HOST, "h2").send(hello(WINDOW)))
    });
    for flood in floods() {
        comparison(flood.name).run(&edge, good, |round, begun| {
            begun();
            until_over(round, || {
                let mut connection = certificate.connect(at, HOST, "h2");
                connection.send(hello(WINDOW));
                connection.send(&flood.begin);
                connection.flood(&flood.again, MOST_WRITES);
            })
        });
    }
    comparison("no window, 2,000 streams").run(&edge, good, |round, begun| {
        let stalled: Vec<_> = (0..20).map(|_| stall(&certificate, at)).collect();
        begun();
        // The edge closes them in its own time; new ones take their place.
        let more = until_over(round, || drop(stall(&certificate, at).take(1 << 16)));
        stalled.len() + more
    });
}

fn stall(certificate: &Certificate, edge: std::net::SocketAddr) -> Connection {
    let mut connection = certificate.connect(edge, HOST, "h2");
    connection.send(hello(0));
    for stream in (1..200).step_by(2) {
        connection.send(get(stream, HOST, "/open/large.bin"));
    }
    connection
}

fn until_over(round: &Round, attack: impl Fn()) -> usize {
    let mut attacks = 0;
    while !round.is_over() {
        attack();
        attacks += 1;
    }
    attacks
}
