//! The house rules, as data, and the tests that hold the source to them.
//!
//! One crate has no walls between its modules but these: which module may name which, which
//! external crate belongs to whom, what a file may be called and how long it may grow. The tables
//! are here, because they are what a change of design changes; how they are checked is in
//! `house_rules/`. Every check is a function from some source to a list of offences, and is tested
//! twice: on this repository, where it must find nothing, and on a snippet that breaks the rule,
//! where it must find it.
//!
//! Not here: what the compiler and clippy check already (`Cargo.toml`, `.clippy.toml`), and which
//! crates may be in the tree at all (`.deny.toml`).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "syn's enums are not ours: they grow, and a check looks at few of their variants"
)]

#[path = "house_rules/imports.rs"]
mod imports;
#[path = "house_rules/names.rs"]
mod names;
#[path = "house_rules/paths.rs"]
mod paths;
#[path = "house_rules/repository.rs"]
mod repository;
#[path = "house_rules/shape.rs"]
mod shape;
#[path = "house_rules/source.rs"]
mod source;
#[path = "house_rules/waiting.rs"]
mod waiting;

/// Which of our modules each top-level module may name. A module that is not in this table may not
/// exist; one that does not exist yet is only a promise.
const IMPORTS: &[(&str, &[&str])] = &[
    // The floor: shared vocabulary. Pure.
    ("secret", &[]),
    ("clock", &[]),
    ("network", &[]),
    ("target", &[]),
    ("asset", &["target"]),
    ("keyring", &["secret", "clock"]),
    ("token", &["target", "clock", "keyring", "network", "secret"]),
    ("catalog", &["target", "asset", "clock"]),
    (
        "policy",
        &["target", "asset", "catalog", "clock", "keyring", "network", "sequencing", "token"],
    ),
    ("feed", &["target", "asset", "catalog", "clock", "keyring", "network", "policy"]),
    ("event", &["asset", "clock", "network", "policy"]),
    ("claim", &["asset", "clock", "network"]),
    ("visitor", &["target", "asset", "network", "policy"]),
    ("forensic", &["asset", "clock", "keyring", "secret"]),
    ("sequencing", &["clock"]),
    // Leaves with I/O: used by both planes, know neither.
    ("splice", &[]),
    ("telemetry", &[]),
    ("origin", &["asset", "clock", "secret", "splice"]),
    ("delivery", &["origin", "policy", "asset", "catalog", "clock", "forensic"]),
    ("response", &["clock", "delivery", "policy", "splice"]),
    ("archive", &["asset", "catalog", "clock", "delivery", "policy"]),
    ("rendition", &[]),
    // The planes: never import each other.
    (
        "data_plane",
        &[
            "target",
            "asset",
            "catalog",
            "clock",
            "network",
            "token",
            "policy",
            "feed",
            "event",
            "claim",
            "visitor",
            "forensic",
            "sequencing",
            "delivery",
            "response",
            "archive",
            "secret",
            "splice",
            "telemetry",
        ],
    ),
    (
        "control_plane",
        &[
            "target",
            "asset",
            "catalog",
            "clock",
            "network",
            "token",
            "policy",
            "feed",
            "event",
            "claim",
            "visitor",
            "forensic",
            "delivery",
            "response",
            "archive",
            "rendition",
            "telemetry",
            "keyring",
            "secret",
        ],
    ),
    // The roof.
    (
        "config",
        &[
            "secret",
            "clock",
            "network",
            "target",
            "asset",
            "keyring",
            "token",
            "catalog",
            "policy",
            "feed",
            "event",
            "forensic",
            "sequencing",
            "telemetry",
            "origin",
            "delivery",
            "response",
            "archive",
            "data_plane",
            "control_plane",
        ],
    ),
    (
        "app",
        &[
            "secret",
            "clock",
            "network",
            "target",
            "asset",
            "keyring",
            "token",
            "catalog",
            "policy",
            "feed",
            "event",
            "claim",
            "visitor",
            "forensic",
            "sequencing",
            "telemetry",
            "origin",
            "delivery",
            "response",
            "archive",
            "data_plane",
            "control_plane",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "app", "config", "secret", "clock", "network", "target", "asset", "keyring", "token",
            "catalog", "policy",
        ],
    ),
    (
        "fuzzing",
        &[
            "secret",
            "clock",
            "network",
            "target",
            "asset",
            "keyring",
            "token",
            "catalog",
            "policy",
            "feed",
            "event",
            "forensic",
            "sequencing",
            "telemetry",
            "origin",
            "delivery",
            "response",
            "archive",
            "rendition",
            "data_plane",
            "control_plane",
            "config",
            "app",
        ],
    ),
];

