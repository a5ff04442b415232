//! Conditional requests (RFC 9110 section 13).

use http::{HeaderMap, HeaderName, header};

use crate::delivery::{Conditions, EntityTag, HttpTime, IfRange, TagMatch, Validators};

/// What the conditions of a request for a file come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client has this version.
    NotModified,
    /// The client wanted another version than this.
    PreconditionFailed,
    /// Send it.
    Proceed,
}

/// Does the `Range` header count?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RangeVerdict {
    Honour,
    Ignore,
}

/// The conditions of a request. A date that is none is as if it were not there (sections 13.1.3
/// and 13.1.4), and so is one of two.
pub(super) fn requested(headers: &HeaderMap) -> Conditions {
    Conditions {
        if_match: tags(headers, &header::IF_MATCH),
        if_modified_since: date(headers, &header::IF_MODIFIED_SINCE),
        if_none_match: tags(headers, &header::IF_NONE_MATCH),
        if_range: if_range(headers),
        if_unmodified_since: date(headers, &header::IF_UNMODIFIED_SINCE),
    }
}

/// Section 13.2.2, for GET and HEAD of an object that exists.
pub(super) fn evaluate(conditions: &Conditions, current: &Validators) -> Verdict {
    let wanted = match &conditions.if_match {
        Some(TagMatch::Any) => true,
        Some(TagMatch::OneOf(tags)) => {
            let same = |etag: &EntityTag| tags.iter().any(|tag| tag.matches_strongly(etag));
            current.etag.as_ref().is_some_and(same)
        }
        None => match (conditions.if_unmodified_since, current.last_modified) {
            (Some(date), Some(modified)) => modified <= date,
            (None, _) | (_, None) => true,
        },
    };
    if !wanted {
        return Verdict::PreconditionFailed;
    }
    let had = match &conditions.if_none_match {
        Some(TagMatch::Any) => true,
        Some(TagMatch::OneOf(tags)) => {
            let same = |etag: &EntityTag| tags.iter().any(|tag| tag.matches_weakly(etag));
            current.etag.as_ref().is_some_and(same)
        }
        None => match (conditions.if_modified_since, current.last_modified) {
            (Some(date), Some(modified)) => modified <= date,
            (None, _) | (_, None) => false,
        },
    };
    if had { Verdict::NotModified } else { Verdict::Proceed }
}

