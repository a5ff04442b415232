//! Steps 1 to 5 of a decision: from a request's head to [`RequestFacts`], or a refusal.
//!
//! hyper hands over a request that is well framed; what it lets through and we do not (several
//! hosts, a body on GET, an upgrade) is refused here, before anything else is looked at. The same
//! function serves `explain`.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method};

use crate::network::{ClientIp, PeerIp};
use crate::policy::{ClientScheme, Denial, DenialCode, RequestFacts, Resource, Site, SiteTable};
use crate::target::{PathToken, RequestHost, RequestTarget};
use crate::token::{Candidates, Carrier, without_parameter};

use super::forwarded::Asking;
use super::forwarded_scheme::client_scheme;
use super::{Limits, Settings};

/// How a request arrived: what its head does not say.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The other end of the connection, after a PROXY header.
    pub peer: PeerIp,
    /// The name that the TLS client asked for.
    pub server_name: Option<&'a str>,
    /// Does anything follow the head?
    pub body: BodyPresence,
    /// What the connection speaks.
    pub scheme: ClientScheme,
}

/// Does anything follow the head?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPresence {
    /// Nothing.
    Absent,
    /// Bytes, or the announcement of bytes.
    Present,
}

/// What was learned of a request before it was refused; for the log, and for whom the answer is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learned<'s> {
    /// Whose host it names.
    pub site: Option<&'s Site>,
    /// The client's address.
    pub client: Option<ClientIp>,
}

/// Reads a request's head.
pub fn identify<'s>(
    parts: &Parts,
    arrival: Arrival<'_>,
    sites: &'s SiteTable,
    settings: &Settings,
    learned: &mut Learned<'s>,
) -> Result<RequestFacts<'s>, Denial> {
    check_framing(parts, arrival.body, &settings.limits)?;
    let host = request_host(parts)?;
    if arrival.server_name.is_some_and(|name| !host.is(name)) {
        return Err(DenialCode::NoSite.into());
    }
    let site = sites.find(host.as_str()).ok_or(DenialCode::NoSite)?;
    learned.site = Some(site);
    check_method(&parts.method, site)?;
    let target = request_target(parts, site, &settings.limits)?;
    let Asking { client, untrusted_proxy } = settings
        .forwarded_header
        .read(arrival.peer, &parts.headers, &settings.trusted_proxies)
        .map_err(|_| DenialCode::ClientAddress)?;
    learned.client = Some(client);
    let resource = Resource::find(site, &target)?;
    let candidates = match &site.token {
        Some(token) => Candidates::collect(
            &token.carriers,
            &target,
            header_bytes(&parts.headers, token.carriers.name()),
            header_bytes(&parts.headers, COOKIE.as_str()),
        ),
        None => Candidates::default(),
    };
    let way = settings.cdn.way(&parts.headers);
    let scheme = client_scheme(
        settings.forwarded_header,
        arrival.scheme,
        arrival.peer,
        &parts.headers,
        &settings.trusted_proxies,
    );
    Ok(RequestFacts { site, target, client, untrusted_proxy, way, scheme, resource, candidates })
}

/// No body, nothing that asks for another protocol, limits.
fn check_framing(parts: &Parts, body: BodyPresence, limits: &Limits) -> Result<(), Denial> {
    check_size(&parts.headers, limits)?;
    check_no_body(&parts.headers, body)?;
    check_protocol(&parts.headers)
}

/// Is the header section within the limits?
pub(super) fn check_size(headers: &HeaderMap, limits: &Limits) -> Result<(), Denial> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    if headers.len() > limits.max_headers || bytes > limits.max_header_bytes {
        return Err(DenialCode::HeadersTooLarge.into());
    }
    Ok(())
}

