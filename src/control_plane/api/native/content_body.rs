//! What contents look like on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::file_body::NewFile;
use super::patch::Patched;
use super::wire_enum::{content_kinds, publications};
use crate::asset::ChannelId;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    Content, ContentDraft, ContentId, ContentImport, ContentKind, ContentText, Metadata, Period,
    Publication,
};

/// A content, its files apart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Content)]
pub(super) struct ContentBody {
    /// Its id: videoId, xcontentId.
    id: String,
    /// What it is.
    #[schema(schema_with = content_kinds)]
    kind: ContentKind,
    /// The folder it is in.
    folder: Option<u64>,
    /// Where it is, for kind URL.
    url: Option<String>,
    /// Was it made public by its editors?
    #[schema(schema_with = publications)]
    publication: Publication,
    /// When it is public; always, if there is none.
    periods: Vec<PeriodBody>,
    /// Titles and the like, by language.
    texts: Vec<TextBody>,
    /// An operator's own fields.
    metadata: Vec<MetadataBody>,
    /// Tags.
    tags: Vec<String>,
    /// Names of classifications.
    classifications: Vec<String>,
    /// The version that is handed out.
    active_version: Option<String>,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

/// When something is public.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Period)]
pub(super) struct PeriodBody {
    /// From when on; null: always has been.
    #[serde(default)]
    starts_at: Option<Timestamp>,
    /// Until when; null: never ends.
    #[serde(default)]
    ends_at: Option<Timestamp>,
}

/// What is said in one language.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContentText)]
pub(super) struct TextBody {
    /// The language (BCP 47).
    language: String,
    /// Its title.
    title: String,
    /// Its description.
    #[serde(default)]
    description: String,
    /// The name in addresses for people: up to 150 letters, digits, `-` and `_`; unique within
    /// tenant and language.
    #[serde(default)]
    pretty_id: Option<String>,
}

/// A field of the operator's own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Metadata)]
pub(super) struct MetadataBody {
    /// The language (BCP 47); empty for every one.
    #[serde(default)]
    language: String,
    /// The field.
    name: String,
    /// What it says.
    value: String,
}

/// A content to be made, with its first version if it has files; a line of an import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewContent {
    /// Its id, where it had one elsewhere; a new one otherwise.
    #[serde(default)]
    id: Option<String>,
    /// What it is.
    #[schema(schema_with = content_kinds)]
    kind: ContentKind,
    /// The folder it is in.
    #[serde(default)]
    folder: Option<u64>,
    /// Where it is, for kind URL: an http or https address.
    #[serde(default)]
    url: Option<String>,
    /// Was it made public? Unpublished, if nothing is said.
    #[serde(default)]
    #[schema(schema_with = publications)]
    publication: Option<Publication>,
    /// When it is public; always, if there is none.
    #[serde(default)]
    periods: Vec<PeriodBody>,
    /// Titles and the like, at most one a language.
    #[serde(default)]
    texts: Vec<TextBody>,
    /// An operator's own fields.
    #[serde(default)]
    metadata: Vec<MetadataBody>,
    /// Tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Names of classifications, which exist.
    #[serde(default)]
    classifications: Vec<String>,
    /// What its first version is made of; without a file there is no version.
    #[serde(default)]
    files: Vec<NewFile>,
    /// The slot of the thumbnail that `active` means.
    #[serde(default)]
    active_thumbnail: Option<String>,
}

/// What is to be different (RFC 7396): a list is replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContentPatch {
    /// What it is.
    #[schema(schema_with = content_kinds)]
    kind: Option<ContentKind>,
    /// Another folder; null: none.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    folder: Patched<u64>,
    /// Where it is, for kind URL.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    url: Patched<String>,
    /// Was it made public?
    #[schema(schema_with = publications)]
    publication: Option<Publication>,
    /// When it is public; null: always.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PeriodBody>>)]
    periods: Patched<Vec<PeriodBody>>,
    /// Titles and the like; null: none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<TextBody>>)]
    texts: Patched<Vec<TextBody>>,
    /// An operator's own fields; null: none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<MetadataBody>>)]
    metadata: Patched<Vec<MetadataBody>>,
    /// Tags; null: none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    tags: Patched<Vec<String>>,
    /// Names of classifications; null: none.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    classifications: Patched<Vec<String>>,
}