/// Who may name `config`, and who may name `fuzzing`: said apart from the table above, so that a
/// row of it cannot be widened without meeting this.
const IMPORTERS_OF: &[(&str, &[&str])] =
    &[("config", &["app", "cli", "fuzzing"]), ("app", &["cli", "fuzzing"]), ("fuzzing", &[])];

/// Inside one module, who may not name whom: (module, from, to). `pipeline` → (`identity`, `fetch`,
/// `rewrite`, `response`) → `cache`; api and pages → `service` → `store` → `record`, no step left
/// out.
const INNER_BANS: &[(&str, &[&str], &[&str])] = &[
    ("data_plane", &["cache"], &["pipeline", "identity", "fetch", "rewrite", "response"]),
    ("data_plane", &["identity", "fetch", "rewrite", "response"], &["pipeline"]),
    ("control_plane", &["api", "share_page", "admin_page"], &["store"]),
    ("control_plane", &["admin_page"], &["api"]),
    ("control_plane", &["service"], &["api", "share_page", "admin_page"]),
    ("control_plane", &["account"], &["service", "api", "share_page", "admin_page"]),
    ("control_plane", &["store"], &["account", "service", "api", "share_page", "admin_page"]),
    (
        "control_plane",
        &["record"],
        &["store", "account", "service", "api", "share_page", "admin_page"],
    ),
];

/// External crates, or parts of them, and the modules that may name them. Tests beside a module may
/// name what they need: a fake server is not a server.
const FENCES: &[(&str, &[&str])] = &[
    ("arc_swap", &["policy::snapshot", "data_plane::tls"]),
    ("argon2", &["control_plane::account"]),
    ("askama", &["control_plane::admin_page", "control_plane::mail", "control_plane::share_page"]),
    (
        "axum",
        &[
            "control_plane::api",
            "control_plane::admin_page",
            "control_plane::request_body",
            "control_plane::share_page",
        ],
    ),
    ("aes_kw", &["sequencing"]),
    ("coset", &["sequencing"]),
    ("fast_image_resize", &["rendition"]),
    ("hmac", KEYED_HASHES),
    ("hyper::server", &["data_plane", "control_plane::api", "telemetry::admin"]),
    ("httparse", &["origin"]),
    ("hyper_util::server", &["data_plane", "control_plane::api", "telemetry::admin"]),
    ("image", &["rendition", "forensic::image_mark"]),
    ("lettre", &["control_plane::mail"]),
    ("maxminddb", &["policy::anti_fraud"]),
    (
        "moka",
        &["data_plane::cache", "delivery::copies", "delivery::marking", "control_plane::rendering"],
    ),
    ("moxcms", &["rendition"]),
    ("multer", &["control_plane::admin_page", "control_plane::api", "control_plane::request_body"]),
    ("object_store", &["origin::object", "origin::config"]),
    ("p256", &["sequencing"]),
    ("qrcode", &["rendition"]),
    ("redis", &["data_plane::usage"]),
    ("ring::aead", &["control_plane::link", "sequencing"]),
    ("ring::hmac", KEYED_HASHES),
    ("rustfft", &["forensic::image_mark"]),
    ("rustix::pipe", &["splice"]),
    ("sfv", &["origin::directives"]),
    ("sqlx", &["control_plane::store"]),
    ("toml", &["config"]),
    ("toml_parser", &["config::pieces"]),
    ("utoipa", &["control_plane::api"]),
    ("utoipa_axum", &["control_plane::api"]),
];

/// Where a hash may take a key. A plain digest of content is not fenced.
const KEYED_HASHES: &[&str] = &[
    "token",
    "keyring",
    "forensic",
    "sequencing",
    "control_plane::api::cursor",
    "control_plane::webhooks",
];

/// Modules whose directories are rivals: no token scheme names another.
const RIVALS_IN: &[&str] = &["token"];

/// The one module `lib.rs` may hold inline, until it has a directory of its own.
const INLINE_IN_LIB: &[&str] = &[];

/// Most lines a file of `src` may have, its tests apart.
const MOST_LINES: usize = 600;

/// Test files that may let real time pass: stand-ins for a hostile peer, whose slowness is the
/// thing tested. Everything else waits for an event, or pauses the clock.
const MAY_SLEEP: &[&str] = &[];

/// What stands at the top of the repository, dot files apart.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "config",
    "fuzz",
    "src",
    "tests",
];
