//! Headers that go with bytes: how a browser may treat them, what it should call them, who may
//! keep them (security.md part 5, "Headers out").

use http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::policy::ResourcePolicy;

/// Which pages may embed a file (the Fetch standard, section 3.7).
const RESOURCE_POLICY_HEADER: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Does a CDN or a cache go by it?
fn lets_keep(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("cache-control")
        || matches!(name, "edge-control" | "expires" | "surrogate-control" | "x-accel-expires")
}

/// What CDNs go by before `Cache-Control`.
const TARGETED_CACHE_CONTROL: [HeaderName; 2] =
    [HeaderName::from_static("cdn-cache-control"), HeaderName::from_static("surrogate-control")];

/// On every answer: the media type is as stated, and where a link leads to is nobody's business.
pub fn harden(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// On bytes of a type that can act when it is opened, or that we do not know: they may do
/// nothing on our origin. A policy of the origin's stands beside it: what either forbids is
/// forbidden.
pub(super) fn restrain(headers: &mut HeaderMap, content_type: &HeaderValue) {
    match activity(content_type) {
        Activity::Active => {
            let policy = HeaderValue::from_static("sandbox; default-src 'none'");
            headers.append(header::CONTENT_SECURITY_POLICY, policy);
        }
        Activity::Passive => {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// It may run script, or we cannot say that it may not.
    Active,
    /// A browser shows or plays it and does nothing else.
    Passive,
}

/// What is passive is listed; everything else is active.
fn activity(content_type: &HeaderValue) -> Activity {
    let text = content_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/') else { return Activity::Active };
    // `image/svg+xml`, and whatever else is a document in another's clothes.
    let is_document = subtype.contains("xml") || subtype.contains("html");
    let is_passive = match kind {
        "audio" | "font" | "image" | "video" => !is_document,
        "text" => matches!(subtype, "csv" | "plain" | "vtt"),
        "application" => matches!(
            subtype,
            "vnd.apple.mpegurl" | "x-mpegurl" | "x-subrip" | "zip" | "gzip" | "x-tar"
        ),
        _ => false,
    };
    if is_passive { Activity::Passive } else { Activity::Active }
}

/// Headers that the decision adds to an answer with a file.
#[derive(Clone, Debug)]
pub struct Presentation {
    /// Who may keep the answer.
    pub cache: CacheControl,
    /// What the browser should do with it.
    pub disposition: Disposition,
    /// Which pages may embed it.
    pub resource_policy: ResourcePolicy,
}

impl Presentation {
    /// Adds them. An answer without a file's description (304, 412) has nothing to name.
    pub fn apply(&self, headers: &mut HeaderMap, origins_word: OriginsWord) {
        if origins_word == OriginsWord::Dropped {
            headers.remove(header::CACHE_CONTROL);
            headers.remove(header::EXPIRES);
        }
        headers.entry(header::CACHE_CONTROL).or_insert_with(|| self.cache.to_header());
        if self.cache == CacheControl::NoStoreAnywhere {
            // Whatever an origin says that lets somebody keep it: `Expires` stands where
            // `Cache-Control` is not read, single vendors' words stand before it.
            let words: Vec<_> = headers.keys().filter(|name| lets_keep(name)).cloned().collect();
            for name in words {
                headers.remove(name);
            }
            headers.insert(header::CACHE_CONTROL, self.cache.to_header());
            for name in TARGETED_CACHE_CONTROL {
                headers.insert(name, HeaderValue::from_static("no-store"));
            }
        }
        let embedders = HeaderValue::from_static(self.resource_policy.wire_name());
        headers.insert(RESOURCE_POLICY_HEADER, embedders);
        if headers.contains_key(header::CONTENT_TYPE)
            && let Some(value) = self.disposition.to_header()
        {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
    }
}

/// What becomes of what the origin itself says of keeping an answer, where the operator lets that
/// travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginsWord {
    /// Ours takes its place: clients may not keep the answer as long as an origin lets them.
    Dropped,
    /// It stands in place of ours.
    Stands,
}

/// `Cache-Control` (RFC 9111 section 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheControl {
    /// Nobody may keep it.
    NoStore,
    /// Nobody may keep it, and that is said once more in each of the words that CDNs go by before
    /// they read `Cache-Control` (requirement G3; RFC 9213, and the Edge Architecture
    /// specification's `Surrogate-Control`).
    NoStoreAnywhere,
    /// The client may keep it for so many seconds.
    PrivateMaxAge(u64),
    /// Everybody may keep it for so many seconds.
    PublicMaxAge(u64),
}

impl CacheControl {
    fn to_header(self) -> HeaderValue {
        const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
        let (kind, age) = match self {
            Self::NoStore => return NO_STORE,
            Self::NoStoreAnywhere => return HeaderValue::from_static("private, no-store"),
            Self::PrivateMaxAge(age) => ("private, max-age=", age),
            Self::PublicMaxAge(age) => ("public, max-age=", age),
        };
        // RFC 9111 section 1.2.2: some recipients read seconds into 31 bits.
        let text = [kind, itoa::Buffer::new().format(age.min(i32::MAX as u64))].concat();
        HeaderValue::try_from(text).unwrap_or(NO_STORE)
    }
}

/// `Content-Disposition` (RFC 6266).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Save it under this name.
    Attachment(FileName),
    /// Show it; if it is saved, under this name.
    Inline(FileName),
    /// Nothing is said.
    Unstated,
}

impl Disposition {
    fn to_header(&self) -> Option<HeaderValue> {
        let (kind, name) = match self {
            Self::Attachment(name) => ("attachment", name),
            Self::Inline(name) => ("inline", name),
            Self::Unstated => return None,
        };
        let text = if name.0.bytes().all(is_as_usual) {
            [kind, "; filename=\"", &name.0, "\""].concat()
        } else {
            format!("{kind}; {name}")
        };
        HeaderValue::try_from(text).ok()
    }
}

/// A name to save a file under that is safe to suggest: no folders, no control characters, no
/// marks that reverse the direction of reading, not hidden, not over-long, not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Longest name that file systems take, in bytes.
    const MAX: usize = 255;

    /// The nearest safe name. Folders before the last `/` or `\` are dropped.
    pub fn sanitise(text: &str) -> Self {
        if is_safe(text) {
            return Self(text.to_owned());
        }
        let base = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let mut name = String::new();
        for character in base.chars().filter(|&character| !steers_text(character)) {
            let character = match character {
                // What Windows does not take; `%` and `"` for recipients that misread them.
                '"' | '*' | ':' | '<' | '>' | '?' | '|' => '_',
                other => other,
            };
            if name.len() + character.len_utf8() > Self::MAX {
                break;
            }
            name.push(character);
        }
        let name = name.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
        Self(if name.is_empty() { "download" } else { name }.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FileName {
    /// The parameters: a plain one in ASCII for everybody and, where that loses something, an
    /// exact one (RFC 8187), which everybody who understands it prefers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain: String = self
            .0
            .chars()
            .map(|character| match character {
                // RFC 6266 appendix D: `%` in the plain form is decoded by some recipients.
                '%' => '_',
                ' '..='~' => character,
                _ => '_',
            })
            .collect();
        write!(f, "filename=\"{plain}\"")?;
        if plain == self.0 {
            return Ok(());
        }
        write!(f, "; filename*=UTF-8''{}", utf8_percent_encode(&self.0, NOT_ATTR_CHAR))
    }
}

/// Of what most names are made: nothing that is replaced, or said in two forms.
fn is_as_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

/// Is it a name that [`FileName::sanitise`] leaves as it is?
fn is_safe(text: &str) -> bool {
    (1..=FileName::MAX).contains(&text.len())
        && text.bytes().all(is_as_usual)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

/// RFC 8187 section 3.2.1, `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Controls, and the invisible marks with which `gpj.exe` is made to read `exe.jpg`.
fn steers_text(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_that_may_act_are_restrained() {
        for (content_type, expected) in [
            ("text/html; charset=utf-8", Activity::Active),
            ("TEXT/HTML", Activity::Active),
            ("image/svg+xml", Activity::Active),
            ("application/xml", Activity::Active),
            ("application/xhtml+xml", Activity::Active),
            ("application/pdf", Activity::Active),
            ("text/javascript", Activity::Active),
            ("application/octet-stream", Activity::Active),
            ("video", Activity::Active),
            ("", Activity::Active),
            ("multipart/x-mixed-replace", Activity::Active),
            ("video/mp4", Activity::Passive),
            ("image/jpeg", Activity::Passive),
            ("text/vtt", Activity::Passive),
            ("text/plain;charset=utf-8", Activity::Passive),
            ("application/vnd.apple.mpegurl", Activity::Passive),
        ] {
            let content_type = HeaderValue::from_static(content_type);
            assert_eq!(activity(&content_type), expected, "{content_type:?}");
            let mut headers = HeaderMap::new();
            restrain(&mut headers, &content_type);
            let restrained = headers.contains_key(header::CONTENT_SECURITY_POLICY);
            assert_eq!(restrained, expected == Activity::Active, "{content_type:?}");
        }
    }

    #[test]
    fn dispositions() {
        for (name, expected) in [
            ("report.pdf", "filename=\"report.pdf\""),
            ("a b.txt", "filename=\"a b.txt\""),
            (
                "\u{20ac} rates.txt",
                "filename=\"_ rates.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt",
            ),
            ("100%.txt", "filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
            ("../../etc/passwd", "filename=\"passwd\""),
            ("c:\\x\\evil.exe", "filename=\"evil.exe\""),
            ("a\"; filename=\"b", "filename=\"a_; filename=_b\""),
            ("a\r\nSet-Cookie: x", "filename=\"aSet-Cookie_ x\""),
            ("\u{202e}gpj.exe", "filename=\"gpj.exe\""),
            (".htaccess", "filename=\"htaccess\""),
            ("...", "filename=\"download\""),
            ("", "filename=\"download\""),
            ("folder/", "filename=\"download\""),
        ] {
            let name = FileName::sanitise(name);
            let value = Disposition::Attachment(name.clone()).to_header().unwrap();
            assert_eq!(value, format!("attachment; {expected}"));
            let value = Disposition::Inline(name).to_header().unwrap();
            assert_eq!(value, format!("inline; {expected}"));
        }
        assert_eq!(Disposition::Unstated.to_header(), None);
    }

    #[test]
    fn cache_control() {
        for (cache, expected) in [
            (CacheControl::NoStore, "no-store"),
            (CacheControl::NoStoreAnywhere, "private, no-store"),
            (CacheControl::PrivateMaxAge(60), "private, max-age=60"),
            (CacheControl::PublicMaxAge(3_600), "public, max-age=3600"),
            (CacheControl::PublicMaxAge(u64::MAX), "public, max-age=2147483647"),
        ] {
            assert_eq!(cache.to_header(), expected);
        }
    }

    #[test]
    fn an_answer_without_a_file_is_not_named() {
        let presentation = Presentation {
            cache: CacheControl::PrivateMaxAge(5),
            disposition: Disposition::Attachment(FileName::sanitise("x")),
            resource_policy: ResourcePolicy::SameSite,
        };
        let mut headers = HeaderMap::new();
        presentation.apply(&mut headers, OriginsWord::Dropped);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers[RESOURCE_POLICY_HEADER], "same-site");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
        presentation.apply(&mut headers, OriginsWord::Dropped);
        assert_eq!(headers[header::CONTENT_DISPOSITION], "attachment; filename=\"x\"");
    }

    #[test]
    fn an_original_is_kept_by_nobody_whatever_its_origin_says() {
        let presentation = Presentation {
            cache: CacheControl::NoStoreAnywhere,
            disposition: Disposition::Unstated,
            resource_policy: ResourcePolicy::SameOrigin,
        };
        for word in [OriginsWord::Dropped, OriginsWord::Stands] {
            let said = [
                ("cache-control", "public, max-age=86400"),
                ("cdn-cache-control", "max-age=86400"),
                ("cloudflare-cdn-cache-control", "max-age=86400"),
                ("surrogate-control", "max-age=86400"),
                ("edge-control", "cache-maxage=1d"),
                ("x-accel-expires", "86400"),
                ("expires", "Sun, 06 Nov 2094 08:49:37 GMT"),
                ("etag", "\"v1\""),
            ];
            let mut headers: HeaderMap = said
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                })
                .into_iter()
                .collect();
            presentation.apply(&mut headers, word);
            assert_eq!(headers[header::CACHE_CONTROL], "private, no-store");
            assert_eq!(headers["cdn-cache-control"], "no-store");
            assert_eq!(headers["surrogate-control"], "no-store");
            assert_eq!(headers.len(), 5, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_makes_one_safe_header(text in "\\PC{0,300}|[\\x00-\\x7f]{0,300}") {
            let name = FileName::sanitise(&text);
            prop_assert!(!name.as_str().is_empty() && name.as_str().len() <= FileName::MAX);
            prop_assert!(!name.as_str().contains(['/', '\\', '"']));
            prop_assert_eq!(&FileName::sanitise(name.as_str()), &name);
            let value = Disposition::Attachment(name).to_header().unwrap();
            let text = value.to_str().unwrap();
            prop_assert_eq!(text.matches('"').count(), 2);
        }
    }
}
