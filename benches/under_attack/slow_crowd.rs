//! Ten thousand slow clients for a minute, from ten addresses (promise 16), with the time limits an
//! edge has when nothing is configured. A client that was sent away comes back at once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, interval, timeout};

use crate::comparison::{Comparison, Round, print_head};
use crate::support::edge::{Edge, usual_config};
use crate::support::load::Load;
use crate::support::slow_client::SlowClient;

const CROWD: usize = 10_000;

/// Of them, every 20 ms: in ten seconds all are there, and those that come back stay as far apart.
const ARRIVE_TOGETHER: usize = 20;

/// A deaf client does not hear that it was cut off; the edge's own log tells when.
const DEAF_FOR: Duration = Duration::from_secs(40);

pub(crate) fn run() {
    let config = usual_config("", "").replace("workers = 1", "workers = 2");
    let edge = Edge::builder(config)
        .file("media/open/a.txt", "open file\n")
        .zeros("media/open/large.bin", 1 << 30)
        .spawn();
    let at = edge.address();
    // Every fourth request on a new connection: those wait to be accepted as well.
    let good = || {
        Load::start(at, 8, 400, |client, number| {
            if number % 4 == 0 {
                client.hang_up();
            }
            match client.get("/open/a.txt")?.status {
                200 => Ok(()),
                status => Err(status.to_string()),
            }
        })
    };
    let comparison = Comparison {
        name: "10,000 slow clients",
        rounds: 3,
        quiet: Duration::from_secs(20),
        attacked: Duration::from_mins(1),
        limit: 1.5,
    };
    let longest = std::sync::Mutex::new(BTreeMap::new());
    print_head();
    comparison.run(&edge, good, |round, begun| {
        let crowd =
            Crowd { edge: at, open: Cell::new(0), all: Cell::new(0), lived: RefCell::default() };
        let crowd = Rc::new(crowd);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, gather(&crowd, round, begun));
        let mut longest = longest.lock().unwrap();
        for (kind, lived) in crowd.lived.take() {
            let known: &mut Duration = longest.entry(kind).or_default();
            *known = lived.max(*known);
        }
        crowd.all.get()
    });
    let (_, log) = edge.stop();
    let deaf = log.iter().filter(|line| line["path"] == "/open/large.bin");
    let cut: Vec<u64> = deaf.filter_map(|line| line["total_us"].as_u64()).collect();
    let most = Duration::from_micros(cut.iter().copied().max().unwrap_or_default());
    longest.into_inner().unwrap().into_iter().for_each(|(kind, lived)| {
        println!("longest until it was closed, {kind}: {lived:.2?}");
    });
    println!("longest until it was cut off, deaf ({} of them): {most:.2?}", cut.len());
}

struct Crowd {
    edge: SocketAddr,
    open: Cell<usize>,
    /// Connections made.
    all: Cell<usize>,
    /// The longest life of each kind.
    lived: RefCell<BTreeMap<&'static str, Duration>>,
}

async fn gather(crowd: &Rc<Crowd>, round: &Round, begun: &dyn Fn()) {
    let mut look = interval(Duration::from_millis(20));
    for number in 0..CROWD {
        tokio::task::spawn_local(come_back(Rc::clone(crowd), number));
        if number % ARRIVE_TOGETHER == 0 {
            look.tick().await;
        }
    }
    while crowd.open.get() < CROWD * 98 / 100 {
        look.tick().await;
    }
    begun();
    while !round.is_over() {
        look.tick().await;
    }
}

async fn come_back(crowd: Rc<Crowd>, number: usize) {
    let client = SlowClient::of_crowd(number);
    loop {
        let source = [127, 0, 1, u8::try_from(number % 10).unwrap() + 1];
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        let stream = socket.connect(crowd.edge).await.unwrap();
        crowd.open.set(crowd.open.get() + 1);
        crowd.all.set(crowd.all.get() + 1);
        let began = Instant::now();
        let kind = stay(stream, client).await;
        crowd.open.set(crowd.open.get() - 1);
        if let Some(kind) = kind {
            let mut lived = crowd.lived.borrow_mut();
            let longest = lived.entry(kind).or_default();
            *longest = began.elapsed().max(*longest);
        }
    }
}

/// Until the edge closes; the kind of which it did.
async fn stay(mut stream: TcpStream, client: SlowClient) -> Option<&'static str> {
    // It may be over before the first byte.
    let _ = stream.write_all(client.begins_with()).await;
    let mut piece = [0; 1024];
    match client {
        SlowClient::Silent => {
            while stream.read(&mut piece).await.is_ok_and(|read| read > 0) {}
            Some("silent")
        }
        SlowClient::HalfHead => {
            // A byte a second, so that the connection is never idle.
            loop {
                match timeout(Duration::from_secs(1), stream.read(&mut piece)).await {
                    Err(_) => drop(stream.write_all(b"x").await),
                    Ok(Ok(1..)) => {}
                    Ok(Ok(0) | Err(_)) => return Some("half a head"),
                }
            }
        }
        SlowClient::Deaf => {
            let _ = timeout(DEAF_FOR, std::future::pending::<()>()).await;
            None
        }
    }
}
