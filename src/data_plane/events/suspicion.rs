//! What anti-fraud found of a request, for the control plane.

use http::request::Parts;

use crate::clock::UnixSeconds;
use crate::event::{FraudAction, FraudEvent, LONGEST_REASON};
use crate::policy::{
    Basis, Denial, DenialCode, FraudFinding, FraudMode, Permit, RequestFacts, Step, Witness,
};
use crate::token::VerifiedToken;

use super::super::access_log;
use super::download::{file, method};

/// By what link somebody asked who is suspected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::data_plane) struct Suspect {
    link: Option<Box<str>>,
    key: Option<Box<str>>,
}

/// A request of which something may be found.
#[derive(Clone, Copy, Debug)]
pub(in crate::data_plane) struct Scene<'a> {
    pub(in crate::data_plane) facts: &'a RequestFacts<'a>,
    pub(in crate::data_plane) parts: &'a Parts,
    pub(in crate::data_plane) now: UnixSeconds,
    /// The version of what is in force.
    pub(in crate::data_plane) snapshot: u64,
}

impl Suspect {
    /// Somebody who has that permit.
    pub(in crate::data_plane) fn with(permit: &Permit<'_>) -> Self {
        match permit.basis() {
            Basis::Public | Basis::Session => Self::default(),
            Basis::Token(token) => Self::by(token),
        }
    }

    fn by(token: &VerifiedToken<'_>) -> Self {
        Self { link: token.own_link().map(Into::into), key: Some(token.key().as_str().into()) }
    }
}

/// Of a decision only the suspect is kept: a refusal does not say by what link somebody asked.
impl Witness for Suspect {
    fn see<'s>(&mut self, _step: impl FnOnce() -> Step<'s>) {}

    fn suspect(&mut self, token: Option<&VerifiedToken<'_>>) {
        *self = token.map(Self::by).unwrap_or_default();
    }
}

impl Scene<'_> {
    /// A rule of step 8 was broken.
    pub(in crate::data_plane) fn found(
        self,
        finding: FraudFinding,
        mode: FraudMode,
        suspect: Suspect,
    ) -> FraudEvent {
        let action = match mode {
            FraudMode::Enforce => FraudAction::Blocked,
            FraudMode::Monitor => FraudAction::Monitored,
        };
        self.event(finding.rule().as_str(), &finding.to_string(), action, suspect)
    }

    /// The same for a refusal; none for one that is not of step 8, or says only that nothing could be
    /// counted.
    pub(in crate::data_plane) fn refused(
        self,
        denial: Denial,
        suspect: Suspect,
    ) -> Option<FraudEvent> {
        match denial {
            Denial::Fraud(finding) => Some(self.found(finding, FraudMode::Enforce, suspect)),
            Denial::Plain(code @ DenialCode::LimitParallel) => {
                Some(self.event(code.as_str(), code.meaning(), FraudAction::Blocked, suspect))
            }
            Denial::Asset(_)
            | Denial::Catalog(_)
            | Denial::Plain(_)
            | Denial::Superseded
            | Denial::Target(_)
            | Denial::Token(_) => None,
        }
    }

    fn event(self, rule: &str, reason: &str, action: FraudAction, suspect: Suspect) -> FraudEvent {
        let Self { facts, parts, now, snapshot } = self;
        let Suspect { link, key } = suspect;
        let (content, path) = file(facts);
        FraudEvent {
            at: now,
            since: now,
            requests: 1,
            tenant: facts.site.tenant,
            link,
            key,
            content,
            path,
            client: facts.client,
            method: method(parts),
            rule: rule.into(),
            reason: access_log::shorten_to(LONGEST_REASON, reason).into(),
            action,
            // Known when it is told.
            request_id: "".into(),
            snapshot,
        }
    }
}
