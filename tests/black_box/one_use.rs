//! Links that may be used once (requirement G22): one client has the file, whoever asks where at the
//! same moment, whoever is killed, and it can go on where it was cut off.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Barrier;

use countersign::token::{LinkTerms, Uses};
use tempfile::TempDir;

use crate::support::bodies;
use crate::support::control::{Records, folder_of, start};
use crate::support::edge::{Edge, usual_config};
use crate::support::links::own_link;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::postgres::Server;
use crate::support::process::Process;
use crate::support::raw_client::{Answer, Connection};

const MIB: usize = 1 << 20;
const FILM: &str = "/private/videos/film/source";
const LARGE: &str = "/private/videos/large/source";
const EMPTY: &str = "/private/videos/empty/source";

/// Bytes of [`FILM`], which goes through the program, and of [`LARGE`], which passes by.
const FILM_SIZE: usize = 100_000;
const LARGE_SIZE: usize = 48 * MIB;

const VENDORS: &str = "file = \"keys/k1.hex\" }";
const OURS: &str = "file = \"keys/k1.hex\", use = \"links\" }";

fn link(path: &str, id: &str) -> String {
    own_link(path, id, LinkTerms { uses: Uses::One, ..LinkTerms::default() })
}

/// The usual configuration, whose key is ours.
fn config() -> String {
    usual_config("", "").replace(VENDORS, OURS)
}

fn fill(folder: &Path) {
    for (name, size) in [("film", FILM_SIZE), ("large", LARGE_SIZE), ("empty", 0)] {
        let folder = folder.join("media/videos").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut file = std::fs::File::create(folder.join("source")).unwrap();
        bodies::write(size, &mut file);
        file.flush().unwrap();
    }
}

fn edge_folder(control: &ControlPlane, urls: &[String], name: &str) -> TempDir {
    let folder = control.edge_folder(urls, &control.enrol(name), &[]);
    fill(folder.path());
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(VENDORS));
    std::fs::write(path, text.replace(VENDORS, OURS)).unwrap();
    folder
}

fn edges<const N: usize>(control: &ControlPlane, names: [&str; N]) -> [Process; N] {
    let edges = names.map(|name| start_edge(edge_folder(control, &[control.url()], name)));
    edges.iter().for_each(until_ready);
    edges
}

/// A program that asks.
#[derive(Clone, Copy)]
struct Client<'a> {
    edge: SocketAddr,
    agent: &'a str,
}

impl Client<'_> {
    fn open(self, method: &str, target: &str, lines: &str) -> Connection {
        let mut connection = Connection::open(self.edge);
        connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: {}\r\n{lines}\r\n",
            self.agent
        ));
        connection
    }

    fn get(self, target: &str, lines: &str) -> Answer {
        self.open("GET", target, lines).answer().expect("an answer")
    }

    /// Its status, and the code of a refusal.
    fn told(self, target: &str, lines: &str) -> (u16, Option<String>) {
        let answer = self.get(target, lines);
        (answer.status, answer.code().map(str::to_owned))
    }

    fn is_refused(self, target: &str, lines: &str) {
        assert_eq!(self.told(target, lines), (403, Some("link_used".to_owned())), "{lines}");
    }

    /// Reads so much of the file, and goes away.
    fn cut_off(self, target: &str, lines: &str, after: usize) -> Vec<u8> {
        let mut connection = self.open("GET", target, lines);
        let head = connection.head_answer().expect("an answer");
        assert!(head.status == 200 || head.status == 206, "{head:?}");
        connection.take(after).expect("so many bytes")
    }
}

fn from(first: usize) -> String {
    format!("Range: bytes={first}-\r\n")
}

