//! Copies that are issued: each carries a forensic tag id of its own, and the log says whose it is
//! (requirements E8, K.2).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use zeroize::Zeroizing;

use super::desk::Services;
use super::error::ServiceError;
use super::trace::Inspection;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    CopyIssue, DownloadLink, KeyUse, SigningKey, SigningKeyDraft, SigningKeyId, chance,
};
use crate::control_plane::store::View;
use crate::control_plane::tag_key::{image_mark_material, tag_key_number};
use crate::forensic::{
    Layers, MarkKey, SightedTag, Sighting, TagKey, TagKeyNumber, TagVerdict, may_be_marked,
};
use crate::keyring::KeyMaterial;
use crate::secret::Secret;
use crate::token::CopyId;

/// The keys that made tag ids, the oldest first. None is ever dropped: what it made is out there.
#[derive(Debug)]
pub(super) struct TagKeys(Vec<MadeBy>);

/// A key that made tag ids, and what marked the pictures that have them.
#[derive(Debug)]
struct MadeBy {
    id: SigningKeyId,
    tags: TagKey,
    marks: MarkKey,
}

/// Do the copies of pictures that are issued have marks in what they show, beside their tags
/// (requirement K.4)?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageMarks {
    /// They have their tags alone: every pixel is the original's.
    #[default]
    Left,
    /// They have.
    Made,
}

impl ImageMarks {
    /// What copies of files of that type have.
    fn layers(self, media_type: &str) -> Layers {
        match self {
            Self::Made if may_be_marked(media_type) => Layers::Image,
            Self::Made | Self::Left => Layers::Container,
        }
    }
}

/// What is known of a tag that was found somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagOrigin {
    /// A key of ours made it, and the log has no such issue that the caller may know of.
    Unlogged,
    /// No key of ours made it: it is forged, or damaged, or from elsewhere.
    Forged,
    /// It was issued.
    Issued(CopyIssue),
}

impl TagOrigin {
    /// Every name of [`verdict`](Self::verdict).
    pub const VERDICTS: [&'static str; 3] = ["forged", "issued", "unlogged"];

    /// The name in logs and answers.
    pub const fn verdict(&self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Issued(_) => "issued",
            Self::Unlogged => "unlogged",
        }
    }
}

impl TagKeys {
    /// Those in the store.
    pub(super) async fn read(services: &Services, view: &mut View) -> Result<Self, ServiceError> {
        let mut keys: Vec<SigningKey> = view.signing_key_list().await?;
        keys.retain(|key| key.key_use == KeyUse::Tags);
        if keys.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let master_key = services.master_key().ok_or(ServiceError::NoMasterKey)?;
        let opened = keys.into_iter().map(|key| {
            let material = master_key
                .open(key.id.as_str(), &key.sealed)
                .map_err(|error| ServiceError::Failed(Box::new(error)))?;
            let secret = <[u8; 32]>::try_from(material.expose()).map(Zeroizing::new);
            let secret = secret.map_err(|error| ServiceError::Failed(Box::new(error)))?;
            // Of two that happen to have one number each is tried.
            let number = tag_key_number(&key.id);
            let marks = MarkKey::of(&image_mark_material(&material));
            Ok(MadeBy { tags: TagKey::new(number, &secret), marks, id: key.id })
        });
        opened.collect::<Result<_, ServiceError>>().map(Self)
    }

    /// An issue of the copy that a link with a tag is to open, by the newest key.
    pub(super) fn issue(
        &self,
        link: &DownloadLink,
        media_type: &str,
        marks: ImageMarks,
    ) -> Result<Option<CopyIssue>, ServiceError> {
        let Some(tag) = &link.tag else { return Ok(None) };
        // Without a copy of its own nothing is opened.
        let MadeBy { id, tags, marks: _ } = self.0.last().ok_or(ServiceError::NoMasterKey)?;
        // As far as a database counts.
        let number = u64::from_be_bytes(chance()?) >> 1;
        let bytes = tags.issue(number, marks.layers(media_type)).bytes();
        Ok(Some(CopyIssue {
            number,
            tenant: link.tenant,
            signing_key: id.clone(),
            tag_id: hex::encode(bytes).into(),
            link: link.id.clone(),
            file: link.file,
            content: link.content.clone(),
            path: link.path.clone(),
            issuer: link.issuer.clone(),
            tag: tag.clone(),
            created_at: link.created_at,
            expires_at: link.expires_at,
        }))
    }

    /// What marked the pictures that have their tags.
    pub(super) fn marks(&self) -> impl Iterator<Item = (TagKeyNumber, &MarkKey)> {
        self.0.iter().map(|key| (key.tags.number(), &key.marks))
    }

    /// Did one of them make it?
    fn made(&self, sighted: SightedTag) -> bool {
        self.0.iter().any(|key| matches!(key.tags.judge(sighted), TagVerdict::Genuine(_)))
    }
}

impl Services {
    /// The keys that make tag ids; where there is none, one is made.
    pub(super) async fn tag_keys(&self) -> Result<TagKeys, ServiceError> {
        let system = Caller::system("tag_key");
        let keys = TagKeys::read(self, &mut self.view(&system).await?).await?;
        if !keys.0.is_empty() {
            return Ok(keys);
        }
        let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
        // Should another control plane make one at this moment, there are two.
        let mut change = self.change(&system).await?;
        let now = self.now();
        let id = SigningKeyId::random(now)?;
        let bytes: [u8; 32] = chance()?;
        let material = KeyMaterial::new(Secret::new(bytes.to_vec()))
            .map_err(|error| ServiceError::Failed(Box::new(error)))?;
        let sealed = master_key.seal(id.as_str(), &material)?;
        change
            .signing_key_create(SigningKeyDraft {
                id,
                tenant: None,
                key_use: KeyUse::Tags,
                sealed,
                not_before: now,
                not_after: None,
            })
            .await?;
        let keys = TagKeys::read(self, change.view()).await?;
        change.commit().await?;
        Ok(keys)
    }

    /// Where the tags of a file are from, each of them once.
    pub(super) async fn tag_origins(
        &self,
        caller: &Caller,
        inspection: &Inspection,
    ) -> Result<HashMap<SightedTag, TagOrigin>, ServiceError> {
        let mut origins = HashMap::new();
        if inspection.sightings.is_empty() {
            return Ok(origins);
        }
        let keys = TagKeys::read(self, &mut self.view(&Caller::system("tag_key")).await?).await?;
        let mut view = self.view(caller).await?;
        for Sighting { tag, .. } in &inspection.sightings {
            let Entry::Vacant(place) = origins.entry(*tag) else { continue };
            let origin = if keys.made(*tag) {
                let tag_id = hex::encode(tag.bytes());
                let issue = view.copy_issue_of_tag_id(&tag_id).await?;
                issue.map_or(TagOrigin::Unlogged, TagOrigin::Issued)
            } else {
                TagOrigin::Forged
            };
            place.insert(origin);
        }
        Ok(origins)
    }
}

/// The tag id of an issue, as links carry it.
pub(super) fn copy_id(issue: &CopyIssue) -> Result<CopyId, ServiceError> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(&*issue.tag_id, &mut bytes)
        .map_err(|error| ServiceError::Failed(Box::new(error)))?;
    Ok(CopyId(bytes))
}
