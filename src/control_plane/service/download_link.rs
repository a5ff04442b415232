//! Links that are signed for somebody (requirements E): ordered by a file, an archive or an object,
//! on terms, kept, shown and revoked.

use super::copy_issue::{TagKeys, copy_id};
use super::desk::Services;
use super::download::{LIFETIME, opens};
use super::error::{Invalid, ServiceError, text};
use super::revocation;
use super::right::Rights;
use crate::asset::{AssetPath, AssetResource, ChannelId, TenantId, Visibility};
use crate::catalog::FileKind;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{LinkRequest, LinkToken, SignedLink};
use crate::control_plane::record::{
    Archive, ArchiveElement, ArchiveId, Autograph, ContentId, CopyIssue, DownloadLink,
    DownloadTerms, File, FileOwner, LinkId, RequestDigest, RevocationDraft, RevokedLinks, Scope,
};
use crate::control_plane::store::{Change, LinkFilter, Listed, Page, View};
use crate::policy::SiteDelivery;
use crate::token::{Delivers, IssuerMark, LinkOpens, LinkTerms, TagMark};

/// Characters of a tag (K.2).
const TAG: usize = 128;

/// A link that is ordered, or one for each file of an archive.
#[derive(Clone, Debug)]
pub struct LinkOrder {
    /// To what.
    pub to: FileChoice,
    /// Until when; none: for two hours.
    pub expiry: Option<UnixSeconds>,
    /// On which terms.
    pub terms: DownloadTerms,
    /// Is it to be saved or shown?
    pub shown: Shown,
    /// A tag that its copies are to carry.
    pub tag: Option<Box<str>>,
    /// The signed request that orders it, if that may be made once.
    pub request: Option<RequestDigest>,
}

/// What a link is to open (requirement G21).
#[derive(Clone, Debug)]
pub enum FileChoice {
    /// Each file of an archive.
    Archive(ArchiveId),
    /// A file, by its number.
    File(u64),
    /// What an object of a pipeline is registered as: a file that is handed out, or an archive.
    Object {
        /// The pipeline's number.
        pipeline: u64,
        /// Its key there, after the pipeline's prefix.
        key: Box<str>,
    },
}

/// What a browser is to do with a file (requirement E12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Save it.
    AsDownload,
    /// Show it, where it can.
    InPlace,
}

/// What was ordered.
#[derive(Clone, Debug)]
pub enum OrderedLinks {
    /// Those of an archive, in its order, each with the name inside.
    Archive(Vec<(Box<str>, OrderedLink)>),
    /// One.
    One(OrderedLink),
}

/// A link that was made.
#[derive(Clone, Debug)]
pub struct OrderedLink {
    /// The file's number.
    pub file: u64,
    /// Where it is had.
    pub url: String,
    /// What it opens by; none where everybody may have the file.
    pub token: Option<LinkToken>,
    /// The end that was asked for, where links do not live so long here.
    pub asked: Option<UnixSeconds>,
}

/// Where a file stands, and whether its address is in force.
struct Placed {
    file: File,
    tenant: TenantId,
    content: Option<ContentId>,
    asset: AssetPath,
    opens: LinkOpens,
}

/// A link that is not kept yet.
struct Unkept {
    placed: Placed,
    link: DownloadLink,
    signed: SignedLink,
    asked: Option<UnixSeconds>,
    /// Of the copy that it opens.
    issue: Option<CopyIssue>,
}

impl Services {
    /// Signs what is ordered, and keeps who ordered it.
    pub async fn download_link_order(
        &self,
        caller: &Caller,
        order: &LinkOrder,
    ) -> Result<OrderedLinks, ServiceError> {
        caller.require(Scope::FilesSign)?;
        let rights = self.rights(caller).await?;
        let now = self.now();
        if order.expiry.is_some_and(|end| end <= now) {
            return Err(Invalid::new("/expiry_time", "must be in the future").into());
        }
        if let Some(tag) = &order.tag {
            if tag.chars().count() > TAG {
                let detail = format!("must have 1 to {TAG} characters");
                return Err(Invalid::new("/autograph_tag", detail).into());
            }
            text("/autograph_tag", tag, 4 * TAG)?;
        }
        let mut view = self.view(caller).await?;
        let chosen = self.chosen(&mut view, &rights, &order.to).await?;
        drop(view);
        let tag_keys = match &order.tag {
            Some(_) => Some(self.tag_keys().await?),
            None => None,
        };
        let tag_keys = tag_keys.as_ref();
        match chosen {
            // All of them or none, and in one change: an archive has thousands.
            Chosen::Archive(files) => {
                let mut signed = Vec::with_capacity(files.len());
                for (name, placed) in files {
                    signed.push((name, self.signed(caller, order, placed, tag_keys)?));
                }
                let mut change = self.change(caller).await?;
                let mut links = Vec::with_capacity(signed.len());
                for (name, signed) in signed {
                    links.push((name, self.kept(&mut change, order, signed).await?));
                }
                change.commit().await?;
                Ok(OrderedLinks::Archive(links))
            }
            Chosen::File(placed) => {
                let signed = self.signed(caller, order, *placed, tag_keys)?;
                let mut change = self.change(caller).await?;
                let link = self.kept(&mut change, order, signed).await?;
                change.commit().await?;
                Ok(OrderedLinks::One(link))
            }
        }
    }

