//! What step 8 found, and the rule that it broke.

use std::fmt;

use super::address_database::AnonymousKind;
use super::asn_list::Asn;
use crate::policy::{BlockedRange, DenialCode};

/// Something that speaks against a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FraudFinding {
    /// The client's network belongs to an autonomous system on a list.
    AnonymizerAsn(Asn),
    /// A database says that the client hides behind the address.
    AnonymizerDatabase(AnonymousKind),
    /// A header names a proxy that nobody trusts.
    AnonymizerHeader(ProxyHeader),
    /// The client's address is on a list of proxies.
    AnonymizerNetwork(BlockedRange),
    /// The client's address is on a list of known pirates.
    Blacklist(BlockedRange),
    /// The link is in use at as many places as it may be, and this is another one.
    Sharing {
        /// Places that are tolerated.
        places: u8,
    },
}

impl FraudFinding {
    /// The rule that was broken.
    pub const fn rule(self) -> FraudRule {
        match self {
            Self::AnonymizerAsn(_) => FraudRule::AnonymizerAsn,
            Self::AnonymizerDatabase(_) => FraudRule::AnonymizerDatabase,
            Self::AnonymizerHeader(_) => FraudRule::AnonymizerHeader,
            Self::AnonymizerNetwork(_) => FraudRule::AnonymizerNetwork,
            Self::Blacklist(_) => FraudRule::Blacklist,
            Self::Sharing { .. } => FraudRule::Sharing,
        }
    }

    /// The code of the refusal.
    pub const fn code(self) -> DenialCode {
        match self {
            Self::AnonymizerAsn(_)
            | Self::AnonymizerDatabase(_)
            | Self::AnonymizerHeader(_)
            | Self::AnonymizerNetwork(_) => DenialCode::FraudAnonymizer,
            Self::Blacklist(_) => DenialCode::FraudBlacklist,
            Self::Sharing { .. } => DenialCode::FraudSharing,
        }
    }
}

impl fmt::Display for FraudFinding {
    /// What matched, in words, for operators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnonymizerAsn(asn) => write!(f, "{asn} is on a list of autonomous systems"),
            Self::AnonymizerDatabase(kind) => {
                write!(f, "the anonymous-ip database says {}", kind.as_str())
            }
            Self::AnonymizerHeader(header) => {
                write!(f, "{} names a proxy that is not trusted", header.as_str())
            }
            Self::AnonymizerNetwork(range) => write!(f, "{range} is on a list of proxies"),
            Self::Blacklist(range) => write!(f, "{range} is on a blacklist"),
            Self::Sharing { places } => {
                write!(f, "the link is in use at {places} other place(s)")
            }
        }
    }
}

/// The rules, by the names that logs and metrics know them by. Never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FraudRule {
    /// Autonomous systems on a list.
    AnonymizerAsn,
    /// What a database says of an address.
    AnonymizerDatabase,
    /// Headers of proxies.
    AnonymizerHeader,
    /// Networks of proxies on a list.
    AnonymizerNetwork,
    /// Networks of known pirates on a list.
    Blacklist,
    /// Links at more places than they may be.
    Sharing,
}

impl FraudRule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[
        Self::AnonymizerAsn,
        Self::AnonymizerDatabase,
        Self::AnonymizerHeader,
        Self::AnonymizerNetwork,
        Self::Blacklist,
        Self::Sharing,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnonymizerAsn => "anonymizer_asn",
            Self::AnonymizerDatabase => "anonymizer_database",
            Self::AnonymizerHeader => "anonymizer_header",
            Self::AnonymizerNetwork => "anonymizer_network",
            Self::Blacklist => "blacklist",
            Self::Sharing => "sharing",
        }
    }
}

/// A header that a proxy on the client's side wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `Via` (RFC 9110 section 7.6.3).
    Via,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

impl ProxyHeader {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "Forwarded",
            Self::Via => "Via",
            Self::XForwardedFor => "X-Forwarded-For",
        }
    }
}
