//! What a token says, typed and free of any scheme.

use crate::clock::UnixSeconds;

/// The statements of a token, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims<'t> {
    /// Not before this instant.
    pub start: Option<UnixSeconds>,
    /// Last valid instant.
    pub expiry: UnixSeconds,
    /// What it opens.
    pub scope: Scope<'t>,
    /// The address it is bound to, as written.
    pub ip: Option<&'t str>,
    /// The link's or session's id, as written.
    pub id: Option<&'t str>,
    /// The payload, as written; what it means depends on whose key signed.
    pub payload: Option<&'t str>,
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'t> {
    /// Every path that one of these patterns covers; as written, joined by the ACL delimiter.
    Acl(&'t str),
    /// The one URL that was signed; the token itself does not name it.
    SignedUrl,
}
