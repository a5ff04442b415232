//! Copies that were issued: to whom a forensic tag leads (requirements E8, K.2).

use serde::Serialize;

use super::{ContentId, LinkId, ShareId, SigningKeyId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A line of the log of issues. It is never changed, and outlives what it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyIssue {
    /// Its number, by chance: the one in the tag id.
    pub number: u64,
    /// Whose file it is a copy of.
    pub tenant: TenantId,
    /// The key that made the tag id.
    pub signing_key: SigningKeyId,
    /// The 16 bytes in the copy, as hex.
    pub tag_id: Box<str>,
    /// The link that opens it.
    pub link: LinkId,
    /// The file's number.
    pub file: u64,
    /// The content that the file was of, if it was of one.
    pub content: Option<ContentId>,
    /// The file's asset path.
    pub path: Box<str>,
    /// Who asked for it, by their id.
    pub issuer: Box<str>,
    /// What whoever asked calls the one it is for.
    pub tag: Box<str>,
    /// When it was issued.
    pub created_at: UnixSeconds,
    /// The last second at which its link opens.
    pub expires_at: UnixSeconds,
}

impl CopyIssue {
    /// The share that handed the copy out, and the number of its recipient, if it was to one: a share's
    /// links name it, its epoch, and their recipient, as their issuer.
    pub fn share(&self) -> Option<(ShareId, Option<u64>)> {
        let (share, rest) = self.issuer.split_once('.')?;
        let mut parts = rest.split('.');
        parts.next()?.parse::<u64>().ok()?;
        let recipient = parts.next().map(str::parse).transpose().ok()?;
        Some((ShareId::parse(share)?, recipient))
    }
}

/// That somebody asked whose copy a file is, and what came of it: for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyTrace {
    /// The file's SHA-256, as hex.
    pub sha256: Box<str>,
    /// Tags that were in it.
    pub tags: u64,
    /// The links of those that were issued.
    pub links: Vec<LinkId>,
    /// The link whose copy it is as a whole, byte by byte.
    pub exact: Option<LinkId>,
    /// The file that it was compared with, if it was one of the catalog.
    pub original: Option<u64>,
    /// What comparing said, if it was compared.
    pub comparison: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_known_by_the_issuer_of_its_links() {
        let share = "shr_01jd0000000000000000000000";
        let of = |issuer: &str| {
            let issue = CopyIssue {
                number: 1,
                tenant: TenantId(1),
                signing_key: SigningKeyId::random(UnixSeconds::new(1)).unwrap(),
                tag_id: "00".into(),
                link: LinkId::random(UnixSeconds::new(1)).unwrap(),
                file: 1,
                content: None,
                path: "/private/videos/a/source".into(),
                issuer: issuer.into(),
                tag: "t".into(),
                created_at: UnixSeconds::new(1),
                expires_at: UnixSeconds::new(2),
            };
            issue.share().map(|(share, recipient)| (share.to_string(), recipient))
        };
        assert_eq!(of(&format!("{share}.1")), Some((share.into(), None)));
        assert_eq!(of(&format!("{share}.2.7")), Some((share.into(), Some(7))));
        assert_eq!(of(&format!("{share}.2.7.3")), Some((share.into(), Some(7))));
        for other in [
            share,
            "app_01jd0000000000000000000000",
            "app_01jd0000000000000000000000.1",
            &*format!("{share}.x"),
            &*format!("{share}.1.x"),
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
