//! Cleartext listeners: workers, limits, PROXY headers, the drain.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::edge::{Client, Edge, GET, config, listener};
use crate::data_plane::{BindError, Config, Drained, Limits, ListenerConfig, Listeners};
use crate::network::{NetworkSet, parse_network};

const NAME: &[u8] = b"GET /name HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn workers_share_a_port() {
    let config = Config { workers: 2, ..config(vec![listener(Vec::new())]) };
    let edge = Edge::start(&config, &Limits::default());
    let mut names = HashSet::new();
    // By chance all of these meet one worker once in 2^99 runs.
    for _ in 0..100 {
        let mut client = edge.connect().await;
        client.send(NAME).await;
        let answer = client.rest().await;
        names.insert(answer.lines().last().unwrap().to_owned());
    }
    assert_eq!(names, ["worker 0".to_owned(), "worker 1".to_owned()].into());
    let metrics = Arc::clone(&edge.metrics);
    assert_eq!(metrics.listeners[0].accepted.get(), 100);
    assert_eq!(edge.drained().await, Drained::Finished);
    assert_eq!(metrics.listeners[0].open(), 0);
}

#[tokio::test]
async fn each_listener_is_known_by_its_bound_address() {
    let config = config(vec![listener(Vec::new()), listener(Vec::new())]);
    let edge = Edge::start(&config, &Limits::default());
    assert_ne!(edge.addresses[0], edge.addresses[1]);
    for address in &edge.addresses {
        assert_ne!(address.port(), 0);
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        client.send(b"GET /facts HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(answer.contains(&format!("listener: {address}")), "{answer}");
        assert!(answer.contains("transport: Plain"), "{answer}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = config(vec![ListenerConfig { address, ..listener(Vec::new()) }]);
    let error = Listeners::bind(&config).unwrap_err();
    assert!(matches!(error, BindError::Socket { address: said, .. } if said == address));
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

#[test]
fn a_second_edge_on_the_same_address_is_refused() {
    let first = Listeners::bind(&config(vec![listener(Vec::new())])).unwrap();
    let address = first.addresses().next().unwrap();
    let second = ListenerConfig { address, ..listener(Vec::new()) };
    let refused = Listeners::bind(&config(vec![second.clone()])).unwrap_err();
    assert!(matches!(refused, BindError::Socket { .. }), "{refused:?}");
    drop(first);
    Listeners::bind(&config(vec![second])).unwrap();
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so() {
    let edge = Edge::plain(&Limits { max_connections: Some(2), ..Limits::default() });
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut client = edge.connect().await;
        client.send(GET).await;
        client.until("hello /a").await;
        open.push(client);
    }
    let mut over = edge.connect().await;
    over.send(GET).await;
    let answer = over.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nno room for 127.0.0.1"),
        "{answer}"
    );
    assert_eq!(edge.metrics.refused_over_limit.get(), 1);
    assert_eq!(edge.metrics.listeners[0].open(), 2);
    // Once it has seen the first one close, there is room.
    drop(open.remove(0));
    loop {
        let mut client = edge.connect().await;
        client.send(NAME).await;
        let answer = client.rest().await;
        if answer.ends_with("worker 0") {
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}

#[tokio::test]
async fn an_address_over_its_limit_is_told_so() {
    let edge = Edge::plain(&Limits { max_connections_per_address: Some(1), ..Limits::default() });
    let mut first = edge.connect().await;
    first.send(GET).await;
    first.until("hello /a").await;
    let mut second = edge.connect().await;
    assert!(second.rest().await.starts_with("HTTP/1.1 503 "));
    assert_eq!(edge.metrics.refused_over_address_limit.get(), 1);
}

#[tokio::test]
async fn proxy_headers_of_both_versions_name_the_peer() {
    let networks = NetworkSet::new(vec![parse_network("127.0.0.0/8").unwrap()]);
    let listener = ListenerConfig { proxy_protocol_from: networks, ..listener(Vec::new()) };
    let edge = Edge::start(&config(vec![listener]), &Limits::default());
    let facts = b"GET /facts HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    let mut client = edge.connect().await;
    client.send(b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 443\r\n").await;
    client.send(facts).await;
    assert!(client.rest().await.contains("PeerIp(2001:db8::7)"));

    let mut client = edge.connect().await;
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&[203, 0, 113, 9, 127, 0, 0, 1, 0x0f, 0xa0, 0, 80]);
    client.send(&[header.as_slice(), facts].concat()).await;
    assert!(client.rest().await.contains("PeerIp(203.0.113.9)"));

    // Who must speak it and does not gets no answer.
    let mut client = edge.connect().await;
    client.send(facts).await;
    let mut answer = Vec::new();
    let _ = client.0.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{answer:?}");
    assert_eq!(edge.metrics.proxy_header_refusals.get(), 1);
}

#[tokio::test]
async fn a_proxy_header_of_an_unlisted_peer_is_not_http() {
    let edge = Edge::plain(&Limits::default());
    let mut client = edge.connect().await;
    client.send(b"PROXY TCP4 203.0.113.9 127.0.0.1 4000 80\r\n").await;
    client.send(GET).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    drop(client);
    let metrics = Arc::clone(&edge.metrics);
    assert_eq!(edge.drained().await, Drained::Finished);
    assert_eq!(metrics.malformed_http.get(), 1);
}

#[tokio::test]
async fn the_drain_serves_what_is_queued_finishes_what_is_in_flight_and_closes_the_rest() {
    let edge = Edge::plain(&Limits::default());
    let address = edge.address();
    let toy = Arc::clone(&edge.toys[0]);
    let mut idle = edge.connect().await;
    idle.send(GET).await;
    idle.until("hello /a").await;
    let mut busy = edge.connect().await;
    busy.send(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
    toy.hanging.acquire().await.unwrap().forget();
    let mut queued = Vec::new();
    for _ in 0..50 {
        let mut client = edge.connect().await;
        client.send(GET).await;
        queued.push(client);
    }
    let drained = tokio::spawn(edge.drained());
    for mut client in queued {
        assert!(client.rest().await.ends_with("hello /a"));
    }
    assert_eq!(idle.rest().await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    assert!(!drained.is_finished());
    toy.gate.add_permits(1);
    assert!(busy.rest().await.ends_with("went on"));
    assert_eq!(drained.await.unwrap(), Drained::Finished);
}

#[tokio::test]
async fn what_outlasts_the_drain_is_cut_off_and_reported() {
    let config =
        Config { drain_timeout: Duration::from_millis(50), ..config(vec![listener(Vec::new())]) };
    let edge = Edge::start(&config, &Limits::default());
    let mut busy = edge.connect().await;
    busy.send(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
    edge.toys[0].hanging.acquire().await.unwrap().forget();
    assert_eq!(edge.drained().await, Drained::Aborted { connections: 1 });
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn a_refusal_is_heard_by_a_client_that_is_still_sending() {
    // The kernel resets a connection that is closed with bytes unread, and the answer with it.
    let edge = Edge::plain(&Limits::default());
    let mut client = edge.connect().await;
    client
        .send(
            b"POST /name HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
            content-length: 100000\r\n\r\n",
        )
        .await;
    client.send(&vec![b'x'; 100_000]).await;
    assert!(client.rest().await.ends_with("worker 0"));
}

/// Asks for as long as somebody listens, on new connections or on kept ones; gives the number of
/// answers.
async fn ask_until_refused(address: SocketAddr, request: &'static [u8]) -> usize {
    let mut answers = 0;
    loop {
        let Ok(stream) = TcpStream::connect(address).await else { return answers };
        let mut client = Client(stream);
        let mut last = false;
        while !last {
            client.send(request).await;
            let head = client.until("\r\n\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            last = head.contains("connection: close");
            client.until("worker ").await;
            client.0.read_u8().await.expect("the number of the worker");
            answers += 1;
        }
    }
}

#[tokio::test]
async fn a_drain_under_load_fails_no_request() {
    const KEPT: &[u8] = b"GET /name HTTP/1.1\r\nhost: a\r\n\r\n";
    for _ in 0..3 {
        let config = Config { workers: 2, ..config(vec![listener(Vec::new())]) };
        let edge = Edge::start(&config, &Limits::default());
        let address = edge.address();
        let metrics = Arc::clone(&edge.metrics);
        let mut asking = JoinSet::new();
        for request in [NAME, KEPT, NAME, KEPT, NAME, NAME, NAME, NAME] {
            asking.spawn(ask_until_refused(address, request));
        }
        while metrics.requests.get() < 500 {
            tokio::task::yield_now().await;
        }
        assert_eq!(edge.drained().await, Drained::Finished);
        let answers: usize = asking.join_all().await.into_iter().sum();
        assert_eq!(answers as u64, metrics.requests.get());
    }
}
