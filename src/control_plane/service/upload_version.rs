//! Who may upload, and uploads that become versions of contents that there are (requirement B2: what
//! replaces a file has its address).
//!
//! Such an upload needs no more than the right to change its content: where its bytes come to be is
//! chosen here, beside those of before. The right, the content and its kind are looked at when it
//! begins and again when all of it is here.

use super::catalog_scan::kind_of;
use super::desk::Services;
use super::error::{Invalid, ServiceError, UploadRefusal};
use super::right::Rights;
use super::upload::NewUpload;
use super::version;
use crate::asset::TenantId;
use crate::catalog::{ContentKind, FileKind};
use crate::control_plane::caller::{Caller, MissingScope};
use crate::control_plane::record::{
    Content, ContentId, FileDraft, FileOwner, Grantee, Person, PersonId, Role, Scope, Upload,
    VersionOf, chance,
};
use crate::control_plane::store::{StoreErrorKind, View};

/// The folder of a pipeline that has the objects for which nobody chose a key.
const VERSIONS: &str = "versions";

/// The longest ending of a file's name that its object's key has too, in bytes.
const LONGEST_ENDING: usize = 8;

/// Where an upload goes.
pub(super) struct UploadPlace {
    pub(super) pipeline: u64,
    pub(super) key: Box<str>,
    pub(super) name: Box<str>,
}

impl Services {
    /// Refuses whoever may not upload in a tenant: everything, or a version of that content.
    pub async fn upload_admit(
        &self,
        caller: &Caller,
        tenant: TenantId,
        version_of: Option<&ContentId>,
    ) -> Result<(), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogWrite, tenant).await?;
        match version_of {
            Some(content) => changeable(&mut view, &rights, content).await.map(drop),
            None => Ok(rights.everything(Scope::CatalogWrite)?),
        }
    }

    /// Where an upload goes, of whoever may begin it.
    pub(super) async fn upload_place(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: &NewUpload,
    ) -> Result<UploadPlace, ServiceError> {
        let NewUpload { pipeline, key, name, mime, folder, version_of, .. } = new;
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogWrite, tenant).await?;
        let needed = |pointer| Invalid::new(pointer, "is needed");
        let Some(VersionOf { content, .. }) = version_of else {
            rights.everything(Scope::CatalogWrite)?;
            let pipeline = pipeline.ok_or_else(|| needed("/pipeline"))?;
            let key = key.clone().ok_or_else(|| needed("/key"))?;
            let last = key.rsplit('/').next().unwrap_or_default();
            let name = name.clone().unwrap_or_else(|| last.into());
            return Ok(UploadPlace { pipeline, key, name });
        };
        let content = changeable(&mut view, &rights, content).await?;
        if pipeline.is_some() || key.is_some() {
            rights.everything(Scope::CatalogWrite)?;
        }
        if folder.is_some() {
            let detail = "is not said of a version: its content is where it is";
            return Err(Invalid::new("/folder", detail).into());
        }
        takes(&content, mime.as_deref())?;
        version::accept_another(&mut view, &content.id).await?;
        let source = source(&mut view, &content).await?;
        let pipeline = pipeline.or(source.as_ref().map(|source| source.pipeline));
        let pipeline = pipeline.ok_or_else(|| needed("/pipeline"))?;
        let known = source.map(|source| match &*source.name {
            "" => source.key.rsplit('/').next().unwrap_or_default().into(),
            _ => source.name,
        });
        let name = name.clone().or(known).unwrap_or_else(|| content.id.as_str().into());
        let key = match key {
            Some(key) => key.clone(),
            None => free_key(&content.id, &name)?,
        };
        Ok(UploadPlace { pipeline, key, name })
    }

    /// The upload, for whoever may upload in its tenant; or who uploads it as a version of what they may
    /// change. A content that is gone keeps nobody from seeing what became of the upload.
    pub(super) async fn upload_of(
        &self,
        caller: &Caller,
        number: u64,
    ) -> Result<Upload, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.rights(caller).await?;
        let mut view = self.view(caller).await?;
        let Err(missing) = rights.everything(Scope::CatalogWrite) else {
            return Ok(view.upload(number).await?);
        };
        let upload = match view.upload(number).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Err(missing.into()),
            upload => upload?,
        };
        let of = upload.draft.version_of.as_ref();
        let own = of.filter(|_| *upload.draft.issuer == *caller.actor().to_string());
        let VersionOf { content, .. } = own.ok_or(missing)?;
        match view.content(content).await {
            Ok(content) => rights.modify(&mut view, content.draft.folder).await?,
            Err(error) if error.kind() == StoreErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(upload)
    }
}

