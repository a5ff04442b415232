//! HTTP/2: what is served, and every deadline.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    frame, get, get_block, hello,
};
use super::toy::{Client, House, pass};
use crate::data_plane::{Limits, Timeout};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The window every client has from the start.
const WINDOW: u32 = 65_535;

/// Answers the server's pings and settings until it closes; the stream frames in between.
async fn polite(client: &mut Client) -> Vec<super::frames::Frame> {
    let mut telling = Vec::new();
    while let Some(received) = client.frame().await {
        // After its last words the server may be gone already.
        if received.flags & ACK == 0 && [PING, SETTINGS].contains(&received.kind) {
            let payload = if received.kind == PING { received.payload.as_slice() } else { &[] };
            let answer = frame(received.kind, ACK, 0, payload);
            let _ = tokio::io::AsyncWriteExt::write_all(&mut client.0, &answer).await;
        } else if received.stream != 0 || received.kind == GOAWAY {
            telling.push(received);
        }
    }
    telling
}

/// The frames of one stream, until its end.
async fn answer(client: &mut Client, stream: u32) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let received = client.telling_frame().await.expect("closed");
        assert_eq!(received.stream, stream, "{received:?}");
        if received.kind == DATA {
            body.extend_from_slice(&received.payload);
        } else {
            assert_eq!(received.kind, HEADERS, "{received:?}");
        }
        if received.flags & END_STREAM != 0 {
            return body;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_answered() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(1024);
    client.send(&[hello(WINDOW), get(1, "/a")].concat()).await;
    assert_eq!(answer(&mut client, 1).await, b"hello /a");
    client.send(&get(3, "/facts")).await;
    let facts = String::from_utf8(answer(&mut client, 3).await).unwrap();
    assert!(facts.contains("protocol: Http2"), "{facts}");
    client.send(&get(5, "/nothing")).await;
    assert_eq!(answer(&mut client, 5).await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_request_only() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(1024);
    client.send(&[hello(WINDOW), get(1, "/hang"), get(3, "/panic-in-body")].concat()).await;
    let reset = client.telling_frame().await.unwrap();
    assert_eq!((reset.kind, reset.stream), (RST_STREAM, 3));
    assert_eq!(house.metrics().panics.get(), 1);
    client.send(&get(5, "/panic")).await;
    assert_eq!(answer(&mut client, 5).await, b"");
    assert_eq!(house.metrics().panics.get(), 2);
    house.toy.gate.add_permits(1);
    assert_eq!(answer(&mut client, 1).await, b"went on");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_request_is_closed_in_the_time_of_a_head() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(1024);
    let start = Instant::now();
    client.send(&hello(WINDOW)).await;
    let last_words = polite(&mut client).await;
    assert!(last_words.iter().all(|frame| frame.kind == GOAWAY), "{last_words:?}");
    assert!(!last_words.is_empty());
    let elapsed = start.elapsed();
    assert!(elapsed >= seconds(10) && elapsed < seconds(11), "{elapsed:?}");
    assert_eq!(house.timeouts(Timeout::Head), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_at_all_is_closed_too() {
    let house = House::new(Limits::default());
    let start = Instant::now();
    let mut client = house.connect_http2(1024);
    while client.frame().await.is_some() {}
    assert!(start.elapsed() <= seconds(13), "{:?}", start.elapsed());
    assert_eq!(house.timeouts(Timeout::Head), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_streams_is_idle_whatever_else_is_sent() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(WINDOW), get(1, "/a")].concat()).await;
    answer(&mut client, 1).await;
    let answered = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(client.0);
    let pinging = tokio::spawn(async move {
        loop {
            let ping = frame(PING, 0, 0, b"12345678");
            if tokio::io::AsyncWriteExt::write_all(&mut writing, &ping).await.is_err() {
                return;
            }
            pass(seconds(1)).await;
        }
    });
    tokio::io::copy(&mut reading, &mut tokio::io::sink()).await.unwrap();
    // It answers no ping of ours either, and is closed for the one reason or the other.
    assert!(answered.elapsed() <= seconds(63), "{:?}", answered.elapsed());
    pinging.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_answers_pings_is_closed_on_time() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(WINDOW), get(1, "/a")].concat()).await;
    answer(&mut client, 1).await;
    let answered = Instant::now();
    polite(&mut client).await;
    let elapsed = answered.elapsed();
    assert!(elapsed >= seconds(60) && elapsed < seconds(61), "{elapsed:?}");
    assert_eq!(house.timeouts(Timeout::Idle), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_no_window_is_closed() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&hello(0)).await;
    for stream in [1, 3, 5] {
        client.send(&get(stream, "/endless")).await;
    }
    let start = Instant::now();
    polite(&mut client).await;
    let elapsed = start.elapsed();
    assert!(elapsed >= seconds(30) && elapsed < seconds(33), "{elapsed:?}");
    assert!(house.timeouts(Timeout::Write) >= 1);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_window_is_reset_and_the_others_go_on() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(1024 * 1024);
    // 100 bytes a stream: enough for small answers.
    client.send(&[hello(100), get(1, "/endless")].concat()).await;
    let start = Instant::now();
    let mut reset = None;
    for stream in (3..).step_by(2) {
        pass(seconds(4)).await;
        client.send(&get(stream, "/a")).await;
        let mut ended = false;
        while !ended {
            let received = client.telling_frame().await.expect("closed");
            if received.stream == 1 && received.kind == RST_STREAM {
                reset = Some(start.elapsed());
            }
            ended = received.stream == stream && received.flags & END_STREAM != 0;
        }
        if reset.is_some() || start.elapsed() > seconds(60) {
            break;
        }
    }
    let reset = reset.expect("the stalled stream is reset");
    assert!(reset >= seconds(30) && reset <= seconds(36), "{reset:?}");
    assert_eq!(house.timeouts(Timeout::Write), 1);
    client.send(&get(99, "/b")).await;
    assert_eq!(answer(&mut client, 99).await, b"hello /b");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(4 * 1024);
    // All the window there is, and then nobody reads.
    let window = frame(8, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    client.send(&[hello(0x7fff_ffff), window, get(1, "/endless")].concat()).await;
    let start = Instant::now();
    while house.timeouts(Timeout::Write) == 0 {
        pass(seconds(1)).await;
    }
    assert!(start.elapsed() <= seconds(31), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_request_allowed_is_the_last() {
    let house = House::new(Limits { max_requests_per_connection: Some(2), ..Limits::default() });
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(WINDOW), get(1, "/a"), get(3, "/b")].concat()).await;
    let start = Instant::now();
    let frames = polite(&mut client).await;
    assert!(start.elapsed() <= seconds(3), "{:?}", start.elapsed());
    for body in [b"hello /a", b"hello /b"] {
        assert!(frames.iter().any(|frame| frame.payload == body), "{frames:?}");
    }
    let goaway = frames.iter().rfind(|frame| frame.kind == GOAWAY).expect("a GOAWAY");
    assert_eq!(goaway.payload[..8], [0, 0, 0, 3, 0, 0, 0, 0], "last stream, no error");
}

#[tokio::test(start_paused = true)]
async fn the_drain_says_goodbye_and_finishes_what_is_in_flight() {
    let house = House::new(Limits::default());
    let mut idle = house.connect_http2(1024);
    idle.send(&[hello(WINDOW), get(1, "/a")].concat()).await;
    answer(&mut idle, 1).await;
    let mut busy = house.connect_http2(1024);
    busy.send(&[hello(WINDOW), get(1, "/hang")].concat()).await;
    house.toy.hanging.acquire().await.unwrap().forget();
    let start = Instant::now();
    house.drain.start();
    assert!(polite(&mut idle).await.iter().any(|frame| frame.kind == GOAWAY));
    assert!(start.elapsed() <= seconds(3), "{:?}", start.elapsed());
    pass(seconds(5)).await;
    house.toy.gate.add_permits(1);
    let frames = polite(&mut busy).await;
    assert!(frames.iter().any(|frame| frame.payload == b"went on"), "{frames:?}");
}

/// What nobody reads of a request is listened to after its answer: no reset overtakes that.
#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_is_listened_to_for_a_while() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    let begun = |stream| frame(HEADERS, END_HEADERS, stream, &get_block("/a"));
    client.send(&[hello(WINDOW), begun(1)].concat()).await;
    assert_eq!(answer(&mut client, 1).await, b"hello /a");
    // What comes afterwards is taken, to its end.
    client.send(&frame(DATA, 0, 1, b"password")).await;
    client.send(&frame(DATA, END_STREAM, 1, b"=x")).await;
    client.send(&get(3, "/b")).await;
    assert_eq!(answer(&mut client, 3).await, b"hello /b");
    // One that goes on and on is told to stop.
    client.send(&begun(5)).await;
    assert_eq!(answer(&mut client, 5).await, b"hello /a");
    let told = Instant::now();
    let reset = client.telling_frame().await.unwrap();
    assert_eq!((reset.kind, reset.stream), (RST_STREAM, 5));
    assert_eq!(reset.payload, [0; 4], "no error");
    assert!(told.elapsed() >= seconds(2) && told.elapsed() < seconds(3), "{:?}", told.elapsed());
}

/// Whatever stalls them: that the client gives no further window after 64 KiB of each, or that it
/// gives all there is and does not read.
#[tokio::test(start_paused = true)]
async fn a_hundred_streams_that_stall_keep_little() {
    const STREAMS: u32 = 100;
    for (window, taken) in [(WINDOW, WINDOW), (0x7fff_ffff, 0)] {
        let house = House::new(Limits::default());
        let activity = house.activity();
        let mut client = house.connect_http2_as(&activity, 4 * 1024);
        let of_connection = frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
        client.send(&[hello(window), of_connection].concat()).await;
        for stream in 0..STREAMS {
            client.send(&get(2 * stream + 1, "/endless")).await;
        }
        let mut left = STREAMS * taken;
        while left > 0 {
            let received = client.telling_frame().await.unwrap();
            if received.kind == DATA {
                left -= u32::try_from(received.payload.len()).unwrap();
            }
        }
        pass(seconds(5)).await;
        let kept = activity.pieces().bytes();
        assert!((1..1 << 20).contains(&kept), "{kept} bytes for a window of {window}");
        drop(client);
        pass(seconds(1)).await;
        assert_eq!(activity.pieces().bytes(), 0);
    }
}
