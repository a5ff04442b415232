//! A tenant's mail server: what is said of it, and whether it takes a letter.

use super::desk::Services;
use super::error::{Invalid, ServiceError, ShareRefusal, language, text};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::MasterKey;
use crate::control_plane::mail::{
    Envelope, LONGEST_TRIAL, MailFault, MailStep, Post, Relay, compose, is_address, trial,
};
use crate::control_plane::record::{
    LetterId, MailSecurity, MailServer, MailServerDraft, Scope, SealedKey,
};
use crate::control_plane::store::Expected;
use crate::keyring::KeyMaterial;
use crate::secret::Secret;

/// Bytes of a name of a host (RFC 1035 section 2.3.4), of a login, and of a password.
const HOST: usize = 253;
const LOGIN: usize = 256;
const PASSWORD: usize = 1_024;

/// A mail address has no more bytes (RFC 5321 section 4.5.3.1.3).
const ADDRESS: usize = 254;

/// A name beside it.
const NAME: usize = 128;

/// What becomes of the password of a tenant's login.
#[derive(Debug)]
pub enum MailPassword {
    /// There is none any more.
    Cleared,
    /// It stays: of the server that it was given for.
    Kept,
    /// It is this one.
    Set(Secret<String>),
}

/// What came of a letter that was sent to try a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTrial {
    /// Where it stopped; none where the server took it.
    pub stopped_at: Option<MailStep>,
    /// What the server answered, or what is wrong.
    pub answer: Box<str>,
}

impl Services {
    /// A tenant's mail server, without its password.
    pub async fn mail_server(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<MailServer, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.mail_server(tenant).await?)
    }

    /// Says which mail server a tenant has: everything about it, at once. A password that is kept goes
    /// to the server that it was given for, and to no other.
    pub async fn mail_server_set(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
        draft: MailServerDraft,
        password: MailPassword,
    ) -> Result<MailServer, ServiceError> {
        let mut change = self.tenant_change(caller, Scope::SettingsAdmin, tenant).await?;
        accept(self.post(), &draft)?;
        let before = match change.view().mail_server(tenant).await.map_err(ServiceError::from) {
            Ok(before) => Some(before),
            Err(ServiceError::NotFound) => None,
            Err(error) => return Err(error),
        };
        let password = match password {
            MailPassword::Cleared => None,
            MailPassword::Kept => kept(before.as_ref(), &draft)?,
            MailPassword::Set(password) => Some(sealed(self.master_key(), tenant, &password)?),
        };
        if draft.username.is_some() != password.is_some() {
            let both = "a login has a name and a password, or there is none";
            return Err(Invalid::new("/username", both).into());
        }
        let after = MailServer { tenant, draft, password, revision: 0 };
        let after = change.mail_server_set(before.as_ref(), expected, after).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Removes a tenant's mail server: letters wait for another, for as long as they wait for one.
    pub async fn mail_server_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.tenant_change(caller, Scope::SettingsAdmin, tenant).await?;
        change.mail_server_remove(tenant, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Sends a letter to try a tenant's mail server, at once and one time. Who had it sent is in the
    /// audit log before it goes. Of a tenant one is under way at a time, and there are few an hour at
    /// each control plane.
    pub async fn mail_server_try(
        &self,
        caller: &Caller,
        tenant: TenantId,
        to: &str,
    ) -> Result<MailTrial, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        if to.len() > ADDRESS || !is_address(to) {
            return Err(Invalid::new("/to", "must be a mail address").into());
        }
        let server = view.mail_server(tenant).await?;
        drop(view);
        let id = LetterId::random(self.now())?;
        let envelope = Envelope { to: (to, ""), ..envelope(&server, &id, self.now()) };
        let letter = compose(&envelope, &trial())
            .ok_or_else(|| Invalid::new("/from_address", "must be a mail address"))?;
        let relay = self.relay(&server)?;
        let trial = self.post().trial(tenant, self.now());
        let _trial = trial.map_err(|retry_after| ShareRefusal::Throttled { retry_after })?;
        // By itself: no transaction is open while a server is waited for.
        let mut change = self.store().change_apart(&caller.within(tenant), self.now()).await?;
        change.mail_server_tried(tenant, to)?;
        change.commit().await?;
        Ok(match self.post().bring(&relay, &letter, LONGEST_TRIAL).await {
            Ok(answer) => MailTrial { stopped_at: None, answer: answer.into() },
            Err(MailFault { step, said, code: _, outlook: _ }) => {
                MailTrial { stopped_at: Some(step), answer: said }
            }
        })
    }

    /// How a server is talked to.
    pub(super) fn relay(&self, server: &MailServer) -> Result<Relay, ServiceError> {
        let MailServer { tenant, draft, password, revision: _ } = server;
        let login = match (&draft.username, password) {
            (Some(username), Some(sealed)) => {
                let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
                let material = master_key
                    .open(&MailServer::sealed_for(*tenant), sealed)
                    .map_err(|error| ServiceError::Failed(Box::new(error)))?;
                // Into the conversation with the server that it is for.
                let password = String::from_utf8_lossy(material.expose()).into_owned();
                Some((username.clone(), Secret::new(password)))
            }
            (Some(_) | None, _) => None,
        };
        let MailServerDraft { host, port, security, .. } = draft;
        Ok(Relay { host: host.clone(), port: *port, security: *security, login })
    }
}

