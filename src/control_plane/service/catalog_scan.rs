//! What an origin holds already becomes contents: one a file, which is its source.
//!
//! A key that is registered is passed by, as whatever it is registered. So a scan that was cut off
//! goes on where it was, and a second one registers only what is new.

use super::content_import::{ContentImports, Imported};
use super::desk::Services;
use super::error::ServiceError;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Autograph, ContentDraft, ContentImport, ContentKind, ContentText, FileDraft, FileKind,
    FilePlace, Pipeline, Publication,
};

/// What is said of every content that a scan makes.
#[derive(Clone, Debug)]
pub struct ScanDraft {
    /// The folder it comes to be in.
    pub folder: Option<ChannelId>,
    /// The language of its title, which is the file's name.
    pub language: Box<str>,
    /// Is it made public?
    pub publication: Publication,
}

/// A file that was come across.
#[derive(Clone, Debug)]
pub struct ScannedFile {
    /// Its key, after the pipeline's prefix.
    pub key: Box<str>,
    /// Its size in bytes.
    pub size: u64,
}

/// What became of some files.
#[derive(Debug, Default)]
pub struct ScanStep {
    /// How many were registered, or would be.
    pub registered: u64,
    /// How many were registered before.
    pub known: u64,
    /// Those that were refused, and why.
    pub refused: Vec<(Box<str>, ServiceError)>,
}

/// A scan under way.
#[derive(Debug)]
pub struct CatalogScan {
    services: Services,
    caller: Caller,
    imports: ContentImports,
    pipeline: Pipeline,
    draft: ScanDraft,
}

impl Services {
    /// Begins a scan of the pipeline of that name.
    pub async fn catalog_scan(
        &self,
        caller: &Caller,
        tenant: TenantId,
        pipeline: &str,
        draft: ScanDraft,
    ) -> Result<CatalogScan, ServiceError> {
        let imports = self.content_import(caller, tenant).await?;
        let known = self.pipeline_list(caller, tenant).await?;
        let pipeline = known.into_iter().find(|known| *known.name == *pipeline);
        let pipeline = pipeline.ok_or(ServiceError::NotFound)?;
        if let Some(folder) = draft.folder {
            self.folder(caller, tenant, folder).await?;
        }
        let caller = caller.within(tenant);
        Ok(CatalogScan { services: self.clone(), caller, imports, pipeline, draft })
    }
}

impl CatalogScan {
    /// The pipeline that is scanned.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Registers what is not registered yet, some hundreds at a time.
    pub async fn take(&self, files: Vec<ScannedFile>) -> Result<ScanStep, ServiceError> {
        let (mut step, fresh) = self.look(files).await?;
        let keys: Vec<_> = fresh.iter().map(|file| file.key.clone()).collect();
        let imports = fresh.into_iter().map(|file| self.import(file)).collect();
        for (key, outcome) in keys.into_iter().zip(self.imports.take(imports).await?) {
            match outcome {
                Imported::Created(_) => step.registered += 1,
                Imported::Known => step.known += 1,
                Imported::Refused(error) => step.refused.push((key, error)),
            }
        }
        Ok(step)
    }

    /// Says what [`Self::take`] would do, as far as can be seen.
    pub async fn try_out(&self, files: Vec<ScannedFile>) -> Result<ScanStep, ServiceError> {
        let (mut step, fresh) = self.look(files).await?;
        for file in fresh {
            let key = file.key.clone();
            match super::content::accept(&self.import(file)) {
                Ok(()) => step.registered += 1,
                Err(invalid) => step.refused.push((key, invalid.into())),
            }
        }
        Ok(step)
    }

    async fn look(
        &self,
        files: Vec<ScannedFile>,
    ) -> Result<(ScanStep, Vec<ScannedFile>), ServiceError> {
        let keys: Vec<_> = files.iter().map(|file| file.key.clone()).collect();
        let mut view = self.services.view(&self.caller).await?;
        let known = view.file_keys_known(self.pipeline.number, &keys).await?;
        let all = files.len();
        let fresh: Vec<_> = files.into_iter().filter(|file| !known.contains(&file.key)).collect();
        let step = ScanStep { known: (all - fresh.len()) as u64, ..ScanStep::default() };
        Ok((step, fresh))
    }

    fn import(&self, ScannedFile { key, size }: ScannedFile) -> ContentImport {
        let name = key.rsplit('/').next().unwrap_or_default();
        let mime = mime_guess::from_path(&*key).first_or_octet_stream();
        let source = FileDraft {
            place: FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() },
            pipeline: self.pipeline.number,
            name: name.into(),
            size,
            mime: mime.as_ref().into(),
            sha256: None,
            crc32: None,
            duration_ms: None,
            width: None,
            height: None,
            language: None,
            md5: None,
            autograph: Autograph::Refused,
            key,
        };
        let ScanDraft { folder, language, publication } = &self.draft;
        of_source(source, *folder, *publication, language)
    }
}

/// What a content is whose source has that media type.
pub(super) fn kind_of(mime: &str) -> ContentKind {
    match mime.split('/').next().unwrap_or_default() {
        "audio" => ContentKind::Audio,
        "image" => ContentKind::Image,
        "video" => ContentKind::Video,
        _ => ContentKind::Other,
    }
}

/// A content about which no more is known than its source: what it is by the type, and its title by
/// the name.
pub(super) fn of_source(
    source: FileDraft,
    folder: Option<ChannelId>,
    publication: Publication,
    language: &str,
) -> ContentImport {
    let title = source.name.rsplit_once('.').map_or(&*source.name, |(stem, _)| stem);
    let title = if title.is_empty() { &source.name } else { title };
    let kind = kind_of(&source.mime);
    let text = ContentText {
        language: language.into(),
        title: title.into(),
        description: "".into(),
        pretty_id: None,
    };
    let draft = ContentDraft { folder, publication, texts: vec![text], ..ContentDraft::new(kind) };
    ContentImport { id: None, draft, files: vec![source], active_thumbnail: None }
}
