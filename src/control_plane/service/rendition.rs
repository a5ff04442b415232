//! Renditions of images: whoever may share a content has its image in another size or format
//! (requirements C23, G26).
//!
//! May they have it? As with its original: the right is looked at here, each time, and whether this
//! client may have the bytes now is decided by `policy`. Its bytes come from `delivery`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::desk::Services;
use super::download::issuer;
use super::error::{OriginalRefusal, RenditionRefusal, ServiceError};
use super::share_access::network;
use super::source::{Original, Sources, SourcesInForce, asker, unredeemed};
use crate::control_plane::caller::Caller;
use crate::control_plane::rendering::{Image, ImagePlace, Line, Made, NotMade};
use crate::delivery::{
    Answer, Ask, AskMethod, Caching, Conditions, Delivery, EntityTag, Object, ObjectMeta,
    OriginError, OriginFault, Strength, Validators,
};
use crate::policy::{Asker, DenialCode, HandedFile, Promise, decide_handed};
use crate::rendition::Rendition;
use crate::response::{AnswerBody, Denied, Wanted, deliver_object};

/// Most bytes that an image may have: it is read into memory.
pub(super) const MOST_BYTES: u64 = 100 << 20;

/// How long its origin may take to give it.
const READING: Duration = Duration::from_secs(30);

/// Whose turn it is to have a rendition made.
#[derive(Clone, Copy, Debug)]
pub(super) struct InTurn<'a> {
    /// Whoever is not to keep others from theirs.
    pub(super) visitor: &'a str,
    /// What becomes of them where they have all that one may have.
    pub(super) line: Line,
}

impl Services {
    /// Hands a rendition of an original over, or the part that is asked for, to somebody who has
    /// the right to it.
    pub async fn rendition_hand_over(
        &self,
        caller: &Caller,
        original: Original,
        wish: Rendition,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Response<AnswerBody>, ServiceError> {
        let stem = original.name().rsplit_once('.').map_or(original.name(), |(stem, _)| stem);
        let name = format!("{stem}.{}", wish.encoding.extension());
        let made = self.rendition_of(caller, original, wish, headers).await?;
        let method = match *method {
            Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        let wanted = Wanted { method, headers, name: &name, now: self.now() };
        Ok(deliver_object(object(made), wanted).map_err(OriginalRefusal::from)?)
    }

    /// A rendition of an original, for somebody who has the right to it.
    pub async fn rendition_of(
        &self,
        caller: &Caller,
        original: Original,
        wish: Rendition,
        headers: &HeaderMap,
    ) -> Result<Made, ServiceError> {
        let in_force = self.sources().and_then(Sources::in_force);
        let in_force = in_force.ok_or_else(|| OriginalRefusal::from(DenialCode::NoSnapshot))?;
        let client = asker(caller.address())?;
        let asker = Asker { client, way: in_force.cdn.way(headers) };
        let (tenant, file) = original.into_handed();
        let promise = Promise { id: None, made_at: self.now(), issuer: issuer(caller, tenant) };
        let visitor = caller.actor().to_string();
        let turn = InTurn { visitor: &visitor, line: Line::Refused };
        self.rendition_made(file, (asker, promise), &in_force, turn, wish).await
    }

    /// A rendition of a file that somebody has the right to, if policy lets that asker have it by
    /// that promise.
    pub(super) async fn rendition_made(
        &self,
        file: HandedFile,
        (asker, promise): (Asker, Promise<'_>),
        in_force: &SourcesInForce,
        turn: InTurn<'_>,
        wish: Rendition,
    ) -> Result<Made, ServiceError> {
        let registered = file.registered.clone();
        let (tenant, visitor) = (file.tenant, network(asker.client));
        let place = ImagePlace::of(tenant, file.origin.as_str(), &file.key);
        let permit = decide_handed(file, asker, promise, &in_force.policy, self.now())
            .map_err(|denial| OriginalRefusal::from(denial.code()))?;
        if registered.size > MOST_BYTES {
            let is_image = registered.mime.starts_with("image/");
            let long = RenditionRefusal::TooLong { most: MOST_BYTES };
            return Err(if is_image { long } else { RenditionRefusal::NotAnImage }.into());
        }
        let renderings = self.renderings();
        let kept = registered.sha256.and_then(|digest| renderings.kept(place, digest, wish));
        if let Some(made) = kept {
            return Ok(renderings.to_be_sent(tenant, visitor, made)?);
        }
        let delivery = in_force.delivery.redeem(permit).map_err(unredeemed)?;
        let turn = renderings.turn(turn.visitor, turn.line).await?;
        let bytes = match timeout(READING, self.image(&delivery)).await {
            Ok(image) => image.map_err(OriginalRefusal::from)?,
            Err(_) => return Err(denied(OriginFault::BodyStalled).into()),
        };
        let image = Image { bytes, place, registered: registered.sha256 };
        match renderings.make(turn, image, wish).await {
            Err(NotMade::OtherBytes) => Err(denied(OriginFault::NotAsRegistered).into()),
            outcome => Ok(renderings.to_be_sent(tenant, visitor, outcome?)?),
        }
    }

    /// All bytes of an image.
    async fn image(&self, delivery: &Delivery) -> Result<Vec<u8>, Denied> {
        let Delivery::Source(redeemed) = delivery else {
            return Err(DenialCode::OriginInvalid.into());
        };
        let (conditions, forwarded) = (Conditions::default(), HeaderMap::new());
        let now = self.now();
        let ask = |key| Ask {
            key,
            method: AskMethod::Get,
            ranges: &[],
            conditions: &conditions,
            forwarded: &forwarded,
            now,
        };
        let answer = redeemed.ask(ask).await?;
        let answer = match delivery.registered() {
            Some(registered) => registered.describe(answer)?,
            None => answer,
        };
        let mut body = match answer {
            Answer::Found(object) => object.into_whole(),
            Answer::NotFound(_) => return Err(DenialCode::NotFound.into()),
            Answer::Described(_) | Answer::NotModified(_) => {
                return Err(DenialCode::OriginInvalid.into());
            }
        };
        let mut image = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame?.into_data() else { continue };
            image.extend_from_slice(&bytes);
            // What is registered is not so long, and what is longer is not what is registered.
            if image.len() as u64 > MOST_BYTES {
                return Err(OriginError::from(OriginFault::BodyOverlong).into());
            }
        }
        Ok(image)
    }
}

fn denied(fault: OriginFault) -> OriginalRefusal {
    Denied::from(OriginError::from(fault)).into()
}

/// A rendition, as an object of which parts can be had. Its entity tag is the SHA-256 of its bytes:
/// another program may make others of the same image.
pub(super) fn object(Made { rendered, sha256 }: Made) -> Object {
    let etag = EntityTag::new(Strength::Strong, &hex::encode(sha256));
    let meta = ObjectMeta {
        complete_length: None,
        validators: Validators { etag, ..Validators::default() },
        content_type: HeaderValue::from_static(rendered.media_type),
        content_language: None,
        content_encoding: None,
        caching: Caching::UNSTATED,
        forwarded: HeaderMap::new(),
    };
    Object::from_memory(meta, rendered.bytes)
}
