//! Pages of a list, by cursors that nobody but us makes.
//!
//! A cursor holds the key of the last item and a MAC over it and the list it is of: a client cannot
//! come to lean on what is inside, and one list's cursor is worth nothing at another. It opens
//! nothing: who may see the items is asked again at each page.

use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::body;
use super::error::Problem;
use super::state::Api;
use crate::control_plane::service::{Listed, Page};

/// Items of a page where nobody says how many.
const USUAL: u16 = 50;
/// Most items of a page.
const MOST: u16 = 1_000;
/// Bytes of the MAC in a cursor.
const MAC_LENGTH: usize = 16;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u16>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listing<T: ToSchema> {
    /// The items.
    items: Vec<T>,
    /// Where to go on; null at the end.
    next_cursor: Option<String>,
}

/// What cursors are signed with: the same for every control plane that shares a store.
#[derive(Clone, Debug)]
pub(super) struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 2)")]
    pub(super) fn of(lineage: &str) -> Self {
        let key = format!("countersign-cursor-1\0{lineage}");
        Self(Hmac::new_from_slice(key.as_bytes()).expect("a key of any length is one"))
    }

    fn mac(&self, list: &str, key: &[u8]) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(list.as_bytes());
        mac.update(b"\0");
        mac.update(key);
        mac.finalize().into_bytes().into_iter().take(MAC_LENGTH).collect()
    }

    fn seal(&self, list: &str, key: &[u8]) -> String {
        let mut bytes = self.mac(list, key);
        bytes.extend_from_slice(key);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        if bytes.len() < MAC_LENGTH {
            return None;
        }
        let key = bytes.split_off(MAC_LENGTH);
        bool::from(self.mac(list, &key).ct_eq(&bytes)).then_some(key)
    }
}

/// The address of the list at that path with these parameters, as far as they are said.
pub(super) fn list_address<'n>(
    path: String,
    parameters: impl IntoIterator<Item = (&'n str, Option<String>)>,
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

impl Api {
    /// The page that is asked for, of the list at that path.
    pub(super) fn page<K: DeserializeOwned>(
        &self,
        list: &str,
        query: &PageQuery,
    ) -> Result<Page<K>, Problem> {
        let limit = query.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::invalid("", format!("limit is 1 to {MOST}")));
        }
        let wrong = || Problem::invalid("", "the cursor is not one of this list");
        let after = match &query.cursor {
            Some(cursor) => {
                let key = self.cursors.open(list, cursor).ok_or_else(wrong)?;
                Some(serde_json::from_slice(&key).map_err(|_| wrong())?)
            }
            None => None,
        };
        Ok(Page { after, limit })
    }

    /// The answer with a page of the list at that path, of which there is never much: it was read as
    /// a whole, in the order of its keys.
    pub(super) fn listing_of_all<T, K, W>(
        &self,
        list: &str,
        query: &PageQuery,
        all: Vec<T>,
        key: impl Fn(&T) -> K,
        wire: impl Fn(T) -> W,
    ) -> Result<Response, Problem>
    where
        K: Serialize + DeserializeOwned + PartialOrd,
        W: Serialize + ToSchema,
    {
        let page = self.page(list, query)?;
        Ok(self.listing(list, query, Listed::page_of(all, &page, key), wire))
    }

    /// The answer with a page of the list at that path.
    pub(super) fn listing<T, K: Serialize, W: Serialize + ToSchema>(
        &self,
        list: &str,
        query: &PageQuery,
        listed: Listed<T, K>,
        wire: impl Fn(T) -> W,
    ) -> Response {
        let next = listed.next.as_ref().and_then(|key| serde_json::to_vec(key).ok());
        let next_cursor = next.map(|key| self.cursors.seal(list, &key));
        let items = listed.items.into_iter().map(wire).collect();
        let link = next_cursor.as_ref().map(|cursor| {
            let limit = query.limit.unwrap_or(USUAL);
            let host = self.public_url.as_deref().unwrap_or_default();
            // A list that is narrowed has a query of its own.
            let joint = if list.contains('?') { '&' } else { '?' };
            format!("<{host}{list}{joint}limit={limit}&cursor={cursor}>; rel=\"next\"")
        });
        let mut response = body::ok(&Listing { items, next_cursor });
        if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_list_and_unchanged() {
        let key = CursorKey::of("lineage");
        let cursor = key.seal("/api/v1/tenants", b"7");
        assert_eq!(key.open("/api/v1/tenants", &cursor).as_deref(), Some(&b"7"[..]));
        assert_eq!(CursorKey::of("lineage").open("/api/v1/tenants", &cursor).unwrap(), b"7");
        assert_eq!(key.open("/api/v1/people", &cursor), None);
        assert_eq!(CursorKey::of("other").open("/api/v1/tenants", &cursor), None);
        for (place, _) in cursor.char_indices() {
            let mut other = cursor.clone();
            let letter = if other.as_bytes()[place] == b'A' { "B" } else { "A" };
            other.replace_range(place..=place, letter);
            assert_eq!(key.open("/api/v1/tenants", &other), None, "{place}");
        }
        assert_eq!(key.open("/api/v1/tenants", ""), None);
    }
}
