//! The request target: one parse, two views, or a refusal.
//!
//! `wire` is the path exactly as sent, path tokens taken out. `decoded` is its one
//! percent-decoding. Nothing else in the program decodes a path, so the text that was checked is
//! the text that is fetched. Which view is used where: `src/manual/paths.md`.
//!
//! Not here: what the path means (`asset`), and whose it is (`policy`).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::TargetRejection;
use super::separated::{cut, holds, separated};

/// May a segment of the path be a token (`name=…`), and under which name?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathToken<'n> {
    /// No: every segment is a name.
    Absent,
    /// Yes, a segment that begins with this name and `=`.
    Named(&'n str),
}

/// A proven request target. See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    /// `wire`, then `?` and the query where there is one.
    text: Box<str>,
    /// Bytes of `text` that are the path.
    path_len: usize,
    /// `None` where decoding changes nothing.
    decoded: Option<Box<str>>,
    path_token: Option<Box<str>>,
}

impl RequestTarget {
    /// Proves the origin form of a request target (RFC 9112 section 3.2.1): `/path[?query]`.
    ///
    /// `max_bytes` bounds the whole text.
    pub fn parse(
        text: &str,
        path_token: PathToken<'_>,
        max_bytes: usize,
    ) -> Result<Self, TargetRejection> {
        if text.len() > max_bytes {
            return Err(TargetRejection::TooLong);
        }
        // To the end whatever is found on the way: that is many bytes at once.
        let printable = |sound: bool, byte: u8| sound & (0x21..=0x7e).contains(&byte);
        if !text.bytes().fold(true, printable) {
            return Err(TargetRejection::RawByte);
        }
        let (path, query) = match cut(text, b'?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        if !path.starts_with('/') {
            return Err(TargetRejection::NotAbsolute);
        }
        let (wire, token) = take_path_token(path, path_token)?;
        let decoded = decode_path(&wire)?;
        let path_len = wire.len();
        let text = match (wire, query) {
            (Cow::Borrowed(_), _) => text.into(),
            (Cow::Owned(wire), Some(query)) => [&wire, "?", query].concat().into_boxed_str(),
            (Cow::Owned(wire), None) => wire.into_boxed_str(),
        };
        Ok(Self { text, path_len, decoded, path_token: token.map(Into::into) })
    }

    /// The path exactly as sent, path tokens taken out.
    pub fn wire(&self) -> &str {
        self.text.get(..self.path_len).unwrap_or_default()
    }

    /// The path, percent-decoded once.
    pub fn decoded(&self) -> &str {
        self.decoded.as_deref().unwrap_or_else(|| self.wire())
    }

    /// The query exactly as sent, without its `?`; `None` where there was no `?`.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_len + 1..)
    }

    /// The text of the token segment that was taken out of the path, after its `name=`.
    pub fn path_token(&self) -> Option<&str> {
        self.path_token.as_deref()
    }

    /// The parameters of the query, in order, names and values as sent. A parameter without `=`
    /// has an empty value; empty parameters (`a&&b`) are passed over.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        parameters(self.query().unwrap_or_default())
    }
}

/// The parameters of a query text, as [`RequestTarget::parameters`].
pub fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    separated(query, b'&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| cut(parameter, b'=').unwrap_or((parameter, "")))
}

/// Decodes percent escapes once. `None`: a malformed escape, or no UTF-8.
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !holds(text, b'%') {
        return Some(Cow::Borrowed(text));
    }
    if has_malformed_escape(text) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

fn has_malformed_escape(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
            if !(hex(bytes.next()) && hex(bytes.next())) {
                return true;
            }
        }
    }
    false
}

