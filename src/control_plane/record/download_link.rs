//! Links that were signed for somebody: what is known of each, so that it can be shown and revoked.

use std::num::NonZeroU16;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{ContentId, LinkId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::token::{Sharing, Uses};

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DownloadLink {
    /// Its id, as in its token.
    pub id: LinkId,
    /// Whose file it opens.
    pub tenant: TenantId,
    /// The file's number.
    pub file: u64,
    /// The content that the file is of, if it is of one.
    pub content: Option<ContentId>,
    /// What its token covers: the file's asset path.
    pub path: Box<str>,
    /// Who asked for it, by their id.
    pub issuer: Box<str>,
    /// The tag that it carries.
    pub tag: Option<Box<str>>,
    /// On which terms it opens.
    #[serde(flatten)]
    pub terms: DownloadTerms,
    /// Since when it opens.
    pub created_at: UnixSeconds,
    /// The last second at which it opens.
    pub expires_at: UnixSeconds,
    /// Since when it does not any more.
    pub revoked_at: Option<UnixSeconds>,
}

/// On which terms a link opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownloadTerms {
    /// Is it watched for going round?
    pub sharing: Sharing,
    /// How often it opens.
    pub uses: Uses,
    /// Most downloads of it at a time.
    pub parallel: Option<NonZeroU16>,
    /// The addresses that it opens for; every one, if nothing is said.
    pub addresses: Option<IpNet>,
}

/// What marks a signed request that may be made once: the digest of its signature, as hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDigest(pub Box<str>);
