//! Letters that are sent: taken for a while, written of what is so now, and brought to the tenant's
//! server. What the server refuses for the moment is tried again for two days.

use std::time::Duration;

use super::desk::Services;
use super::error::ServiceError;
use super::mail_server::envelope;
use super::share_letter::makers_address;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::mail::{
    Envelope, Lock, MailFault, MailStep, Occasion, Outlook, Relay, Sealed, Written, compose, write,
};
use crate::control_plane::record::{
    Letter, LetterKind, LetterState, MailServer, Share, ShareEventKind, ShareRecipient, chance,
};
use crate::control_plane::store::{Happened, StoreErrorKind, View};
use crate::control_plane::words::Words;
use crate::telemetry::ErrorChain;

/// Seconds for which a letter is its taker's: longer than any conversation takes.
const TAKEN_FOR: u64 = 15 * 60;

/// How long bringing a letter may take in all: a server that answers slowly and well holds up its own
/// tenant's letters no longer than that.
const WHOLE: Duration = Duration::from_mins(3);

const HOUR: u64 = 3_600;

/// Seconds until a letter is tried again, after each time that it was: about two days in all.
const AGAIN_AFTER: [u64; 11] =
    [60, 300, 900, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR, 8 * HOUR, 8 * HOUR, 8 * HOUR];

/// What is to be done with a letter that was taken.
enum Turn {
    /// It goes there.
    Send(Box<(Relay, Sealed)>),
    /// It cannot go, or not now.
    Stop(MailFault),
    /// What it was about is over.
    Withdraw,
}

impl Services {
    /// The tenants of whom a letter is due.
    pub(in crate::control_plane) async fn letter_tenants_due(
        &self,
    ) -> Result<Vec<TenantId>, ServiceError> {
        let now = self.now();
        Ok(self.view(&Caller::system("mail")).await?.letter_tenants_due(now).await?)
    }

