//! What may be said about a content.

use std::collections::HashSet;

use http::Uri;

use super::error::{Invalid, at_most, language, prose, text};
use crate::control_plane::record::{ContentDraft, ContentKind, ContentText, Metadata, Period};

/// Most of what a content has several of.
const MOST: usize = 100;
/// Longest address, title, and the like, in bytes.
const LONG: usize = 2_048;
/// Longest description or value, in bytes.
const LONGEST: usize = 10_000;
/// Longest tag, or name of a classification or of a field (B9), in bytes.
const NAME: usize = 100;
/// Longest name of a field (requirement B9), in bytes.
const FIELD: usize = 50;
/// Longest name for people (requirement B8).
const PRETTY_ID: usize = 150;

/// Refuses what is no draft of a content.
pub(super) fn accept(draft: &ContentDraft) -> Result<(), Invalid> {
    let ContentDraft {
        kind,
        folder: _,
        url,
        publication: _,
        periods,
        texts,
        metadata,
        tags,
        classifications,
    } = draft;
    accept_url(*kind, url.as_deref())?;
    at_most("/periods", periods, MOST)?;
    for (place, Period { starts_at, ends_at }) in periods.iter().enumerate() {
        if starts_at.zip(*ends_at).is_some_and(|(start, end)| start >= end) {
            return Err(Invalid::new(format!("/periods/{place}"), "must end after it starts"));
        }
    }
    accept_texts(texts)?;
    accept_metadata(metadata)?;
    for (list, names) in [("tags", tags), ("classifications", classifications)] {
        at_most(format!("/{list}"), names, MOST)?;
        for (place, name) in names.iter().enumerate() {
            text(format!("/{list}/{place}"), name, NAME)?;
        }
    }
    Ok(())
}

/// An address is shown to people as a link: nothing but the web may be behind it.
fn accept_url(kind: ContentKind, url: Option<&str>) -> Result<(), Invalid> {
    match (kind, url) {
        (ContentKind::Url, Some(url)) => {
            let is_of_the_web = url.len() <= LONG
                && url.parse::<Uri>().is_ok_and(|uri| {
                    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
                });
            if is_of_the_web {
                Ok(())
            } else {
                Err(Invalid::new("/url", "must be an absolute http or https address"))
            }
        }
        (ContentKind::Url, None) => Err(Invalid::new("/url", "is needed by contents of kind URL")),
        (_, Some(_)) => Err(Invalid::new("/url", "is for contents of kind URL only")),
        (_, None) => Ok(()),
    }
}

fn accept_texts(texts: &[ContentText]) -> Result<(), Invalid> {
    at_most("/texts", texts, MOST)?;
    let mut seen = HashSet::new();
    for (place, said) in texts.iter().enumerate() {
        let ContentText { language: tag, title, description, pretty_id } = said;
        language(format!("/texts/{place}/language"), tag)?;
        if !seen.insert(tag) {
            let detail = "must be another language than those before";
            return Err(Invalid::new(format!("/texts/{place}/language"), detail));
        }
        prose(format!("/texts/{place}/title"), title, LONG)?;
        prose(format!("/texts/{place}/description"), description, LONGEST)?;
        if pretty_id.as_deref().is_some_and(|it| !is_pretty(it)) {
            let detail = "must be 1 to 150 letters, digits, hyphens and underscores";
            return Err(Invalid::new(format!("/texts/{place}/pretty_id"), detail));
        }
    }
    Ok(())
}

/// Requirement B8.
fn is_pretty(id: &str) -> bool {
    (1..=PRETTY_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn accept_metadata(metadata: &[Metadata]) -> Result<(), Invalid> {
    at_most("/metadata", metadata, 2 * MOST)?;
    let mut seen = HashSet::new();
    for (place, Metadata { language: tag, name, value }) in metadata.iter().enumerate() {
        if !tag.is_empty() {
            language(format!("/metadata/{place}/language"), tag)?;
        }
        text(format!("/metadata/{place}/name"), name, FIELD)?;
        prose(format!("/metadata/{place}/value"), value, LONGEST)?;
        if !seen.insert((tag, name)) {
            let detail = "must be another field or language than those before";
            return Err(Invalid::new(format!("/metadata/{place}"), detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;

    fn said(language: &str, pretty_id: Option<&str>) -> ContentText {
        ContentText {
            language: language.into(),
            title: "A title".into(),
            description: "in\nlines".into(),
            pretty_id: pretty_id.map(Into::into),
        }
    }

    fn pointer(draft: &ContentDraft) -> Option<String> {
        accept(draft).err().map(|invalid| invalid.pointer.into_owned())
    }

    #[test]
    fn a_pretty_id_is_of_the_vendors_alphabet_and_length() {
        let with = |id: &str| ContentDraft {
            texts: vec![said("en", Some(id))],
            ..ContentDraft::new(ContentKind::Video)
        };
        for good in ["a", "Summer_2030-final", &"x".repeat(150)] {
            assert_eq!(pointer(&with(good)), None, "{good}");
        }
        for wrong in ["", "a b", "a/b", "ä", "a.b", &"x".repeat(151)] {
            assert_eq!(pointer(&with(wrong)).as_deref(), Some("/texts/0/pretty_id"), "{wrong}");
        }
    }

    #[test]
    fn a_url_is_of_the_web_and_of_its_kind() {
        let with = |kind, url: Option<&str>| ContentDraft {
            url: url.map(Into::into),
            ..ContentDraft::new(kind)
        };
        assert_eq!(pointer(&with(ContentKind::Url, Some("https://example.com/a?b"))), None);
        for wrong in [None, Some("javascript:alert(1)"), Some("/a"), Some("data:text/html,x")] {
            let refused = pointer(&with(ContentKind::Url, wrong));
            assert_eq!(refused.as_deref(), Some("/url"), "{wrong:?}");
        }
        let refused = pointer(&with(ContentKind::Video, Some("https://example.com/")));
        assert_eq!(refused.as_deref(), Some("/url"));
    }

    #[test]
    fn what_is_said_twice_is_refused() {
        let texts = vec![said("en", None), said("de", None), said("en", None)];
        let draft = ContentDraft { texts, ..ContentDraft::new(ContentKind::Audio) };
        assert_eq!(pointer(&draft).as_deref(), Some("/texts/2/language"));
        let field = Metadata { language: "".into(), name: "sku".into(), value: "1".into() };
        let metadata = vec![field.clone(), field];
        let draft = ContentDraft { metadata, ..ContentDraft::new(ContentKind::Audio) };
        assert_eq!(pointer(&draft).as_deref(), Some("/metadata/1"));
    }

    #[test]
    fn a_period_ends_after_it_starts() {
        let at = |second| Some(UnixSeconds::new(second));
        let with = |starts_at, ends_at| ContentDraft {
            periods: vec![Period { starts_at, ends_at }],
            ..ContentDraft::new(ContentKind::Image)
        };
        for (start, end) in [(None, None), (at(1), None), (None, at(1)), (at(1), at(2))] {
            assert_eq!(pointer(&with(start, end)), None);
        }
        assert_eq!(pointer(&with(at(2), at(2))).as_deref(), Some("/periods/0"));
    }
}
