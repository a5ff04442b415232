//! Links that are asked for with anti-fraud and with a limit of parallel downloads, from the vendor's
//! order to what edges that follow the control plane do with them and tell of it.

use serde_json::{Value, json};

use crate::support::command::countersign;
use crate::support::control::{ApiClient, Records};
use crate::support::edge::NOW;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::{Answer, Connection};

const FILM: [(&str, &str); 1] = [("film", "film")];

/// More than sockets hold: it is under way until somebody reads it.
const LARGE: u64 = 64 << 20;

const HOME: [u8; 4] = [127, 0, 0, 1];
const WORK: [u8; 4] = [127, 0, 1, 1];
const FRIEND: [u8; 4] = [127, 0, 2, 1];

/// A control plane that has two films, and knows their numbers.
struct Vendor {
    control: ControlPlane,
    api: ApiClient,
    film: u64,
    large: u64,
}

impl Vendor {
    fn start(records: &Records) -> Self {
        let control = ControlPlane::that_signs(records);
        let api = control.admin();
        let draft = json!({"name": "films", "origin": "media"}).to_string();
        let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &draft)["number"].clone();
        for (id, size) in [("film", 4), ("large", LARGE)] {
            let file = json!({"kind": "source", "pipeline": pipeline, "key": id, "size": size});
            let draft = json!({
                "id": id, "kind": "VIDEO", "publication": "published", "files": [file],
            });
            api.ok("POST", "/api/v1/tenants/1/contents", &draft.to_string());
        }
        let files = api.ok("GET", "/v1/files/", "");
        let number = |key: &str| {
            let files = files["files"].as_array().unwrap();
            let file = files.iter().find(|file| file["object_key"] == key).unwrap();
            file["id"].as_str().unwrap().parse().unwrap()
        };
        let (film, large) = (number("film"), number("large"));
        Self { control, api, film, large }
    }

    /// An edge with both films. `fraud` goes into its configuration.
    fn edge(&self, name: &str, fraud: &str) -> Process {
        let urls = [self.control.url()];
        let folder = self.control.edge_folder(&urls, &self.control.enrol(name), &FILM);
        let large = std::fs::File::create(folder.path().join("media/large")).unwrap();
        large.set_len(LARGE).unwrap();
        let path = folder.path().join("countersign.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        assert!(text.contains(of_template), "{text}");
        let text = text.replacen(of_template, "assets = { catalog = true }", 1);
        std::fs::write(path, text.replacen("[admin]", &format!("{fraud}\n[admin]"), 1)).unwrap();
        let edge = start_edge(folder);
        until_ready(&edge);
        edge
    }

    /// The id and the target of a link, as the vendor's clients ask for one.
    fn order(&self, file: u64, terms: &str) -> (String, String) {
        let order = format!("/v1/files/downloads/?file_id={file}&{terms}");
        let link = self.api.ok("GET", &order, "")["download"].clone();
        let target = link["url"].as_str().unwrap();
        let target = target.strip_prefix("https://files.example.com").unwrap();
        (link["link_id"].as_str().unwrap().to_owned(), target.to_owned())
    }

    /// What anti-fraud found of a link, once that is so much.
    fn findings(&self, link: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/v1/tenants/1/fraud-events?link={link}");
        let listed = || self.api.ok("GET", &path, "")["items"].as_array().unwrap().clone();
        wait_until("what was found is listed", || listed().len() >= count);
        let listed = listed();
        assert_eq!(listed.len(), count, "{listed:#?}");
        listed
    }
}

fn open(edge: &Process, from: [u8; 4], method: &str, target: &str, lines: &str) -> Connection {
    let mut connection = Connection::open_from(from, edge.address());
    connection.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{lines}\r\n"));
    connection
}

fn get(edge: &Process, from: [u8; 4], target: &str, lines: &str) -> Answer {
    open(edge, from, "GET", target, lines).answer().unwrap()
}

/// A download that has begun and does not go on, with its status and code.
fn hold(edge: &Process, from: [u8; 4], target: &str) -> (Connection, u16, Option<String>) {
    let mut connection = open(edge, from, "GET", target, "");
    let answer = connection.head_answer().unwrap();
    (connection, answer.status, answer.code().map(str::to_owned))
}

