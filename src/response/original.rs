//! Originals, and archives of them, as a control plane hands them over: kept by nobody on the way
//! (requirements A11, G3), in parts and under conditions as any other file.

use http::{HeaderMap, Response};

use super::AnswerBody;
use super::file_answer::{FileAnswer, FileRequest};
use super::headers::{CacheControl, Disposition, FileName, OriginsWord, Presentation};
use crate::clock::UnixSeconds;
use crate::delivery::{
    Answer, Ask, AskMethod, Delivery, Object, OriginError, OriginErrorKind, Registered, Wishes,
};
use crate::policy::{DenialCode, ResourcePolicy};

/// What a client asks for, beside which file.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'h> {
    /// With its bytes?
    pub method: AskMethod,
    /// The request's header fields: ranges and conditions.
    pub headers: &'h HeaderMap,
    /// What the file is saved as.
    pub name: &'h str,
    /// When it is asked for.
    pub now: UnixSeconds,
}

/// Why there is no answer with bytes.
#[derive(Debug)]
pub struct Denied {
    /// The stable code.
    pub code: DenialCode,
    /// The whole length of the file, where a range missed it.
    pub complete_length: Option<u64>,
    /// What the origin did.
    pub error: Option<OriginError>,
}

impl From<DenialCode> for Denied {
    fn from(code: DenialCode) -> Self {
        Self { code, complete_length: None, error: None }
    }
}

impl From<OriginError> for Denied {
    fn from(error: OriginError) -> Self {
        let code = code_of(error.kind());
        Self { code, complete_length: None, error: Some(error) }
    }
}

/// The code of what an origin did.
pub const fn code_of(kind: OriginErrorKind) -> DenialCode {
    match kind {
        OriginErrorKind::Invalid => DenialCode::OriginInvalid,
        OriginErrorKind::Overloaded => DenialCode::Overloaded,
        OriginErrorKind::Timeout => DenialCode::OriginTimeout,
        OriginErrorKind::Unreachable => DenialCode::OriginUnreachable,
    }
}

/// Answers with an original. What was not decided to be one is not handed over here: others may
/// keep it.
pub async fn deliver_original(
    delivery: &Delivery,
    wanted: Wanted<'_>,
) -> Result<Response<AnswerBody>, Denied> {
    let Delivery::Source(redeemed) = delivery else {
        return Err(DenialCode::OriginInvalid.into());
    };
    let request = FileRequest::new(wanted.method, wanted.headers);
    let registered = delivery.registered();
    let settled = registered.and_then(Registered::validators).and_then(|it| request.settled(&it));
    if let Some(answer) = settled {
        return present(answer, wanted.name);
    }
    let wishes = registered.map(|it| it.wishes(request.ranges(), request.conditions()));
    let (ranges, conditions) = match &wishes {
        Some(Wishes { ranges, conditions }) => (&**ranges, conditions),
        None => (request.ranges(), request.conditions()),
    };
    // Nothing of the client's own travels: what the origin gives is the same for everybody.
    let forwarded = HeaderMap::new();
    let (method, now) = (wanted.method, wanted.now);
    let ask = |key| Ask { key, method, ranges, conditions, forwarded: &forwarded, now };
    let answer = redeemed.ask(ask).await?;
    let answer = match registered {
        Some(registered) => registered.describe(answer)?,
        None => answer,
    };
    present(request.answer(answer, None), wanted.name)
}

/// Answers with an object that was put together of originals.
pub fn deliver_object(object: Object, wanted: Wanted<'_>) -> Result<Response<AnswerBody>, Denied> {
    let answer = match wanted.method {
        AskMethod::Get => Answer::Found(object),
        AskMethod::Head => Answer::Described(object.meta().clone()),
    };
    let request = FileRequest::new(wanted.method, wanted.headers);
    present(request.answer(answer, None), wanted.name)
}

fn present(answer: FileAnswer, name: &str) -> Result<Response<AnswerBody>, Denied> {
    match answer {
        FileAnswer::NotFound => Err(DenialCode::NotFound.into()),
        FileAnswer::RangeNotSatisfiable { complete } => Err(Denied {
            code: DenialCode::RangeNotSatisfiable,
            complete_length: Some(complete),
            error: None,
        }),
        FileAnswer::Response(mut response) => {
            let presentation = Presentation {
                cache: CacheControl::NoStoreAnywhere,
                disposition: Disposition::Attachment(FileName::sanitise(name)),
                resource_policy: ResourcePolicy::SameOrigin,
            };
            presentation.apply(response.headers_mut(), OriginsWord::Dropped);
            Ok(response)
        }
    }
}
