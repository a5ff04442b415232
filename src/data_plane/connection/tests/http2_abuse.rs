//! The floods of HTTP/2: each ends in the connection being closed, and others are served meanwhile.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame, get, get_block, hello,
};
use super::toy::{House, pass};
use crate::data_plane::Limits;

/// The window every client has from the start.
const WINDOW: u32 = 65_535;

#[tokio::test(start_paused = true)]
async fn rapid_reset() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&hello(WINDOW)).await;
    let mut streams = Vec::new();
    for stream in (1..=20_001).step_by(2) {
        streams.extend(get(stream, "/hang"));
        streams.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    assert_eq!(client.flood(&streams, 2).await, 0);
    assert!(house.metrics().requests.get() <= 500, "{}", house.metrics().requests.get());
    assert_eq!(house.metrics().floods.get(), 1);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn slow_rapid_reset() {
    // Each stream is taken before it is reset, which the library allows without end.
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&hello(WINDOW)).await;
    for stream in (1..).step_by(2) {
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        client.send(&get(stream, "/hang")).await;
        tokio::select! {
            came = house.toy.hanging.acquire() => came.unwrap().forget(),
            () = async { while client.frame().await.is_some() {} } => break,
        }
        if tokio::io::AsyncWriteExt::write_all(&mut client.0, &reset).await.is_err() {
            break;
        }
    }
    let requests = house.metrics().requests.get();
    assert!((50..=150).contains(&requests), "{requests}");
    assert_eq!(house.metrics().floods.get(), 1);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_seeks_is_no_flood() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(1024 * 1024);
    client.send(&hello(WINDOW)).await;
    for stream in (1..400).step_by(4) {
        client.send(&get(stream, "/endless")).await;
        while client.telling_frame().await.unwrap().stream != stream {}
        client.send(&frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).await;
        client.send(&get(stream + 2, "/nothing")).await;
        while client.telling_frame().await.unwrap().stream != stream + 2 {}
    }
    assert_eq!(house.metrics().floods.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn continuation_flood() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(WINDOW), frame(HEADERS, END_STREAM, 1, &get_block("/a"))].concat()).await;
    // A literal field without indexing, of 1000 bytes.
    let mut field = vec![0, 1, b'x', 0x7f, 0xe9, 0x06];
    field.extend_from_slice(&[b'y'; 1000]);
    client.flood(&frame(CONTINUATION, 0, 1, &field), 2000).await;
    assert_eq!(house.metrics().requests.get(), 0);
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn empty_continuation_flood() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(WINDOW), frame(HEADERS, END_STREAM, 1, &get_block("/a"))].concat()).await;
    client.flood(&frame(CONTINUATION, 0, 1, b""), 100_000).await;
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn empty_data_flood() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client
        .send(&[hello(WINDOW), frame(HEADERS, END_HEADERS, 1, &get_block("/hang"))].concat())
        .await;
    client.flood(&frame(DATA, 0, 1, b""), 100_000).await;
    house.assert_serves_others().await;
}