/// Section 13.1.5: strong comparison of tags; a date must be exactly the one we would send, and
/// be strong.
pub(super) fn evaluate_if_range(conditions: &Conditions, current: &Validators) -> RangeVerdict {
    let same = match &conditions.if_range {
        None => true,
        Some(IfRange::Tag(tag)) => {
            current.etag.as_ref().is_some_and(|etag| etag.matches_strongly(tag))
        }
        Some(IfRange::Date(date)) => {
            current.last_modified == Some(*date) && current.date_is_strong()
        }
        Some(IfRange::Unreadable) => false,
    };
    if same { RangeVerdict::Honour } else { RangeVerdict::Ignore }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<TagMatch> {
    if !headers.contains_key(name) {
        return None;
    }
    let fields = headers.get_all(name).iter();
    // A field we cannot read holds no tag, and ends the list as any malformed element does.
    let texts: Vec<&str> = fields.map(|field| field.to_str().unwrap_or("?")).collect();
    Some(TagMatch::parse(&texts.join(",")))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<HttpTime> {
    HttpTime::parse(only_field(headers, name)?)
}

fn if_range(headers: &HeaderMap) -> Option<IfRange> {
    if !headers.contains_key(header::IF_RANGE) {
        return None;
    }
    let text = only_field(headers, &header::IF_RANGE).unwrap_or_default().trim();
    let tag = EntityTag::parse(text).map(IfRange::Tag);
    let date = || HttpTime::parse(text).map(IfRange::Date);
    Some(tag.or_else(date).unwrap_or(IfRange::Unreadable))
}

fn only_field<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut fields = headers.get_all(name).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const SETTLED: &str = "Sun, 06 Nov 1994 08:49:39 GMT";

    fn validators(etag: &str, modified: &str) -> Validators {
        Validators {
            etag: EntityTag::parse(etag),
            last_modified: HttpTime::parse(modified),
            stated_at: HttpTime::parse(SETTLED),
        }
    }

    type Fields = &'static [(&'static str, &'static str)];

    fn conditions(fields: &[(&'static str, &str)]) -> Conditions {
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect();
        requested(&headers)
    }

    /// Every branch of section 13.2.2, in its order, and what each step leaves to the next.
    #[test]
    fn precedence() {
        use Verdict::{NotModified, PreconditionFailed, Proceed};
        let strong = validators("\"a\"", MODIFIED);
        let weak = validators("W/\"a\"", MODIFIED);
        let undated = validators("\"a\"", "");
        let untagged = validators("", MODIFIED);
        let cases: &[(&Validators, Fields, Verdict)] = &[
            (&strong, &[], Proceed),
            // Step 1: If-Match, strong comparison.
            (&strong, &[("if-match", "\"a\"")], Proceed),
            (&strong, &[("if-match", "\"b\", \"a\"")], Proceed),
            (&strong, &[("if-match", "\"b\""), ("if-match", "\"a\"")], Proceed),
            (&strong, &[("if-match", "*")], Proceed),
            (&strong, &[("if-match", "W/\"a\"")], PreconditionFailed),
            (&strong, &[("if-match", "\"b\"")], PreconditionFailed),
            (&strong, &[("if-match", "garbage")], PreconditionFailed),
            (&strong, &[("if-match", "\u{e9}")], PreconditionFailed),
            (&weak, &[("if-match", "W/\"a\"")], PreconditionFailed),
            (&untagged, &[("if-match", "\"a\"")], PreconditionFailed),
            (&untagged, &[("if-match", "*")], Proceed),
            // Step 2: If-Unmodified-Since, only without If-Match.
            (&strong, &[("if-unmodified-since", MODIFIED)], Proceed),
            (&strong, &[("if-unmodified-since", AFTER)], Proceed),
            (&strong, &[("if-unmodified-since", BEFORE)], PreconditionFailed),
            (&strong, &[("if-unmodified-since", "soon")], Proceed),
            (&undated, &[("if-unmodified-since", BEFORE)], Proceed),
            (&strong, &[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], Proceed),
            // Step 3: If-None-Match, weak comparison.
            (&strong, &[("if-none-match", "\"a\"")], NotModified),
            (&strong, &[("if-none-match", "W/\"a\"")], NotModified),
            (&weak, &[("if-none-match", "\"a\"")], NotModified),
            (&strong, &[("if-none-match", "\"b\" , \"a\"")], NotModified),
            (&strong, &[("if-none-match", "*")], NotModified),
            (&strong, &[("if-none-match", "\"b\"")], Proceed),
            (&strong, &[("if-none-match", "garbage")], Proceed),
            (&untagged, &[("if-none-match", "\"a\"")], Proceed),
            // Step 4: If-Modified-Since, only without If-None-Match.
            (&strong, &[("if-modified-since", MODIFIED)], NotModified),
            (&strong, &[("if-modified-since", AFTER)], NotModified),
            (&strong, &[("if-modified-since", BEFORE)], Proceed),
            (&strong, &[("if-modified-since", "soon")], Proceed),
            (&strong, &[("if-modified-since", AFTER), ("if-modified-since", AFTER)], Proceed),
            (&undated, &[("if-modified-since", AFTER)], Proceed),
            (&strong, &[("if-none-match", "\"b\""), ("if-modified-since", AFTER)], Proceed),
            // Steps 1 and 2 come before 3 and 4.
            (&strong, &[("if-match", "\"b\""), ("if-none-match", "\"a\"")], PreconditionFailed),
            (&strong, &[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified),
            (
                &strong,
                &[("if-unmodified-since", BEFORE), ("if-modified-since", AFTER)],
                PreconditionFailed,
            ),
        ];
        for (current, fields, expected) in cases {
            assert_eq!(evaluate(&conditions(fields), current), *expected, "{fields:?} {current:?}");
        }
    }

    #[test]
    fn if_range_is_strong_or_nothing() {
        use RangeVerdict::{Honour, Ignore};
        let strong = validators("\"a\"", MODIFIED);
        let weak = validators("W/\"a\"", MODIFIED);
        let fresh = Validators { stated_at: HttpTime::parse(AFTER), ..strong.clone() };
        for (current, text, expected) in [
            (&strong, "\"a\"", Honour),
            (&strong, " \"a\" ", Honour),
            (&strong, "W/\"a\"", Ignore),
            (&strong, "\"b\"", Ignore),
            (&weak, "W/\"a\"", Ignore),
            (&weak, "\"a\"", Ignore),
            (&strong, MODIFIED, Honour),
            (&strong, AFTER, Ignore),
            (&strong, BEFORE, Ignore),
            (&fresh, MODIFIED, Ignore),
            (&fresh, "\"a\"", Honour),
            (&strong, "a", Ignore),
            (&strong, "", Ignore),
        ] {
            let conditions = conditions(&[("if-range", text)]);
            assert_eq!(evaluate_if_range(&conditions, current), expected, "{text} {current:?}");
        }
        let none = conditions(&[]);
        assert_eq!(evaluate_if_range(&none, &weak), Honour);
        let two = conditions(&[("if-range", "\"a\""), ("if-range", "\"a\"")]);
        assert_eq!(evaluate_if_range(&two, &strong), Ignore);
    }
}
