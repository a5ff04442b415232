//! Whose copy a picture shows that it is, where its tag is gone: by the mark in what it shows, compared
//! with the original (requirements K.4, K.6).

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::copy_issue::TagKeys;
use super::desk::Services;
use super::error::{Invalid, ServiceError};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{CopyIssue, Scope};
use crate::control_plane::store::{StoreErrorKind, View};
use crate::delivery::{DeliveryDesk, DigestError};
use crate::forensic::{
    Likeness, MOST_BYTES, MarkKey, SightedTag, TagKeyNumber, Unmarkable, compare,
};
use crate::policy::OriginName;

/// Pictures that are compared at once: each takes a processor and memory for every pixel.
const AT_ONCE: usize = 1;

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an original that are read a second at most.
const PACE: NonZeroU64 = NonZeroU64::new(256 << 20).unwrap();

/// Tags that are read at once.
const PAGE: u16 = 10_000;

/// Turns at comparing pictures, and where originals are. Clones are the same.
#[derive(Clone)]
pub(super) struct Comparing {
    turns: Arc<Semaphore>,
    desk: Option<Desk>,
}

type Desk = Arc<dyn Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync>;

impl Default for Comparing {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), desk: None }
    }
}

impl fmt::Debug for Comparing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparing").finish_non_exhaustive()
    }
}

impl Comparing {
    /// The same, which reads originals there. The desk is asked each time, for configurations reload.
    pub(super) fn with_desk(
        self,
        desk: impl Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync + 'static,
    ) -> Self {
        Self { desk: Some(Arc::new(desk)), ..self }
    }
}

/// Leave to bring a picture that is compared, until it is dropped.
#[derive(Debug)]
pub struct ComparingTurn(OwnedSemaphorePermit);

/// What a picture is compared with.
#[derive(Clone, Debug)]
pub enum PictureOriginal {
    /// These bytes, of whatever file: it is compared for every copy that has a mark.
    Bytes(Bytes),
    /// The file of that number, and its copies.
    File(u64),
}

/// What comparing said.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// These copies, the likeliest first; none where no mark of a copy that the caller may know of is
    /// in it.
    Alike(Vec<AlikeCopy>),
    /// It is another picture, or too little of this one.
    OtherPicture,
    /// It cannot be compared.
    NotComparable(Box<str>),
}

impl Comparison {
    /// Every name of [`outcome`](Self::outcome).
    pub const OUTCOMES: [&'static str; 4] = ["alike", "no_mark", "not_comparable", "other_picture"];

    /// The name in answers.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Alike(copies) if copies.is_empty() => "no_mark",
            Self::Alike(_) => "alike",
            Self::NotComparable(_) => "not_comparable",
            Self::OtherPicture => "other_picture",
        }
    }
}

/// A copy whose mark is in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct AlikeCopy {
    /// Whose it is.
    pub issue: CopyIssue,
    /// How much more of its mark is in it than chance would put there, in standard deviations.
    pub z: f64,
    /// How likely chance would put so much of the mark of any of the copies there that were tried.
    pub p: f64,
}

/// Tags of one key that made marks.
struct Tried {
    key: MarkKey,
    tags: Vec<SightedTag>,
}

impl Services {
    /// The same, which reads originals there for pictures to be compared with.
    #[must_use]
    pub fn with_originals(
        self,
        desk: impl Fn() -> Option<Arc<DeliveryDesk>> + Send + Sync + 'static,
    ) -> Self {
        let comparing = self.comparing().clone().with_desk(desk);
        self.with_comparing(comparing)
    }

