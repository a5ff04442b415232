//! Edges: let in once, told of every change, sent away at once.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{AssetPath, TenantId, Visibility};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::BlocklistKind;
use crate::feed::{BatchKind, Heard, Intake, Position};
use crate::target::{PathToken, RequestTarget};

on_both_databases! {
    a_code_lets_one_edge_in_once
    an_edge_hears_of_everything_and_goes_on_where_it_was
    an_edge_that_is_too_far_behind_gets_a_snapshot
    an_edge_that_is_sent_away_hears_nothing_more
    what_edges_say_of_themselves_is_listed
    a_large_snapshot_comes_in_parts
}

/// A connection of an edge, after the answer's head.
struct Feed {
    reader: BufReader<TcpStream>,
    intake: Intake,
}

impl Feed {
    async fn open(stage: &Stage, token: &str, at: Option<Position>) -> Self {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        let query = at.map(|at| format!("?lineage={}&version={}", at.lineage, at.version));
        let query = query.unwrap_or_default();
        // HTTP/1.0: no chunks around the lines.
        let request = format!(
            "GET /api/v1/edge/feed{query} HTTP/1.0\r\nHost: control\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.0 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
        }
        Self { reader, intake: Intake::default() }
    }

    async fn hear(&mut self) -> Option<Heard> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).await.unwrap();
        (!line.is_empty()).then(|| self.intake.line(&line).unwrap())
    }

    /// What the next batch is, after which the edge knows the head.
    async fn next_batch(&mut self) -> BatchKind {
        loop {
            if let Heard::Taken(kind) = self.hear().await.unwrap() {
                return kind;
            }
        }
    }

    async fn until_alive(&mut self) {
        while !matches!(self.hear().await.unwrap(), Heard::Alive { .. }) {}
    }

    /// Until everything is here that the store holds now. An edge may be told that it is up to date
    /// by a hub that has not heard of the last change yet.
    async fn until_up_to_date(&mut self, stage: &Stage) {
        let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
        let head = view.feed_head().await.unwrap().version.0;
        drop(view);
        let mut alive = 0;
        while self.at().version < head {
            alive += u32::from(matches!(self.hear().await.unwrap(), Heard::Alive { .. }));
            assert!(alive < 100, "at {:?} of {head}", self.at());
        }
    }

    fn at(&self) -> Position {
        self.intake.position().unwrap()
    }

    fn opens(&mut self, path: &str) -> bool {
        let target = RequestTarget::parse(path, PathToken::Absent, 8192).unwrap();
        let asset = AssetPath::parse(&target).unwrap();
        let state = self.intake.replica().state(NOW);
        state.overrides.effective(TenantId(1), &asset) == Visibility::Public
    }
}

