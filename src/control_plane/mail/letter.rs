//! What a letter says: in the words of a language, once as text and once as HTML.

use askama::Template;

use crate::clock::UnixSeconds;
use crate::control_plane::words::Words;

/// Characters of a name or a title in a subject: more is cut.
const IN_A_SUBJECT: usize = 80;

/// What a letter is about.
#[derive(Clone, Copy, Debug)]
pub(in crate::control_plane) enum Occasion<'a> {
    /// Somebody is given an address of their own (C9).
    Invitation {
        /// What they are called.
        recipient: &'a str,
        /// Who shares.
        sender: &'a str,
        /// What the sender writes.
        message: &'a str,
        /// Where it opens.
        url: &'a str,
        /// How many items there are.
        items: u64,
        /// The last second at which it is open.
        until: Option<UnixSeconds>,
        /// Is a password wanted? It is never in a letter (C12).
        password: Lock,
    },
    /// A share of theirs ends soon.
    EndsSoon {
        /// When.
        until: UnixSeconds,
    },
    /// Somebody opened a share of theirs.
    Opened {
        /// The recipient, where it was one's own address.
        visitor: Option<&'a str>,
    },
    /// Somebody began a download.
    Had {
        /// The recipient, where it was one's own address.
        visitor: Option<&'a str>,
    },
    /// What happened in a while.
    Digest {
        /// Since when.
        since: UnixSeconds,
        /// How often it was opened.
        opened: u64,
        /// How many downloads were begun.
        had: u64,
    },
}

/// Is a password wanted?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control_plane) enum Lock {
    /// None is.
    Open,
    /// One is.
    Password,
}

/// A letter's words.
#[derive(Clone, Debug)]
pub(in crate::control_plane) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// What stands in a letter, in this order.
#[derive(Default)]
struct Said {
    hello: Option<String>,
    lead: Vec<String>,
    message: Option<(String, String)>,
    button: Option<(String, String)>,
    rest: Vec<String>,
    foot: String,
}

#[derive(Template)]
#[template(path = "letter.html", config = "src/control_plane/mail/askama.toml")]
struct Page<'a> {
    language: String,
    direction: &'static str,
    subject: &'a str,
    said: &'a Said,
}

/// Writes a letter about a share of that title. Fails only where its template does.
pub(in crate::control_plane) fn write(
    words: Words,
    title: &str,
    occasion: &Occasion<'_>,
) -> Result<Written, askama::Error> {
    let (subject, said) = said(words, title, occasion);
    let page = Page {
        language: words.tag(),
        direction: words.direction(),
        subject: &subject,
        said: &said,
    };
    let html = page.render()?;
    Ok(Written { text: said.text(), html, subject })
}

/// What is said to try a server.
pub(in crate::control_plane) fn trial() -> Written {
    let text = "This is a test: letters about shares can be sent by this mail server.";
    Written {
        subject: "Countersign: a test".to_owned(),
        text: format!("{text}\n"),
        html: format!("<!doctype html><html lang=\"en\"><body><p>{text}</p></body></html>\n"),
    }
}

fn said(words: Words, title: &str, occasion: &Occasion<'_>) -> (String, Said) {
    let short = short(title);
    let of_title = |name| words.of_all(name, &[("title", &short)], None);
    let own = || words.say("letter-why-own");
    match *occasion {
        Occasion::Invitation { .. } => invitation(words, title, occasion),
        Occasion::EndsSoon { until } => {
            let subject = words.of_all("letter-ends-subject", &[("title", &short)], None);
            let with = [("title", title), ("date", &day(until))];
            let lead = words.of_all("letter-ends-lead", &with, None);
            let lead = vec![lead, words.say("letter-ends-after")];
            (subject, Said { lead, foot: own(), ..Said::default() })
        }
        Occasion::Opened { visitor } => {
            let visitor = visitor.map_or_else(|| words.say("letter-somebody"), str::to_owned);
            let with = [("name", &*visitor), ("title", title)];
            let lead = vec![words.of_all("letter-opened-lead", &with, None)];
            (of_title("letter-opened-subject"), Said { lead, foot: own(), ..Said::default() })
        }
        Occasion::Had { visitor } => {
            let visitor = visitor.map_or_else(|| words.say("letter-somebody"), str::to_owned);
            let with = [("name", &*visitor), ("title", title)];
            let lead = vec![words.of_all("letter-had-lead", &with, None)];
            (of_title("letter-had-subject"), Said { lead, foot: own(), ..Said::default() })
        }
        Occasion::Digest { since, opened, had } => {
            let with = [("title", title), ("date", &day(since))];
            let mut lead = vec![words.of_all("letter-digest-lead", &with, None)];
            if opened > 0 {
                lead.push(words.of_number("letter-digest-opened", "count", opened));
            }
            if had > 0 {
                lead.push(words.of_number("letter-digest-had", "count", had));
            }
            (of_title("letter-digest-subject"), Said { lead, foot: own(), ..Said::default() })
        }
    }
}

