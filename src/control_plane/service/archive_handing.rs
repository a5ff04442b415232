//! Archives as they are handed over: decided as a whole before their first byte leaves, and entry by
//! entry when theirs do (requirement A12). What leaves is in the audit log before it does: of each
//! content once for whoever has it, and of the archive each time (A13).

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, Method, Response, StatusCode};

use super::archive_opening::{ArchiveRight, OpenArchive};
use super::desk::Services;
use super::error::{OriginalRefusal, ServiceError};
use super::source::{Sources, SourcesInForce, asker, unredeemed};
use crate::archive::{Entries, Opening, Plan, object};
use crate::asset::TenantId;
use crate::claim::PositionRun;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ArchiveDelivery, ArchivePlan, ArchivePlanId, ContentId, PositionSet, SourceDelivery, SourceWay,
};
use crate::delivery::{
    Answer, Ask, AskMethod, Body, ByteRange, Conditions, Delivery, OriginError, OriginFault,
    RangeSpec,
};
use crate::policy::{Asker, DenialCode, HandedFile, Permit, Promise, decide_handed};
use crate::response::{AnswerBody, Portion, Wanted, deliver_object};
use crate::token::IssuerMark;

/// How an archive is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveAsk<'a> {
    /// What it is saved as.
    pub name: &'a str,
    /// The request's method: with anything but `HEAD`, the bytes are wanted.
    pub method: &'a Method,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its id in the log.
    pub request_id: &'a str,
}

impl Services {
    /// Hands a promised archive over, or the part that is asked for.
    pub async fn archive_hand_over(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ArchivePlanId,
        ask: ArchiveAsk<'_>,
    ) -> Result<Response<AnswerBody>, ServiceError> {
        let right = ArchiveRight::Own(caller.within(tenant));
        self.archive_hand_over_by(right, tenant, id, ask).await
    }

    /// The same, by the right that somebody has to it.
    pub(super) async fn archive_hand_over_by(
        &self,
        right: ArchiveRight,
        tenant: TenantId,
        id: &ArchivePlanId,
        ask: ArchiveAsk<'_>,
    ) -> Result<Response<AnswerBody>, ServiceError> {
        let OpenArchive { promise, plan, files } = self.archive_open_by(&right, tenant, id).await?;
        let in_force = in_force(self)?;
        let client = asker(right.caller().address())?;
        let asker = Asker { client, way: in_force.cdn.way(ask.headers) };
        let handed = Handed { services: self.clone(), right, asker, promise };
        for file in files {
            drop(handed.decide(file, &in_force)?);
        }
        let (plan, handed) = (Arc::new(plan), Arc::new(handed));
        let archive = object(Arc::clone(&plan), Arc::clone(&handed) as Arc<dyn Entries>);
        let method = match *ask.method {
            Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        let wanted = Wanted { method, headers: ask.headers, name: ask.name, now: self.now() };
        let response = deliver_object(archive, wanted).map_err(OriginalRefusal::from)?;
        let bytes_leave = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT);
        if bytes_leave && method == AskMethod::Get {
            let (delivery, contents) = handed.delivered(&plan, &response, ask.request_id);
            if delivery.files > 0 {
                let mut change = self.change(handed.right.caller()).await?;
                change.archive_delivered(tenant, id, &delivery, &contents).await?;
                change.commit().await?;
            }
        }
        Ok(response)
    }
}

/// An archive that is being handed over.
#[derive(Debug)]
struct Handed {
    services: Services,
    /// Of a caller within the archive's tenant.
    right: ArchiveRight,
    asker: Asker,
    promise: ArchivePlan,
}

