//! `countersign sign`: a link that opens.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::output::{self, Exit};
use crate::app;
use crate::asset::{AssetPath, Visibility};
use crate::clock::{Clock, UnixSeconds};
use crate::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey, SigningKey};
use crate::policy::{Scheme, Site, SiteTable};
use crate::secret::Secret;
use crate::target::{PathToken, RequestHost, RequestTarget};
use crate::token::edge_auth::{
    self, EdgeAuth, EscapeDialect, EscapeUrl, QueryRule, SignRequest, SignScope, UrlForm,
};
use crate::token::{Carrier, CarrierRules, RequestKey};

/// Signs a link with the key of the site that its host names.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  countersign sign --config countersign.toml --url https://files.example.com/vod/a.mp4 --ttl 2h
  countersign sign --key-hex aabbccddeeff00112233445566778899 --url /vod/a.mp4 --acl '/vod/*'
  countersign sign --scheme mediahub --client-id app_01 --secret-file secret \\
      --url 'https://control.example.com/v1/files/downloads/?file_id=7'")]
pub(super) struct Sign {
    /// The configuration whose site and key sign.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["key_hex", "client_id"])]
    config: Option<PathBuf>,
    /// A key instead of a configuration, hexadecimal; everything else at its default.
    #[arg(long, value_name = "HEX", conflicts_with_all = ["config", "key"])]
    key_hex: Option<String>,
    /// What the link is to open.
    #[arg(long, value_name = "URL_OR_PATH")]
    url: String,
    /// What is made: a link with an EdgeAuth token, or a request to the control plane that carries
    /// its own signature, as MediaHub's clients make it.
    #[arg(long, value_enum, default_value = "edge-auth")]
    scheme: SchemeName,
    /// The application that signs a request.
    #[arg(long, value_name = "ID", requires = "secret_file")]
    #[arg(conflicts_with_all = ["config", "key_hex"])]
    client_id: Option<String>,
    /// Where its signing secret is.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    secret_file: Option<PathBuf>,
    /// A pattern of paths that the token opens, `*` any run, `?` one byte; several are allowed.
    /// Without one, the token opens the link's own path.
    #[arg(long, value_name = "PATTERN")]
    acl: Vec<String>,
    /// Sign the URL itself instead of a pattern: the token then opens nothing else.
    #[arg(long, conflicts_with = "acl")]
    url_token: bool,
    /// How long it lives, as 90s, 120m, 2h, 7d; if nothing is said, a link 120m and a request 180s.
    #[arg(long, value_name = "DURATION", conflicts_with = "exp")]
    ttl: Option<String>,
    /// Its last valid second, as seconds since 1970.
    #[arg(long, value_name = "EPOCH")]
    exp: Option<u64>,
    /// Its first valid second.
    #[arg(long, value_name = "EPOCH")]
    start: Option<u64>,
    /// The address that it is bound to.
    #[arg(long, value_name = "ADDR")]
    ip: Option<IpAddr>,
    /// The link's id, for revocation.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A payload.
    #[arg(long, value_name = "TEXT")]
    data: Option<String>,
    /// Sign with this key instead of the first in force.
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// What counts as now.
    #[arg(long, value_name = "EPOCH")]
    now: Option<u64>,
    /// Print the token alone.
    #[arg(long)]
    token_only: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemeName {
    EdgeAuth,
    Mediahub,
}

pub(super) fn sign(arguments: &Sign) -> Exit {
    match signed(arguments) {
        Ok(text) => {
            output::result(text);
            Exit::Success
        }
        Err(exit) => exit,
    }
}

fn signed(arguments: &Sign) -> Result<String, Exit> {
    let now = arguments.now.map_or_else(|| Clock::System.now(), UnixSeconds::new);
    let link = Link::parse(&arguments.url)?;
    match (arguments.scheme, &arguments.client_id) {
        (SchemeName::EdgeAuth, None) => {}
        (SchemeName::Mediahub, Some(client)) => return request(arguments, &link, client, now),
        (SchemeName::Mediahub, None) | (SchemeName::EdgeAuth, Some(_)) => {
            let words = "--scheme mediahub and --client-id go together";
            return Err(output::usage(words));
        }
    }
    match (&arguments.config, &arguments.key_hex) {
        (Some(config), _) => {
            let policy = app::load_policy(config, now).map_err(output::failure)?;
            let site = site_of(&policy.sites, &link)?;
            let token = site.token.as_ref().ok_or_else(|| {
                output::failure(format_args!("site {} has no [site.token]", site.name))
            })?;
            let Scheme::EdgeAuth(rules) = &token.scheme;
            with_rules(arguments, &link, Some(site), &token.carriers, rules, now)
        }
        (None, Some(hex)) => {
            let id = KeyId::new("command-line");
            let key = SharedKey::from_hex(id, hex, KeyPurpose::Vendor, KeyWindow::default())
                .map_err(|why| output::usage(format_args!("--key-hex: {why}")))?;
            let carriers = CarrierRules::new("__token__", &[Carrier::Query]);
            let rules = EdgeAuth::with_keys(Keyring::new(vec![key]));
            with_rules(arguments, &link, None, &carriers, &rules, now)
        }
        (None, None) => Err(output::usage("--config or --key-hex is needed")),
    }
}

fn with_rules(
    arguments: &Sign,
    link: &Link<'_>,
    site: Option<&Site>,
    carriers: &CarrierRules,
    rules: &EdgeAuth,
    now: UnixSeconds,
) -> Result<String, Exit> {
    let key = signing_key(arguments, rules, now)?;
    let expiry = expiry(arguments, "120m", now)?;
    let target = link.target(site)?;
    let escape = match rules.escape_url {
        EscapeUrl::On => Some(EscapeDialect::Python),
        EscapeUrl::Auto | EscapeUrl::Off => None,
    };
    let path = target.wire();
    // A path that reads as a pattern would open more than itself: its URL is signed instead.
    let plain = !path.contains('*')
        && !path.contains(&*rules.field_delimiter)
        && !path.contains(&*rules.acl_delimiter);
    let signed_url = match rules.url_form {
        UrlForm::Decoded => target.decoded(),
        UrlForm::Raw => path,
    };
    let signed_url = match (rules.query, target.query()) {
        (QueryRule::Signed, Some(query)) => format!("{signed_url}?{query}"),
        (QueryRule::Signed, None) | (QueryRule::Ignored, _) => signed_url.to_owned(),
    };
    let own_path = [path];
    let patterns: Vec<&str> = arguments.acl.iter().map(String::as_str).collect();
    let scope = if !patterns.is_empty() {
        SignScope::Acl(&patterns)
    } else if plain && !arguments.url_token {
        SignScope::Acl(&own_path)
    } else {
        SignScope::Url(&signed_url)
    };
    let request = SignRequest {
        scope,
        start: arguments.start.map(UnixSeconds::new),
        expiry,
        ip: arguments.ip.map(Into::into),
        id: arguments.id.as_deref(),
        payload: arguments.data.as_deref(),
        escape,
    };
    let token = edge_auth::sign(rules, key, &request).map_err(output::usage)?;
    if arguments.token_only {
        return Ok(token);
    }
    link.with_token(&target, carriers, &token)
}

/// The last second at which what is made counts.
fn expiry(arguments: &Sign, usual: &str, now: UnixSeconds) -> Result<UnixSeconds, Exit> {
    if let Some(exp) = arguments.exp {
        return Ok(UnixSeconds::new(exp));
    }
    let ttl = arguments.ttl.as_deref().unwrap_or(usual);
    let lifetime =
        app::parse_ttl(ttl).map_err(|why| output::usage(format_args!("--ttl {ttl}: {why}")))?;
    Ok(now.plus(lifetime.as_secs()))
}

/// A request that carries its own signature.
fn request(
    arguments: &Sign,
    link: &Link<'_>,
    client: &str,
    now: UnixSeconds,
) -> Result<String, Exit> {
    let file = arguments.secret_file.as_deref().unwrap_or(Path::new(""));
    let failed = |why: &dyn std::fmt::Display| {
        output::failure(format_args!("--secret-file {}: {why}", file.display()))
    };
    let secret = std::fs::read_to_string(file).map(Secret::new).map_err(|why| failed(&why))?;
    // Into the key, and no further.
    let key = RequestKey::of_secret(secret.expose()).map_err(|why| failed(&why))?;
    let signed = key.sign(link.path_and_query, client, expiry(arguments, "180s", now)?);
    Ok(format!("{}{signed}", link.origin))
}

fn signing_key<'k>(
    arguments: &Sign,
    rules: &'k EdgeAuth,
    now: UnixSeconds,
) -> Result<SigningKey<'k>, Exit> {
    match &arguments.key {
        Some(id) => rules.keyring.signer_named(id).ok_or_else(|| {
            let known: Vec<&str> =
                rules.keyring.keys().iter().map(|key| key.id().as_str()).collect();
            output::usage(format_args!("--key {id}: the site has {}", known.join(", ")))
        }),
        None => rules.keyring.signer(now).ok_or_else(|| {
            output::failure(format_args!("no key of the site is in force at {now}"))
        }),
    }
}

