//! From a permit to an answer with bytes: this plane's only caller of the delivery.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use tokio::time::Instant;

use crate::clock::UnixSeconds;
use crate::delivery::{
    Answer, AskMethod, Copies, CopyWanted, Delivery, Existence, HttpTime, Keeping, OriginError,
    Registered, Unredeemed, Wishes, validators_of_copy,
};
use crate::policy::{
    Basis, Denial, DenialCode, Exposure, Permit, RequestFacts, Resource, ResourcePolicy, Site,
    WouldRead, would_read,
};
use crate::response::{
    AnswerBody, CacheControl, Disposition, FileAnswer, FileName, FileRequest, OriginsWord,
    Presentation, code_of, head_of,
};
use crate::target::percent_decode;
use crate::telemetry::ErrorChain;
use crate::token::Carrier;

use super::access_log::{AccessRecord, micros};
use super::cache::{CacheStatus, Credentials, Kept, Passed, Served, Wanted};
use super::metrics::Metrics;
use super::origin_meter::OriginMeter;
use super::refusal::Refusal;
use super::state::EdgeState;

/// Seconds for which an answer may be kept, where nothing shortens it: an hour, after which even a
/// cache that nobody can purge has let go of it.
const MAX_AGE: u64 = 3600;

/// By what a permit is redeemed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means<'a> {
    pub(super) state: &'a EdgeState,
    pub(super) copies: &'a Copies,
}

/// Redeems a permit.
#[expect(clippy::too_many_arguments, reason = "one call, and each is another part of a request")]
pub(super) async fn fetch(
    permit: Permit<'_>,
    facts: &RequestFacts<'_>,
    method: AskMethod,
    headers: &HeaderMap,
    means: Means<'_>,
    now: UnixSeconds,
    metrics: &Arc<Metrics>,
    record: &mut AccessRecord,
) -> Result<Response<AnswerBody>, Refusal> {
    let Means { state, copies } = means;
    let resource_policy = resource_policy(facts.site, permit.basis());
    let delivery = match state.delivery.redeem(permit) {
        Ok(delivery) => delivery,
        Err(Unredeemed::Nothing(rejection)) => return Err(Denial::from(rejection).into()),
        Err(Unredeemed::Failed(error)) => return Err(refuse(&error, record)),
    };
    let request = FileRequest::new(method, headers);
    let registered = delivery.registered();
    let validators = registered.and_then(Registered::validators).map(|it| match &delivery {
        Delivery::Copy(copied) => validators_of_copy(&it, copied.id()),
        Delivery::Cacheable(_) | Delivery::Private(_) | Delivery::Source(_) => it,
    });
    let settled = validators.and_then(|it| request.settled(&it));
    if let Some(answer) = settled {
        let told = Told::nothing();
        return present(answer, &told, facts, &delivery, resource_policy, now);
    }
    let wishes = registered.map(|it| it.wishes(request.ranges(), request.conditions()));
    let (ranges, conditions) = match &wishes {
        Some(Wishes { ranges, conditions }) => (&**ranges, conditions),
        None => (request.ranges(), request.conditions()),
    };
    let forwarded = delivery.forwarded(headers);
    let meter = OriginMeter::new(metrics, delivery.origin());
    let wanted = Wanted {
        method,
        ranges,
        conditions,
        forwarded: &forwarded,
        credentials: match headers.get(header::AUTHORIZATION) {
            Some(_) => Credentials::Shown,
            None => Credentials::Absent,
        },
        now,
    };
    let asked = Instant::now();
    let served = match (&delivery, &state.cache) {
        (Delivery::Cacheable(cacheable), Some(cache)) => {
            cache.answer(cacheable, wanted, &meter).await
        }
        (Delivery::Cacheable(cacheable), None) => {
            let answer = cacheable.ask(|key| wanted.ask(key)).await;
            meter.count(asked, answer.as_ref().map(|_| ()));
            Served::past_the_cache(answer)
        }
        (Delivery::Copy(copied), _) => {
            let wanted = CopyWanted {
                method,
                registered,
                // The client's own: the catalog's words are of the original.
                ranges: request.ranges(),
                conditions: request.conditions(),
                forwarded: &forwarded,
                now,
            };
            let answer = Box::pin(copies.answer(copied, wanted)).await;
            meter.count(asked, answer.as_ref().map(|_| ()));
            Served::past_the_cache(answer)
        }
        (Delivery::Private(redeemed) | Delivery::Source(redeemed), _) => {
            let answer = redeemed.ask(|key| wanted.ask(key)).await;
            meter.count(asked, answer.as_ref().map(|_| ()));
            Served::past_the_cache(answer)
        }
    };
    let Served { answer, status, kept } = served;
    record.cache = Some(status.code());
    metrics.count_cache(status);
    record.origin_us = status.waited_for_origin().then(|| micros(asked.elapsed()));
    // Of a copy it was said already.
    let undescribed = registered.filter(|_| !matches!(delivery, Delivery::Copy(_)));
    let answer = match (answer, undescribed) {
        (Ok(answer), Some(registered)) => registered.describe(answer).inspect_err(|_| {
            if let (Delivery::Cacheable(cacheable), Some(cache)) = (&delivery, &state.cache) {
                cache.forget(cacheable);
            }
        }),
        (answer, _) => answer,
    };
    let answer = answer.map_err(|error| refuse(&error, record))?;
    let told = Told::of(&answer, kept.as_ref(), &delivery);
    let left = kept.as_ref().map(|it| it.left);
    // What is kept was described by its origin alone.
    let head = kept.filter(|_| registered.is_none()).and_then(|kept| kept.ready(&answer));
    let mut response =
        present(request.answer(answer, head), &told, facts, &delivery, resource_policy, now)?;
    if status != CacheStatus::Pass(Passed::Off) {
        response.headers_mut().insert(CACHE_STATUS, status.to_header(left));
    }
    Ok(response)
}