/// Floods of frames that are over before they cost what a handshake costs.
#[tokio::test(start_paused = true)]
async fn control_frame_floods() {
    let kinds: &[(&str, u8, &[u8])] = &[
        ("ping", PING, b"12345678"),
        ("priority", PRIORITY, &[0, 0, 0, 0, 1]),
        ("settings", SETTINGS, b""),
        ("unknown", 0xbe, b""),
        ("window", WINDOW_UPDATE, &[0, 0, 0, 1]),
    ];
    for (name, kind, payload) in kinds {
        let house = House::new(Limits::default());
        let mut client = house.connect_http2(1024);
        client.send(&hello(WINDOW)).await;
        let stream = u32::from(*kind == PRIORITY);
        let sent = client.flood(&frame(*kind, 0, stream, payload), 1000).await;
        assert!(sent >= 500, "{name}: {sent}");
        assert_eq!(house.metrics().floods.get(), 1, "{name}");
        house.assert_serves_others().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_with_a_small_window_is_no_flood() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&[hello(1024), get(1, "/endless")].concat()).await;
    let (mut owed, mut read) = (0, 0);
    while read < 4 << 20 {
        let received = client.telling_frame().await.expect("closed");
        if received.kind == DATA {
            owed += u32::try_from(received.payload.len()).unwrap();
            read += received.payload.len();
        }
        // Given back by halves, as players and browsers do: on the stream and on the connection.
        if owed >= 512 {
            let window = owed.to_be_bytes();
            let both = [0, 1].map(|stream| frame(WINDOW_UPDATE, 0, stream, &window)).concat();
            client.send(&both).await;
            owed = 0;
        }
    }
    assert_eq!(house.metrics().floods.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn requests_explain_what_comes_with_them() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    client.send(&hello(WINDOW)).await;
    for stream in (1..2000).step_by(2) {
        // What a browser may say of it: a dependency changed back and forth, a ping, a late reset.
        let priority = frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 1]).repeat(20);
        let ping = frame(PING, 0, 0, b"12345678");
        let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        client.send(&[priority, get(stream, "/nothing"), ping].concat()).await;
        while client.telling_frame().await.expect("closed").stream != stream {}
        client.send(&reset).await;
    }
    assert_eq!(house.metrics().floods.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_flood_whose_answers_nobody_reads() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(4 * 1024);
    client.send(&hello(WINDOW)).await;
    let ping = frame(PING, 0, 0, b"12345678");
    // Written until the server has stopped reading and closed.
    while tokio::io::AsyncWriteExt::write_all(&mut client.0, &ping).await.is_ok() {}
    house.assert_serves_others().await;
}

#[tokio::test(start_paused = true)]
async fn a_head_over_the_limit_is_refused_and_the_connection_lives() {
    let house = House::new(Limits::default());
    let mut client = house.connect_http2(64 * 1024);
    let mut block = get_block("/a");
    for _ in 0..12 {
        // 1500 bytes each: 12 times that, and the rest, is over 16 KiB.
        block.extend_from_slice(&[0, 1, b'x', 0x7f, 0xdd, 0x0a]);
        block.extend_from_slice(&[b'y'; 1500]);
    }
    let (first, rest) = block.split_at(10_000);
    client
        .send(
            &[
                hello(WINDOW),
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, END_HEADERS, 1, rest),
                get(3, "/b"),
            ]
            .concat(),
        )
        .await;
    let mut streams = Vec::new();
    while !streams.contains(&3) {
        streams.push(client.telling_frame().await.expect("closed").stream);
    }
    assert_eq!(house.metrics().requests.get(), 1);
}

/// How long a handshake takes that fails as soon as it is begun.
async fn handshake(house: &House) -> Duration {
    let start = Instant::now();
    let mut client = house.connect(4096);
    client.send(b"neither a handshake nor HTTP").await;
    client.0.read_to_end(&mut Vec::new()).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn who_floods_or_breaks_the_protocol_waits_before_its_next_handshake() {
    let house = House::with_tls(Limits::default());
    let reset = frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    let ping = frame(PING, 0, 0, b"12345678");
    for (waited, breach) in [(0, ping.repeat(100)), (100, reset), (200, ping.repeat(100))] {
        assert_eq!(handshake(&house).await, Duration::from_millis(waited));
        let mut client = house.connect_http2(64 * 1024);
        client.send(&hello(WINDOW)).await;
        client.flood(&breach, 1000).await;
    }
    assert_eq!(handshake(&house).await, Duration::from_millis(400));
    assert_eq!(house.metrics().handshakes_delayed.get(), 3);
    assert_eq!(house.metrics().tls_handshake_failures.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_goes_or_is_slow_does_not_wait() {
    let house = House::with_tls(Limits::default());
    let mut asking = house.connect_http2(64 * 1024);
    asking.send(&[hello(WINDOW), get(1, "/hang")].concat()).await;
    drop(asking);
    let mut without_window = house.connect_http2(64 * 1024);
    without_window.send(&[hello(0), get(1, "/endless")].concat()).await;
    let mut silent = house.connect_http2(64 * 1024);
    silent.send(&hello(WINDOW)).await;
    pass(Duration::from_mins(2)).await;
    assert_eq!(handshake(&house).await, Duration::ZERO);
    assert_eq!(house.metrics().handshakes_delayed.get(), 0);
}
