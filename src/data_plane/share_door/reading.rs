//! Reads a request to a share: its head, and the fields of a form.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::super::Settings;
use super::super::connection::RequestBodyError;
use super::super::forwarded::Asking;
use super::super::forwarded_scheme::client_scheme;
use super::super::identity::{
    Arrival, BodyPresence, Learned, check_no_body, check_protocol, check_size, read_target,
    request_host,
};
use crate::policy::{AssetSource, Denial, DenialCode, Site, SiteTable};
use crate::target::PathToken;
use crate::visitor::Visitor;

/// What every share's address begins with.
const PREFIX: &str = "/s/";

/// Bytes of a form: what the pages ask for are passwords, choices, and the numbers of files.
pub(super) const MOST_FORM_BYTES: usize = 64 * 1024;

/// May the target be a share's? Asked of every request: what it costs is the comparison of three bytes.
pub(in super::super) fn is_share(uri: &Uri) -> bool {
    uri.path().starts_with(PREFIX)
}

/// The site that the request names, if it is one that has shares. Of any other nothing is known by
/// this.
pub(in super::super) fn site_with_shares<'s>(
    parts: &Parts,
    arrival: Arrival<'_>,
    sites: &'s SiteTable,
) -> Option<&'s Site> {
    let host = request_host(parts).ok()?;
    if arrival.server_name.is_some_and(|name| !host.is(name)) {
        return None;
    }
    let site = sites.find(host.as_str())?;
    matches!(site.assets, Some(AssetSource::Catalog(_))).then_some(site)
}

/// Reads the head: who asks, and that the rest of it is in order. The rules are those of every request,
/// but for the form that a POST has.
pub(in super::super) fn read_head(
    parts: &Parts,
    arrival: Arrival<'_>,
    site: &Site,
    settings: &Settings,
    learned: &mut Learned<'_>,
) -> Result<Visitor, Denial> {
    check_size(&parts.headers, &settings.limits)?;
    match parts.method {
        Method::POST => check_form(&parts.headers, arrival.body)?,
        _ => check_no_body(&parts.headers, arrival.body)?,
    }
    check_protocol(&parts.headers)?;
    if ![Method::GET, Method::HEAD, Method::POST].contains(&parts.method) {
        return Err(DenialCode::MethodNotAllowed.into());
    }
    // Tokens have no meaning here, and are not looked for.
    read_target(parts, PathToken::Absent, &settings.limits)?;
    let Asking { client, untrusted_proxy: _ } = settings
        .forwarded_header
        .read(arrival.peer, &parts.headers, &settings.trusted_proxies)
        .map_err(|_| DenialCode::ClientAddress)?;
    learned.client = Some(client);
    let scheme = client_scheme(
        settings.forwarded_header,
        arrival.scheme,
        arrival.peer,
        &parts.headers,
        &settings.trusted_proxies,
    );
    let host = request_host(parts)?;
    let host = match host.port() {
        Some(port) => format!("{}:{port}", host.as_str()).into(),
        None => host.as_str().into(),
    };
    Ok(Visitor { client, scheme, host, tenant: site.tenant })
}

/// One length that is stated, short enough, of fields of a form. Whatever leaves room for two opinions
/// on where the body ends is refused as it is everywhere.
fn check_form(headers: &HeaderMap, body: BodyPresence) -> Result<(), Denial> {
    let refused = Denial::Plain(DenialCode::BodyRefused);
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(refused);
    }
    let length = one(headers, &CONTENT_LENGTH).and_then(length).ok_or(refused)?;
    if length > MOST_FORM_BYTES || (length == 0) != (body == BodyPresence::Absent) {
        return Err(refused);
    }
    if length > 0 && !one(headers, &CONTENT_TYPE).is_some_and(is_form) {
        return Err(refused);
    }
    Ok(())
}

fn one<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).map(HeaderValue::as_bytes)
}

/// Digits and nothing else (RFC 9110 section 8.6).
fn length(text: &[u8]) -> Option<usize> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then_some(text).and_then(|text| str::from_utf8(text).ok()?.parse().ok())
}

fn is_form(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Reads the form, in the time that a body has.
pub(super) async fn read_form<B>(body: B) -> Result<Bytes, Denial>
where
    B: Body<Data = Bytes, Error = RequestBodyError>,
{
    match Limited::new(body, MOST_FORM_BYTES).collect().await {
        Ok(form) => Ok(form.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(DenialCode::BodyRefused.into()),
        // Late, or the client is gone and hears nothing.
        Err(_) => Err(DenialCode::RequestTimeout.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn form(fields: &[(&str, &str)], body: BodyPresence) -> Result<(), Denial> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        check_form(&headers, body)
    }

    #[test]
    fn a_form_says_how_long_it_is_and_is_short() {
        let (there, none) = (BodyPresence::Present, BodyPresence::Absent);
        for (fields, body) in [
            (&[("content-length", "1"), ("content-type", FORM)][..], there),
            (&[("content-length", "65536"), ("content-type", FORM)], there),
            (
                &[
                    ("content-length", "9"),
                    ("content-type", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"),
                ],
                there,
            ),
            (&[("content-length", "0"), ("content-type", FORM)], none),
            (&[("content-length", "0")], none),
        ] {
            assert_eq!(form(fields, body), Ok(()), "{fields:?}");
        }
        for (fields, body) in [
            (&[("content-type", FORM)][..], there),
            (&[("content-type", FORM)], none),
            (&[], none),
            (&[("content-length", "65537"), ("content-type", FORM)], there),
            (&[("content-length", "99999999999999999999"), ("content-type", FORM)], there),
            (&[("content-length", "+1"), ("content-type", FORM)], there),
            (&[("content-length", "1 "), ("content-type", FORM)], there),
            (&[("content-length", "1, 1"), ("content-type", FORM)], there),
            (&[("content-length", "")], none),
            (&[("content-length", "1"), ("content-length", "1"), ("content-type", FORM)], there),
            (&[("content-length", "1"), ("content-type", FORM)], none),
            (&[("content-length", "0"), ("content-type", FORM)], there),
            (&[("content-length", "1")], there),
            (&[("content-length", "1"), ("content-type", "multipart/form-data")], there),
            (&[("content-length", "1"), ("content-type", "application/json")], there),
            (&[("content-length", "1"), ("content-type", FORM), ("content-type", FORM)], there),
            (
                &[
                    ("content-length", "1"),
                    ("content-type", FORM),
                    ("transfer-encoding", "chunked"),
                ],
                there,
            ),
            (&[("content-type", FORM), ("transfer-encoding", "identity")], there),
        ] {
            assert_eq!(form(fields, body), Err(DenialCode::BodyRefused.into()), "{fields:?}");
        }
    }

    #[test]
    fn only_what_is_spelt_so_is_a_shares_address() {
        for (target, expected) in [
            ("/s/abc", true),
            ("/s/", true),
            ("/s/abc?x=1", true),
            ("http://a.example/s/abc", true),
            ("/s", false),
            ("/S/abc", false),
            ("/%73/abc", false),
            ("//s/abc", false),
            ("/./s/abc", false),
            ("/a/s/abc", false),
            ("/sx/abc", false),
        ] {
            assert_eq!(is_share(&target.parse().unwrap()), expected, "{target}");
        }
    }
}
