//! Files that a control plane hands over by itself: originals, to somebody who showed a session and
//! has the right to share them (requirements A3 to A6), alone or in an archive (A12).
//!
//! Who may have what is the control plane's to know. What is asked here is what every request is
//! asked, whichever way it came: is the client blocked, is what was promised revoked, may a cache
//! see it. The permit is for an original, which nobody keeps (A11, G3).

use crate::asset::{AssetPath, TenantId, Visibility};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::target::percent_decode;
use crate::token::{IssuerMark, LinkTerms, TokenRejection};

use super::permit::Grant;
use super::revocations::Signed;
use super::{Basis, Denial, DenialCode, EdgeSnapshot, OriginName, Permit, RegisteredFile, Way};

/// A file of a content's version, active or not, as the records have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedFile {
    /// Whose.
    pub tenant: TenantId,
    /// What revocations know it by.
    pub asset: AssetPath,
    /// The origin that has it.
    pub origin: OriginName,
    /// Its key there.
    pub key: Box<str>,
    /// What its bytes are.
    pub registered: RegisteredFile,
}

impl HandedFile {
    /// The decoded private path, without a query, as revocations have it.
    fn path(&self) -> String {
        let asset = AssetPath { asked: Visibility::Private, ..self.asset.clone() };
        let url = asset.to_string();
        let path = url.split('?').next().unwrap_or_default();
        // What is printed has no malformed escape.
        percent_decode(path).map(Into::into).unwrap_or_default()
    }
}

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The client's address.
    pub client: ClientIp,
    /// How the request came.
    pub way: Way,
}

/// What was promised, and when: a ticket for one file, an archive of many. Revoked as links are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise<'p> {
    /// What it is revoked by; none where it is kept at once.
    pub id: Option<&'p str>,
    /// When it was made.
    pub made_at: UnixSeconds,
    /// Who asked for it.
    pub issuer: IssuerMark,
}

/// May this file be handed to that client, at `now`? The one who calls this knows that whoever
/// asked has the right to it.
pub fn decide_handed(
    file: HandedFile,
    asker: Asker,
    promise: Promise<'_>,
    snapshot: &EdgeSnapshot,
    now: UnixSeconds,
) -> Result<Permit<'static>, Denial> {
    if snapshot.blocks(asker.client) {
        return Err(DenialCode::IpBlocked.into());
    }
    if let Some(finding) = snapshot.suspects_client_of(file.tenant, asker.client) {
        return Err(finding.into());
    }
    match asker.way {
        Way::Cdn => return Err(DenialCode::CdnRefused.into()),
        Way::Direct => {}
    }
    if snapshot.is_stale(now) {
        return Err(DenialCode::SnapshotStale.into());
    }
    let Promise { id, made_at, issuer } = promise;
    let terms = LinkTerms { issuer: Some(issuer), ..LinkTerms::default() };
    let signed = Signed { id, key: "", start: Some(made_at), terms };
    if snapshot.revokes_signed(file.tenant, &file.path(), signed) {
        return Err(TokenRejection::Revoked.into());
    }
    Ok(Permit::new(Ok(Grant::Handed(file)), Basis::Session, None))
}
