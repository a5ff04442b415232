//! Who watches a decision: nobody while serving, `explain` otherwise. One engine for both.

use std::borrow::Cow;

use crate::asset::Visibility;
use crate::keyring::KeyId;
use crate::token::{Carrier, CopyId, TokenRejection, VerifiedToken};

use super::{CatalogRejection, FraudFinding, FraudMode};

/// One step of a decision, as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// What speaks against whoever asks, where the link or the site wants to know.
    AntiFraud {
        /// What does.
        found: Option<FraudFinding>,
        /// What becomes of it.
        mode: FraudMode,
    },
    /// The address is, or is not, on a blocklist.
    Blocklist {
        /// Is it?
        blocked: Blocked,
    },
    /// The catalog's word on an asset, where the site looks there.
    Catalog {
        /// Is it in there?
        listed: Listed,
    },
    /// What a connector's address means.
    Connector {
        /// What.
        meant: MeantBy<'s>,
    },
    /// The link opens one copy alone.
    Copy {
        /// The tag id in it.
        tag: CopyId,
    },
    /// The override table's word on an asset.
    Effective {
        /// What the link said.
        asked: Visibility,
        /// What is in force.
        effective: Visibility,
        /// The path in its effective form.
        path: Cow<'s, str>,
    },
    /// A link to one copy is shown for what everybody may have: it counts.
    LinkToCopy {
        /// The path that it must have been signed for.
        path: Cow<'s, str>,
    },
    /// The access rule of a plain route.
    RouteRule {
        /// The route's prefix.
        prefix: &'s str,
        /// Its rule.
        access: &'static str,
    },
    /// No token is needed.
    TokenNotNeeded,
    /// One candidate was refused.
    TokenRefused {
        /// Where it rode.
        carrier: Option<Carrier>,
        /// Why.
        rejection: TokenRejection,
    },
    /// One candidate was accepted.
    TokenVerified {
        /// Where it rode.
        carrier: Carrier,
        /// Whose key verified it.
        key: KeyId,
    },
}

/// What a connector's address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeantBy<'s> {
    /// The original of this content.
    Content(&'s str),
    /// Nothing.
    Nothing(CatalogRejection),
    /// One of several, and the connector refuses those.
    Several,
}

/// Is an address on a blocklist?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// It is not.
    No,
    /// It is.
    Yes,
}

/// Is an asset's file in the catalog, and may it be found by a public path now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is not.
    No(CatalogRejection),
    /// It is, and its content is not published now.
    Unpublished,
    /// It is.
    Yes,
}

/// Sees the steps of a decision.
pub trait Witness {
    /// Sees one step. It is only built if somebody looks.
    fn see<'s>(&mut self, step: impl FnOnce() -> Step<'s>);

    /// Anti-fraud found something that speaks against whoever asks by that token, or without one.
    fn suspect(&mut self, token: Option<&VerifiedToken<'_>>) {
        let _ = token;
    }
}

/// Nobody looks: nothing is built.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Witness for Quiet {
    fn see<'s>(&mut self, _step: impl FnOnce() -> Step<'s>) {}
}
