//! Originals: whoever has the right to share a content is handed its source file, or an earlier
//! version's (requirements A1 to A9, G2), and the audit log says so (A13).
//!
//! The right is looked at here, each time; whether this client may have the bytes now is decided by
//! `policy`, and they come from `delivery`, as every edge's do.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method, Response, StatusCode, header};

use super::desk::Services;
use super::download::issuer;
use super::error::{Invalid, OriginalRefusal, ServiceError};
use super::version::of_content;
use crate::asset::TenantId;
use crate::catalog::FileKind;
use crate::clock::UnixSeconds;
use crate::control_plane::account::{SecretKind, SecretText};
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::{
    AccessTokenId, Content, ContentId, File, FileOwner, Grantee, Scope, SecretHash, SourceDelivery,
    SourceTicket, SourceTicketId, SourceWay, Version, VersionId,
};
use crate::control_plane::store::View;
use crate::delivery::{AskMethod, DeliveryDesk, Unredeemed};
use crate::network::ClientIp;
use crate::policy::{
    Asker, DenialCode, EdgeSnapshot, HandedFile, OriginName, Promise, RegisteredFile, Way,
    decide_handed,
};
use crate::response::{AnswerBody, CdnMarkers, Denied, Wanted, code_of, deliver_original};

/// Seconds for which a ticket may be used first.
const TICKET_LIFETIME: u64 = 60;

/// Seconds after that for which the same client may go on (as with one-use links: G22).
const TICKET_AGAIN: u64 = 15 * 60;

/// Longest name that a file is saved under, in bytes.
const LONGEST_NAME: usize = 255;

/// What is in force, and who has the bytes.
#[derive(Clone, Debug)]
pub struct SourcesInForce {
    /// What requests are decided by.
    pub policy: EdgeSnapshot,
    /// The origins.
    pub delivery: Arc<DeliveryDesk>,
    /// What shows that a CDN is between.
    pub cdn: CdnMarkers,
}

type Look = dyn Fn() -> Option<SourcesInForce> + Send + Sync;

/// What hands originals over.
#[derive(Clone)]
pub struct Sources {
    in_force: Arc<Look>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Sources {
    /// Looks each time, for what is in force changes.
    pub fn new(in_force: impl Fn() -> Option<SourcesInForce> + Send + Sync + 'static) -> Self {
        Self { in_force: Arc::new(in_force) }
    }

    pub(super) fn in_force(&self) -> Option<SourcesInForce> {
        (self.in_force)()
    }
}

/// An original that somebody has the right to.
#[derive(Clone, Debug)]
pub struct Original {
    tenant: TenantId,
    content: ContentId,
    version: VersionId,
    file: File,
    handed: HandedFile,
    /// The name it is saved under.
    name: Box<str>,
}

impl Original {
    /// The version that it is of.
    pub fn version(&self) -> &VersionId {
        &self.version
    }

    /// The name it is saved under.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whose it is, and the file.
    pub(super) fn into_handed(self) -> (TenantId, HandedFile) {
        (self.tenant, self.handed)
    }
}

/// A ticket that this client may use.
#[derive(Debug)]
pub struct ShownTicket {
    /// The ticket.
    pub ticket: SourceTicket,
    client: SecretHash,
}

/// How an original is asked for.
#[derive(Clone, Copy, Debug)]
pub struct SourceAsk<'a> {
    /// The ticket; none where it is a session alone.
    pub ticket: Option<&'a ShownTicket>,
    /// The request's method.
    pub method: &'a Method,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its id in the log.
    pub request_id: &'a str,
}

/// A ticket that was just issued: the one time that it is seen.
#[derive(Debug)]
pub struct IssuedTicket {
    /// What its holder shows.
    pub text: SecretText,
}

/// A content's version, with its original.
#[derive(Clone, Debug)]
pub struct SourceVersion {
    /// The version.
    pub version: Version,
    /// Its source file; none where it has none.
    pub source: Option<File>,
}

impl Services {
    /// How a request with these headers came. Where nothing is in force nothing is handed over.
    pub fn way(&self, headers: &HeaderMap) -> Way {
        let in_force = self.sources().and_then(Sources::in_force);
        in_force.map_or(Way::Direct, |it| it.cdn.way(headers))
    }

    /// A tenant by its number or its name: THRON's `clientId`.
    pub async fn tenant_of_client(
        &self,
        caller: &Caller,
        client: &str,
    ) -> Result<TenantId, ServiceError> {
        let mut view = self.view(caller).await?;
        let plain = !client.is_empty() && client.bytes().all(|byte| byte.is_ascii_digit());
        let number = client.parse::<i64>().ok().and_then(|it| u64::try_from(it).ok());
        let tenant = match number.filter(|_| plain) {
            Some(number) => view.tenant(TenantId(number)).await?,
            None => view.tenant_by_name(client).await?,
        };
        Ok(tenant.number)
    }

