//! HTTP/1.1: order, limits, and every deadline.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::toy::{House, pass};
use crate::data_plane::{Limits, Timeout};
use crate::network::{NetworkSet, parse_network};

const GET: &[u8] = b"GET /a HTTP/1.1\r\nhost: media.example\r\n\r\n";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Deadlines are kept to the millisecond that tokio's timers have.
#[track_caller]
fn assert_after(since: Instant, expected: Duration) {
    let elapsed = since.elapsed();
    assert!(elapsed >= expected && elapsed < expected + Duration::from_millis(5), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_closed_without_a_word() {
    let house = House::new(Limits::default());
    let start = Instant::now();
    assert_eq!(house.connect(1024).rest().await, "");
    assert_after(start, seconds(10));
    assert_eq!(house.timeouts(Timeout::Head), 1);
}

#[tokio::test(start_paused = true)]
async fn a_head_in_drops_is_answered_408_when_its_time_is_over() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    let start = Instant::now();
    client.send(b"GET / HTTP/1.1\r\nx: ").await;
    for _ in 0..9 {
        pass(seconds(1)).await;
        client.send(b"x").await;
    }
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_after(start, seconds(10));
    assert_eq!(house.timeouts(Timeout::Head), 1);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_further_requests_is_closed_when_idle() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(GET).await;
    client.until("hello /a").await;
    pass(seconds(59)).await;
    client.send(GET).await;
    client.until("hello /a").await;
    let answered = Instant::now();
    assert_eq!(client.rest().await, "");
    assert_after(answered, seconds(60));
    assert_eq!(house.timeouts(Timeout::Idle), 1);
    assert_eq!(house.timeouts(Timeout::Head), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_gives_its_buffers_back_and_goes_on() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    // Requests at work are not disturbed.
    for _ in 0..5 {
        client.send(GET).await;
        client.until("hello /a").await;
        pass(Duration::from_millis(400)).await;
    }
    assert_eq!(house.metrics().rests.get(), 0);
    pass(seconds(1)).await;
    assert_eq!(house.metrics().rests.get(), 1);
    // One byte, then the rest of two requests.
    client.send(b"G").await;
    tokio::task::yield_now().await;
    client.send(&GET[1..]).await;
    client
        .send(&[b"GET /name HTTP/1.1\r\nhost: a\r\nx: ", &[b'y'; 900][..], b"\r\n\r\n"].concat())
        .await;
    client.until("hello /a").await;
    client.until("toy").await;
    pass(seconds(1)).await;
    assert_eq!(house.metrics().rests.get(), 2);
    // A whole request that came while it rested, and then its end.
    client.send(b"GET /name HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(client.rest().await.ends_with("toy"));
    assert_eq!(house.timeouts(Timeout::Head) + house.timeouts(Timeout::Idle), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_waits_for_its_first_byte_however_it_comes() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    pass(seconds(5)).await;
    for byte in GET.chunks(1) {
        client.send(byte).await;
        tokio::task::yield_now().await;
    }
    client.until("hello /a").await;
    let mut late = house.connect(1024);
    pass(seconds(9)).await;
    late.send(b"GET ").await;
    // The time of the head runs since the connection was made.
    let start = Instant::now();
    assert!(late.rest().await.starts_with("HTTP/1.1 408 "));
    assert!(start.elapsed() <= seconds(3), "{:?}", start.elapsed());
    drop(house.connect(1024));
    pass(seconds(1)).await;
    assert_eq!(house.timeouts(Timeout::Head), 1);
}

#[tokio::test(start_paused = true)]
async fn a_resting_connection_is_drained_and_a_request_in_its_last_moment_served() {
    let house = House::new(Limits::default());
    let (mut silent, mut late) = (house.connect(1024), house.connect(1024));
    for client in [&mut silent, &mut late] {
        client.send(GET).await;
        client.until("hello /a").await;
    }
    pass(seconds(2)).await;
    assert_eq!(house.metrics().rests.get(), 2);
    let start = Instant::now();
    house.drain.start();
    late.send(GET).await;
    let answer = late.rest().await;
    assert!(answer.contains("connection: close") && answer.ends_with("hello /a"), "{answer}");
    assert_eq!(silent.rest().await, "");
    assert!(start.elapsed() <= seconds(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_head_begins_with_its_first_byte() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(GET).await;
    client.until("hello /a").await;
    pass(seconds(55)).await;
    client.send(b"G").await;
    let begun = Instant::now();
    assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
    assert_after(begun, seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_head_begun_with_the_request_before_is_not_idle() {
    for cut in ["GET /b HT", "GET /b HTTP/1.1\r\nx: y\r\n"] {
        let house = House::new(Limits::default());
        let mut client = house.connect(1024);
        client.send(&[GET, cut.as_bytes()].concat()).await;
        client.until("hello /a").await;
        let answered = Instant::now();
        assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
        assert_after(answered, seconds(10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_whose_empty_line_came_in_pieces_leaves_the_connection_idle() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    for byte in GET {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    client.until("hello /a").await;
    let answered = Instant::now();
    assert_eq!(client.rest().await, "");
    assert_after(answered, seconds(60));
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    for path in ["/a", "/b", "/c"] {
        client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await;
    }
    for path in ["/a", "/b", "/c"] {
        let answer = client.until(&format!("hello {path}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\ndate: "), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn http_1_0_is_closed_after_its_answer() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(b"GET /a HTTP/1.0\r\n\r\n").await;
    assert!(client.rest().await.ends_with("hello /a"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    let house = House::new(Limits::default());
    let mut client = house.connect(16 * 1024);
    let start = Instant::now();
    client.send(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    while house.timeouts(Timeout::Write) == 0 {
        pass(seconds(1)).await;
    }
    assert!(start.elapsed() <= seconds(31), "{:?}", start.elapsed());
    client.rest().await;
    house.assert_serves_others().await;
}

/// Three connections of eight are a crowd, two are none.
#[tokio::test(start_paused = true)]
async fn in_a_crowd_a_client_that_does_not_read_is_cut_off_sooner() {
    for (others, after) in [(1, 30), (2, 10)] {
        let house = House::new(Limits { max_connections: Some(8), ..Limits::default() });
        let mut crowd = Vec::new();
        for _ in 0..others {
            let mut other = house.connect(1024);
            other.send(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
            crowd.push(other);
        }
        let mut client = house.connect(16 * 1024);
        let start = Instant::now();
        client.send(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
        while house.timeouts(Timeout::Write) == 0 {
            pass(seconds(1)).await;
        }
        let elapsed = start.elapsed();
        assert!(
            elapsed >= seconds(after) && elapsed <= seconds(after + 1),
            "{others} others: {elapsed:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_served() {
    let house = House::new(Limits::default());
    let mut client = house.connect(16 * 1024);
    client.send(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut piece = [0; 512];
    for _ in 0..20 {
        pass(seconds(25)).await;
        client.0.read_exact(&mut piece).await.unwrap();
    }
    let stalled = Instant::now();
    while house.timeouts(Timeout::Write) == 0 {
        pass(seconds(1)).await;
    }
    assert!(stalled.elapsed() <= seconds(31), "{:?}", stalled.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_its_time_is_waited_for() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
    pass(seconds(600)).await;
    house.toy.gate.add_permits(1);
    client.until("went on").await;
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_request_has_the_time_of_a_head() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody").await;
    client.until("\r\n\r\n4").await;
    client.send(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbo").await;
    let start = Instant::now();
    client.until("too late").await;
    assert_after(start, seconds(10));
    assert_eq!(house.timeouts(Timeout::Body), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_request_allowed_is_told_so() {
    let house = House::new(Limits { max_requests_per_connection: Some(2), ..Limits::default() });
    let mut client = house.connect(1024);
    client.send(&[GET, GET, GET].concat()).await;
    let first = client.until("hello /a").await;
    assert!(!first.contains("connection: close"), "{first}");
    let second = client.rest().await;
    assert!(second.contains("connection: close") && second.ends_with("hello /a"), "{second}");
    assert_eq!(house.metrics().requests.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_request_only() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(b"GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    let mut client = house.connect(1024);
    client.send(b"GET /panic-in-body HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(client.rest().await, "", "not even its head, which is still buffered");
    assert_eq!(house.metrics().panics.get(), 2);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http_is_refused_and_counted() {
    let house = House::new(Limits::default());
    let cases: [&[u8]; 6] = [
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nx : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: y\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n",
    ];
    for (count, bytes) in (1..).zip(cases) {
        let mut client = house.connect(1024);
        client.send(bytes).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bytes:?}: {answer}");
        assert_eq!(house.metrics().malformed_http.get(), count, "{bytes:?}");
    }
    assert_eq!(house.metrics().requests.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn cleartext_is_never_http_2() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert_eq!(client.rest().await, "");
    let mut client = house.connect(1024);
    client
        .send(
            b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\n\
            upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
        )
        .await;
    assert!(client.until("hello /a").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn heads_over_our_limits_reach_the_one_who_refuses_them() {
    let house = House::new(Limits::default());
    let mut client = house.connect(1024 * 1024);
    let mut head = "GET /head HTTP/1.1\r\n".to_owned();
    for _ in 0..110 {
        head.push_str("a: ");
        head.push_str(&"b".repeat(400));
        head.push_str("\r\n");
    }
    client.send(head.as_bytes()).await;
    client.send(b"\r\n").await;
    client.until("110 fields, 44000 bytes").await;
    client.send("GET / HTTP/1.1\r\n".as_bytes()).await;
    client.send("a: b\r\n".repeat(200).as_bytes()).await;
    client.send(b"\r\n").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test(start_paused = true)]
async fn the_drain_closes_what_is_idle_and_finishes_what_is_not() {
    let house = House::new(Limits::default());
    let mut idle = house.connect(1024);
    idle.send(GET).await;
    idle.until("hello /a").await;
    let mut busy = house.connect(1024);
    busy.send(b"GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
    house.toy.hanging.acquire().await.unwrap().forget();
    // Accepted, and its request not read yet.
    let mut fresh = house.connect(1024);
    fresh.send(GET).await;
    let start = Instant::now();
    house.drain.start();

    let answer = fresh.rest().await;
    assert!(answer.contains("connection: close") && answer.ends_with("hello /a"), "{answer}");
    assert_eq!(idle.rest().await, "");
    assert!(start.elapsed() <= seconds(2), "{:?}", start.elapsed());
    pass(seconds(20)).await;
    house.toy.gate.add_permits(1);
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close") && answer.ends_with("went on"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_heard_by_a_client_that_is_still_sending() {
    let house = House::new(Limits::default());
    // More than the pipe and hyper hold together.
    let mut client = house.connect(1024);
    client
        .send(
            b"POST /name HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
            content-length: 1000000\r\n\r\n",
        )
        .await;
    client.send(&vec![b'x'; 200 * 1024]).await;
    assert!(client.until("toy").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn a_listed_peer_says_whom_it_speaks_for() {
    let proxies = || NetworkSet::new(vec![parse_network("192.0.2.0/24").unwrap()]);
    let house = House::behind(proxies(), Limits::default());
    let mut client = house.connect(1024);
    client.send(b"PROXY TCP4 203.0.113.9 192.0.2.80 5 80\r\n").await;
    client.send(b"GET /facts HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert!(answer.contains("PeerIp(203.0.113.9)"), "{answer}");

    let mut client = house.connect(1024);
    client.send(GET).await;
    assert_eq!(client.rest().await, "");
    assert_eq!(house.metrics().proxy_header_refusals.get(), 1);

    let start = Instant::now();
    let mut client = house.connect(1024);
    client.send(b"PROXY TCP4 203.0.113.9").await;
    assert_eq!(client.rest().await, "");
    assert_after(start, seconds(10));
    assert_eq!(house.timeouts(Timeout::Handshake), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_has_its_connections_and_others_theirs() {
    let proxies = NetworkSet::new(vec![parse_network("192.0.2.0/24").unwrap()]);
    let limits = Limits { max_connections_per_address: Some(1), ..Limits::default() };
    let house = House::behind(proxies, limits);
    let line = |address| format!("PROXY TCP4 {address} 192.0.2.80 5 80\r\n");
    let mut first = house.connect(1024);
    first.send(line("203.0.113.9").as_bytes()).await;
    first.send(GET).await;
    first.until("hello /a").await;
    let mut second = house.connect(1024);
    second.send(line("203.0.113.9").as_bytes()).await;
    let answer = second.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\r\n\r\nno room for 203.0.113.9"),
        "{answer}"
    );
    assert_eq!(house.metrics().refused_over_address_limit.get(), 1);
    let mut other = house.connect(1024);
    other.send(line("203.0.113.10").as_bytes()).await;
    other.send(GET).await;
    other.until("hello /a").await;
}
