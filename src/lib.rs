//! Countersign: an edge gateway for private files. It checks the signature on every link, then
//! serves or refuses.
//!
//! # How data flows
//!
//! One way, and each arrow changes the type:
//!
//! ```text
//! socket ─▶ connection ─▶ http::Request ─▶ RequestFacts ─▶ Permit | Denial ─▶ body ─▶ http::Response
//!           data_plane                    identify        policy::decide    delivery   response
//! ```
//!
//! # Code map
//!
//! The floor is shared vocabulary: pure, without async, I/O or globals; `clock` alone reads the
//! time of day.
//!
//! | module | owns |
//! |---|---|
//! | `secret` | what must not be printed and is compared in constant time |
//! | `clock` | seconds since 1970, and the one place that asks for them |
//! | `network` | addresses as addresses, and sets of networks |
//! | `target` | the request target: one parse, two views, or a refusal |
//! | `asset` | what a path under `/public`, `/private` and `/dl` means |
//! | `catalog` | which files there are, and whether they are published |
//! | `keyring` | keys, and which of them is in force |
//! | `token` | the token grammars, for signer and verifier alike |
//! | `policy` | sites, overrides, blocklists, the snapshot, and the decision |
//! | `forensic` | whose copy a file is: tags, and how a copy that has one differs |
//! | `sequencing` | whose copy a film is: which variant of each segment a viewer is given |
//! | `feed` | what control planes say to edges, and what it amounts to |
//! | `event` | what edges report to control planes |
//! | `claim` | what edges ask of the ledger of one-use links |
//! | `visitor` | who opens a share's page, as the edge that they came to saw them |
//!
//! The leaves do I/O and know neither plane:
//!
//! | module | owns |
//! |---|---|
//! | `origin` | folders, HTTP servers and object stores that have the bytes |
//! | `delivery` | the way from a permit to bytes; the only importer of `origin` |
//! | `response` | answers with bytes: ranges, conditions, the headers that go with them |
//! | `archive` | many files as one zip that can be resumed: its plan, and its bytes |
//! | `rendition` | smaller and other pictures of an image, and QR codes; it alone does no I/O |
//! | `splice` | bytes that pass from descriptor to descriptor within the kernel |
//! | `telemetry` | logs, metrics, the operators' listener |
//!
//! The planes and the roof:
//!
//! | module | owns |
//! |---|---|
//! | `data_plane` | from accepted sockets to answers; its module doc is the life of a request |
//! | `control_plane` | what may be handed out: its store, with audit log and change feed, its API and its console |
//! | `config` | from a file to what each component takes, or everything that is wrong |
//! | `app` | composition: configuration, listeners, reload, drain |
//! | `cli` | one file a command |
//! | `fuzzing` | what each parser of untrusted bytes promises; hidden, named by nobody |
//!
//! # Import table
//!
//! Who may name whom; `tests/architecture.rs` holds the code to it.
//!
//! | module | may name |
//! |---|---|
//! | `secret` `clock` `network` `target` `splice` `telemetry` `rendition` | none of ours |
//! | `asset` | `target` |
//! | `keyring` | `secret` `clock` |
//! | `token` | `target` `clock` `keyring` `network` `secret` |
//! | `sequencing` | `clock` |
//! | `catalog` | `target` `asset` `clock` |
//! | `policy` | `target` `asset` `catalog` `clock` `keyring` `network` `sequencing` `token` |
//! | `feed` | `target` `asset` `catalog` `clock` `network` `policy` |
//! | `event` `claim` | `asset` `clock` `network` |
//! | `visitor` | `target` `asset` `network` `policy` |
//! | `origin` | `asset` `clock` `secret` `splice` |
//! | `delivery` | `origin` `policy` `asset` `clock` |
//! | `response` | `clock` `delivery` `policy` `splice` |
//! | `archive` | `clock` `delivery` |
//! | `data_plane` | `target` `asset` `clock` `network` `token` `policy` `feed` `event` `claim` `visitor` `delivery` `response` `secret` `splice` `telemetry` |
//! | `control_plane` | `target` `asset` `clock` `network` `token` `policy` `feed` `event` `claim` `visitor` `delivery` `response` `archive` `rendition` `telemetry` `keyring` `secret` |
//! | `config` | all above; named by `app`, `cli` and `fuzzing` only |
//! | `app` | everything but `cli` and `fuzzing` |
//! | `cli` | `app` `config`, and the floor |
//! | `fuzzing` | what its targets need |

pub mod app;
pub mod archive;
pub mod asset;
pub mod catalog;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control_plane;
pub mod data_plane;
pub mod delivery;
pub mod event;
pub mod feed;
pub mod forensic;
#[doc(hidden)]
pub mod fuzzing;
pub mod keyring;
pub mod network;
pub mod origin;
pub mod policy;
pub mod rendition;
pub mod response;
pub mod secret;
pub mod sequencing;
pub mod splice;
pub mod target;
pub mod telemetry;
pub mod token;
pub mod visitor;
