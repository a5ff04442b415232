//! What happened to a share, in words for whoever manages it (C27).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::spelling::{Instant, Size};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{Share, ShareEvent, ShareEventKind, ShareRecipient};

/// A line of it.
pub(super) struct EventRow {
    pub(super) at: Instant,
    pub(super) what: &'static str,
    pub(super) who: String,
    pub(super) detail: String,
}

/// Whom the lines are about.
#[derive(Debug)]
pub(super) struct Known<'k> {
    creator: (&'k str, &'k str),
    recipients: HashMap<u64, &'k str>,
}

impl<'k> Known<'k> {
    /// Those who are known of a share.
    pub(super) fn of(
        share: &'k Share,
        recipients: impl Iterator<Item = &'k ShareRecipient>,
    ) -> Self {
        Self {
            creator: (&share.creator, &share.creator_name),
            recipients: recipients.map(|it| (it.number, &*it.name)).collect(),
        }
    }

    /// Who did it.
    fn who(&self, event: &ShareEvent) -> String {
        if let Some(actor) = &event.actor {
            let (id, name) = self.creator;
            return if **actor == *id { name.to_owned() } else { actor.to_string() };
        }
        let named = event.recipient.map(|number| match self.recipients.get(&number) {
            Some(name) => (*name).to_owned(),
            None => format!("recipient {number}"),
        });
        let name = named.unwrap_or_else(|| "a visitor".to_owned());
        match event.network {
            // Of one address its length says nothing.
            Some(network) if network.prefix_len() == network.max_prefix_len() => {
                format!("{name}, from {}", network.addr())
            }
            Some(network) => format!("{name}, from {network}"),
            None => name,
        }
    }
}

impl EventRow {
    /// That event.
    pub(super) fn of(event: &ShareEvent, known: &Known<'_>) -> Self {
        let ShareEvent { at, kind, detail, recipient, sent, .. } = event;
        let whose = recipient.and_then(|it| known.recipients.get(&it).copied());
        let (what, detail) = match kind {
            ShareEventKind::Changed => match recipient {
                Some(_) => ("a recipient's address changed", about(whose, &differences(detail))),
                None => ("changed", differences(detail)),
            },
            ShareEventKind::Created => ("made", counted(detail, "items", "item")),
            ShareEventKind::Downloaded => {
                let sent = sent.map(|sent| format!("; {} sent so far", Size(sent)));
                ("downloaded", downloaded(detail) + &sent.unwrap_or_default())
            }
            ShareEventKind::Expired => ("asked for after its end", String::new()),
            ShareEventKind::Expiring => ("ends soon", String::new()),
            ShareEventKind::ItemRemoved => ("an item taken out", text(detail, "content")),
            ShareEventKind::MailFailed => ("a letter could not be sent", stopped(detail)),
            ShareEventKind::MailSent => ("a letter sent", String::new()),
            ShareEventKind::PasswordFailed => ("a wrong password", String::new()),
            ShareEventKind::Revoked => {
                ("a recipient's address closed", whose.unwrap_or_default().to_owned())
            }
            ShareEventKind::TermsAccepted => {
                ("terms accepted", format!("version {}", text(detail, "version")))
            }
            ShareEventKind::Viewed => ("opened", String::new()),
        };
        Self { at: Instant(*at), what, who: known.who(event), detail }
    }
}

fn about(whose: Option<&str>, what: &str) -> String {
    whose.map_or_else(|| what.to_owned(), |name| format!("{name}: {what}"))
}

fn text(detail: &Map<String, Value>, name: &str) -> String {
    match detail.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Where a letter stopped, and the code that it was answered with.
fn stopped(detail: &Map<String, Value>) -> String {
    let code = detail.get("code").and_then(Value::as_u64);
    text(detail, "step") + &code.map(|code| format!(", {code}")).unwrap_or_default()
}

fn counted(detail: &Map<String, Value>, name: &str, noun: &str) -> String {
    match detail.get(name).and_then(Value::as_u64) {
        Some(1) => format!("1 {noun}"),
        Some(count) => format!("{count} {noun}s"),
        None => String::new(),
    }
}

/// A file, or several as a zip.
fn downloaded(detail: &Map<String, Value>) -> String {
    let size = detail
        .get("size")
        .and_then(Value::as_u64)
        .map_or_else(String::new, |size| format!(", {}", Size(size)));
    if detail.contains_key("archive") {
        return format!("a zip of {}{size}", counted(detail, "files", "file"));
    }
    let kind = match detail.get("kind").and_then(Value::as_str) {
        Some("source") => " (the original)",
        Some("attachment") => " (an attachment)",
        Some(_) | None => "",
    };
    format!("{}{kind}{size}", text(detail, "file"))
}

/// Each field, as it was and as it is.
fn differences(detail: &Map<String, Value>) -> String {
    let fields = detail.iter().map(|(name, values)| {
        let of = |place| spoken(name, values.get(place).unwrap_or(&Value::Null));
        format!("{}: {} → {}", name.replace('_', " "), of(0), of(1))
    });
    fields.collect::<Vec<_>>().join("; ")
}

fn spoken(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => format!("“{text}”"),
        Value::Number(number) if name == "expires_at" => number
            .as_u64()
            .map_or_else(|| number.to_string(), |at| Instant(UnixSeconds::new(at)).to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: ShareEventKind, recipient: Option<u64>, detail: &Value) -> ShareEvent {
        let actor = (kind == ShareEventKind::Changed).then(|| "per_1".into());
        let network = actor.is_none().then(|| "192.0.2.1/32".parse().unwrap());
        let (number, at, item) = (1, UnixSeconds::new(1), None);
        let detail = detail.as_object().unwrap().clone();
        ShareEvent { number, at, kind, actor, recipient, network, item, detail, sent: None }
    }

    #[test]
    fn an_event_is_told_in_words() {
        let recipients = HashMap::from([(1, "Bob")]);
        let known = Known { creator: ("per_1", "Ann"), recipients };
        let told = |kind, recipient, detail: Value| {
            let row = EventRow::of(&event(kind, recipient, &detail), &known);
            (row.what, row.who, row.detail)
        };
        let row = |what, who: &str, detail: &str| (what, who.to_owned(), detail.to_owned());
        let zip = json!({"archive": "dla_1", "download": 1, "files": 2, "size": 40_987});
        assert_eq!(
            told(ShareEventKind::Downloaded, Some(1), zip),
            row("downloaded", "Bob, from 192.0.2.1", "a zip of 2 files, 40.0 KiB")
        );
        let one = json!({"content": "-c", "file": "a.jpg", "kind": "source", "size": 10});
        assert_eq!(
            told(ShareEventKind::Downloaded, None, one),
            row("downloaded", "a visitor, from 192.0.2.1", "a.jpg (the original), 10 bytes")
        );
        let changes = json!({"expires_at": [1_893_456_000, null], "title": ["A", "B"]});
        assert_eq!(
            told(ShareEventKind::Changed, None, changes),
            row("changed", "Ann", "expires at: 2030-01-01 00:00 UTC → none; title: “A” → “B”")
        );
        let end = json!({"expires_at": [null, 1_893_456_000]});
        assert_eq!(
            told(ShareEventKind::Changed, Some(1), end),
            row(
                "a recipient's address changed",
                "Ann",
                "Bob: expires at: none → 2030-01-01 00:00 UTC"
            )
        );
        let terms = json!({"terms": "ff", "version": 2});
        assert_eq!(
            told(ShareEventKind::TermsAccepted, Some(7), terms),
            row("terms accepted", "recipient 7, from 192.0.2.1", "version 2")
        );
    }
}
