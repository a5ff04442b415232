//! One answer to a link that may be used once, from the decision to the end of its body.

use http::header::USER_AGENT;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;

use crate::asset::TenantId;
use crate::claim::{
    ClaimDigest, ClaimDraft, ClaimEnd, ClaimId, ClaimOutcome, ClaimVerdict, LAST_POSITION,
    PositionRun,
};
use crate::clock::UnixSeconds;
use crate::delivery::Spans;
use crate::network::ClientIp;
use crate::policy::{Basis, Denial, DenialCode, Permit, RequestFacts};
use crate::response::{AnswerBody, Portion};
use crate::token::{LinkBinding, LinkPayload, MalformedToken, QueryDigest, TokenRejection, Uses};

use super::claims::{Claims, LedgerAway, nothing_left};

/// A request that such a link permits.
#[derive(Debug)]
pub(in crate::data_plane) struct OneUse {
    tenant: TenantId,
    link: Box<str>,
    expires_at: UnixSeconds,
    client: ClientIp,
    agent: ClaimDigest,
    file: ClaimDigest,
}

/// A claim that was granted. Dropped, it ends: with what was said of it last.
#[derive(Debug)]
pub(in crate::data_plane) struct Claimed {
    claims: Claims,
    end: ClaimEnd,
}

impl OneUse {
    /// None where bytes are not asked for, or the link may be used any number of times.
    pub(in crate::data_plane) fn of(
        permit: &Permit<'_>,
        facts: &RequestFacts<'_>,
        parts: &Parts,
    ) -> Result<Option<Self>, Denial> {
        let Basis::Token(token) = permit.basis() else { return Ok(None) };
        let Some(payload) = token.payload() else { return Ok(None) };
        match payload.terms.uses {
            Uses::One if parts.method == Method::GET => {}
            Uses::Any | Uses::One => return Ok(None),
        }
        let tenant = facts.site.tenant;
        // A link that has no name can not be counted; none of ours is made so.
        let link = token.own_link().ok_or(TokenRejection::Malformed(MalformedToken::Payload))?;
        let agents = parts.headers.get_all(USER_AGENT).iter().map(HeaderValue::as_bytes);
        let agents: Vec<_> = agents.collect();
        // Which file of those that the link covers, in which of its forms.
        let query = QueryDigest::of(tenant.0, facts.target.query());
        let form = LinkPayload { binding: LinkBinding::Query(query), ..payload }.to_string();
        let file = ClaimDigest::of(&[facts.target.decoded().as_bytes(), form.as_bytes()]);
        Ok(Some(Self {
            tenant,
            link: link.into(),
            expires_at: token.claims().expiry,
            client: facts.client,
            agent: ClaimDigest::of(&agents),
            file,
        }))
    }

    /// What there is to claim before this answer is sent; none where it has no bytes.
    pub(in crate::data_plane) fn draft(
        self,
        status: StatusCode,
        body: &AnswerBody,
    ) -> Result<Option<ClaimDraft>, Denial> {
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
            || body.size_hint().exact() == Some(0)
        {
            return Ok(None);
        }
        let mut chance = [0; 16];
        getrandom::fill(&mut chance).map_err(|_| DenialCode::LedgerUnavailable)?;
        let (size, positions) = extent(body.portion());
        let Self { tenant, link, expires_at, client, agent, file } = self;
        let id = ClaimId::of_bytes(chance);
        let draft =
            ClaimDraft { id, tenant, link, expires_at, client, agent, file, size, positions };
        Ok(Some(draft))
    }
}

impl Claimed {
    /// Claims a use; a ledger that is not there grants none.
    pub(in crate::data_plane) async fn grant(
        claims: Option<&Claims>,
        draft: &ClaimDraft,
    ) -> Result<Self, Denial> {
        let claims = claims.ok_or(DenialCode::LedgerUnavailable)?;
        match claims.claim(draft).await {
            Ok(ClaimVerdict::Granted | ClaimVerdict::Resumed) => {
                Ok(Self { claims: claims.clone(), end: nothing_left(draft) })
            }
            Ok(ClaimVerdict::Busy | ClaimVerdict::Used) => Err(DenialCode::LinkUsed.into()),
            Err(LedgerAway) => Err(DenialCode::LedgerUnavailable.into()),
        }
    }

    /// The body ended after so many bytes.
    pub(in crate::data_plane) fn end(mut self, sent: u64, outcome: ClaimOutcome) {
        self.end.sent = sent;
        self.end.outcome = outcome;
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.claims.end(self.end.clone());
    }
}

/// The length of a file, and which of its positions an answer has.
fn extent(portion: &Portion) -> (Option<u64>, Vec<PositionRun>) {
    let run = |first, last| PositionRun { first, last };
    match portion {
        Portion::Nothing => (None, Vec::new()),
        Portion::Spans { spans, complete } => {
            let runs = Spans::as_slice(spans).iter().map(|it| run(it.first(), it.last()));
            (Some(*complete), runs.collect())
        }
        Portion::Whole { complete } => {
            let last = complete.map_or(LAST_POSITION, |complete| complete.saturating_sub(1));
            (*complete, vec![run(0, last)])
        }
    }
}