    /// The link of that id.
    pub async fn download_link(
        &self,
        caller: &Caller,
        id: &LinkId,
    ) -> Result<DownloadLink, ServiceError> {
        caller.require(Scope::AuditRead)?;
        Ok(self.view(caller).await?.download_link(id).await?)
    }

    /// A tenant's links.
    pub async fn download_link_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &LinkFilter,
        page: &Page<LinkId>,
    ) -> Result<Listed<DownloadLink, LinkId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::AuditRead, tenant).await?;
        Ok(view.download_link_list(tenant, filter, page).await?)
    }

    /// Makes a link dead, at every edge within a second. One that is dead stays so.
    pub async fn download_link_revoke(
        &self,
        caller: &Caller,
        id: &LinkId,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::LinksRevoke)?;
        let mut change = self.change(caller).await?;
        let before = change.view().download_link(id).await?;
        if before.revoked_at.is_none() {
            let link = change.download_link_revoked(id).await?;
            let revocation = change
                .revocation_create(RevocationDraft {
                    tenant: link.tenant,
                    subject: RevokedLinks::Link(id.as_str().into()),
                    reason: "".into(),
                    made_before: None,
                    // An edge's clock may be behind.
                    expires_at: Some(link.expires_at.plus(AFTER_ITS_END)),
                })
                .await?;
            revocation::tell(&mut change, &revocation).await?;
        }
        change.commit().await?;
        Ok(())
    }

    async fn chosen(
        &self,
        view: &mut View,
        rights: &Rights,
        choice: &FileChoice,
    ) -> Result<Chosen, ServiceError> {
        match choice {
            FileChoice::File(number) => {
                let file = view.file(*number).await?;
                Ok(Chosen::File(Box::new(self.placed(view, rights, file).await?)))
            }
            FileChoice::Archive(id) => {
                rights.everything(Scope::FilesSign)?;
                let archive = view.archive(id).await?;
                self.elements(view, rights, archive).await
            }
            FileChoice::Object { pipeline, key } => {
                // A file that is not handed out is one all the same, and says so.
                let mut refused = ServiceError::NotFound;
                for file in view.file_list_by_key(*pipeline, key).await? {
                    match self.placed(view, rights, file).await {
                        Ok(placed) => return Ok(Chosen::File(Box::new(placed))),
                        Err(error @ (ServiceError::NotFound | ServiceError::NotHandedOut)) => {
                            refused = error;
                        }
                        Err(error) => return Err(error),
                    }
                }
                match view.archive_by_key(*pipeline, key).await? {
                    Some(archive) => {
                        rights.everything(Scope::FilesSign)?;
                        self.elements(view, rights, archive).await
                    }
                    None => Err(refused),
                }
            }
        }
    }

    async fn elements(
        &self,
        view: &mut View,
        rights: &Rights,
        archive: Archive,
    ) -> Result<Chosen, ServiceError> {
        let mut files = Vec::with_capacity(archive.draft.elements.len());
        for ArchiveElement { file, name } in archive.draft.elements {
            let file = view.file(file).await?;
            files.push((name, self.placed(view, rights, file).await?));
        }
        Ok(Chosen::Archive(files))
    }

    /// Where a file stands, for whoever may see it.
    async fn placed(
        &self,
        view: &mut View,
        rights: &Rights,
        file: File,
    ) -> Result<Placed, ServiceError> {
        match &file.owner {
            FileOwner::Folder(number) => {
                let folder = view.folder(*number).await?;
                rights.see(view, Some(*number)).await?;
                let asset = of_folder(&file, *number).ok_or(ServiceError::NotHandedOut)?;
                let (tenant, content) = (folder.tenant, None);
                Ok(Placed { file, tenant, content, asset, opens: LinkOpens::Published })
            }
            FileOwner::Version(version) => {
                let id = view.version(version).await?.content;
                let content = view.content(&id).await?;
                rights.see(view, content.draft.folder).await?;
                let is_active = content.active_version.as_ref() == Some(version);
                let asset = file.draft.place.of_content(&id).filter(|_| is_active);
                let asset = asset.ok_or(ServiceError::NotHandedOut)?;
                let (tenant, opens) = (content.tenant, opens(&content, self.now()));
                Ok(Placed { file, tenant, content: Some(id), asset, opens })
            }
        }
    }

    /// The link that is ordered to a file. It is signed before it is kept: where everybody may have
    /// the file there is nothing to keep.
    fn signed(
        &self,
        caller: &Caller,
        order: &LinkOrder,
        placed: Placed,
        tag_keys: Option<&TagKeys>,
    ) -> Result<Unkept, ServiceError> {
        let now = self.now();
        let LinkOrder { to: _, expiry, terms, shown, tag, request: _ } = order;
        let number = placed.file.number;
        if tag.is_some() && placed.file.draft.autograph == Autograph::Refused {
            let detail = format!("the copies of file {number} carry no tags");
            return Err(Invalid::new("/autograph_tag", detail).into());
        }
        let longest = now.plus(self.longest_link());
        let asked = expiry.filter(|end| *end > longest);
        let link = DownloadLink {
            id: LinkId::random(now)?,
            tenant: placed.tenant,
            file: number,
            content: placed.content.clone(),
            path: placed.asset.to_string().into(),
            issuer: caller.actor().to_string().into(),
            tag: tag.clone(),
            terms: *terms,
            created_at: now,
            expires_at: expiry.unwrap_or(now.plus(LIFETIME)).min(longest),
            revoked_at: None,
        };
        let (mime, marks) = (&*placed.file.draft.mime, self.image_marks());
        let issue = tag_keys.map(|keys| keys.issue(&link, mime, marks)).transpose()?.flatten();
        let signed = self.sign(&placed, &link, *shown, issue.as_ref())?;
        if signed.token.is_none() && (*terms != DownloadTerms::default() || tag.is_some()) {
            return Err(ServiceError::Public);
        }
        Ok(Unkept { placed, link, signed, asked, issue })
    }

    fn sign(
        &self,
        placed: &Placed,
        link: &DownloadLink,
        shown: Shown,
        issue: Option<&CopyIssue>,
    ) -> Result<SignedLink, ServiceError> {
        let tenant = placed.tenant;
        let file_name = match shown {
            Shown::AsDownload => Some(&*placed.file.draft.name).filter(|name| !name.is_empty()),
            Shown::InPlace => None,
        };
        let DownloadTerms { sharing, uses, parallel, addresses } = link.terms;
        let terms = LinkTerms {
            sharing,
            uses,
            delivers: Delivers::AsEver,
            parallel,
            issuer: Some(IssuerMark::of(tenant.0, &link.issuer)),
            tag: link.tag.as_ref().map(|tag| TagMark::of(tenant.0, tag)),
            copy: issue.map(copy_id).transpose()?,
        };
        let request = LinkRequest {
            tenant,
            delivery: SiteDelivery::Standard,
            asset: &placed.asset,
            opens: placed.opens,
            terms,
            expiry: link.expires_at,
            ip: addresses,
            file_name,
            id: Some(link.id.as_str()),
        };
        Ok(self.link_signer()?.link(&request, link.created_at)?)
    }

    /// Keeps a link that opens something. What was ordered by the same request before is the same
    /// link again.
    async fn kept(
        &self,
        change: &mut Change,
        order: &LinkOrder,
        unkept: Unkept,
    ) -> Result<OrderedLink, ServiceError> {
        let Unkept { placed, link, signed, asked, issue } = unkept;
        let SignedLink { url, token } = signed;
        let file = placed.file.number;
        let Some(token) = token else { return Ok(OrderedLink { file, url, token: None, asked }) };
        let kept = change.download_link_create(link, order.request.as_ref()).await?;
        if kept.id.as_str() == &*token.id {
            if let Some(issue) = &issue {
                change.copy_issue_create(issue).await?;
            }
            return Ok(OrderedLink { file, url, token: Some(token), asked });
        }
        let issue = match (change.view().copy_issue_of_link(&kept.id).await?, issue) {
            (None, Some(new)) => {
                // Made before copies were: from now on it opens one.
                let issue = CopyIssue { link: kept.id.clone(), expires_at: kept.expires_at, ..new };
                change.copy_issue_create(&issue).await?;
                Some(issue)
            }
            (known, _) => known,
        };
        let SignedLink { url, token } = self.sign(&placed, &kept, order.shown, issue.as_ref())?;
        if token.is_none() && issue.is_some() {
            return Err(ServiceError::Public);
        }
        Ok(OrderedLink { file, url, token, asked })
    }
}

/// Seconds for which a revocation outlives its link.
const AFTER_ITS_END: u64 = 3_600;

enum Chosen {
    Archive(Vec<(Box<str>, Placed)>),
    File(Box<Placed>),
}

/// The private asset URL of a folder's attachment.
fn of_folder(file: &File, folder: ChannelId) -> Option<AssetPath> {
    let place = &file.draft.place;
    if place.kind != FileKind::Attachment {
        return None;
    }
    let resource = AssetResource::ChannelAttachment {
        channel: folder,
        type_name: place.slot.clone(),
        file_name: place.variant.clone(),
    };
    let parameters = crate::asset::AssetParameters::None;
    AssetPath { asked: Visibility::Private, resource, parameters }.if_read_back()
}