    /// Sends the letter of a tenant that has been due the longest. Gives what became of it; none where
    /// none is due. Whoever is stopped in between leaves it to be sent again, by the same id.
    pub(in crate::control_plane) async fn letter_send_next(
        &self,
        tenant: TenantId,
    ) -> Result<Option<LetterState>, ServiceError> {
        let caller = Caller::system("mail");
        let mut change = self.change(&caller).await?;
        let until = change.now().plus(TAKEN_FOR);
        let Some(mut letter) = change.letter_take(tenant, until).await? else { return Ok(None) };
        change.commit().await?;
        let outcome = match self.letter_turn(&mut letter).await {
            Ok(Turn::Send(ready)) => {
                let (relay, sealed) = *ready;
                Some(self.post().bring(&relay, &sealed, WHOLE).await)
            }
            Ok(Turn::Stop(fault)) => Some(Err(fault)),
            Ok(Turn::Withdraw) => None,
            // The letter stays taken for a while.
            Err(error @ (ServiceError::Unavailable(_) | ServiceError::OutcomeUnknown(_))) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "a letter cannot be written");
                Some(Err(fault(&error.to_string(), Outlook::Again)))
            }
        };
        Ok(Some(self.letter_tried(&letter, outcome).await?))
    }

    /// Keeps what became of a letter that was taken, and tells of it in the history of its share, where
    /// that is there still. `outcome` is what the server said; none where it was not to be sent any more.
    pub(in crate::control_plane) async fn letter_tried(
        &self,
        letter: &Letter,
        outcome: Option<Result<String, MailFault>>,
    ) -> Result<LetterState, ServiceError> {
        let caller = Caller::system("mail");
        let stopped = outcome.as_ref().and_then(|it| it.as_ref().err());
        let stopped = stopped.map(|fault| (fault.step, fault.code));
        let after = became(letter, outcome, self.now())?;
        let mut change = self.change(&caller).await?;
        if change.letter_keep(letter, &after).await? {
            if let Some(mut happened) = told(&after, stopped) {
                happened.actor = Some(caller.actor().to_string().into());
                match change.share_event_add(&letter.share, &happened).await {
                    // It was removed meanwhile: what went out did so all the same.
                    Err(error) if error.kind() == StoreErrorKind::NotFound => {}
                    told => told?,
                }
            }
            change.commit().await?;
        }
        Ok(after.state)
    }

    /// Writes a letter of what is so now. One to whoever made the share goes to where mail reaches them
    /// now, and nowhere once they are gone.
    async fn letter_turn(&self, letter: &mut Letter) -> Result<Turn, ServiceError> {
        let mut view = self.view(&Caller::system("mail")).await?;
        let share = match view.share(&letter.share).await.map_err(ServiceError::from) {
            Ok(share) => share,
            Err(ServiceError::NotFound) => return Ok(Turn::Withdraw),
            Err(error) => return Err(error),
        };
        let server = match view.mail_server(letter.tenant).await.map_err(ServiceError::from) {
            Ok(server) => server,
            Err(ServiceError::NotFound) => {
                let none = "the tenant has no mail server";
                return Ok(Turn::Stop(fault(none, Outlook::Again)));
            }
            Err(error) => return Err(error),
        };
        if letter.recipient.is_none() {
            let Some(address) = makers_address(&mut view, &share).await? else {
                return Ok(Turn::Withdraw);
            };
            letter.address = address;
        }
        let recipient = match letter.recipient.or_else(|| visitor(letter)) {
            Some(number) => Some(view.share_recipient(&share.id, number).await?),
            None => None,
        };
        let Some(written) =
            self.letter_written(&mut view, letter, &share, &server, recipient.as_ref()).await?
        else {
            return Ok(Turn::Withdraw);
        };
        let name = match letter.kind {
            LetterKind::Invitation => recipient.as_ref().map_or("", |it| &*it.name),
            LetterKind::AccessDigest | LetterKind::AccessNotice | LetterKind::ExpiryWarning => "",
        };
        let envelope = Envelope {
            to: (&letter.address, name),
            ..envelope(&server, &letter.id, letter.created_at)
        };
        let Some(sealed) = compose(&envelope, &written) else {
            return Ok(Turn::Stop(fault("it is no mail address", Outlook::Final)));
        };
        Ok(Turn::Send(Box::new((self.relay(&server)?, sealed))))
    }

    /// Its words; none where there is nothing to say any more.
    async fn letter_written(
        &self,
        view: &mut View,
        letter: &Letter,
        share: &Share,
        server: &MailServer,
        recipient: Option<&ShareRecipient>,
    ) -> Result<Option<Written>, ServiceError> {
        let is_over = share.is_over(self.now());
        let of_letters = server.draft.language.as_deref();
        let (language, url, digest);
        let occasion = match letter.kind {
            LetterKind::Invitation => {
                let Some(recipient) = recipient.filter(|it| !is_over && !it.is_over(self.now()))
                else {
                    return Ok(None);
                };
                language = share.draft.language.as_deref().or(of_letters);
                url = self.share_url(share.tenant, share.draft.delivery, &recipient.address)?;
                Occasion::Invitation {
                    recipient: &recipient.name,
                    sender: sender(share, server),
                    message: &share.draft.message,
                    url: &url,
                    items: share.items,
                    until: share.expires_at.into_iter().chain(recipient.expires_at).min(),
                    password: if share.password.is_some() { Lock::Password } else { Lock::Open },
                }
            }
            LetterKind::ExpiryWarning => {
                language = of_letters;
                // Of another end there is another letter.
                let warned_for = letter.about.parse().ok().map(UnixSeconds::new);
                match share.expires_at.filter(|end| Some(*end) == warned_for && !is_over) {
                    Some(until) => Occasion::EndsSoon { until },
                    None => return Ok(None),
                }
            }
            LetterKind::AccessNotice => {
                language = of_letters;
                let visitor = recipient.map(|it| &*it.name);
                let had = ShareEventKind::Downloaded.wire_name();
                match letter.detail.get("event").and_then(serde_json::Value::as_str) {
                    Some(event) if event == had => Occasion::Had { visitor },
                    Some(_) | None => Occasion::Opened { visitor },
                }
            }
            LetterKind::AccessDigest => {
                language = of_letters;
                let since = letter.created_at;
                digest = (
                    view.share_event_count(&share.id, ShareEventKind::Viewed, since).await?,
                    view.share_event_count(&share.id, ShareEventKind::Downloaded, since).await?,
                );
                let (opened, had) = digest;
                Occasion::Digest { since, opened, had }
            }
        };
        let words = Words::of(language, None);
        let written = write(words, &share.draft.title, &occasion)
            .map_err(|error| ServiceError::Failed(Box::new(error)))?;
        Ok(Some(written))
    }
}