fn take_path_token<'p>(
    path: &'p str,
    path_token: PathToken<'_>,
) -> Result<(Cow<'p, str>, Option<&'p str>), TargetRejection> {
    let PathToken::Named(name) = path_token else { return Ok((Cow::Borrowed(path), None)) };
    let mut token = None;
    for segment in path.split('/').skip(1) {
        if let Some(value) = token_segment(segment, name) {
            if token.is_some() {
                return Err(TargetRejection::SeveralPathTokens);
            }
            token = Some(value);
        }
    }
    let Some(found) = token else { return Ok((Cow::Borrowed(path), None)) };
    // Raw slashes in a token's ACL cut it in pieces; the last, with the signature, would stay in
    // the path and go to the origin.
    if !found.contains("hmac=") && path.split('/').any(|segment| is_cut_off(segment, name)) {
        return Err(TargetRejection::PathTokenCut);
    }
    let mut rest = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        if token_segment(segment, name).is_none() {
            rest.push('/');
            rest.push_str(segment);
        }
    }
    if rest.is_empty() {
        rest.push('/');
    }
    Ok((Cow::Owned(rest), token))
}

/// `name=value`, each character of the name and the sign as it is or percent-encoded by a proxy in
/// between: a token that were taken for a name would reach the origin.
fn token_segment<'s>(segment: &'s str, name: &str) -> Option<&'s str> {
    let mut rest = segment;
    for expected in name.bytes().chain([b'=']) {
        rest = without_byte(rest, expected)?;
    }
    Some(rest)
}

/// `text` behind its first byte, if that byte is the expected one.
fn without_byte(text: &str, expected: u8) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(char::from(expected)) {
        return Some(rest);
    }
    let (escape, rest) = text.split_at_checked(3)?;
    let digits = escape.strip_prefix('%').filter(|digits| !digits.starts_with('+'))?;
    (u8::from_str_radix(digits, 16) == Ok(expected)).then_some(rest)
}

/// Does a segment that is no token of its own carry a signature?
fn is_cut_off(segment: &str, name: &str) -> bool {
    segment.contains("hmac=") && token_segment(segment, name).is_none()
}

/// One decoding, checked. `None`: decoding changes nothing.
fn decode_path(wire: &str) -> Result<Option<Box<str>>, TargetRejection> {
    if holds(wire, b'\\') {
        return Err(TargetRejection::Backslash);
    }
    if !holds(wire, b'%') {
        check_segments(wire)?;
        return Ok(None);
    }
    if has_malformed_escape(wire) {
        return Err(TargetRejection::MalformedEscape);
    }
    let decoded =
        percent_decode_str(wire).decode_utf8().map_err(|_| TargetRejection::NotUtf8)?.into_owned();
    if decoded.contains(char::is_control) {
        return Err(TargetRejection::ControlCharacter);
    }
    if decoded.contains('\\') {
        return Err(TargetRejection::Backslash);
    }
    // `/` is never the second byte of anything in UTF-8, so counting is enough.
    if count_slashes(&decoded) != count_slashes(wire) {
        return Err(TargetRejection::EncodedSlash);
    }
    check_segments(&decoded)?;
    if decodes_into_another_path(&decoded) {
        return Err(TargetRejection::DoubleEncoding);
    }
    Ok(Some(decoded.into_boxed_str()))
}

fn count_slashes(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'/').count()
}

fn check_segments(path: &str) -> Result<(), TargetRejection> {
    let mut segments = separated(path, b'/').skip(1);
    let mut next = segments.next();
    while let Some(segment) = next {
        next = segments.next();
        if segment.is_empty() && next.is_some() {
            return Err(TargetRejection::EmptySegment);
        }
        if is_dot_segment(segment) {
            return Err(TargetRejection::DotSegment);
        }
    }
    Ok(())
}

fn is_dot_segment(segment: &str) -> bool {
    // Most segments are told by their first byte.
    segment.starts_with('.') && {
        let (name, _) = cut(segment, b';').unwrap_or((segment, ""));
        name == "." || name == ".."
    }
}

/// Rounds of decoding that are followed: one more than the longest chain of decoders we know of.
const MAX_ROUNDS: usize = 3;