/// What is ordered is known at an edge a moment later.
fn until_open(edge: &Process, target: &str) {
    wait_until("the link opens", || {
        open(edge, HOME, "HEAD", target, "").head_answer().unwrap().status == 200
    });
}

/// What `explain` says of the same request, by what the edge's folder knows.
fn explained(edge: &Process, from: [u8; 4], target: &str, lines: &[&str]) -> Value {
    let now = NOW.to_string();
    let [a, b, c, d] = from;
    let client = format!("{a}.{b}.{c}.{d}");
    let mut arguments = vec![
        "explain",
        "--config",
        "countersign.toml",
        target,
        "--json",
        "--now",
        &now,
        "--client",
        &client,
    ];
    arguments.extend(lines.iter().flat_map(|line| ["-H", line]));
    let said = countersign(&edge.path(""), arguments);
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"))
}

/// E11 (a), from the order on.
#[test]
fn a_link_that_was_ordered_with_anti_fraud_stays_where_it_was_used_first() {
    let vendor = Vendor::start(&Records::Sqlite);
    let edge = vendor.edge("north", "");
    let (id, link) = vendor.order(vendor.film, "anti_fraud=true");
    until_open(&edge, &link);
    let agent = "User-Agent: VLC/3.0.20 LibVLC/3.0.20\r\n";
    assert_eq!(get(&edge, HOME, &link, agent).body, b"film");
    // One more place is tolerated, and no third: neither a network nor a program.
    assert_eq!(get(&edge, WORK, &link, agent).status, 200);
    for (from, lines) in [(FRIEND, agent), (HOME, "User-Agent: curl/8.1\r\n")] {
        let refused = get(&edge, from, &link, lines);
        assert_eq!((refused.status, refused.code()), (403, Some("fraud_sharing")));
    }
    // However it is asked: HEAD, a part, or again.
    for (method, lines) in
        [("HEAD", agent.to_owned()), ("GET", format!("{agent}Range: bytes=0-0\r\n"))]
    {
        let refused = open(&edge, FRIEND, method, &link, &lines).head_answer().unwrap();
        assert_eq!(refused.status, 403, "{method}");
    }
    assert_eq!(get(&edge, [127, 0, 0, 77], &link, agent).status, 200);
    let via = get(&edge, HOME, &link, &format!("{agent}Via: 1.1 proxy.example.net\r\n"));
    assert_eq!((via.status, via.code()), (403, Some("fraud_anonymizer")));
    // Without it any number of places opens a link.
    let (plain, link) = vendor.order(vendor.film, "anti_fraud=false");
    for from in [HOME, WORK, FRIEND] {
        assert_eq!(get(&edge, from, &link, "").status, 200);
    }

    // Told apart by network and rule; what came again counts with the first for a minute, and is
    // told when the edge ends.
    let found = vendor.findings(&id, 3);
    let told = |of: &Value| {
        let fields = ["rule", "client", "action", "requests", "method", "edge", "link"];
        fields.map(|name| of[name].clone())
    };
    let expected = |rule, client| {
        let expected = json!([rule, client, "blocked", 1, "GET", "north", id]);
        expected.as_array().unwrap().clone()
    };
    assert_eq!(told(&found[0])[..], expected("sharing", "127.0.2.1"));
    assert_eq!(told(&found[1])[..], expected("sharing", "127.0.0.1"));
    assert_eq!(told(&found[2])[..], expected("anonymizer_header", "127.0.0.1"));
    assert_eq!(found[0]["reason"], "the link is in use at 2 other place(s)");
    assert_eq!(found[2]["reason"], "Via names a proxy that is not trusted");
    assert_eq!(found[0]["path"], "/private/videos/film/source");
    assert_eq!(vendor.findings(&plain, 0), Vec::<Value>::new());

    let (_, log) = edge.stop();
    let line = log.iter().find(|line| line["fraud_rule"] == "anonymizer_header").unwrap();
    assert_eq!(line["request_id"], found[2]["request_id"]);
    assert_eq!(line["fraud_match"], found[2]["reason"]);
}