/// What stands on letters of a tenant; whom they are to is not said yet.
pub(super) fn envelope<'a>(
    server: &'a MailServer,
    id: &'a LetterId,
    date: crate::clock::UnixSeconds,
) -> Envelope<'a> {
    let draft = &server.draft;
    Envelope {
        from: (&draft.from_address, &draft.from_name),
        reply_to: draft.reply_to.as_deref(),
        to: ("", ""),
        id: id.as_str(),
        date,
    }
}

fn kept(
    before: Option<&MailServer>,
    draft: &MailServerDraft,
) -> Result<Option<SealedKey>, Invalid> {
    let Some(MailServer { draft: known, password: Some(password), .. }) = before else {
        return Ok(None);
    };
    // In the clear it goes nowhere that it went secured.
    let is_weaker = draft.security == MailSecurity::None && known.security != MailSecurity::None;
    if draft.host != known.host || draft.port != known.port || is_weaker {
        let other = "must be given anew, or null: the server is another one";
        return Err(Invalid::new("/password", other));
    }
    Ok(Some(password.clone()))
}

fn sealed(
    master_key: Option<&MasterKey>,
    tenant: TenantId,
    password: &Secret<String>,
) -> Result<SealedKey, ServiceError> {
    // Into the seal, and no further.
    let text = password.expose();
    if text.is_empty() || text.len() > PASSWORD || text.contains(['\0', '\r', '\n']) {
        let detail = format!("must have 1 to {PASSWORD} bytes, and be one line");
        return Err(Invalid::new("/password", detail).into());
    }
    let master_key = master_key.ok_or(ServiceError::NoMasterKey)?;
    let material = KeyMaterial::new(Secret::new(text.as_bytes().to_vec()))
        .map_err(|error| ServiceError::Failed(Box::new(error)))?;
    Ok(master_key.seal(&MailServer::sealed_for(tenant), &material)?)
}

fn accept(post: &Post, draft: &MailServerDraft) -> Result<(), Invalid> {
    let MailServerDraft {
        host,
        port,
        security,
        username,
        from_address,
        from_name,
        reply_to,
        language: tag,
    } = draft;
    text("/host", host, HOST)?;
    let is_one =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
    if !host.bytes().all(is_one) {
        return Err(Invalid::new("/host", "must be the name or the address of a mail server"));
    }
    // Where a name leads is looked at with each letter.
    if host.parse().is_ok_and(|address| !post.asks(address, *security)) {
        let detail =
            "must be on the public internet and secured, or within [control] mail_networks";
        return Err(Invalid::new("/host", detail));
    }
    if !post.goes_to(*port) {
        let detail = "must be a port of mail servers: 25, 465, 587, 2525, or one of [control] \
                      mail_ports";
        return Err(Invalid::new("/port", detail));
    }
    if let Some(username) = username {
        text("/username", username, LOGIN)?;
    }
    for (pointer, address) in
        [("/from_address", Some(from_address)), ("/reply_to", reply_to.as_ref())]
    {
        if address.is_some_and(|it| it.len() > ADDRESS || !is_address(it)) {
            return Err(Invalid::new(pointer, "must be a mail address"));
        }
    }
    // In a header it goes only by servers that take such addresses, which nobody knows before.
    if reply_to.as_ref().is_some_and(|it| !it.is_ascii()) {
        let detail = "must be an address of ASCII: write its domain as xn--…";
        return Err(Invalid::new("/reply_to", detail));
    }
    if !from_name.is_empty() {
        text("/from_name", from_name, NAME)?;
    }
    tag.as_ref().map_or(Ok(()), |tag| language("/language", tag))
}