#[test]
fn of_a_thousand_at_once_over_three_edges_one_has_the_file() {
    const CLIENTS: usize = 1_000;
    let control = ControlPlane::start(&Records::on_postgres("one_use"));
    let edges = edges(&control, ["north", "south", "west"]);
    let target = link(FILM, "lnk_crowd");
    let barrier = Barrier::new(CLIENTS);
    let agents: Vec<String> = (0..CLIENTS).map(|number| format!("client/{number}")).collect();
    let answers: Vec<(usize, Answer)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (edges, target, barrier, agents) = (&edges, &target, &barrier, &agents);
                let ask = move || {
                    let client =
                        Client { edge: edges[number % 3].address(), agent: &agents[number] };
                    let (method, lines) = match number % 10 {
                        0 => ("HEAD", String::new()),
                        1 | 2 => ("GET", from(number)),
                        _ => ("GET", String::new()),
                    };
                    let mut connection = Connection::open(client.edge);
                    barrier.wait();
                    connection.send(format!(
                        "{method} {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: {}\r\n{lines}\r\n",
                        client.agent
                    ));
                    let answer = match method {
                        "HEAD" => connection.head_answer(),
                        _ => connection.answer(),
                    };
                    (number, answer.expect("an answer"))
                };
                std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, ask).unwrap()
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (heads, gets): (Vec<_>, Vec<_>) = answers.iter().partition(|(number, _)| number % 10 == 0);
    assert!(heads.iter().all(|(_, answer)| answer.status == 200));
    let had: Vec<_> = gets.iter().filter(|(_, it)| matches!(it.status, 200 | 206)).collect();
    let used = gets.iter().filter(|(_, it)| it.code() == Some("link_used")).count();
    // On a machine that is busy, some wait longer for the ledger than a client is made to wait.
    let away = gets.iter().filter(|(_, it)| it.code() == Some("ledger_unavailable")).count();
    println!("{} had it, {used} were refused, {away} not told in time", had.len());
    assert_eq!(had.len(), 1);
    assert_eq!(had.len() + used + away, gets.len());
    assert!(used > gets.len() / 10);
    // Of one that began later the rest is theirs, too; nobody has more than one copy.
    let (winner, answer) = had[0];
    let first = if answer.status == 206 { *winner } else { 0 };
    let mut got = Vec::new();
    let client = Client { edge: edges[0].address(), agent: &agents[*winner] };
    if first > 0 {
        let rest = client.get(&target, &format!("Range: bytes=0-{}\r\n", first - 1));
        assert_eq!(rest.status, 206);
        got.extend(rest.body);
    }
    got.extend(&answer.body);
    assert!(got == bodies::content(FILM_SIZE, 0, FILM_SIZE));
    for edge in &edges {
        client.is_refused(&target, "");
        let sent = edge.metric("countersign_link_claims_total{result=\"granted\"}");
        assert!(sent <= 1);
    }
    let all: u64 = ["granted", "resumed"]
        .map(|result| {
            let name = format!("countersign_link_claims_total{{result=\"{result}\"}}");
            edges.iter().map(|edge| edge.metric(&name)).sum::<u64>()
        })
        .iter()
        .sum();
    assert_eq!(all, if first > 0 { 2 } else { 1 });
}

#[test]
fn whoever_is_cut_off_goes_on_at_any_edge_and_nobody_else_does() {
    let control = ControlPlane::start(&Records::on_postgres("one_use_resumed"));
    let [north, south] = edges(&control, ["north", "south"]);
    let target = link(LARGE, "lnk_cut");
    let at = |edge: &Process, agent| Client { edge: edge.address(), agent };
    let mut got = at(&north, "one").cut_off(&target, "", 5 * MIB + 7);
    let other = Client { agent: "two", ..at(&south, "") };
    other.is_refused(&target, "");
    other.is_refused(&target, &from(got.len()));
    got.extend(at(&south, "one").cut_off(&target, &from(got.len()), 4 * MIB));
    // A part of it beside the rest, as accelerators ask for it.
    let end = LARGE_SIZE - 1_000;
    let last = at(&north, "one").get(&target, &from(end));
    assert_eq!((last.status, last.body.len()), (206, 1_000));
    let rest = format!("Range: bytes={}-{}\r\n", got.len(), end - 1);
    let rest = at(&south, "one").get(&target, &rest);
    assert_eq!(rest.status, 206, "{:?}", rest.headers);
    got.extend(rest.body);
    got.extend(last.body);
    assert!(got == bodies::content(LARGE_SIZE, 0, LARGE_SIZE));
    for edge in [&north, &south] {
        for lines in ["", "Range: bytes=0-0\r\n", "Range: bytes=-1\r\n"] {
            at(edge, "one").is_refused(&target, lines);
        }
    }
}

