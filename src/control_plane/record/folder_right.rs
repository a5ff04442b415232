//! Rights over folders, which hold for everything below.

use serde::Serialize;

use super::Grantee;
use crate::asset::{ChannelId, wire_names};

wire_names! {
    /// What a right permits; each includes those before it.
    Right {
        /// To find and open.
        See = "SEE",
        /// To change.
        Modify = "MODIFY",
        /// To hand out to strangers.
        Share = "SHARE",
        /// To give rights to others.
        Own = "OWN",
    }
}

/// A right that somebody was given over a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderRight {
    /// Over which folder, and all below.
    pub folder: ChannelId,
    /// Whose it is.
    pub grantee: Grantee,
    /// What it permits.
    pub right: Right,
}
