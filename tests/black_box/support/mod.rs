//! What the suite is built from.

pub(crate) mod bodies;
pub(crate) mod catalog;
pub(crate) mod chance;
pub(crate) mod command;
pub(crate) mod control;
pub(crate) mod descriptors;
pub(crate) mod edge;
pub(crate) mod fake_origin;
pub(crate) mod files;
pub(crate) mod floods;
pub(crate) mod http2;
pub(crate) mod keep_alive;
pub(crate) mod links;
pub(crate) mod load;
pub(crate) mod nginx;
pub(crate) mod output;
pub(crate) mod planes;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod raw_client;
pub(crate) mod recording_origin;
pub(crate) mod relay;
pub(crate) mod signing;
pub(crate) mod slow_client;
pub(crate) mod tls;
pub(crate) mod tools;