/// The link as given, taken apart.
struct Link<'a> {
    /// `https://host[:port]`, or nothing.
    origin: &'a str,
    host: Option<RequestHost>,
    path_and_query: &'a str,
}

impl<'a> Link<'a> {
    fn parse(text: &'a str) -> Result<Self, Exit> {
        if text.starts_with('/') {
            return Ok(Self { origin: "", host: None, path_and_query: text });
        }
        let refused = || {
            output::usage(format_args!(
                "--url {text:?}: neither http(s)://host/path nor a path that begins with /"
            ))
        };
        let after_scheme = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or_else(refused)?;
        let authority_len = after_scheme.find('/').ok_or_else(refused)?;
        let (authority, path_and_query) = after_scheme.split_at(authority_len);
        let host = RequestHost::parse(authority.as_bytes()).ok_or_else(refused)?;
        let (origin, _) = text.split_at(text.len() - path_and_query.len());
        Ok(Self { origin, host: Some(host), path_and_query })
    }

    /// The target that is signed: an asset link always under `/private`, which is its effective
    /// form wherever a token is asked for.
    fn target(&self, site: Option<&Site>) -> Result<RequestTarget, Exit> {
        let refused = |why: &dyn std::fmt::Display| {
            output::usage(format_args!("--url {:?}: {why}", self.path_and_query))
        };
        let parse = |text: &str| {
            RequestTarget::parse(text, PathToken::Absent, 8192).map_err(|why| refused(&why))
        };
        let target = parse(self.path_and_query)?;
        let has_assets = site.is_some_and(|site| site.assets.is_some());
        if !has_assets || !AssetPath::claims(&target) {
            return Ok(target);
        }
        let asset = AssetPath::parse(&target).map_err(|why| refused(&why))?;
        if asset.asked == Visibility::Private {
            return Ok(target);
        }
        let rest = self.path_and_query.splitn(3, '/').nth(2).unwrap_or_default();
        parse(&format!("/private/{rest}"))
    }

