//! Contents that belong to others.

use serde::Serialize;

use super::{ContentId, ContentLinkId};
use crate::asset::wire_names;

wire_names! {
    /// How a content belongs to another.
    LinkRelation {
        /// It stands inside.
        Enclosed = "enclosed",
        /// It stands beside.
        Linked = "linked",
    }
}

/// A content that belongs to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentLink {
    /// Its id.
    pub id: ContentLinkId,
    /// How, and which.
    #[serde(flatten)]
    pub draft: ContentLinkDraft,
}

/// Which content belongs to another, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentLinkDraft {
    /// How.
    pub relation: LinkRelation,
    /// The content that belongs.
    pub target: ContentId,
}