/// The recipient whom a notice is about.
fn visitor(letter: &Letter) -> Option<u64> {
    letter.detail.get("visitor").and_then(serde_json::Value::as_u64)
}

/// Who shares, as letters name them.
fn sender<'a>(share: &'a Share, server: &'a MailServer) -> &'a str {
    let names = [&*share.creator_name, &server.draft.from_name, &server.draft.from_address];
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

fn fault(said: &str, outlook: Outlook) -> MailFault {
    MailFault { step: MailStep::Message, said: said.into(), code: None, outlook }
}

/// A letter after it was tried; `outcome` is none where it was not to be sent any more.
fn became(
    letter: &Letter,
    outcome: Option<Result<String, MailFault>>,
    now: UnixSeconds,
) -> Result<Letter, ServiceError> {
    let ended = |state, answer: Option<Box<str>>| Letter {
        state,
        due_at: None,
        ended_at: Some(now),
        answer,
        ..letter.clone()
    };
    Ok(match outcome {
        None => ended(LetterState::Withdrawn, None),
        Some(Ok(answer)) => ended(LetterState::Sent, Some(answer.into())),
        Some(Err(fault)) => {
            let answer = Some(fault.to_string().into());
            let times = usize::try_from(letter.attempts).unwrap_or(usize::MAX);
            let wait = AGAIN_AFTER.get(times.saturating_sub(1)).copied();
            match (fault.outlook, wait) {
                (Outlook::Again, Some(wait)) => Letter {
                    due_at: Some(now.plus(scattered(wait, chance()?))),
                    answer,
                    ..letter.clone()
                },
                (Outlook::Again, None) | (Outlook::Final, _) => ended(LetterState::Failed, answer),
            }
        }
    })
}

/// So many seconds, and up to a fifth more or less: what failed together is not tried together.
fn scattered(seconds: u64, chance: [u8; 2]) -> u64 {
    let fifth = seconds / 5;
    let step = u64::from(u16::from_be_bytes(chance));
    seconds - fifth + 2 * fifth * step / u64::from(u16::MAX)
}

/// What a share's history has of a letter: what its recipients were sent, and what could not be. What
/// the server said is for whoever looks after the tenant's mail; here is where it stopped.
fn told(letter: &Letter, stopped: Option<(MailStep, Option<u16>)>) -> Option<Happened> {
    let kind = match (letter.state, letter.kind) {
        (LetterState::Sent, LetterKind::Invitation) => ShareEventKind::MailSent,
        (LetterState::Failed, _) => ShareEventKind::MailFailed,
        (LetterState::Sent | LetterState::Waiting | LetterState::Withdrawn, _) => return None,
    };
    let mut happened = Happened::of(kind);
    happened.recipient = letter.recipient;
    happened.detail.insert("letter".to_owned(), letter.kind.wire_name().into());
    if let Some((step, code)) = stopped {
        happened.detail.insert("step".to_owned(), step.wire_name().into());
        happened.detail.insert("code".to_owned(), code.into());
    }
    Some(happened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_for_two_days() {
        let all: u64 = AGAIN_AFTER.iter().sum();
        assert!((46 * HOUR..49 * HOUR).contains(&all), "{all}");
        for (chance, expected) in [([0, 0], 800), ([255, 255], 1_200), ([128, 0], 1_000)] {
            assert_eq!(scattered(1_000, chance), expected);
        }
    }
}
