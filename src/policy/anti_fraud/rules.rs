//! How strict step 8 is.

use std::num::NonZeroU8;
use std::sync::Arc;

use super::finding::{FraudFinding, ProxyHeader};
use super::lists::{FraudLists, PushedFraudLists};
use crate::network::ClientIp;

/// Everything that step 8 is decided by, but for what a control plane pushes.
#[derive(Clone, Debug, Default)]
pub struct AntiFraud {
    /// What becomes of a finding.
    pub mode: FraudMode,
    /// Is a proxy's header a finding?
    pub proxy_headers: ProxyHeaderRule,
    /// Whose addresses are found.
    pub lists: Arc<FraudLists>,
    /// At how many places a link may be in use.
    pub sharing: SharingRules,
}

impl AntiFraud {
    /// What speaks against a client and the proxy's header that its request came with. Proxies
    /// before pirates (contract part 3), and of proxies what costs least to look up first.
    pub fn find(
        &self,
        client: ClientIp,
        header: Option<ProxyHeader>,
        pushed: Option<&PushedFraudLists>,
    ) -> Option<FraudFinding> {
        let header = match self.proxy_headers {
            ProxyHeaderRule::Ignore => None,
            ProxyHeaderRule::Refuse => header.map(FraudFinding::AnonymizerHeader),
        };
        header
            .or_else(|| self.lists.anonymizer(client, pushed))
            .or_else(|| self.lists.pirate(client, pushed))
    }
}

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FraudMode {
    /// The request is refused.
    #[default]
    Enforce,
    /// The request is served; the finding is logged and counted.
    Monitor,
}

impl FraudMode {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Enforce, Self::Monitor];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Monitor => "monitor",
        }
    }

    /// What was done, in logs and metrics.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Enforce => "blocked",
            Self::Monitor => "monitored",
        }
    }
}

/// Is a header that names a proxy nobody trusts a finding?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeaderRule {
    /// It is not.
    Ignore,
    /// It is.
    #[default]
    Refuse,
}

impl ProxyHeaderRule {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Ignore, Self::Refuse];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Refuse => "refuse",
        }
    }
}

/// At how many places a link may be in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharingRules {
    /// Places that are tolerated.
    pub places: NonZeroU8,
    /// Seconds until a place where the link was not used again is forgotten.
    pub window: u64,
    /// What makes two places of one network.
    pub user_agent: UserAgentRule,
}

impl Default for SharingRules {
    /// Requirements G23: the first network and user agent family, two tolerated in a day.
    fn default() -> Self {
        let places = NonZeroU8::MIN.saturating_add(1);
        Self { places, window: 24 * 3600, user_agent: UserAgentRule::Bind }
    }
}

/// Are two families of user agents in one network two places?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAgentRule {
    /// They are.
    Bind,
    /// They are one: the network alone counts.
    Ignore,
}

/// Which requests of a site go through step 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AntiFraudUse {
    /// Every one, whatever its link asks, and those that need no link.
    Always,
    /// Those of links that ask for it.
    #[default]
    Asked,
}

impl AntiFraudUse {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Always, Self::Asked];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Asked => "asked",
        }
    }
}