    /// A content's versions with their originals, the newest first, and which of them is handed
    /// out; for whoever may change it.
    pub async fn source_version_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
    ) -> Result<(Content, Vec<SourceVersion>), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        let content = view.content(content).await?;
        rights.modify(&mut view, content.draft.folder).await?;
        let mut versions = Vec::new();
        for version in view.version_list(&content.id).await?.into_iter().rev() {
            let source = source_of(&mut view, &version.id).await?;
            versions.push(SourceVersion { version, source });
        }
        Ok((content, versions))
    }

    /// The original of a content's version, or of the one that is handed out, for whoever may share
    /// it. Published or not: unpublished files are had by an API (D16).
    pub async fn source_find(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        version: Option<&VersionId>,
        save_as: Option<&str>,
    ) -> Result<Original, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        let content = view.content(content).await?;
        rights.share(&mut view, content.draft.folder).await?;
        if save_as.is_some_and(|name| name.len() > LONGEST_NAME) {
            let detail = format!("must have at most {LONGEST_NAME} bytes");
            return Err(Invalid::new("/saveAs", detail).into());
        }
        let version = match (version, content.active_version) {
            (Some(version), _) => of_content(&mut view, &content.id, version).await?.id,
            (None, Some(active)) => active,
            (None, None) => return Err(ServiceError::NotFound),
        };
        let file = source_of(&mut view, &version).await?.ok_or(ServiceError::NotFound)?;
        let handed = handed(&mut view, tenant, &content.id, &file).await?;
        let own = handed.registered.name.clone();
        let name = save_as.filter(|name| !name.is_empty()).map_or(own, Into::into);
        Ok(Original { tenant, content: content.id, version, file, handed, name })
    }

    /// Hands an original over, or the part that is asked for. What leaves is in the audit log before
    /// it does.
    pub async fn source_hand_over(
        &self,
        caller: &Caller,
        original: Original,
        ask: SourceAsk<'_>,
    ) -> Result<Response<AnswerBody>, ServiceError> {
        let in_force = self.sources().and_then(Sources::in_force);
        let in_force = in_force.ok_or_else(|| OriginalRefusal::from(DenialCode::NoSnapshot))?;
        let Original { tenant, content, version, file, handed, name } = original;
        let now = self.now();
        let client = asker(caller.address())?;
        let asker = Asker { client, way: in_force.cdn.way(ask.headers) };
        let issuer = issuer(caller, tenant);
        let promise = match ask.ticket {
            Some(ShownTicket { ticket, .. }) => {
                // What is revoked in the second in which it was issued is revoked.
                let made_at = UnixSeconds::new(ticket.created_at.get().saturating_sub(1));
                Promise { id: Some(ticket.id.as_str()), made_at, issuer }
            }
            None => Promise { id: None, made_at: now, issuer },
        };
        let permit = decide_handed(handed, asker, promise, &in_force.policy, now)
            .map_err(|denial| OriginalRefusal::from(denial.code()))?;
        let delivery = in_force.delivery.redeem(permit).map_err(unredeemed)?;
        let method = match *ask.method {
            Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        let wanted = Wanted { method, headers: ask.headers, name: &name, now };
        let response = deliver_original(&delivery, wanted).await.map_err(OriginalRefusal::from)?;
        let bytes_leave = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        if bytes_leave && method == AskMethod::Get {
            let way = match ask.ticket {
                Some(shown) => shown.may_give(&response)?,
                None => SourceWay::Session,
            };
            let length = response.headers().get(header::CONTENT_LENGTH);
            let delivered = SourceDelivery {
                version,
                file: file.number,
                sha256: file.draft.sha256,
                name,
                way,
                promise: ask.ticket.map(|shown| shown.ticket.id.as_str().into()),
                entry: None,
                status: response.status().as_u16(),
                bytes: length.and_then(|it| it.to_str().ok()?.parse().ok()),
                request_id: ask.request_id.into(),
            };
            let mut change = self.change(&caller.within(tenant)).await?;
            // Used when bytes are about to leave, and not before: whoever only looks spends nothing.
            if let Some(ShownTicket { ticket, client }) = ask.ticket {
                change.source_ticket_use(&ticket.hash, client, TICKET_AGAIN).await?;
            }
            change.source_delivered(tenant, &content, &delivered)?;
            change.commit().await?;
        }
        Ok(response)
    }

    /// A ticket for an original, so that a browser can be sent where no session's token is needed
    /// (G1).
    pub async fn source_ticket_create(
        &self,
        caller: &Caller,
        original: &Original,
        save_as: Option<&str>,
    ) -> Result<IssuedTicket, ServiceError> {
        let grantee = match caller.actor() {
            Actor::Application(id) => Grantee::Application(id.clone()),
            Actor::Person(id) => Grantee::Person(id.clone()),
            Actor::Edge(_) | Actor::System(_) => return Err(ServiceError::NotFound),
        };
        let session = caller.credential().and_then(AccessTokenId::parse);
        let session = session.ok_or(ServiceError::NotFound)?;
        let text = SecretText::random(SecretKind::Ticket)?;
        let mut change = self.change(&caller.within(original.tenant)).await?;
        let now = change.now();
        let ticket = SourceTicket {
            id: SourceTicketId::random(now)?,
            hash: text.hash(),
            tenant: original.tenant,
            content: original.content.clone(),
            version: original.version.clone(),
            save_as: save_as.map(Into::into),
            grantee,
            session,
            created_at: now,
            expires_at: now.plus(TICKET_LIFETIME),
            used_at: None,
        };
        change.source_ticket_create(&ticket).await?;
        change.commit().await?;
        Ok(IssuedTicket { text })
    }

    /// The ticket that somebody shows, if they may use it: the first who does, within a minute, and
    /// the same client again for a quarter of an hour, to go on.
    pub async fn source_ticket(
        &self,
        ticket: &str,
        address: Option<ClientIp>,
        headers: &HeaderMap,
    ) -> Result<ShownTicket, ServiceError> {
        let client = asker(address)?;
        let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
        let client = SecretHash::of(&format!("{} {}", client.get(), hex::encode(agent)));
        let mut view = self.view(&Caller::system("source ticket")).await?;
        let hash = SecretHash::of(ticket);
        let ticket = view.source_ticket(&hash, &client, self.now(), TICKET_AGAIN).await?;
        Ok(ShownTicket { ticket, client })
    }
}