#[test]
fn whatever_is_killed_a_link_that_was_used_stays_used() {
    let mut server = Server::start();
    let mut control = ControlPlane::start(&Records::At(server.address()));
    let [north, south] = edges(&control, ["north", "south"]);
    let (had, held) = (link(FILM, "lnk_had"), link(LARGE, "lnk_held"));
    let one = Client { edge: north.address(), agent: "one" };
    assert_eq!(one.get(&had, "").status, 200);
    wait_until("the end is told", || north.metric("countersign_link_claims_untold") == 0);

    // An edge dies with an answer on its way: whatever it was to bring counts as brought.
    let mut connection = one.open("GET", &held, "");
    assert_eq!(connection.head_answer().unwrap().status, 200);
    assert!(connection.take(MIB).is_some());
    let folder = north.kill();
    let north = start_edge(folder);
    until_ready(&north);
    let one = Client { edge: north.address(), agent: "one" };
    let stays_used = |north: &Process| {
        for edge in [north, &south] {
            for agent in ["one", "two"] {
                let client = Client { edge: edge.address(), agent };
                client.is_refused(&had, "");
                client.is_refused(&held, "");
                client.is_refused(&held, &from(MIB));
            }
        }
    };
    stays_used(&north);

    // The ledger is away: nobody is served, and nothing is used up.
    let fresh = link(FILM, "lnk_fresh");
    server.kill();
    assert_eq!(one.told(&fresh, ""), (503, Some("ledger_unavailable".to_owned())));
    server.resume();
    control.kill();
    assert_eq!(one.told(&fresh, ""), (503, Some("ledger_unavailable".to_owned())));
    assert_eq!(one.told(&had, ""), (503, Some("ledger_unavailable".to_owned())));
    control.resume();
    stays_used(&north);
    let two = Client { edge: south.address(), agent: "two" };
    wait_until("it is served", || two.get(&fresh, "").status == 200);
    one.is_refused(&fresh, "");
}

#[test]
fn a_ledger_that_says_nothing_refuses_and_uses_nothing_up() {
    let records = Records::on_postgres("one_use_away");
    let mut first = ControlPlane::start(&records);
    let second = ControlPlane::start(&records);
    let folder = edge_folder(&first, &[first.url(), second.url()], "north");
    let both = format!("{}{}", first.certificate_pem(), second.certificate_pem());
    std::fs::write(folder.path().join("ca.pem"), both).unwrap();
    let edge = start_edge(folder);
    until_ready(&edge);
    let [one, two] = ["one", "two"].map(|agent| Client { edge: edge.address(), agent });

    // Another control plane of the same database does as well.
    assert_eq!(one.get(&link(FILM, "lnk_1"), "").status, 200);
    first.kill();
    two.is_refused(&link(FILM, "lnk_1"), "");
    assert_eq!(one.get(&link(FILM, "lnk_2"), "").status, 200);

    // Silent, and then gone: a client waits for seconds and not longer, and another may come.
    let target = link(FILM, "lnk_3");
    second.freeze();
    second.cut();
    for _ in 0..2 {
        assert_eq!(one.told(&target, ""), (503, Some("ledger_unavailable".to_owned())));
    }
    let head = one.open("HEAD", &target, "").head_answer().unwrap();
    assert_eq!(head.status, 200);
    second.mend();
    wait_until("another is served", || {
        let answer = two.get(&target, "");
        assert!(answer.status == 200 || answer.code() == Some("ledger_unavailable"));
        answer.status == 200
    });
    one.is_refused(&target, "");
    wait_until("all is told", || edge.metric("countersign_link_claims_untold") == 0);
}

