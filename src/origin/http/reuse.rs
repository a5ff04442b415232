//! Which connections are used again and which requests are sent again, against scripted servers.

use std::time::Duration;

use super::super::conformance::read;
use super::super::*;
use super::scripted::{Event, Ranges, Script, Server, Then, honest, script};
use super::tests::{config, fault, find, get, ok, open, subject, until_idle};

#[tokio::test]
async fn a_connection_is_used_again_after_a_whole_answer_of_any_kind() {
    let objects = vec![("x", "0123456789".into()), ("empty", "".into())];
    let mut server = Server::start_with(honest(objects, Ranges::Honoured), None).await;
    let origin = open(config(&server));
    let subject = subject(&origin);
    for round in 0..3 {
        read(subject.find("x", &[]).await.into_whole()).await;
        until_idle(&origin, 1).await;
        subject.ask("x", AskMethod::Head).await;
        until_idle(&origin, 1).await;
        read(subject.find("empty", &[]).await.into_whole()).await;
        until_idle(&origin, 1).await;
        assert!(matches!(subject.ask("absent", AskMethod::Get).await, Answer::NotFound(_)));
        until_idle(&origin, 1).await;
        assert_eq!(server.connections(), 1, "{round}");
    }
}

#[tokio::test]
async fn idle_connections_are_closed_in_time_and_few_are_kept() {
    let mut server =
        Server::start_with(honest(vec![("x", "0".into())], Ranges::Honoured), None).await;
    let mut config = config(&server);
    config.max_idle = 1;
    let origin = open(config);
    // Both ask before either has its answer.
    let (one, other) = tokio::join!(find(&origin, &[]), find(&origin, &[]));
    assert_eq!(server.connections(), 2);
    read(one.into_whole()).await;
    read(other.into_whole()).await;
    until_idle(&origin, 1).await;
    server.wait_for(|event| matches!(event, Event::Gone(_))).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    server.wait_for(|event| *event == Event::Gone(1)).await;
    server.wait_for(|event| *event == Event::Gone(2)).await;
    assert_eq!(origin.idle_connections(), 0);
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once() {
    let mut server = Server::start(|asked, _| match asked {
        2 => script("", Then::Close),
        _ => script(ok("good"), Then::KeepOpen),
    })
    .await;
    let origin = open(config(&server));
    assert_eq!(read(find(&origin, &[]).await.into_whole()).await, "good");
    until_idle(&origin, 1).await;
    assert_eq!(read(find(&origin, &[]).await.into_whole()).await, "good");
    assert_eq!((server.connections(), server.requests().len()), (2, 3));
}

#[tokio::test]
async fn nothing_else_is_tried_twice() {
    type Answering = fn(usize) -> Script;

    // A new connection that gives no answer; a used one that gives half an answer; a bad status.
    const HALF: &str = "HTTP/1.1 200 OK\r\nContent-";
    let cases: [(&str, Answering, OriginFault, usize); 3] = [
        ("new", |_| script("", Then::Close), OriginFault::ConnectionLost, 1),
        (
            "half",
            |asked| match asked {
                1 => script(ok("good"), Then::KeepOpen),
                _ => script(HALF, Then::Close),
            },
            OriginFault::ConnectionLost,
            2,
        ),
        (
            "status",
            |asked| match asked {
                1 => script(ok("good"), Then::KeepOpen),
                _ => script(
                    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
                    Then::KeepOpen,
                ),
            },
            OriginFault::ServerFailed,
            2,
        ),
    ];
    for (name, answering, expected, requests) in cases {
        let mut server = Server::start(move |asked, _| answering(asked)).await;
        let origin = open(config(&server));
        if requests == 2 {
            read(find(&origin, &[]).await.into_whole()).await;
            until_idle(&origin, 1).await;
        }
        assert_eq!(fault(get(&origin, &[]).await), expected, "{name}");
        assert_eq!(server.requests().len(), requests, "{name}");
        assert_eq!(server.connections(), 1, "{name}");
    }
}

/// Bytes after the body: the client gets the promised ones, and the connection is never used
/// again.
#[tokio::test]
async fn a_connection_with_extra_bytes_is_closed() {
    let extra = format!("{}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", ok("good"));
    let mut server = Server::start(move |_, _| script(extra.clone(), Then::KeepOpen)).await;
    let origin = open(config(&server));
    for number in 1..=3 {
        assert_eq!(read(find(&origin, &[]).await.into_whole()).await, "good");
        server.wait_for(|event| *event == Event::Gone(number)).await;
        assert_eq!(origin.idle_connections(), 0);
    }
    assert_eq!(server.connections(), 3);
}

/// What an origin does to a connection while nobody asks anything is noticed before the next request
/// is sent on it.
#[tokio::test]
async fn a_connection_on_which_something_happened_is_not_used_again() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    for unasked in [&b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = open(HttpConfig::new(format!("http://{address}").parse().unwrap()));
        let answer = async |stream: &mut TcpStream| {
            let asked = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(ok("good").as_bytes()).await.unwrap();
            asked
        };
        let mut first = None;
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream).await;
            first = Some(stream);
        };
        let ask = async { read(find(&origin, &[]).await.into_whole()).await };
        assert_eq!(tokio::join!(serve, ask).1, "good");
        assert_eq!(origin.idle_connections(), 1);

        let mut first = first.unwrap();
        first.write_all(unasked).await.unwrap();
        first.shutdown().await.unwrap();
        // What arrives after it is there, and so is it.
        let mut after = TcpStream::connect(address).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        other.write_all(b"x").await.unwrap();
        after.read_u8().await.unwrap();

        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream).await
        };
        let ask = async { read(find(&origin, &[]).await.into_whole()).await };
        let (asked, body) = tokio::join!(serve, ask);
        assert!(asked > 0);
        assert_eq!(body, "good");
        let asked_there = first.read(&mut [0]).await;
        assert!(!matches!(asked_there, Ok(1)), "a request where nobody reads it");
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over_and_closing_ones_are_closed() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    for (answer, kept) in [
        (format!("{hints}{}", ok("good")), 1),
        (ok("good").replace("HTTP/1.1", "HTTP/1.0"), 0),
        (ok("good").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), 0),
        (ok("good").replace("\r\n\r\n", "\r\nconnection: TE,\tCLOSE\r\n\r\n"), 0),
    ] {
        let mut server = Server::start(move |_, _| script(&*answer, Then::KeepOpen)).await;
        let origin = open(config(&server));
        for number in 1..=2 {
            assert_eq!(read(find(&origin, &[]).await.into_whole()).await, "good");
            assert_eq!(origin.idle_connections(), kept);
            if kept == 0 {
                server.wait_for(|event| *event == Event::Gone(number)).await;
            }
        }
        assert_eq!(server.connections(), 2 - kept);
    }
}

/// A connection is of the runtime that made it: read to its end elsewhere, it is closed.
#[tokio::test]
async fn a_body_that_ends_on_another_thread_keeps_no_connection() {
    let mut server = Server::start(|_, _| script(ok("good"), Then::KeepOpen)).await;
    let origin = open(config(&server));
    let body = find(&origin, &[]).await.into_whole();
    let elsewhere = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(body))
    });
    assert_eq!(elsewhere.await.unwrap(), "good");
    server.wait_for(|event| *event == Event::Gone(1)).await;
    assert_eq!(origin.idle_connections(), 0);
}
