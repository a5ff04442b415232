//! How a request came: told by whoever mounts the console.

use crate::network::ClientIp;

/// How a request came.
#[derive(Clone, Debug)]
pub(in crate::control_plane) struct Arrival {
    /// From where, as far as that is known.
    pub(in crate::control_plane) address: Option<ClientIp>,
    /// On what.
    pub(in crate::control_plane) transport: Transport,
    /// The id under which it is logged.
    pub(in crate::control_plane) request_id: String,
}

/// What a request came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control_plane) enum Transport {
    /// Plain HTTP.
    Plain,
    /// TLS, here or at a proxy that is trusted.
    Secured,
}
