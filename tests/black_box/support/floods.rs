//! HTTP/2 floods (security page, part 2): frames that no request explains.

use super::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Fields, HEADERS, PING, RST_STREAM, SETTINGS,
    block, frame, get, head,
};

/// Whom they are aimed at.
pub(crate) const HOST: &str = "a.example";

/// The usual pseudo-header fields, some of them with other values or none, and more fields.
pub(crate) fn fields(others: Fields<'_>) -> Vec<(&str, &str)> {
    let usual =
        [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/open/a.txt")];
    let (changed, more): (Vec<_>, Vec<_>) =
        others.iter().partition(|(name, _)| usual.iter().any(|(it, _)| it == name));
    let value = |(name, value)| {
        let other = changed.iter().find(|(it, _)| *it == name);
        (name, other.map_or(value, |(_, other)| *other))
    };
    usual.map(value).into_iter().filter(|(_, value)| *value != "-").chain(more).collect()
}

/// One kind: what it begins with after the preface, and what it goes on with until the edge closes.
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    pub(crate) begin: Vec<u8>,
    pub(crate) again: Vec<u8>,
}

/// Every kind.
pub(crate) fn floods() -> Vec<Flood> {
    let get_block = block(&fields(&[]));
    let resets = |from: u32| {
        (from..from + 200)
            .step_by(2)
            .flat_map(|stream| {
                let reset = frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
                [get(stream, HOST, "/open/large.bin"), reset].concat()
            })
            .collect::<Vec<u8>>()
    };
    let large_field = block(&[("x", &"y".repeat(10_000))]);
    [
        (
            "rapid reset",
            (1..20_000).step_by(200).flat_map(resets).collect(),
            frame(PING, 0, 0, b"12345678"),
        ),
        (
            "continuation",
            frame(HEADERS, END_STREAM, 1, &get_block),
            frame(CONTINUATION, 0, 1, &large_field),
        ),
        (
            "empty continuation",
            frame(HEADERS, END_STREAM, 1, &get_block),
            frame(CONTINUATION, 0, 1, b""),
        ),
        ("empty data", head(1, 0, &fields(&[])), frame(DATA, 0, 1, b"")),
        ("ping", Vec::new(), frame(PING, 0, 0, b"12345678")),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 1])),
        ("reset of nothing", Vec::new(), frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())),
        ("priority", Vec::new(), frame(2, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown frames", Vec::new(), frame(0xbe, 0, 0, &[0; 1000])),
        ("half heads", Vec::new(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 200])),
    ]
    .into_iter()
    // Some at a time, for one write is one TLS record.
    .map(|(name, begin, again): (_, _, Vec<u8>)| Flood {
        name,
        begin,
        again: again.repeat(1 + 4000 / again.len()),
    })
    .collect()
}