/// Adds what depends on who asks, and why they may.
fn present(
    answer: FileAnswer,
    told: &Told,
    facts: &RequestFacts<'_>,
    delivery: &Delivery,
    resource_policy: ResourcePolicy,
    now: UnixSeconds,
) -> Result<Response<AnswerBody>, Refusal> {
    match answer {
        FileAnswer::NotFound => Err(Denial::from(DenialCode::NotFound).into()),
        FileAnswer::RangeNotSatisfiable { complete } => Err(Refusal {
            denial: DenialCode::RangeNotSatisfiable.into(),
            complete_length: Some(complete),
            location: None,
        }),
        FileAnswer::Response(mut response) => {
            let headers = response.headers_mut();
            let presentation = Presentation {
                cache: match delivery {
                    Delivery::Source(_) => CacheControl::NoStoreAnywhere,
                    Delivery::Cacheable(_) | Delivery::Copy(_) | Delivery::Private(_) => {
                        cache_control(delivery.exposure(), told, now)
                    }
                },
                disposition: disposition(facts, delivery.file_name()),
                resource_policy,
            };
            let origins_word = match (delivery, delivery.exposure()) {
                (
                    Delivery::Cacheable(_) | Delivery::Copy(_) | Delivery::Private(_),
                    Exposure::Public,
                ) => OriginsWord::Stands,
                (_, Exposure::Private { .. } | Exposure::Source) | (Delivery::Source(_), _) => {
                    OriginsWord::Dropped
                }
            };
            presentation.apply(headers, origins_word);
            told.add_to(headers);
            Ok(response)
        }
    }
}

fn refuse(error: &OriginError, record: &mut AccessRecord) -> Refusal {
    record.error = Some(ErrorChain(error).to_string());
    Denial::from(code_of(error.kind())).into()
}

impl Kept {
    /// The head of an answer with bytes, `Date` included.
    fn ready(&self, answer: &Answer) -> Option<HeaderMap> {
        let meta = match answer {
            Answer::Described(meta) => meta,
            Answer::Found(object) => object.meta(),
            Answer::NotFound(_) | Answer::NotModified(_) => return None,
        };
        Some(self.head.get_or_make(|| {
            let mut head = head_of(meta);
            if let Some(made) = meta.validators.stated_at {
                state_date(&mut head, made);
            }
            head
        }))
    }
}

/// When the answer was made (RFC 9110 section 6.6.1).
fn state_date(headers: &mut HeaderMap, made: HttpTime) {
    if let Ok(date) = HeaderValue::try_from(made.to_text()) {
        headers.insert(header::DATE, date);
    }
}

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What an answer's header says of its own time and selection.
struct Told {
    keeping: Keeping,
    /// Seconds since it was made, where it was not made for this request.
    age: Option<u64>,
    /// `Date`, where the answer was made before now.
    made: Option<HttpTime>,
    vary: Option<HeaderValue>,
}

impl Told {
    /// How far the origin lets the answer be kept. It does not say so again when nothing changed:
    /// then the next use asks again.
    fn of(answer: &Answer, kept: Option<&Kept>, delivery: &Delivery) -> Self {
        let (caching, validators) = match answer {
            Answer::Described(meta) => (&meta.caching, Some(&meta.validators)),
            Answer::Found(object) => (&object.meta().caching, Some(&object.meta().validators)),
            Answer::NotFound(caching) => (&**caching, None),
            Answer::NotModified(fresh) => {
                let Some(caching) = &fresh.caching else { return Self::nothing() };
                (caching, Some(&fresh.validators))
            }
        };
        Self {
            keeping: caching.keeping,
            age: kept.map(|kept| kept.age).or((caching.age > 0).then_some(caching.age)),
            made: kept.and(validators).and_then(|it| it.stated_at),
            vary: delivery.vary(caching).cloned(),
        }
    }

    /// The origin was not asked, or did not say.
    fn nothing() -> Self {
        Self { keeping: Keeping::Everybody(0), age: None, made: None, vary: None }
    }

