//! How a request came: told by whoever mounts the console.

use std::fmt;
use std::sync::Arc;

use crate::control_plane::browser::Transport;
use crate::control_plane::caller::Caller;
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
    /// How much whoever is signed in may ask.
    pub(in crate::control_plane) quota: PageQuota,
}

type Count = dyn Fn(&Caller) -> Result<(), u64> + Send + Sync;

/// Counts a page that somebody asks for, as calls of the API are.
#[derive(Clone)]
pub(in crate::control_plane) struct PageQuota(Arc<Count>);

impl PageQuota {
    /// Whoever has none left is told how many seconds to wait.
    pub(in crate::control_plane) fn new(
        count: impl Fn(&Caller) -> Result<(), u64> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(count))
    }

    /// Any number.
    pub(super) fn endless() -> Self {
        Self::new(|_| Ok(()))
    }

    pub(super) fn take(&self, caller: &Caller) -> Result<(), u64> {
        (self.0)(caller)
    }
}

impl fmt::Debug for PageQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageQuota").finish_non_exhaustive()
    }
}
