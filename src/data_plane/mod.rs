//! The data plane: from accepted sockets to answers.
//!
//! # Life of a request
//!
//! `accept` → `handshake` (PROXY header, TLS) → `framing` (one host, no body, limits) → `site` →
//! `target` → `client` (address) → `resource` (asset or route) → `decide` (overrides, blocklists,
//! token, suspicions) → `count` (`usage`: links that are watched) → `fetch` → `claim` (`usage`:
//! one-use links) → `respond`. A refusal at any phase goes through one function to an answer. What a
//! link of our own opened is noted when its body ends (`events`), and brought to a control plane.
//!
//! What is asked under `/s/` of a site that has shares goes another way: `share_door`.

mod access_log;
mod admission;
mod answerer;
mod cache;
mod connection;
mod connection_collector;
mod connection_metrics;
mod drain;
mod events;
mod explain;
mod fetch;
mod forwarded;
mod forwarded_scheme;
mod identity;
mod listener;
mod metrics;
mod origin_meter;
mod pipeline;
mod proxy_protocol;
mod purging;
mod queue;
mod refusal;
mod reply;
mod request_id;
pub mod response;
mod resumption;
mod settings;
mod share_door;
mod state;
mod sync;
mod tarpit;
mod tls;
mod usage;
mod worker;

#[cfg(test)]
mod tests;

pub use admission::KEPT_BACK;
pub use cache::{Cache, CacheConfig, DiskConfig, PurgeScope};
pub(crate) use connection::serve_apart;
pub use connection::{
    Answer, ConnectionFacts, Pieces, Protocol, RequestBody, RequestBodyError, Transport, TurnedAway,
};
pub use connection_metrics::{ConnectionMetrics, Counter, ListenerMetrics, Timeout};
pub use drain::{DrainSignal, DrainTrigger, Drained, drain};
pub use events::{EventQueue, Lost};
pub use explain::{Explanation, Question, explain};
pub use forwarded::{ForwardedHeader, ForwardedRejection, MAX_HOPS};
pub use identity::{Arrival, BodyPresence, Learned, identify};
pub use listener::{BindError, Listeners, StartError};
pub use metrics::Metrics;
pub use pipeline::Pipeline;
pub use proxy_protocol::{MAX_V2_PAYLOAD, ProxiedPeer, ProxyProtocolRejection, read_proxy_header};
pub use purging::keep_up;
pub use reply::{Reply, ReplyBody, ReplyBroken};
pub use settings::{
    AccessLog, CertificateFiles, Config, Limits, ListenerConfig, Missing, Reasons, Settings,
};
pub use share_door::{DeskAway, DeskBody, PageBody, PageBroken, ShareDesk, ShareDoor};
pub use state::EdgeState;
pub use sync::{
    Claimant, ControlUrl, ControlUrlRejection, Follower, Reporter, ShareCourier, SyncConfig,
    SyncSetupError, kept_state,
};
pub use tls::{CertificateError, CertificateProblem, Certificates};
pub use usage::{
    ClaimOrders, Claims, Ledger, LedgerError, RedisConfig, RedisKeeper, RedisUrl,
    RedisUrlRejection, UsageConfig, UsageCounters, UsageSetupError, WhenAway, keep_claims,
};
pub use worker::{WorkerLost, Workers};
