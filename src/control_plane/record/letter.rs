//! Letters about shares: to whom, what about, and what became of each.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{LetterId, ShareId};
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

wire_names! {
    /// What a letter is about.
    LetterKind {
        /// What happened to a share in a while.
        AccessDigest = "access_digest",
        /// Somebody opened a share, or began a download.
        AccessNotice = "access_notice",
        /// A share ends soon.
        ExpiryWarning = "expiry_warning",
        /// Somebody is given an address of their own (C9).
        Invitation = "invitation",
    }
}

wire_names! {
    /// What became of a letter.
    LetterState {
        /// No server took it.
        Failed = "failed",
        /// A server took it.
        Sent = "sent",
        /// It waits for its time.
        Waiting = "waiting",
        /// What it was about is over: it was not sent.
        Withdrawn = "withdrawn",
    }
}

/// A letter. What it says is no part of it: that is made when it is sent, of what is so then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Its id, by which mail programs know it too.
    pub id: LetterId,
    /// Whose server it goes by.
    pub tenant: TenantId,
    /// The share that it is about.
    pub share: ShareId,
    /// The share's recipient that it is to, by number; none: whoever made the share.
    pub recipient: Option<u64>,
    /// What it is about.
    pub kind: LetterKind,
    /// Where it goes.
    pub address: Box<str>,
    /// What tells it from others of its kind about the share; perhaps nothing.
    pub about: Box<str>,
    /// Who had it written, as the audit log names them; of what happens by itself, nobody.
    pub author: Box<str>,
    /// What is to be said in it, by its kind.
    pub detail: Map<String, Value>,
    /// What became of it.
    pub state: LetterState,
    /// How often it was begun to be sent.
    pub attempts: u64,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it is sent, or tried again; none where nothing is to be done any more.
    pub due_at: Option<UnixSeconds>,
    /// Since when nothing is to be done any more.
    pub ended_at: Option<UnixSeconds>,
    /// What the server answered last, or what was wrong.
    pub answer: Option<Box<str>>,
}