fn invitation(words: Words, title: &str, occasion: &Occasion<'_>) -> (String, Said) {
    let Occasion::Invitation { recipient, sender, message, url, items, until, password } =
        *occasion
    else {
        return (String::new(), Said::default());
    };
    let (short_title, short_sender) = (short(title), short(sender));
    let in_subject = [("name", &*short_sender), ("title", &*short_title)];
    let subject = words.of_all("letter-share-subject", &in_subject, None);
    let with = [("name", sender), ("title", title)];
    let lead = vec![words.of_all("letter-share-lead", &with, Some(("count", items)))];
    let mut rest = Vec::new();
    rest.extend(until.map(|until| words.of_text("letter-until", "date", &day(until))));
    if password == Lock::Password {
        rest.push(words.of_text("letter-password", "name", sender));
    }
    rest.push(words.say("letter-own"));
    let said = Said {
        hello: Some(words.of_text("letter-hello", "name", recipient)),
        lead,
        message: (!message.trim().is_empty())
            .then(|| (words.of_text("letter-message", "name", sender), message.to_owned())),
        button: Some((words.say("letter-open"), url.to_owned())),
        rest,
        foot: words.say("letter-unexpected"),
    };
    (subject, said)
}

impl Said {
    fn text(&self) -> String {
        let Self { hello, lead, message, button, rest, foot } = self;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(hello.clone());
        parts.extend(lead.iter().cloned());
        parts.extend(message.as_ref().map(|(label, text)| {
            let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
            format!("{label}:\n{}", lines.join("\n"))
        }));
        parts.extend(button.as_ref().map(|(label, url)| format!("{label}:\n{url}")));
        parts.extend(rest.iter().cloned());
        parts.push(format!("-- \n{foot}"));
        format!("{}\n", parts.join("\n\n"))
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(IN_A_SUBJECT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// An instant, for people anywhere: in UTC, as pages of shares have it.
fn day(instant: UnixSeconds) -> String {
    let seconds = i64::try_from(instant.get()).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    timestamp.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://files.example.com/s/AAAAAAAAAAAAAAAAAAAAAA";

    fn invited(message: &str) -> Occasion<'_> {
        Occasion::Invitation {
            recipient: "Bob & Co",
            sender: "Ann",
            message,
            url: URL,
            items: 2,
            until: Some(UnixSeconds::new(1_893_456_000)),
            password: Lock::Password,
        }
    }

    #[test]
    fn every_language_says_who_shares_what_and_where() {
        for tag in ["en", "de", "it", "fr", "es", "zh", "ar"] {
            let words = Words::of(Some(tag), None);
            let written = write(words, "Press <kit>", &invited("Hello,\nhere it is.")).unwrap();
            let Written { subject, text, html } = &written;
            assert!(subject.contains("Ann") && subject.contains("Press <kit>"), "{subject}");
            for said in ["Bob & Co", URL, "> Hello,\n> here it is.", "2030-01-01 00:00 UTC"] {
                assert!(text.contains(said), "{tag} {said}: {text}");
            }
            assert!(html.contains(&format!("lang=\"{tag}\"")), "{html}");
            assert_eq!(html.contains("dir=\"rtl\""), tag == "ar");
            assert!(html.contains("Press &#60;kit&#62;") && !html.contains("<kit>"), "{html}");
            assert!(!text.contains('{') && !text.contains("letter-"), "{text}");
            assert!(!html.contains("letter-"), "{html}");
        }
    }

    #[test]
    fn a_makers_letters_say_what_happened() {
        let words = Words::of(None, None);
        let now = UnixSeconds::new(1_893_456_000);
        for (occasion, subject, said) in [
            (
                Occasion::EndsSoon { until: now },
                "“Kit” ends soon",
                "Your share “Kit” ends on 2030-01-01 00:00 UTC.",
            ),
            (
                Occasion::Opened { visitor: Some("Bob") },
                "“Kit” was opened",
                "Bob opened your share “Kit”.",
            ),
            (
                Occasion::Had { visitor: None },
                "Something was downloaded from “Kit”",
                "Somebody with the link began a download",
            ),
            (
                Occasion::Digest { since: now, opened: 1, had: 3 },
                "What happened to “Kit”",
                "It was opened once.\n\n3 downloads were begun.",
            ),
        ] {
            let written = write(words, "Kit", &occasion).unwrap();
            assert_eq!(written.subject, subject);
            assert!(written.text.contains(said), "{}", written.text);
        }
    }

    #[test]
    fn a_subject_is_not_endless() {
        let title = "ä".repeat(300);
        let written = write(Words::of(None, None), &title, &invited("")).unwrap();
        assert!(written.subject.chars().count() < 120, "{}", written.subject);
        assert!(written.text.contains(&title));
    }
}