async fn enrolled(stage: &Stage, admin: &str, name: &str) -> (String, String) {
    let body = json!({"edge_name": name});
    let made = stage.send("POST /api/v1/enrolment-codes", admin, &body).await.expect(201).json();
    let code = made["code"].as_str().unwrap().to_owned();
    let edge = stage.enrol(&code).await.expect(201).json();
    let text = |name: &str| edge[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

async fn open(stage: &Stage, admin: &str, video: &str) {
    let line = format!("POST /v1/vms/1/videos/{video}/security-override");
    stage.send(&line, admin, &json!({"scope": "public"})).await.expect(200);
}

async fn a_code_lets_one_edge_in_once(stage: Stage) {
    let admin = stage.admin().await;
    let draft = json!({"edge_name": "north"});
    let line = "POST /api/v1/enrolment-codes";
    let made = stage.send(line, &admin, &draft).await.expect(201).json();
    let code = made["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("csn_"), "{made}");
    let first = stage.enrol(&code).await.expect(201).json();
    assert_eq!(first["name"], "north");
    stage.enrol(&code).await.expect(404);
    stage.enrol("csn_guessed").await.expect(404);
    let codes = stage.ask("GET /api/v1/enrolment-codes", &admin).await.expect(200);
    assert!(!codes.body.contains(&code) && codes.json()["items"][0]["used_at"].is_string());

    // One that is taken back, and one that is over, let nobody in.
    let made = stage.send(line, &admin, &draft).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    stage.ask(&format!("DELETE /api/v1/enrolment-codes/{id}"), &admin).await.expect(204);
    stage.enrol(made["code"].as_str().unwrap()).await.expect(404);
    let over = json!({"edge_name": "north", "expires_at": "2029-12-31T23:59:59Z"});
    stage.send(line, &admin, &over).await.expect(400);

    // Whoever takes an edge's name takes its place.
    let (id, token) = enrolled(&stage, &admin, "north").await;
    assert_eq!(first["id"], *id);
    Feed::open(&stage, &token, None).await;
    let old = first["token"].as_str().unwrap();
    stage.ask("GET /api/v1/edge/feed", old).await.expect(401);
    // An edge's token opens nothing else.
    stage.ask("GET /api/v1/edges", &token).await.expect(403);
    stage.ask("GET /api/v1/tenants/1/overrides", &token).await.expect(403);
}

async fn an_edge_hears_of_everything_and_goes_on_where_it_was(stage: Stage) {
    let admin = stage.admin().await;
    let (_, token) = enrolled(&stage, &admin, "north").await;
    open(&stage, &admin, "a").await;
    let mut feed = Feed::open(&stage, &token, None).await;
    assert_eq!(feed.next_batch().await, BatchKind::Snapshot);
    feed.until_alive().await;
    assert!(feed.opens("/private/videos/a/source") && !feed.opens("/private/videos/b/source"));
    open(&stage, &admin, "b").await;
    assert_eq!(feed.next_batch().await, BatchKind::Versions);
    assert!(feed.opens("/private/videos/b/source"));
    feed.until_alive().await;

    let Feed { intake: mut known, .. } = feed;
    known.interrupted();
    open(&stage, &admin, "c").await;
    let mut feed = Feed::open(&stage, &token, known.position()).await;
    feed.intake = known;
    assert_eq!(feed.next_batch().await, BatchKind::Versions);
    assert!(feed.opens("/private/videos/b/source") && feed.opens("/private/videos/c/source"));
    feed.until_alive().await;
}

async fn an_edge_that_is_too_far_behind_gets_a_snapshot(stage: Stage) {
    let admin = stage.admin().await;
    let (_, token) = enrolled(&stage, &admin, "north").await;
    let mut feed = Feed::open(&stage, &token, None).await;
    feed.until_alive().await;
    let at = feed.at();
    for video in ["a", "b", "c"] {
        open(&stage, &admin, video).await;
    }
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    change.feed_compact(1).await.unwrap();
    change.commit().await.unwrap();
    let before = Position { version: at.version - 1, ..at };
    let mut feed = Feed::open(&stage, &token, Some(before)).await;
    assert_eq!(feed.next_batch().await, BatchKind::Snapshot);
    feed.until_up_to_date(&stage).await;
    assert!(feed.opens("/private/videos/c/source"));
    // Of another history.
    let stranger = Position { lineage: "another".into(), version: 0 };
    let mut feed = Feed::open(&stage, &token, Some(stranger)).await;
    assert_eq!(feed.next_batch().await, BatchKind::Snapshot);
    stage.ask("GET /api/v1/edge/feed?version=1", &token).await.expect(400);
}

async fn an_edge_that_is_sent_away_hears_nothing_more(stage: Stage) {
    let admin = stage.admin().await;
    let (id, token) = enrolled(&stage, &admin, "north").await;
    let (_, other) = enrolled(&stage, &admin, "south").await;
    let mut feed = Feed::open(&stage, &token, None).await;
    let mut stays = Feed::open(&stage, &other, None).await;
    feed.until_alive().await;
    stage.ask(&format!("DELETE /api/v1/edges/{id}"), &admin).await.expect(204);
    while feed.hear().await.is_some() {}
    stage.ask("GET /api/v1/edge/feed", &token).await.expect(401);
    stays.until_alive().await;
    open(&stage, &admin, "a").await;
    while stays.next_batch().await != BatchKind::Versions {}
}

async fn what_edges_say_of_themselves_is_listed(stage: Stage) {
    let admin = stage.admin().await;
    let (id, token) = enrolled(&stage, &admin, "north").await;
    let listed = async || {
        let edges = stage.ask("GET /api/v1/edges", &admin).await.expect(200).json();
        edges["items"][0].clone()
    };
    let before = listed().await;
    assert_eq!((&before["version"], &before["last_seen_at"]), (&json!(0), &Value::Null));
    stage.send("POST /api/v1/edge/acks", &token, &json!({"version": 7})).await.expect(204);
    let after = loop {
        let edge = listed().await;
        if edge["version"] == 7 {
            break edge;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&after["id"], &after["revoked_at"]), (&json!(id), &Value::Null));
    assert!(after["last_seen_at"].is_string(), "{after}");
}

async fn a_large_snapshot_comes_in_parts(stage: Stage) {
    let admin = stage.admin().await;
    let (_, token) = enrolled(&stage, &admin, "north").await;
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    for number in 0..5_000_u32 {
        let network = format!("10.{}.{}.0/24", number / 250, number % 250).parse().unwrap();
        change.blocklist_create(network, BlocklistKind::Everything, "", None).await.unwrap();
    }
    change.commit().await.unwrap();
    let mut feed = Feed::open(&stage, &token, None).await;
    let mut lines = 0;
    while feed.hear().await.unwrap() != Heard::Taken(BatchKind::Snapshot) {
        lines += 1;
    }
    assert!(lines > 15, "{lines}");
    assert_eq!(feed.intake.replica().state(NOW).blocklist.entries(), 5_000);
}