impl NewContent {
    /// The content that is meant.
    pub(super) fn read(self) -> Result<ContentImport, Problem> {
        let Self {
            id,
            kind,
            folder,
            url,
            publication,
            periods,
            texts,
            metadata,
            tags,
            classifications,
            files,
            active_thumbnail,
        } = self;
        let wrong = || {
            let detail = "must be 1 to 64 printable characters of ASCII without slashes";
            Problem::invalid("/id", detail)
        };
        let id = id.map(|id| ContentId::parse(&id).ok_or_else(wrong)).transpose()?;
        let draft = ContentDraft {
            kind,
            folder: folder.map(ChannelId),
            url: url.map(Into::into),
            publication: publication.unwrap_or(Publication::Unpublished),
            periods: list(periods),
            texts: list(texts),
            metadata: list(metadata),
            tags: list(tags),
            classifications: list(classifications),
        };
        let files = files.into_iter().map(NewFile::read).collect();
        Ok(ContentImport { id, draft, files, active_thumbnail: active_thumbnail.map(Into::into) })
    }
}

impl ContentPatch {
    /// What is said of a content after the patch.
    pub(super) fn over(self, now: ContentDraft) -> ContentDraft {
        let Self {
            kind,
            folder,
            url,
            publication,
            periods,
            texts,
            metadata,
            tags,
            classifications,
        } = self;
        ContentDraft {
            kind: kind.unwrap_or(now.kind),
            folder: folder.or(now.folder.map(|it| it.0)).map(ChannelId),
            url: url.or(now.url.map(Into::into)).map(Into::into),
            publication: publication.unwrap_or(now.publication),
            periods: patched(periods, now.periods),
            texts: patched(texts, now.texts),
            metadata: patched(metadata, now.metadata),
            tags: patched(tags, now.tags),
            classifications: patched(classifications, now.classifications),
        }
    }
}

fn list<W, T: From<W>>(wire: Vec<W>) -> Vec<T> {
    wire.into_iter().map(Into::into).collect()
}

fn patched<W, T: From<W>>(patch: Patched<Vec<W>>, now: Vec<T>) -> Vec<T> {
    match patch {
        Patched::Same => now,
        Patched::To(given) => list(given.unwrap_or_default()),
    }
}

impl From<Content> for ContentBody {
    fn from(content: Content) -> Self {
        let Content { id, tenant: _, draft, active_version, created_at, updated_at, revision: _ } =
            content;
        let ContentDraft {
            kind,
            folder,
            url,
            publication,
            periods,
            texts,
            metadata,
            tags,
            classifications,
        } = draft;
        Self {
            id: id.to_string(),
            kind,
            folder: folder.map(|it| it.0),
            url: url.map(Into::into),
            publication,
            periods: list(periods),
            texts: list(texts),
            metadata: list(metadata),
            tags: list(tags),
            classifications: list(classifications),
            active_version: active_version.map(|it| it.to_string()),
            created_at: Timestamp(created_at),
            updated_at: Timestamp(updated_at),
        }
    }
}

impl From<Period> for PeriodBody {
    fn from(Period { starts_at, ends_at }: Period) -> Self {
        Self { starts_at: starts_at.map(Timestamp), ends_at: ends_at.map(Timestamp) }
    }
}

impl From<PeriodBody> for Period {
    fn from(PeriodBody { starts_at, ends_at }: PeriodBody) -> Self {
        Self { starts_at: starts_at.map(|it| it.0), ends_at: ends_at.map(|it| it.0) }
    }
}

impl From<ContentText> for TextBody {
    fn from(ContentText { language, title, description, pretty_id }: ContentText) -> Self {
        Self {
            language: language.into(),
            title: title.into(),
            description: description.into(),
            pretty_id: pretty_id.map(Into::into),
        }
    }
}

impl From<TextBody> for ContentText {
    fn from(TextBody { language, title, description, pretty_id }: TextBody) -> Self {
        Self {
            language: language.into(),
            title: title.into(),
            description: description.into(),
            pretty_id: pretty_id.map(Into::into),
        }
    }
}

impl From<Metadata> for MetadataBody {
    fn from(Metadata { language, name, value }: Metadata) -> Self {
        Self { language: language.into(), name: name.into(), value: value.into() }
    }
}

impl From<MetadataBody> for Metadata {
    fn from(MetadataBody { language, name, value }: MetadataBody) -> Self {
        Self { language: language.into(), name: name.into(), value: value.into() }
    }
}
