//! What is refused, what breaks, and who goes away.

use std::time::Duration;

use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::scenery::{ADDRESS, BLOCKED, CLIENT, House, PROXY, Told, posted};
use crate::data_plane::Protocol;

#[tokio::test(start_paused = true)]
async fn whatever_else_has_a_body_is_refused_and_closed_unread() {
    let house = House::new();
    let share = format!("/s/{ADDRESS}");
    let (form, chunked) = (posted(3), "Transfer-Encoding: chunked\r\n");
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (line, fields, body) in [
        (format!("POST {share}"), kind.to_owned(), ""),
        (format!("POST {share}"), format!("{kind}{chunked}"), "3\r\na=b\r\n0\r\n\r\n"),
        (format!("POST {share}"), posted(64 * 1024 + 1), ""),
        (
            format!("POST {share}"),
            "Content-Type: text/plain\r\nContent-Length: 3\r\n".into(),
            "a=b",
        ),
        (format!("POST {share}"), "Content-Length: 3\r\n".into(), "a=b"),
        (format!("PUT {share}"), form.clone(), "a=b"),
        (format!("GET {share}"), form.clone(), "a=b"),
        (format!("HEAD {share}"), "Content-Length: 3\r\n".into(), "a=b"),
        ("POST /private/videos/a/source".into(), form.clone(), "a=b"),
        ("POST /dl/cnr_1/a".into(), form.clone(), "a=b"),
        ("POST /s".into(), form.clone(), "a=b"),
        ("POST /S/a".into(), form.clone(), "a=b"),
        ("POST //s/a".into(), form.clone(), "a=b"),
        ("POST /x/../s/a".into(), form.clone(), "a=b"),
        ("POST /%73/a".into(), form.clone(), "a=b"),
        (format!("POST {share}"), format!("Host: plain.example\r\n{form}"), "a=b"),
    ] {
        // What follows on the connection is never read as another request.
        let follows = "GET /s/follows HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let told = house.ask(&line, &fields, &format!("{body}{follows}")).await;
        assert_eq!(told.code(), (413, Some("body_refused")), "{line} {fields}");
        assert_eq!(told.field("connection"), Some("close"), "{line} {fields}");
        assert!(!told.body.contains("HTTP/1.1"), "{told:?}");
    }
    // Both lengths are hyper's to refuse, before there is a request.
    let both = house.ask(&format!("POST {share}"), &format!("{form}{form}"), "a=b").await;
    assert!(matches!(both.status, 400 | 413), "{both:?}");
    let both = format!("{form}{chunked}");
    let both = house.ask(&format!("POST {share}"), &both, "0\r\n\r\n").await;
    assert!(matches!(both.status, 400 | 413), "{both:?}");
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_order_never_reaches_the_desk() {
    let house = House::new();
    let share = format!("/s/{ADDRESS}");
    for (line, fields, expected) in [
        (format!("DELETE {share}"), "", (405, Some("method_not_allowed"))),
        (format!("OPTIONS {share}"), "", (405, Some("method_not_allowed"))),
        (format!("GET {share}"), "Expect: 100-continue\r\n", (417, Some("expect_refused"))),
        (format!("GET {share}"), "Upgrade: h2c\r\n", (400, Some("upgrade_refused"))),
        (format!("GET {share}/../x"), "", (400, Some("target_ambiguous"))),
        (format!("GET {share}/a%2fb"), "", (400, Some("target_ambiguous"))),
        (format!("GET {share}/%zz"), "", (400, Some("target_malformed"))),
        (format!("GET {share}"), "Host: other.example\r\n", (421, Some("no_site"))),
        (format!("GET {share}"), "Host: plain.example\r\n", (404, Some("no_route"))),
        (format!("GET {share}"), "Host: a.example\r\nHost: b\r\n", (400, Some("host_invalid"))),
    ] {
        let told = house.ask(&line, fields, "").await;
        assert_eq!(told.code(), expected, "{line} {fields}");
        if expected.0 == 405 {
            assert_eq!(told.field("allow"), Some("GET, HEAD, POST"));
        }
    }
    let text = format!("{}\r\na=b", posted(3));
    let blocked = format!("POST {share} HTTP/1.1\r\nHost: a.example\r\n{text}");
    let told = house.say_from(BLOCKED, blocked.as_bytes()).await;
    assert_eq!(told.code(), (403, Some("ip_blocked")));
    assert_eq!(told.field("connection"), Some("close"));
    let unnamed = format!(
        "GET {share} HTTP/1.1\r\nHost: a.example\r\n\
                           X-Forwarded-For: x\r\nConnection: close\r\n\r\n"
    );
    let told = house.say_from(PROXY, unnamed.as_bytes()).await;
    assert_eq!(told.code(), (400, Some("client_address")));
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn a_form_that_comes_too_slowly_is_given_up() {
    let house = House::new();
    let mut client = house.connect(CLIENT, Protocol::Http1);
    let head =
        format!("POST /s/{ADDRESS} HTTP/1.1\r\nHost: a.example\r\n{}\r\na=", posted(64 * 1024));
    client.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let told = Told::read(&answer);
    assert_eq!(told.code(), (408, Some("request_timeout")));
    assert_eq!(told.field("connection"), Some("close"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn nobody_at_the_desk_is_said_and_the_next_is_asked_again() {
    let house = House::new();
    for (path, error) in [
        ("away", "no control plane answers for shares: nobody is there"),
        ("panic", "no control plane answers for shares: the work on it was broken off"),
        ("hang", "no control plane answers for shares: deadline has elapsed"),
        ("switch", "no control plane answers for shares: an interim answer, and no other"),
    ] {
        let told = house.ask(&format!("GET /s/{ADDRESS}/{path}"), "", "").await;
        assert_eq!(told.code(), (503, Some("share_unavailable")), "{error}");
        assert_eq!(told.field("retry-after"), Some("1"));
    }
    assert_eq!(house.ask(&format!("GET /s/{ADDRESS}"), "", "").await.status, 200);
    let lines = house.told();
    assert_eq!(lines[0]["error"], "no control plane answers for shares: nobody is there");
    assert_eq!(lines.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn pieces_come_as_they_are_made_and_a_break_is_no_end() {
    let house = House::new();
    for ending in ["ends", "breaks", "falls silent"] {
        let (pieces, rest) = mpsc::channel(1);
        *house.desk.0.pieces.lock().unwrap() = Some(rest);
        let mut client = house.connect(CLIENT, Protocol::Http1);
        let get = format!(
            "GET /s/{ADDRESS}/stream HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
        );
        client.write_all(get.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        for piece in ["first", "second"] {
            pieces.send(Ok(Frame::data(piece.into()))).await.unwrap();
            while !String::from_utf8_lossy(&answer).contains(piece) {
                assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
            }
        }
        match ending {
            "breaks" => pieces.send(Err("it broke".into())).await.unwrap(),
            "falls silent" => tokio::time::advance(Duration::from_secs(31)).await,
            _ => drop(pieces),
        }
        client.read_to_end(&mut answer).await.unwrap();
        let is_whole = answer.ends_with(b"0\r\n\r\n");
        assert_eq!(is_whole, ending == "ends", "{ending}");
    }
    let lines = house.told();
    let ends: Vec<_> = lines.iter().map(|it| it["complete"].as_str().unwrap()).collect();
    assert_eq!(ends, ["complete", "aborted", "aborted"]);
    assert_eq!(lines[1]["error"], "a share's page broke off: it broke");
    assert_eq!(lines[2]["error"], "nothing more came of a share's page");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_ends_the_work() {
    let house = House::new();
    let get = |path: &str| format!("GET /s/{ADDRESS}/{path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let given_up = || timeout(Duration::from_mins(1), house.desk.0.given_up.acquire());
    let mut waiting = house.connect(CLIENT, Protocol::Http1);
    waiting.write_all(get("hang").as_bytes()).await.unwrap();
    house.desk.0.hanging.acquire().await.unwrap().forget();
    let began = Instant::now();
    drop(waiting);
    given_up().await.unwrap().unwrap().forget();
    assert!(began.elapsed() < Duration::from_secs(1));

    let (pieces, rest) = mpsc::channel(1);
    *house.desk.0.pieces.lock().unwrap() = Some(rest);
    let mut reading = house.connect(CLIENT, Protocol::Http1);
    reading.write_all(get("stream").as_bytes()).await.unwrap();
    pieces.send(Ok(Frame::data("first".into()))).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"first\r\n") {
        assert_ne!(reading.read_buf(&mut answer).await.unwrap(), 0);
    }
    drop(reading);
    given_up().await.unwrap().unwrap().forget();
    house.told();
}

#[tokio::test(start_paused = true)]
async fn one_client_takes_not_every_place() {
    let house = House::new();
    let get = format!("GET /s/{ADDRESS}/hang HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let mut client = house.connect(CLIENT, Protocol::Http1);
        client.write_all(get.as_bytes()).await.unwrap();
        house.desk.0.hanging.acquire().await.unwrap().forget();
        waiting.push(client);
    }
    let told = house.ask(&format!("GET /s/{ADDRESS}"), "", "").await;
    assert_eq!(told.code(), (503, Some("overloaded")));
    let elsewhere = get.replace("/hang", "").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let told = house.say_from("192.0.2.2:9", elsewhere.as_bytes()).await;
    assert_eq!(told.status, 200);
    drop(waiting);
    for _ in 0..32 {
        house.desk.0.given_up.acquire().await.unwrap().forget();
    }
    assert_eq!(house.ask(&format!("GET /s/{ADDRESS}"), "", "").await.status, 200);
    house.told();
}
