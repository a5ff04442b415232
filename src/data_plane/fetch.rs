//! From a permit to an answer with bytes: this plane's only caller of the delivery.

use http::{HeaderMap, Response};
use tokio::time::Instant;

use crate::asset::Visibility;
use crate::clock::UnixSeconds;
use crate::delivery::{Answer, AskMethod, Existence, Keeping, OriginErrorKind};
use crate::policy::{
    Basis, Denial, DenialCode, Exposure, Permit, RequestFacts, Resource, ResourcePolicy, Site,
    would_read,
};
use crate::target::percent_decode;
use crate::telemetry::ErrorChain;
use crate::token::Carrier;

use super::access_log::{AccessRecord, micros};
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::response::{
    AnswerBody, CacheControl, Disposition, FileAnswer, FileName, FileRequest, Presentation,
};
use super::state::EdgeState;

/// Seconds for which an answer may be kept, where nothing shortens it: an hour, after which even a
/// cache that nobody can purge has let go of it.
const MAX_AGE: u64 = 3600;

/// Redeems a permit.
#[expect(clippy::too_many_arguments, reason = "one call, and each is another part of a request")]
pub(super) async fn fetch(
    permit: Permit<'_>,
    facts: &RequestFacts<'_>,
    method: AskMethod,
    headers: &HeaderMap,
    state: &EdgeState,
    now: UnixSeconds,
    metrics: &Metrics,
    record: &mut AccessRecord,
) -> Result<Response<AnswerBody>, Refusal> {
    let resource_policy = resource_policy(facts.site, permit.basis());
    let redeemed = state.delivery.redeem(permit);
    let request = FileRequest::new(method, headers);
    let asked = Instant::now();
    let answer = redeemed.ask(|key| request.ask(key, now)).await;
    record.origin_us = Some(micros(asked));
    metrics.origin_duration.observe(asked.elapsed().as_secs_f64());
    let result = match &answer {
        Ok(_) => "ok",
        Err(error) => error.kind().code(),
    };
    metrics.origin_requests.with_label_values(&[redeemed.origin().as_str(), result]).inc();
    let answer = answer.map_err(|error| {
        record.error = Some(ErrorChain(&error).to_string());
        Refusal::from(Denial::from(code_of(error.kind())))
    })?;
    let keeping = keeping(&answer);
    match request.answer(answer) {
        FileAnswer::NotFound => Err(Denial::from(DenialCode::NotFound).into()),
        FileAnswer::RangeNotSatisfiable { complete } => Err(Refusal {
            denial: DenialCode::RangeNotSatisfiable.into(),
            complete_length: Some(complete),
        }),
        FileAnswer::Response(mut response) => {
            let presentation = Presentation {
                cache: cache_control(redeemed.exposure(), keeping, now),
                disposition: disposition(facts, redeemed.file_name()),
                resource_policy,
            };
            presentation.apply(response.headers_mut());
            Ok(response)
        }
    }
}

/// Is there no such file, whoever asks?
pub(super) async fn is_missing(
    facts: &RequestFacts<'_>,
    state: &EdgeState,
    now: UnixSeconds,
) -> bool {
    match would_read(facts, Visibility::Private) {
        Some(object) => state.delivery.existence(&object, now).await == Existence::Missing,
        None => false,
    }
}

const fn code_of(kind: OriginErrorKind) -> DenialCode {
    match kind {
        OriginErrorKind::Invalid => DenialCode::OriginInvalid,
        OriginErrorKind::Overloaded => DenialCode::Overloaded,
        OriginErrorKind::Timeout => DenialCode::OriginTimeout,
        OriginErrorKind::Unreachable => DenialCode::OriginUnreachable,
    }
}

/// How far the origin lets the answer be kept. It does not say so again when nothing changed:
/// then the next use asks again.
fn keeping(answer: &Answer) -> Keeping {
    match answer {
        Answer::Described(meta) => meta.keeping,
        Answer::Found(object) => object.meta().keeping,
        Answer::NotFound => Keeping::UNSTATED,
        Answer::NotModified(_) => Keeping::Everybody(0),
    }
}

/// Never longer than the token lives, nor further or longer than the origin lets it.
fn cache_control(exposure: Exposure, keeping: Keeping, now: UnixSeconds) -> CacheControl {
    match (exposure, keeping) {
        (_, Keeping::Nobody) => CacheControl::NoStore,
        (Exposure::Public, Keeping::Everybody(age)) => CacheControl::PublicMaxAge(age.min(MAX_AGE)),
        (Exposure::Public, Keeping::OnlyClient(age)) => {
            CacheControl::PrivateMaxAge(age.min(MAX_AGE))
        }
        (Exposure::Private { until }, Keeping::Everybody(age) | Keeping::OnlyClient(age)) => {
            let left = until.map_or(MAX_AGE, |until| until.since(now));
            CacheControl::PrivateMaxAge(left.min(age).min(MAX_AGE))
        }
    }
}

/// A link is the key to its file, and whoever has it may show the file where they like, as without
/// the header. A cookie is sent by whatever page makes the browser ask: what it opened is for
/// pages of its own site, so that no other one can measure or misread it (XS-Leaks, Spectre).
fn resource_policy(site: &Site, basis: &Basis<'_>) -> ResourcePolicy {
    let ambient = match basis {
        Basis::Public => false,
        Basis::Token(token) => token.carrier() == Carrier::Cookie,
    };
    let unstated = if ambient { ResourcePolicy::SameSite } else { ResourcePolicy::CrossOrigin };
    site.resource_policy.unwrap_or(unstated)
}

/// Assets carry their name; a link with `file-name` asks to be saved under that name (D9).
fn disposition(facts: &RequestFacts<'_>, own_name: &str) -> Disposition {
    match &facts.resource {
        Resource::Route(_) => Disposition::Unstated,
        Resource::Asset(_) => {
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
        for (exposure, keeping, expected) in [
            (Exposure::Public, Keeping::UNSTATED, CacheControl::PublicMaxAge(MAX_AGE)),
            (Exposure::Public, Keeping::Everybody(60), CacheControl::PublicMaxAge(60)),
            (Exposure::Public, Keeping::OnlyClient(60), CacheControl::PrivateMaxAge(60)),
            (Exposure::Public, Keeping::Nobody, CacheControl::NoStore),
            (token, Keeping::UNSTATED, CacheControl::PrivateMaxAge(90)),
            (token, Keeping::Everybody(60), CacheControl::PrivateMaxAge(60)),
            (token, Keeping::OnlyClient(600), CacheControl::PrivateMaxAge(90)),
            (token, Keeping::Nobody, CacheControl::NoStore),
        ] {
            assert_eq!(cache_control(exposure, keeping, now), expected, "{exposure:?} {keeping:?}");
        }
    }
}
