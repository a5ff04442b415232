//! `cors`, `cors_credentials` and `cross_origin_resource_policy` of a site.

use super::document::{Section, Value};
use super::finding::Finding;
use crate::policy::{
    CorsCredentials, CorsOrigins, CorsRules, ResourcePolicy, TokenRules, WebOrigin,
};
use crate::token::Carrier;

/// Origins of one site, which a request walks.
const MAX_ORIGINS: usize = 100;

/// Whose scripts may read the site's answers. Credentials are asked for by themselves: cookies
/// carry tokens by default, and an origin that is listed to play what it has links for is not
/// meant to read what each visitor's cookies open.
pub(super) fn cors(section: Section<'_>, token: Option<&TokenRules>) -> Option<CorsRules> {
    let origins = section.value("cors").and_then(origins);
    let credentials = section.value("cors_credentials").and_then(|value| {
        let credentials = value.flag(CorsCredentials::Allowed, CorsCredentials::Omitted)?;
        if credentials == CorsCredentials::Allowed {
            check_credentials(value, section, origins.as_ref(), token);
        }
        Some(credentials)
    });
    Some(CorsRules {
        origins: origins?,
        credentials: credentials.unwrap_or(CorsCredentials::Omitted),
    })
}

/// Which pages may embed the site's files.
pub(super) fn resource_policy(section: Section<'_>) -> Option<ResourcePolicy> {
    let choices: Vec<_> = ResourcePolicy::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    section.value("cross_origin_resource_policy")?.one_of(&choices)
}

fn origins(value: Value<'_>) -> Option<CorsOrigins> {
    let mut listed: Vec<WebOrigin> = Vec::new();
    let mut any = None;
    for item in value.items(MAX_ORIGINS)? {
        let Some(text) = item.text() else { continue };
        if text == "*" {
            any = Some(item);
            continue;
        }
        match WebOrigin::parse(text) {
            Ok(origin) if listed.contains(&origin) => {
                item.report(Finding::error(format!("\"{text}\" is listed twice")));
            }
            Ok(origin) => {
                warn_of_cleartext(item, &origin);
                listed.push(origin);
            }
            Err(reason) => {
                item.report(Finding::error("this is no origin").label(reason.to_string()).help(
                    "write scheme, host and port as browsers send them: \
                     \"https://player.example.com\", \"http://localhost:3000\"; or \"*\" for all",
                ));
            }
        }
    }
    if value.is_empty_list() {
        return value.refuse(
            Finding::error("no script could read the answers")
                .help("list origins, or leave `cors` out"),
        );
    }
    match any {
        None => Some(CorsOrigins::Listed(listed)),
        Some(_) if listed.is_empty() => Some(CorsOrigins::Any),
        Some(item) => item.refuse(
            Finding::error("\"*\" covers what is listed beside it")
                .help("list the origins, or \"*\" alone"),
        ),
    }
}

/// Whoever is between a page and its reader writes that page, where it came in the clear.
fn warn_of_cleartext(item: Value<'_>, origin: &WebOrigin) {
    let Some(host) = origin.as_str().strip_prefix("http://") else { return };
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let local = host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.");
    if !local && !host.starts_with("[::1") {
        item.report(
            Finding::warning(format!("{} is a page in the clear", origin.as_str()))
                .label("whoever is on the way can speak for it"),
        );
    }
}

fn check_credentials(
    value: Value<'_>,
    section: Section<'_>,
    origins: Option<&CorsOrigins>,
    token: Option<&TokenRules>,
) {
    let refusal = match origins {
        Some(CorsOrigins::Any) => Finding::error("every origin could read what cookies open")
            .help("list the origins in `cors`; browsers refuse \"*\" with cookies as well"),
        None if !section.has("cors") => Finding::error("`cors_credentials` without `cors`")
            .help("list the origins whose scripts may read the answers"),
        Some(CorsOrigins::Listed(_)) | None => {
            if token.is_some_and(|rules| rules.carriers.allows(Carrier::Cookie)) {
                return;
            }
            Finding::error("no token of this site arrives in a cookie")
                .help("leave `cors_credentials` out, or let `carriers` name \"cookie\"")
        }
    };
    value.report(refusal);
}