#[test]
fn explain_gives_the_reason_by_what_an_edge_knows() {
    let vendor = Vendor::start(&Records::Sqlite);
    let edge = vendor.edge("north", "");
    let (_, link) = vendor.order(vendor.film, "anti_fraud=true&max_parallel_downloads=2");
    until_open(&edge, &link);
    let said = explained(&edge, HOME, &link, &["Via: 1.1 proxy.example.net"]);
    assert_eq!((&said["decision"], &said["code"]), (&"deny".into(), &"fraud_anonymizer".into()));
    assert!(said.to_string().contains("Via names a proxy that is not trusted"), "{said:#}");
    // What is counted is not in any file, and it says so.
    let said = explained(&edge, HOME, &link, &[]);
    assert_eq!(said["decision"], "allow", "{said:#}");
    let uncounted = "only the edges know at how many places the link is in use, and how many of 2 \
                     downloads are under way";
    assert!(said.to_string().contains(uncounted), "{said:#}");
}

/// E16, from the order on.
#[test]
fn a_third_download_waits_until_one_of_two_has_ended() {
    let vendor = Vendor::start(&Records::on_postgres("watched_links"));
    let edge = vendor.edge("north", "");
    let (id, link) = vendor.order(vendor.large, "max_parallel_downloads=2");
    until_open(&edge, &link);
    let first = hold(&edge, HOME, &link);
    let second = hold(&edge, WORK, &link);
    assert_eq!((first.1, second.1), (200, 200));
    let (_, status, code) = hold(&edge, FRIEND, &link);
    assert_eq!((status, code.as_deref()), (429, Some("limit_parallel")));
    drop(first);
    let mut third = None;
    wait_until("one of two has ended", || {
        let (connection, status, _) = hold(&edge, FRIEND, &link);
        third = Some(connection);
        status == 200
    });
    let (_, status, _) = hold(&edge, HOME, &link);
    assert_eq!(status, 429);
    drop((second, third));
    // The friend may have asked in vain more than once: that is told with the first, or later.
    let path = format!("/api/v1/tenants/1/fraud-events?link={id}&rule=limit_parallel");
    let listed = || vendor.api.ok("GET", &path, "")["items"].as_array().unwrap().clone();
    wait_until("both are listed", || listed().len() >= 2);
    let clients: Vec<_> = listed().iter().map(|it| it["client"].clone()).collect();
    assert_eq!(clients, ["127.0.2.1", "127.0.0.1"]);
}

/// G23: nobody is refused, and everybody is told of; a flood is one event more.
#[test]
fn what_is_only_watched_for_is_told_and_a_flood_is_counted_as_one() {
    let vendor = Vendor::start(&Records::Sqlite);
    let edge = vendor.edge("north", "[edge.fraud]\nmode = \"monitor\"\nplaces = 1\n");
    let (id, link) = vendor.order(vendor.film, "anti_fraud=true");
    until_open(&edge, &link);
    assert_eq!(get(&edge, HOME, &link, "").status, 200);
    let mut friend = Connection::open_from(FRIEND, edge.address());
    let head = format!("GET {link} HTTP/1.1\r\nHost: test\r\n\r\n");
    for _ in 0..100 {
        assert_eq!(friend.ask(&head).status, 200);
    }
    let found = vendor.findings(&id, 1);
    assert_eq!((&found[0]["action"], &found[0]["rule"]), (&"monitored".into(), &"sharing".into()));
    // What was counted is told when the edge ends, and where no control plane takes it then, by its
    // successor.
    let edge = start_edge(edge.stop_and_leave());
    let path = format!("/api/v1/tenants/1/fraud-events?link={id}");
    let listed = || vendor.api.ok("GET", &path, "")["items"].as_array().unwrap().clone();
    wait_until("the rest is listed", || listed().len() == 2);
    let requests: u64 = listed().iter().map(|it| it["requests"].as_u64().unwrap()).sum();
    assert_eq!(requests, 100);
    drop(edge);
}