    /// RFC 9111 section 5.1: an answer that was made a while ago says so. A selection is told of
    /// where the headers that it was made by do travel.
    fn add_to(&self, headers: &mut HeaderMap) {
        if let Some(vary) = &self.vary {
            headers.append(header::VARY, vary.clone());
        }
        if let Some(age) = self.age {
            // Section 1.2.2: some recipients read seconds into 31 bits.
            headers.insert(header::AGE, age.min(i32::MAX as u64).into());
        }
        if let Some(made) = self.made
            && !headers.contains_key(header::DATE)
        {
            state_date(headers, made);
        }
    }
}

/// Is there no such file, whoever asks?
pub(super) async fn is_missing(
    facts: &RequestFacts<'_>,
    state: &EdgeState,
    now: UnixSeconds,
) -> bool {
    match would_read(facts, &state.policy, now) {
        WouldRead::Nothing => true,
        WouldRead::Object(object) => {
            state.delivery.existence(&object, now).await == Existence::Missing
        }
        WouldRead::Registered => false,
    }
}

/// Never longer than the token lives, nor further or longer than the origin lets it. Of an answer
/// that is some seconds old a client subtracts those, and so they are added where what is left
/// counts from now; but not past the end of a token, for not every client subtracts.
fn cache_control(exposure: Exposure, told: &Told, now: UnixSeconds) -> CacheControl {
    let longest = MAX_AGE.saturating_add(told.age.unwrap_or(0));
    match (exposure, told.keeping) {
        (Exposure::Source, _) => CacheControl::NoStoreAnywhere,
        (_, Keeping::Nobody) => CacheControl::NoStore,
        (Exposure::Public, Keeping::Everybody(stated)) => {
            CacheControl::PublicMaxAge(stated.min(longest))
        }
        (Exposure::Public, Keeping::OnlyClient(stated)) => {
            CacheControl::PrivateMaxAge(stated.min(longest))
        }
        (Exposure::Private { until }, Keeping::Everybody(stated) | Keeping::OnlyClient(stated)) => {
            let left = until.map_or(longest, |until| until.since(now));
            CacheControl::PrivateMaxAge(left.min(stated).min(longest))
        }
    }
}

/// A link is the key to its file, and whoever has it may show the file where they like, as without
/// the header. A cookie is sent by whatever page makes the browser ask: what it opened is for
/// pages of its own site, so that no other one can measure or misread it (XS-Leaks, Spectre).
fn resource_policy(site: &Site, basis: &Basis<'_>) -> ResourcePolicy {
    let ambient = match basis {
        Basis::Public | Basis::Session => false,
        Basis::Token(token) => token.carrier() == Carrier::Cookie,
    };
    let unstated = if ambient { ResourcePolicy::SameSite } else { ResourcePolicy::CrossOrigin };
    site.resource_policy.unwrap_or(unstated)
}

/// Assets carry their name; a link with `file-name` asks to be saved under that name (D9).
fn disposition(facts: &RequestFacts<'_>, own_name: &str) -> Disposition {
    match &facts.resource {
        Resource::Route(_) => Disposition::Unstated,
        Resource::Asset(_) | Resource::Connector(_) => {
            let asked = facts
                .target
                .parameters()
                .find(|(name, value)| *name == "file-name" && !value.is_empty())
                .and_then(|(_, value)| percent_decode(value));
            match asked {
                Some(name) => Disposition::Attachment(FileName::sanitise(&name)),
                None => Disposition::Inline(FileName::sanitise(own_name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_may_only_restrict() {
        let now = UnixSeconds::new(1000);
        let token = Exposure::Private { until: Some(now.plus(90)) };
        for (exposure, keeping, age, expected) in [
            (Exposure::Public, Keeping::UNSTATED, None, CacheControl::PublicMaxAge(MAX_AGE)),
            (Exposure::Public, Keeping::Everybody(60), None, CacheControl::PublicMaxAge(60)),
            (Exposure::Public, Keeping::OnlyClient(60), None, CacheControl::PrivateMaxAge(60)),
            (Exposure::Public, Keeping::Nobody, None, CacheControl::NoStore),
            (token, Keeping::UNSTATED, None, CacheControl::PrivateMaxAge(90)),
            (token, Keeping::Everybody(60), None, CacheControl::PrivateMaxAge(60)),
            (token, Keeping::OnlyClient(600), None, CacheControl::PrivateMaxAge(90)),
            (token, Keeping::Nobody, None, CacheControl::NoStore),
            // Clients subtract the age: an hour from now, but never past the end of a token.
            (Exposure::Public, Keeping::Everybody(60), Some(50), CacheControl::PublicMaxAge(60)),
            (
                Exposure::Public,
                Keeping::Everybody(86_400),
                Some(50),
                CacheControl::PublicMaxAge(MAX_AGE + 50),
            ),
            (token, Keeping::Everybody(600), Some(50), CacheControl::PrivateMaxAge(90)),
        ] {
            let told = Told { keeping, age, made: None, vary: None };
            let told = cache_control(exposure, &told, now);
            assert_eq!(told, expected, "{exposure:?} {keeping:?} {age:?}");
        }
    }
}