/// Would whoever decodes once more, or a few times more, see another path? Escapes that are
/// malformed stay as they are, as lenient decoders leave them. A text that still changes after
/// [`MAX_ROUNDS`] has no honest reason to: following it on would cost a stranger nothing and us
/// the square of its length.
fn decodes_into_another_path(decoded: &str) -> bool {
    let mut text = Cow::Borrowed(decoded);
    for _ in 0..MAX_ROUNDS {
        let next: Cow<'_, [u8]> = percent_decode_str(&text).into();
        let Cow::Owned(next) = next else { return false };
        let Ok(next) = String::from_utf8(next) else { return true };
        if next.contains(char::is_control)
            || next.contains('\\')
            || count_slashes(&next) != count_slashes(decoded)
            || check_segments(&next).is_err()
        {
            return true;
        }
        text = Cow::Owned(next);
    }
    matches!(percent_decode_str(&text).into(), Cow::<'_, [u8]>::Owned(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 8 * 1024;

    fn parse(text: &str) -> Result<RequestTarget, TargetRejection> {
        RequestTarget::parse(text, PathToken::Absent, MAX)
    }

    #[test]
    fn refuses_what_two_readers_would_read_differently() {
        use TargetRejection as R;
        for (text, expected) in [
            ("", R::NotAbsolute),
            ("*", R::NotAbsolute),
            ("a/b", R::NotAbsolute),
            ("?x", R::NotAbsolute),
            ("/a b", R::RawByte),
            ("/é", R::RawByte),
            ("/a\tb", R::RawByte),
            ("/a?q=\u{7f}", R::RawByte),
            ("/%", R::MalformedEscape),
            ("/%4", R::MalformedEscape),
            ("/%zz", R::MalformedEscape),
            ("/%u0041", R::MalformedEscape),
            ("/%00", R::ControlCharacter),
            ("/a%0d%0ab", R::ControlCharacter),
            ("/%c2%85", R::ControlCharacter),
            ("/a%2fb", R::EncodedSlash),
            ("/a%2Fb", R::EncodedSlash),
            ("/a\\b", R::Backslash),
            ("/a%5cb", R::Backslash),
            ("//a", R::EmptySegment),
            ("/a//b", R::EmptySegment),
            ("/a//", R::EmptySegment),
            ("/.", R::DotSegment),
            ("/..", R::DotSegment),
            ("/a/../b", R::DotSegment),
            ("/a/%2e%2E/b", R::DotSegment),
            ("/a/..;/b", R::DotSegment),
            ("/a/.;x=1/b", R::DotSegment),
            ("/a/%2e%2e%3bx/b", R::DotSegment),
            ("/%c0%af", R::NotUtf8),
            ("/%ff", R::NotUtf8),
            ("/%252f", R::DoubleEncoding),
            ("/%252e%252e/a", R::DoubleEncoding),
            ("/%25252f", R::DoubleEncoding),
            ("/%255c", R::DoubleEncoding),
            ("/%2500", R::DoubleEncoding),
            ("/%25c0%25af", R::DoubleEncoding),
        ] {
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_a_name() {
        for (text, decoded) in [
            ("/", "/"),
            ("/vod/", "/vod/"),
            ("/a;b/c!d(e)+f", "/a;b/c!d(e)+f"),
            ("/a%20b", "/a b"),
            ("/%EC%95%88", "/안"),
            ("/...", "/..."),
            ("/a/..b/.c", "/a/..b/.c"),
            ("/100%25", "/100%"),
            ("/%2541", "/%41"),
            ("/a%3fb%23c", "/a?b#c"),
            ("/-civ9qE3JUjntKQM1HnGtU", "/-civ9qE3JUjntKQM1HnGtU"),
        ] {
            let target = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!((target.wire(), target.decoded(), target.query()), (text, decoded, None));
        }
    }

    #[test]
    fn the_query_is_kept_as_sent() {
        let target = parse("/a%20b?x=%2f&&y&z=1=2?").unwrap();
        assert_eq!(target.wire(), "/a%20b");
        assert_eq!(target.query(), Some("x=%2f&&y&z=1=2?"));
        let parameters: Vec<_> = target.parameters().collect();
        assert_eq!(parameters, [("x", "%2f"), ("y", ""), ("z", "1=2?")]);
        assert_eq!(parse("/a?").unwrap().query(), Some(""));
    }

    #[test]
    fn a_token_segment_is_taken_out_wherever_it_stands() {
        let take = |text| RequestTarget::parse(text, PathToken::Named("hdntl"), MAX);
        for (text, wire, token) in [
            ("/a/hdntl=exp=1~hmac=00/b.ts", "/a/b.ts", "exp=1~hmac=00"),
            ("/hdntl=x/a", "/a", "x"),
            ("/a/hdntl=x", "/a", "x"),
            ("/hdntl=x", "/", "x"),
            ("/a/hdntl=x/", "/a/", "x"),
            ("/a/hdntl=acl=%2f*/b", "/a/b", "acl=%2f*"),
            ("/a/hdntl%3Dx/b", "/a/b", "x"),
            ("/a/%68d%6Etl%3dx/b", "/a/b", "x"),
        ] {
            let target = take(text).unwrap();
            assert_eq!((target.wire(), target.path_token()), (wire, Some(token)), "{text}");
        }
        assert_eq!(take("/hdntl=x/hdntl=x/a"), Err(TargetRejection::SeveralPathTokens));
        assert_eq!(take("/a/xhdntl=1/b").unwrap().path_token(), None);
        assert_eq!(take("/hdntl=x/%68dntl=x/a"), Err(TargetRejection::SeveralPathTokens));
        assert_eq!(take("/a/%2568dntl=x/b").unwrap().path_token(), None);
        let cut = take("/a/hdntl=exp=1~acl=/*~data=hdntl~hmac=00/b.ts");
        assert_eq!(cut, Err(TargetRejection::PathTokenCut));
        assert_eq!(take("/a/../hdntl=x"), Err(TargetRejection::DotSegment));
        assert_eq!(parse("/hdntl=x/a").unwrap().wire(), "/hdntl=x/a");
    }

    #[test]
    fn an_escape_in_an_escape_is_followed_a_few_rounds_and_no_more() {
        let nested = |depth: usize| format!("/%{}41", "25".repeat(depth));
        assert!(parse(&nested(3)).is_ok());
        assert_eq!(parse(&nested(4)), Err(TargetRejection::DoubleEncoding));
        // As long as a target may be: thousands of rounds, were they followed.
        let longest = format!("/%{}", "25".repeat((MAX - 2) / 2));
        assert_eq!(parse(&longest), Err(TargetRejection::DoubleEncoding));
    }

    #[test]
    fn length_is_bounded_at_the_limit_exactly() {
        let text = format!("/{}", "a".repeat(MAX - 1));
        assert!(parse(&text).is_ok());
        assert_eq!(parse(&format!("{text}a")), Err(TargetRejection::TooLong));
    }

    /// Text of the bytes that matter most.
    fn odd_target() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![
                Just("/"),
                Just("."),
                Just(".."),
                Just(";"),
                Just("%2f"),
                Just("%2e"),
                Just("%25"),
                Just("%5c"),
                Just("%00"),
                Just("%"),
                Just("a"),
                Just("B"),
                Just("%c3%a9"),
                Just("%c3"),
                Just("?"),
                Just("hdntl="),
                Just("2f"),
                Just("2e"),
            ],
            0..12,
        )
        .prop_map(|parts| format!("/{}", parts.concat()))
    }

    proptest! {
        #[test]
        fn an_accepted_path_means_one_path(text in odd_target()) {
            if let Ok(target) = parse(&text) {
                let path = target.decoded();
                prop_assert!(path.starts_with('/'));
                prop_assert_eq!(count_slashes(path), count_slashes(target.wire()));
                for segment in path.split('/') {
                    prop_assert!(segment != "." && segment != "..");
                }
                // A file system would go where the text says, and nowhere else.
                let walked = std::path::Path::new(path).components().skip(1).count();
                let named = path.split('/').filter(|segment| !segment.is_empty()).count();
                prop_assert_eq!(walked, named);
            }
        }

        #[test]
        fn parsing_is_stable(text in odd_target()) {
            if let Ok(target) = parse(&text) {
                prop_assert_eq!(parse(&target.text), Ok(target.clone()));
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,64}") {
            let _ = parse(&text);
        }
    }
}