    /// The link with its token where the site looks: in the query or, failing that, in the path.
    fn with_token(
        &self,
        target: &RequestTarget,
        carriers: &CarrierRules,
        token: &str,
    ) -> Result<String, Exit> {
        let name = carriers.name();
        let in_path = !carriers.allows(Carrier::Query);
        if in_path && !carriers.allows(Carrier::Path) {
            return Err(output::usage(format_args!(
                "tokens of this site ride in a header or cookie named {name}, not in the link; \
                 use --token-only"
            )));
        }
        // Verifiers decode all of a token or nothing: what is escaped in part is escaped in full.
        let escapes = if token.bytes().any(|byte| escapes(IN_LINK, byte)) {
            const { &IN_LINK.add(b'%') }
        } else {
            IN_LINK
        };
        let mut link = self.origin.to_owned();
        if in_path {
            let token = utf8_percent_encode(token, const { &IN_LINK.add(b'%').add(b'/') });
            let _ = write!(link, "/{name}={token}");
        }
        link.push_str(target.wire());
        if let Some(query) = target.query() {
            let _ = write!(link, "?{query}");
        }
        if !in_path {
            let token = utf8_percent_encode(token, escapes);
            let separator = if target.query().is_some() { '&' } else { '?' };
            let _ = write!(link, "{separator}{name}={token}");
        }
        Ok(link)
    }
}

fn site_of<'s>(sites: &'s SiteTable, link: &Link<'_>) -> Result<&'s Site, Exit> {
    match &link.host {
        Some(host) => sites
            .find(host.as_str())
            .ok_or_else(|| output::failure(format_args!("no site has the host {}", host.as_str()))),
        None => {
            sites.sites().first().ok_or_else(|| output::failure("the configuration has no site"))
        }
    }
}

fn escapes(set: &'static AsciiSet, byte: u8) -> bool {
    percent_encoding::percent_encode(&[byte], set).next().is_some_and(|it| it.len() > 1)
}

/// What cannot stand in a query as it is. The token's own characters stay readable.
const IN_LINK: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'&')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
