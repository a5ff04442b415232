//! What addresses of pages ask.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;

/// The query of an address; what is not asked for is empty.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// What is asked for by that name, without what surrounds it.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// All that is asked for by that name.
    pub(super) fn texts<'q, 'n>(
        &'q self,
        name: &'n str,
    ) -> impl Iterator<Item = &'q str> + use<'q, 'n> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// The same; none where nothing is.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        // No database stores a NUL, and nothing that is looked for has one.
        let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(_, it)| !it.contains('\0'));
        Ok(Self(pairs.map(|(name, it)| (name.into_owned(), it.into_owned())).collect()))
    }
}

/// An address with these parameters, without those that are empty.
pub(super) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A number as every one is written: digits, without a sign or leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    text.parse::<u64>().ok().filter(|number| plain && i64::try_from(*number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_what_is_not_empty() {
        assert_eq!(address("/a", &[("b", ""), ("c", "")]), "/a");
        assert_eq!(address("/a", &[("b", "x y"), ("c", ""), ("d", "&")]), "/a?b=x+y&d=%26");
        assert_eq!(number("07"), None);
        assert_eq!(number("+7"), None);
        assert_eq!(number("70"), Some(70));
    }
}