/// Why an upload will be no version; none where it may be one now. Nobody else changes the content
/// until then.
pub(super) async fn unfit(
    view: &mut View,
    upload: &Upload,
    content: &Content,
    source: &FileDraft,
) -> Result<Option<String>, ServiceError> {
    if content.tenant != upload.tenant {
        return Ok(Some("the content it was for is gone".to_owned()));
    }
    if let Err(refusal) = takes(content, Some(&source.mime)) {
        return Ok(Some(refusal.to_string()));
    }
    if let Err(ServiceError::Invalid(invalid)) = version::accept_another(view, &content.id).await {
        return Ok(Some(invalid.to_string()));
    }
    let gone = "its uploader may not change the content any more";
    let Some(person) = PersonId::parse(&upload.draft.issuer) else { return Ok(None) };
    let person = match view.person(&person).await {
        Ok(person) if may_write(&person) => person,
        Ok(_) => return Ok(Some(gone.to_owned())),
        Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(Some(gone.to_owned())),
        Err(error) => return Err(error.into()),
    };
    let rights = match person.role {
        Role::Admin => Rights::All,
        Role::Member => Rights::As(Grantee::Person(person.id)),
    };
    match rights.modify(view, content.draft.folder).await {
        Ok(()) => Ok(None),
        Err(ServiceError::MissingScope(MissingScope(_)) | ServiceError::NotFound) => {
            Ok(Some(gone.to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn may_write(person: &Person) -> bool {
    person.disabled_at.is_none() && person.scopes.contains(Scope::CatalogWrite)
}

/// The content, for whoever may change it; for whoever may not see it there is none.
async fn changeable(
    view: &mut View,
    rights: &Rights,
    content: &ContentId,
) -> Result<Content, ServiceError> {
    let content = view.content(content).await?;
    rights.see(view, content.draft.folder).await?;
    rights.modify(view, content.draft.folder).await?;
    Ok(content)
}

/// Refuses a file of another kind than the content, as far as its media type says.
fn takes(content: &Content, mime: Option<&str>) -> Result<(), UploadRefusal> {
    let kind = content.draft.kind;
    let file = mime.map(kind_of);
    let wanted = match kind {
        ContentKind::Audio | ContentKind::Image | ContentKind::Other | ContentKind::Video => kind,
        ContentKind::Image360 => ContentKind::Image,
        ContentKind::Playlist | ContentKind::Url => {
            return Err(UploadRefusal::NoFile { content: kind });
        }
    };
    match file.filter(|file| *file != wanted) {
        Some(file) => Err(UploadRefusal::OtherKind { content: kind, file }),
        None => Ok(()),
    }
}

/// The source of the version that is handed out.
async fn source(view: &mut View, content: &Content) -> Result<Option<FileDraft>, ServiceError> {
    let Some(version) = content.active_version.clone() else { return Ok(None) };
    let files = view.file_list(&FileOwner::Version(version)).await?;
    let mut drafts = files.into_iter().map(|file| file.draft);
    Ok(drafts.find(|draft| draft.place.kind == FileKind::Source))
}

/// A key that nothing has: chance tells it from every other.
fn free_key(content: &ContentId, name: &str) -> Result<Box<str>, ServiceError> {
    let chance = hex::encode(chance::<12>()?);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| {
        (1..=LONGEST_ENDING).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let dot = if ending.is_some() { "." } else { "" };
    let ending = ending.unwrap_or_default();
    Ok(format!("{VERSIONS}/{content}/{chance}{dot}{ending}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_as_the_name_does_where_that_is_plain() {
        let content = ContentId::parse("-film").unwrap();
        for (name, ending) in [
            ("a.mp4", ".mp4"),
            ("a.b.PDF", ".PDF"),
            ("a", ""),
            ("a.", ""),
            ("a.b/c", ""),
            ("a.ü", ""),
        ] {
            let key = free_key(&content, name).unwrap();
            let rest = key.strip_prefix("versions/-film/").unwrap();
            assert_eq!((rest.len(), rest.get(24..)), (24 + ending.len(), Some(ending)), "{key}");
            assert_ne!(free_key(&content, name).unwrap(), key);
        }
    }
}