/// Both planes in one process, on SQLite.
#[test]
fn what_brings_no_bytes_uses_nothing_up() {
    let folder = folder_of(&config(), &Records::Sqlite, &[]);
    fill(folder.path());
    let serving = start(folder);
    let edge = serving.address();
    let [one, two] = ["one", "two"].map(|agent| Client { edge, agent });
    let target = link(FILM, "lnk_a");
    let head = two.open("HEAD", &target, "").head_answer().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("100000")));
    let tag = head.header("etag").unwrap();
    assert_eq!(two.get(&target, &format!("If-None-Match: {tag}\r\n")).status, 304);
    assert_eq!(two.get(&target, "If-Match: \"another\"\r\n").status, 412);
    assert_eq!(two.get(&target, &from(FILM_SIZE)).status, 416);
    let forged = target.replace("lnk_a", "lnk_b");
    assert_eq!(two.get(&forged, "").status, 403);
    let missing = link("/private/videos/none/source", "lnk_a");
    assert_eq!(two.get(&missing, "").status, 404);
    for client in [one, two, one] {
        assert_eq!(client.get(&link(EMPTY, "lnk_empty"), "").status, 200);
    }
    let untouched = || serving.metric("countersign_link_claims_total{result=\"granted\"}");
    assert_eq!(untouched(), 0);

    assert!(one.get(&target, "").body == bodies::content(FILM_SIZE, 0, FILM_SIZE));
    for client in [one, two] {
        for lines in ["", "Range: bytes=0-0\r\n", "Range: bytes=99999-\r\n"] {
            client.is_refused(&target, lines);
        }
    }
    // Without bytes it is the same file as before.
    assert_eq!(two.open("HEAD", &target, "").head_answer().unwrap().status, 200);

    // Several parts at once are all accounted.
    let target = link(FILM, "lnk_parts");
    let parts = one.get(&target, "Range: bytes=0-9,20-29\r\n");
    assert_eq!(parts.status, 206);
    assert!(parts.header("content-type").unwrap().starts_with("multipart/byteranges"));
    one.is_refused(&target, "Range: bytes=5-5\r\n");
    one.is_refused(&target, "Range: bytes=9-20\r\n");
    // Part of what a version condition would begin anew.
    one.is_refused(&target, &format!("{}If-Range: \"another\"\r\n", from(30)));
    assert_eq!(one.get(&target, "Range: bytes=10-19\r\n").body.len(), 10);
    assert_eq!(one.get(&target, &from(30)).body.len(), FILM_SIZE - 30);
    one.is_refused(&target, "Range: bytes=15-15\r\n");

    // Killed and started again, and asked from another address.
    let serving = start(serving.kill());
    let mut elsewhere = Connection::open_from([127, 0, 0, 2], serving.address());
    let rest = format!("GET {} HTTP/1.1\r\nHost: test\r\nUser-Agent: one\r\n", link(FILM, "lnk_c"));
    assert_eq!(elsewhere.ask(&format!("{rest}Range: bytes=0-9\r\n\r\n")).status, 206);
    let client = Client { edge: serving.address(), agent: "one" };
    client.is_refused(&link(FILM, "lnk_c"), &from(10));
    client.is_refused(&link(FILM, "lnk_a"), "");
    assert_eq!(elsewhere.ask(&format!("{rest}{}\r\n", from(10))).status, 206);
}

#[test]
fn without_a_ledger_no_such_link_opens() {
    let edge = Edge::builder(config()).file("media/videos/film/source", "film").start();
    let client = Client { edge: edge.address(), agent: "one" };
    let told = client.told(&link(FILM, "lnk_a"), "");
    assert_eq!(told, (503, Some("ledger_unavailable".to_owned())));
    assert_eq!(client.get(&own_link(FILM, "lnk_a", LinkTerms::default()), "").status, 200);
}