    /// Leave to bring a picture. Refuses whoever waited too long, before they bring it.
    pub async fn comparing_turn(&self, caller: &Caller) -> Result<ComparingTurn, ServiceError> {
        caller.require(Scope::Trace)?;
        let turn = timeout(PATIENCE, Arc::clone(&self.comparing().turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok);
        turn.map(ComparingTurn).ok_or(ServiceError::ComparingBusy)
    }

    /// Compares a picture with what it may be a copy of.
    pub async fn compare(
        &self,
        caller: &Caller,
        suspect: Bytes,
        original: &PictureOriginal,
        turn: ComparingTurn,
    ) -> Result<Comparison, ServiceError> {
        caller.require(Scope::Trace)?;
        let (original, file) = match original {
            PictureOriginal::Bytes(bytes) => (bytes.clone(), None),
            PictureOriginal::File(number) => (self.original(caller, *number).await?, Some(*number)),
        };
        let tried = self.tried(&mut self.view(caller).await?, file).await?;
        // That takes its time: nothing of the store waits for it.
        let likened = spawn_blocking(move || {
            // Whoever asked may be gone: until it is done nobody else begins.
            let ComparingTurn(_held) = turn;
            likened(&original, &suspect, &tried)
        });
        let likened = likened.await;
        let likened = likened.map_err(|error| ServiceError::Failed(Box::new(error)))?;
        let likenesses = match likened {
            Ok(Some(likenesses)) => likenesses,
            Ok(None) => return Ok(Comparison::OtherPicture),
            Err(error) => return Ok(Comparison::NotComparable(error.to_string().into())),
        };
        let mut view = self.view(caller).await?;
        let mut alike = Vec::with_capacity(likenesses.len());
        for Likeness { tag, z, p } in likenesses {
            let issue = view.copy_issue_of_tag_id(&hex::encode(tag.bytes())).await?;
            alike.extend(issue.map(|issue| AlikeCopy { issue, z, p }));
        }
        alike.sort_by(|a, b| b.z.total_cmp(&a.z));
        Ok(Comparison::Alike(alike))
    }

    /// The bytes of a file.
    async fn original(&self, caller: &Caller, number: u64) -> Result<Bytes, ServiceError> {
        let refused = |detail: &'static str| ServiceError::from(Invalid::new("/original", detail));
        let mut view = self.view(caller).await?;
        let file = match view.file(number).await {
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                return Err(refused("there is no file of that number"));
            }
            file => file?,
        };
        if file.draft.size > MOST_BYTES {
            return Err(refused("the file is larger than pictures that are compared"));
        }
        let pipeline = view.pipeline(file.draft.pipeline).await?;
        drop(view);
        let desk = self.comparing().desk.as_ref().and_then(|desk| desk());
        let elsewhere =
            "the file is at an origin that this program does not have: bring the original";
        let desk = desk.ok_or_else(|| refused(elsewhere))?;
        let key = format!("{}{}", pipeline.prefix, file.draft.key);
        let mut bytes = Vec::new();
        let show = |piece: &[u8]| {
            // What is there may be larger than what was registered.
            if bytes.len() as u64 <= MOST_BYTES {
                bytes.extend_from_slice(piece);
            }
        };
        match desk.show(&OriginName::new(&pipeline.origin), &key, PACE, self.clock(), show).await {
            Ok(size) if size <= MOST_BYTES => Ok(bytes.into()),
            Ok(_) => Err(refused("the file is larger than pictures that are compared")),
            Err(DigestError::NoOrigin) => Err(refused(elsewhere)),
            Err(DigestError::Missing) => Err(refused("the file is not at its origin any more")),
            Err(error @ (DigestError::Changed | DigestError::Origin(_))) => {
                Err(ServiceError::Failed(Box::new(error)))
            }
        }
    }

    /// The marks that may be in a copy of that file; of any file where none is named.
    async fn tried(&self, view: &mut View, file: Option<u64>) -> Result<Vec<Tried>, ServiceError> {
        let keys = TagKeys::read(self, &mut self.view(&Caller::system("tag_key")).await?).await?;
        let mut tried: Vec<(TagKeyNumber, Tried)> = keys
            .marks()
            .map(|(number, key)| (number, Tried { key: key.clone(), tags: Vec::new() }))
            .collect();
        let mut after = 0;
        loop {
            let page = view.copy_issue_list_marked(file, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (_, tag_id) in page {
                let mut bytes = [0; 16];
                if hex::decode_to_slice(&*tag_id, &mut bytes).is_err() {
                    continue;
                }
                let tag = SightedTag::from_bytes(bytes);
                let of_key = tried.iter_mut().filter(|(number, _)| *number == tag.named_key());
                of_key.for_each(|(_, tried)| tried.tags.push(tag));
            }
        }
        Ok(tried.into_iter().map(|(_, tried)| tried).collect())
    }
}

fn likened(
    original: &[u8],
    suspect: &[u8],
    tried: &[Tried],
) -> Result<Option<Vec<Likeness>>, Unmarkable> {
    let Some(compared) = compare(original, suspect)? else { return Ok(None) };
    Ok(Some(tried.iter().flat_map(|Tried { key, tags }| compared.find(key, tags)).collect()))
}