impl ShownTicket {
    /// One that was used gives what is left of a download that broke off, and no beginning again.
    fn may_give(&self, response: &Response<AnswerBody>) -> Result<SourceWay, ServiceError> {
        let range = response.headers().get(header::CONTENT_RANGE);
        let range = range.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let goes_on = range.starts_with("bytes ") && !range.starts_with("bytes 0-");
        match self.ticket.used_at {
            Some(_) if !goes_on => Err(ServiceError::NotFound),
            Some(_) | None => Ok(SourceWay::Ticket),
        }
    }
}

/// The client: without an address there is nobody to decide about.
pub(super) fn asker(address: Option<ClientIp>) -> Result<ClientIp, ServiceError> {
    address.ok_or_else(|| OriginalRefusal::from(DenialCode::ClientAddress).into())
}

/// Nobody has it: the origin that the catalog names is none of this program.
pub(super) fn unredeemed(unredeemed: Unredeemed) -> OriginalRefusal {
    match unredeemed {
        Unredeemed::Nothing(_) => DenialCode::NotFound.into(),
        Unredeemed::Failed(error) => {
            let code = code_of(error.kind());
            Denied { code, complete_length: None, error: Some(error) }.into()
        }
    }
}

async fn source_of(view: &mut View, version: &VersionId) -> Result<Option<File>, ServiceError> {
    let files = view.file_list(&FileOwner::Version(version.clone())).await?;
    Ok(files.into_iter().find(|file| file.draft.place.kind == FileKind::Source))
}

/// A file of a content, as it is handed over. One that no asset URL names is not: nothing could
/// revoke it.
pub(super) async fn handed(
    view: &mut View,
    tenant: TenantId,
    content: &ContentId,
    file: &File,
) -> Result<HandedFile, ServiceError> {
    let asset = file.draft.place.of_content(content).ok_or(ServiceError::NotHandedOut)?;
    let pipeline = view.pipeline(file.draft.pipeline).await?;
    let digest = file.draft.sha256.as_deref().and_then(|hex| hex::decode(hex).ok());
    let own = match &*file.draft.name {
        "" => file.draft.key.rsplit('/').next().unwrap_or_default(),
        name => name,
    };
    Ok(HandedFile {
        tenant,
        asset,
        origin: OriginName::new(&pipeline.origin),
        key: [&*pipeline.prefix, &*file.draft.key].concat().into(),
        registered: RegisteredFile {
            size: file.draft.size,
            sha256: digest.and_then(|digest| digest.try_into().ok()),
            mime: (&*file.draft.mime).into(),
            name: own.into(),
        },
    })
}
