//! Addresses, and a letter as servers take it (RFC 5322, RFC 2046).

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::letter::Written;
use crate::clock::UnixSeconds;

/// From whom to whom, and which letter it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::control_plane) struct Envelope<'a> {
    /// Where it comes from, and what that is called.
    pub(in crate::control_plane) from: (&'a str, &'a str),
    /// Where answers go.
    pub(in crate::control_plane) reply_to: Option<&'a str>,
    /// Where it goes, and who that is.
    pub(in crate::control_plane) to: (&'a str, &'a str),
    /// Its id, the same however often it is sent.
    pub(in crate::control_plane) id: &'a str,
    /// Since when it is one.
    pub(in crate::control_plane) date: UnixSeconds,
}

/// A letter that can be handed over.
#[derive(Clone, Debug)]
pub(in crate::control_plane) struct Sealed {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: Vec<u8>,
}

/// Is it an address that mail can go to?
pub(in crate::control_plane) fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// Puts a letter down. None where an address is none.
pub(in crate::control_plane) fn compose(
    envelope: &Envelope<'_>,
    written: &Written,
) -> Option<Sealed> {
    let Envelope { from, reply_to, to, id, date } = envelope;
    let from_address: Address = from.0.parse().ok()?;
    let to_address: Address = to.0.parse().ok()?;
    let named = |name: &str| Some(line(name)).filter(|it| !it.is_empty());
    let id = format!("<{id}@{}>", from_address.domain());
    let mut message = Message::builder()
        .from(Mailbox::new(named(from.1), from_address.clone()))
        .to(Mailbox::new(named(to.1), to_address.clone()))
        .subject(line(&written.subject))
        .date(UNIX_EPOCH + Duration::from_secs(date.get()))
        .message_id(Some(id));
    if let Some(reply_to) = reply_to {
        message = message.reply_to(Mailbox::new(None, reply_to.parse().ok()?));
    }
    let parts = MultiPart::alternative_plain_html(lines(&written.text), lines(&written.html));
    let mut message = message.multipart(parts).ok()?;
    // Nobody's holiday answers it (RFC 3834 section 5).
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Some(Sealed {
        from: from_address.to_string(),
        to: to_address.to_string(),
        message: message.formatted(),
    })
}

/// A text as one line. What ends one cannot be written into a header: nothing begins another.
fn line(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

/// A text as lines, each of which ends in one way: what servers take for a line end is none of it.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|it| !it.is_control() || matches!(it, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(subject: &str) -> Written {
        Written {
            subject: subject.to_owned(),
            text: "Grüße\n.\nFrom here".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
        }
    }

    const ENVELOPE: Envelope<'_> = Envelope {
        from: ("press@example.com", "Press, “office”"),
        reply_to: Some("ann@example.com"),
        to: ("bob@example.org", "Bob"),
        id: "ltr_1",
        date: UnixSeconds::new(1_893_456_000),
    };

    /// What is put in can end no header and begin none.
    #[test]
    fn nothing_becomes_a_header_of_its_own() {
        let evil = "a\r\nBcc: eve@example.com\r\n\r\nbody";
        let envelope = Envelope {
            from: ("press@example.com", evil),
            to: ("bob@example.org", evil),
            ..ENVELOPE
        };
        let sealed = compose(&envelope, &written(evil)).unwrap();
        let text = String::from_utf8(sealed.message).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        let names: Vec<&str> = lines.filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Reply-To",
                "MIME-Version",
                "Auto-Submitted",
                "Content-Type"
            ],
            "{head}"
        );
        assert!(!head.contains('\0') && head.is_ascii(), "{head}");
    }

    /// A server that takes a bare CR or LF for a line end would read an end of the letter there, and
    /// what follows as commands (CVE-2023-51764).
    #[test]
    fn every_line_ends_as_servers_agree_that_it_does() {
        let ends = ["\r", "\n", "\r\n", "\n\r", "\r\r\n", "\0\n", "\u{85}", "\u{2028}"];
        // Plain text and text beyond ASCII travel in different ways.
        for (end, hello) in ends.iter().flat_map(|end| [(end, "Hello"), (end, "Grüße")]) {
            let evil = format!("{hello}{end}.{end}MAIL FROM:<eve@example.com>{end}b");
            let written = Written {
                subject: evil.clone(),
                text: evil.clone(),
                html: format!("<p>{evil}</p>"),
            };
            let envelope = Envelope {
                from: ("press@example.com", &evil),
                to: ("bob@example.org", &evil),
                ..ENVELOPE
            };
            let sealed = compose(&envelope, &written).unwrap();
            let rest = String::from_utf8(sealed.message).unwrap().replace("\r\n", "");
            assert!(!rest.contains(['\r', '\n', '\0']), "{hello}{end:?}: {rest:?}");
            for address in [&sealed.from, &sealed.to] {
                assert!(!address.contains(char::is_control), "{address:?}");
            }
        }
    }

    #[test]
    fn a_letter_is_the_same_however_often_it_is_sent() {
        let text = String::from_utf8(compose(&ENVELOPE, &written("A")).unwrap().message).unwrap();
        assert!(text.contains("Message-ID: <ltr_1@example.com>\r\n"), "{text}");
        assert!(text.contains("Date: Tue, 01 Jan 2030 00:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_address_is_none() {
        for (text, expected) in [
            ("bob@example.org", true),
            ("bob+share@sub.example.org", true),
            ("bob", false),
            ("bob@", false),
            ("<bob@example.org>", false),
            ("bob@example.org\r\nRCPT TO:<eve@example.org>", false),
            ("bob@example.org> SIZE=1", false),
            ("a@b@c", false),
        ] {
            assert_eq!(is_address(text), expected, "{text:?}");
        }
        assert!(compose(&Envelope { to: ("bob", ""), ..ENVELOPE }, &written("A")).is_none());
    }
}
