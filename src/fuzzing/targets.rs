//! The list of targets, which the fuzz crate, the corpora and the replay are held to.

use super::token_verify::token_verify;
use super::{
    addresses, answers, configs, connections, images, origin_replies, paths, refusals, token_text,
};

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Panics on an input that breaks one of its invariants.
    pub run: fn(&[u8]),
}

/// Every target, in alphabetical order.
pub const TARGETS: &[Target] = &[
    Target { name: "accept", run: refusals::accept },
    Target { name: "asset_path", run: paths::asset_path },
    Target { name: "candidates", run: token_text::candidates },
    Target { name: "conditional", run: answers::conditional },
    Target { name: "config_file", run: configs::config_file },
    Target { name: "connection_bytes", run: connections::connection_bytes },
    Target { name: "file_name", run: refusals::file_name },
    Target { name: "forwarded", run: addresses::forwarded },
    Target { name: "host", run: addresses::host },
    Target { name: "image_file", run: images::image_file },
    Target { name: "netset", run: addresses::netset },
    Target { name: "origin_reply", run: origin_replies::origin_reply },
    Target { name: "path_pattern", run: paths::path_pattern },
    Target { name: "proxy_header", run: addresses::proxy_header },
    Target { name: "range_header", run: answers::range_header },
    Target { name: "request_target", run: paths::request_target },
    Target { name: "token_verify", run: token_verify },
    Target { name: "token_wire", run: token_text::token_wire },
];