impl Handed {
    fn decide(
        &self,
        file: HandedFile,
        in_force: &SourcesInForce,
    ) -> Result<Permit<'static>, OriginalRefusal> {
        let ArchivePlan { id, tenant, issuer, created_at, .. } = &self.promise;
        let promise = Promise {
            id: Some(id.as_str()),
            made_at: *created_at,
            issuer: IssuerMark::of(tenant.0, issuer),
        };
        decide_handed(file, self.asker, promise, &in_force.policy, self.services.now())
            .map_err(|denial| denial.code().into())
    }

    /// What the audit log is to say of the answer, and of each entry of which bytes are to leave.
    fn delivered(
        &self,
        plan: &Plan,
        response: &Response<AnswerBody>,
        request_id: &str,
    ) -> (ArchiveDelivery, Vec<(ContentId, SourceDelivery)>) {
        let whole = ByteRange::whole(plan.length());
        let spans = match response.body().portion() {
            Portion::Nothing => &[],
            Portion::Spans { spans, complete: _ } => spans.as_slice(),
            Portion::Whole { complete: _ } => whole.as_slice(),
        };
        let (mut left, mut entries) = (BTreeMap::<usize, u64>::new(), PositionSet::default());
        for span in spans {
            let within: Vec<(usize, u64)> = plan.entries_in(*span).collect();
            if let (Some((first, _)), Some((last, _))) = (within.first(), within.last()) {
                entries.insert(PositionRun { first: place(*first), last: place(*last) });
            }
            for (index, bytes) in within {
                let sum = left.entry(index).or_default();
                *sum = sum.saturating_add(bytes);
            }
        }
        let status = response.status().as_u16();
        let delivery = ArchiveDelivery {
            entries,
            files: left.len() as u64,
            bytes: left.values().copied().fold(0, u64::saturating_add),
            status,
            request_id: request_id.into(),
        };
        let contents = left.into_iter().filter_map(|(index, bytes)| {
            let entry = self.promise.entries.get(index)?;
            let delivery = SourceDelivery {
                version: entry.version.clone(),
                file: entry.file,
                sha256: Some(entry.sha256.clone()),
                name: entry.name.clone(),
                way: SourceWay::Archive,
                promise: Some(self.promise.id.as_str().into()),
                entry: Some(place(index)),
                status,
                bytes: Some(bytes),
                request_id: request_id.into(),
            };
            Some((entry.content.clone(), delivery))
        });
        (delivery, contents.collect())
    }

    async fn opened(&self, index: usize, range: ByteRange) -> Result<Body, OriginError> {
        let Self { services, right, asker: _, promise } = self;
        let entry = promise.entries.get(index).ok_or(OriginFault::BodyBroken)?;
        let ArchivePlan { tenant, issuer, .. } = promise;
        let file = services.archive_entry_by(right, *tenant, issuer, entry).await;
        let file = file.map_err(refused)?;
        let in_force = in_force(services).map_err(refused)?;
        let permit = self.decide(file, &in_force).map_err(refused)?;
        let delivery = in_force.delivery.redeem(permit).map_err(|it| refused(unredeemed(it)))?;
        let Delivery::Source(redeemed) = &delivery else {
            return Err(OriginFault::NotAsRegistered.into());
        };
        let part = [RangeSpec::FromTo(range.first(), range.last())];
        let ranges = if range.length() == entry.size { &[][..] } else { &part[..] };
        let (conditions, forwarded) = (Conditions::default(), HeaderMap::new());
        let now = services.now();
        let ask = |key| Ask {
            key,
            method: AskMethod::Get,
            ranges,
            conditions: &conditions,
            forwarded: &forwarded,
            now,
        };
        let answer = redeemed.ask(ask).await?;
        let answer = match delivery.registered() {
            Some(registered) => registered.describe(answer)?,
            None => answer,
        };
        match answer {
            Answer::Found(object) => Ok(object.into_spans(&range.into())),
            Answer::Described(_) | Answer::NotFound(_) | Answer::NotModified(_) => {
                Err(OriginFault::Changed.into())
            }
        }
    }
}

/// An entry's place in the archive, from 1.
fn place(index: usize) -> u64 {
    (index as u64).saturating_add(1)
}

impl Entries for Handed {
    fn open(&self, index: usize, range: ByteRange) -> Opening<'_> {
        Box::pin(self.opened(index, range))
    }
}

fn in_force(services: &Services) -> Result<SourcesInForce, OriginalRefusal> {
    services.sources().and_then(Sources::in_force).ok_or_else(|| DenialCode::NoSnapshot.into())
}

/// It was promised, and is not had any more.
fn refused(why: impl std::error::Error + Send + Sync + 'static) -> OriginError {
    OriginError::caused_by(OriginFault::NotAsRegistered, why)
}
