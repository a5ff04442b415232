//! The server that a tenant's letters are handed to, and what they say of who sends them.

use serde::Serialize;

use super::SealedKey;
use crate::asset::{TenantId, wire_names};

wire_names! {
    /// How what is said to a mail server is kept from others.
    MailSecurity {
        /// Not at all: for a server within the networks that the configuration names only.
        None = "none",
        /// By `STARTTLS` (RFC 3207), without which nothing is sent.
        StartTls = "starttls",
        /// By TLS from the first byte (RFC 8314 section 3.3).
        Tls = "tls",
    }
}

/// A tenant's mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailServer {
    /// Whose letters.
    pub tenant: TenantId,
    /// What can be said about it.
    #[serde(flatten)]
    pub draft: MailServerDraft,
    /// The password of the login, sealed for [`MailServer::sealed_for`].
    #[serde(skip)]
    pub password: Option<SealedKey>,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a mail server, its password apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailServerDraft {
    /// Its name, or its address.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// How the way there is secured.
    pub security: MailSecurity,
    /// Who logs in there; none: nobody does.
    pub username: Option<Box<str>>,
    /// Where letters come from.
    pub from_address: Box<str>,
    /// What that is called; perhaps nothing.
    pub from_name: Box<str>,
    /// Where answers go; none: to where letters come from.
    pub reply_to: Option<Box<str>>,
    /// The language of letters (BCP 47) where a share says none; none: English.
    pub language: Option<Box<str>>,
}

impl MailServer {
    /// What the password of a tenant's server is sealed for.
    pub fn sealed_for(tenant: TenantId) -> String {
        format!("mail.{tenant}")
    }
}