/// Nothing follows the head, and nothing says so.
pub(super) fn check_no_body(headers: &HeaderMap, body: BodyPresence) -> Result<(), Denial> {
    // Refused whatever the method: what follows such a head is read differently by different
    // servers (security page, part 2.1).
    if headers.contains_key(TRANSFER_ENCODING)
        || announces_a_body(headers)
        || body == BodyPresence::Present
    {
        return Err(DenialCode::BodyRefused.into());
    }
    Ok(())
}

/// The request asks for no interim answer, and for no other protocol.
pub(super) fn check_protocol(headers: &HeaderMap) -> Result<(), Denial> {
    if headers.contains_key(EXPECT) {
        return Err(DenialCode::ExpectRefused.into());
    }
    if headers.contains_key(UPGRADE) {
        return Err(DenialCode::UpgradeRefused.into());
    }
    Ok(())
}

/// After the site is known: which methods there are is the site's to say (RFC 9110 section 10.2.1).
fn check_method(method: &Method, site: &Site) -> Result<(), Denial> {
    let preflight = *method == Method::OPTIONS && site.cors.is_some();
    if *method == Method::GET || *method == Method::HEAD || preflight {
        Ok(())
    } else {
        Err(DenialCode::MethodNotAllowed.into())
    }
}

fn announces_a_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => false,
        (Some(length), None) => length.as_bytes() != b"0",
        (Some(_), Some(_)) => true,
    }
}

/// The same address over TLS, where that has its usual port (RFC 9110 section 4.2.2): whatever host
/// was asked, without the token, which plays no part there.
pub(super) fn over_tls(parts: &Parts, facts: &RequestFacts<'_>) -> Option<HeaderValue> {
    let host = request_host(parts).ok()?;
    let name = facts.site.token.as_ref().map(|token| token.carriers.name());
    let query = facts.target.query().map(|query| match name {
        Some(name) => without_parameter(query, name),
        None => query.into(),
    });
    let query = query.filter(|query| !query.is_empty());
    let (mark, query) = query.as_ref().map_or(("", ""), |query| ("?", query));
    let text = format!("https://{}{}{mark}{query}", host.as_str(), facts.target.wire());
    HeaderValue::try_from(text).ok()
}

/// The one host that every part of the request agrees on.
pub(super) fn request_host(parts: &Parts) -> Result<RequestHost, Denial> {
    let mut named = None;
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut lines = parts.headers.get_all(HOST).iter();
    let line = lines.next().map(HeaderValue::as_bytes);
    if lines.next().is_some() {
        return Err(DenialCode::HostInvalid.into());
    }
    for text in [authority, line].into_iter().flatten() {
        let host = RequestHost::parse(text).ok_or(DenialCode::HostInvalid)?;
        match &named {
            Some(first) if *first != host => return Err(DenialCode::HostInvalid.into()),
            Some(_) => {}
            None => named = Some(host),
        }
    }
    named.ok_or(Denial::Plain(DenialCode::HostInvalid))
}

fn request_target(parts: &Parts, site: &Site, limits: &Limits) -> Result<RequestTarget, Denial> {
    let path_token = match &site.token {
        Some(token) if token.carriers.allows(Carrier::Path) => {
            PathToken::Named(token.carriers.name())
        }
        Some(_) | None => PathToken::Absent,
    };
    read_target(parts, path_token, limits)
}

/// The target, with tokens in its path or not.
pub(super) fn read_target(
    parts: &Parts,
    path_token: PathToken<'_>,
    limits: &Limits,
) -> Result<RequestTarget, Denial> {
    // An absolute target, or `:scheme`, of something that is not here to be had.
    let foreign = |scheme: &Scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS;
    if parts.uri.scheme().is_some_and(foreign) {
        return Err(DenialCode::TargetMalformed.into());
    }
    let text = parts.uri.path_and_query().map_or("", |text| text.as_str());
    Ok(RequestTarget::parse(text, path_token, limits.max_target_bytes)?)
}

fn header_bytes<'h>(
    headers: &'h HeaderMap,
    name: &str,
) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    // A configured name that is no header name has no values.
    headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}
