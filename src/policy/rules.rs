//! Sites, routes and what they ask for, compiled.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::asset::{AssetParameters, AssetPath, OriginKey, TenantId, Visibility};
use crate::token::CarrierRules;
use crate::token::edge_auth::EdgeAuth;

use super::{AntiFraudUse, CacheRules, CatalogRules, CorsRules, ResourcePolicy};

/// The name of an `[[origin]]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OriginName(Arc<str>);

impl OriginName {
    /// Names an origin.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for OriginName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OriginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One public host, or a set of hosts.
#[derive(Debug)]
pub struct Site {
    /// The first host as configured: the site's name in logs.
    pub name: Box<str>,
    /// Where outsiders reach it, without a final slash, if somebody said so.
    pub public_url: Option<Box<str>>,
    /// Whose assets are under `/public` and `/private`.
    pub tenant: TenantId,
    /// Which shares its links are of.
    pub delivery: SiteDelivery,
    /// Where assets are, if the site has any.
    pub assets: Option<AssetSource>,
    /// Which requests go through step 8.
    pub anti_fraud: AntiFraudUse,
    /// Whose scripts may read the answers; none: those of the site's own origin.
    pub cors: Option<CorsRules>,
    /// Which pages may embed the files, where the operator says so.
    pub resource_policy: Option<ResourcePolicy>,
    /// How tokens look, if the site takes any.
    pub token: Option<TokenRules>,
    /// Plain paths beside the asset grammar; the longest prefix wins.
    pub routes: Vec<Route>,
}

impl Site {
    /// The route whose prefix covers the decoded path, by whole segments; the longest wins.
    pub fn route(&self, decoded: &str) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|route| route.covers(decoded))
            .max_by_key(|route| route.prefix.len())
    }
}

/// Which shares come by a site: its hosts may be of a network that is tuned to some readers (G27).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SiteDelivery {
    /// Those that ask for delivery in China, and nothing else of what is signed.
    China,
    /// Every other.
    #[default]
    Standard,
}

/// How a site finds its assets' files.
#[derive(Debug)]
pub enum AssetSource {
    /// The catalog says which files there are.
    Catalog(CatalogRules),
    /// Each asset has a key, and whatever is there is its file.
    Template(AssetRules),
}

/// Where a site's assets are, without a catalog.
#[derive(Debug)]
pub struct AssetRules {
    /// The origin.
    pub origin: OriginName,
    /// From asset to object key.
    pub key: KeyTemplate,
    /// Are answers kept?
    pub cache: CacheRules,
}

/// How a site's tokens look.
#[derive(Debug)]
pub struct TokenRules {
    /// Their name and where they ride.
    pub carriers: CarrierRules,
    /// Their format.
    pub scheme: Scheme,
}

/// A token format.
#[derive(Debug)]
pub enum Scheme {
    /// Akamai EdgeAuth token 2.0.
    EdgeAuth(EdgeAuth),
}

impl Scheme {
    /// The name in configurations and metrics.
    pub const fn wire_name(&self) -> &'static str {
        match self {
            Self::EdgeAuth(_) => "edge-auth",
        }
    }
}

/// A plain path prefix.
#[derive(Debug)]
pub struct Route {
    /// Begins with `/`; covers itself and what is below it by whole segments.
    pub prefix: Box<str>,
    /// Who may pass.
    pub access: Access,
    /// The origin.
    pub origin: OriginName,
    /// What kind of key that origin takes.
    pub origin_takes: OriginTakes,
    /// Are answers kept?
    pub cache: CacheRules,
}

/// What an origin is asked with: decided by its kind when the configuration is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginTakes {
    /// Decoded keys (disk, object stores).
    Keys,
    /// Request targets as sent (HTTP).
    Targets,
}

/// Who may pass a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nobody.
    Deny,
    /// Everybody.
    Open,
    /// Whoever shows a valid token.
    Token,
}

impl Access {
    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Open => "open",
            Self::Token => "token",
        }
    }
}

impl Route {
    fn covers(&self, path: &str) -> bool {
        let prefix = self.prefix.trim_end_matches('/');
        match path.strip_prefix(prefix) {
            // `/vod/` is a folder: it does not cover a file named `/vod`.
            Some("") => !self.prefix.ends_with('/'),
            Some(rest) => rest.starts_with('/'),
            None => false,
        }
    }
}

/// A host name, or a wildcard over hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`
    Any,
    /// `files.example.com`, lower case, without a port.
    Exact(Box<str>),
    /// `*.example.com`: every host below; holds `.example.com`.
    Below(Box<str>),
}

impl HostPattern {
    /// Reads a pattern as configured; none when it is no host name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if text == "*" {
            return Some(Self::Any);
        }
        let name = text.strip_prefix("*.").unwrap_or(&text);
        let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let sound = match bracketed {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !name.is_empty()
                    && name.len() <= 253
                    && name.split('.').all(|label| {
                        (1..=63).contains(&label.len())
                            && label.bytes().all(|byte| {
                                byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
                            })
                    })
            }
        };
        if !sound {
            return None;
        }
        Some(match text.strip_prefix('*') {
            Some(suffix) => Self::Below(suffix.into()),
            None => Self::Exact(text.into()),
        })
    }
}

/// Sites by host: exact beats `*.example.com` beats `*`; of two wildcards the longer wins.
#[derive(Debug, Default)]
pub struct SiteTable {
    sites: Vec<Site>,
    exact: HashMap<Box<str>, usize>,
    below: Vec<(Box<str>, usize)>,
    any: Option<usize>,
}

impl SiteTable {
    /// A table of sites with their hosts. Of two sites with one host the first has it; the
    /// configuration refuses such a pair.
    pub fn new(sites: Vec<(Vec<HostPattern>, Site)>) -> Self {
        let mut table = Self::default();
        for (index, (hosts, site)) in sites.into_iter().enumerate() {
            for host in hosts {
                match host {
                    HostPattern::Any => table.any = table.any.or(Some(index)),
                    HostPattern::Exact(name) => {
                        table.exact.entry(name).or_insert(index);
                    }
                    HostPattern::Below(suffix) => table.below.push((suffix, index)),
                }
            }
            table.sites.push(site);
        }
        table.below.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        table
    }

    /// The site of a host, which is lower case and without a port.
    pub fn find(&self, host: &str) -> Option<&Site> {
        let index = self.exact.get(host).copied().or_else(|| {
            let below = |(suffix, _): &&(Box<str>, usize)| {
                host.len() > suffix.len() && host.ends_with(&**suffix)
            };
            self.below.iter().find(below).map(|(_, index)| *index).or(self.any)
        })?;
        self.sites.get(index)
    }

    /// Every site, in the order of the configuration.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }
}

/// From asset to object key: literal text with `{visibility}`, `{path}`, `{quality}` and
/// `{source}`.
///
/// A template without `{quality}` can only name the file of the default quality, one without
/// `{source}` only the default subtitle format; any other has no file (G17). A placeholder that
/// has nothing to say for an asset is left out with the one character `/ . - _` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Box<str>),
    Path,
    Quality,
    Source,
    Visibility,
}

/// Why a text is no key template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTemplateRejection {
    /// Two assets would share a key, and the override of one would open the other: with
    /// `{path}-{quality}` thumbnail `1` in quality `a-source` has the key of thumbnail `1-a` in
    /// quality `source`. A quality holds neither `/` nor `.`.
    #[error("{{quality}} after {{path}} needs a / or a . right before it")]
    Ambiguous,
    /// Without it every asset would have one key.
    #[error("the template must contain {{path}}")]
    NoPath,
    /// `{` without `}`, or the reverse.
    #[error("unbalanced braces")]
    Unbalanced,
    /// Not one of the four.
    #[error(
        "unknown placeholder {{{0}}}; there are {{visibility}} {{path}} {{quality}} {{source}}"
    )]
    UnknownPlaceholder(String),
}

impl KeyTemplate {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, KeyTemplateRejection> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, next) = after.split_once('}').ok_or(KeyTemplateRejection::Unbalanced)?;
            pieces.push(Piece::Literal(literal.into()));
            pieces.push(match name {
                "path" => Piece::Path,
                "quality" => Piece::Quality,
                "source" => Piece::Source,
                "visibility" => Piece::Visibility,
                _ => return Err(KeyTemplateRejection::UnknownPlaceholder(name.to_owned())),
            });
            rest = next;
        }
        pieces.push(Piece::Literal(rest.into()));
        let unbalanced =
            |piece: &Piece| matches!(piece, Piece::Literal(text) if text.contains(['{', '}']));
        if pieces.iter().any(unbalanced) {
            return Err(KeyTemplateRejection::Unbalanced);
        }
        if !pieces.contains(&Piece::Path) {
            return Err(KeyTemplateRejection::NoPath);
        }
        if quality_runs_into_path(&pieces) {
            return Err(KeyTemplateRejection::Ambiguous);
        }
        Ok(Self(pieces))
    }

    /// The key of an asset; none where no key can name it. `path` is what follows the visibility
    /// prefix in the decoded path.
    pub fn expand(
        &self,
        asset: &AssetPath,
        path: &str,
        effective: Visibility,
    ) -> Option<OriginKey> {
        let (mut quality, mut source) = (None, None);
        let default = match &asset.parameters {
            AssetParameters::None => true,
            AssetParameters::Quality(name) => {
                quality = Some(&**name);
                asset.parameters.is_default()
            }
            AssetParameters::QualityUnknown => return None,
            AssetParameters::Subtitle(format) => {
                source = Some(format.wire_name());
                asset.parameters.is_default()
            }
        };
        let needed = if quality.is_some() { Piece::Quality } else { Piece::Source };
        if !default && !self.0.contains(&needed) {
            return None;
        }
        let mut key = String::new();
        let mut after_literal = false;
        for piece in &self.0 {
            let value = match piece {
                Piece::Literal(text) => Some(&**text),
                Piece::Path => Some(path),
                Piece::Quality => quality,
                Piece::Source => source,
                Piece::Visibility => Some(effective.wire_name()),
            };
            match value {
                Some(value) => key.push_str(value),
                // Only the template's own text: a name may end with such a character too.
                None if after_literal && key.ends_with(['/', '.', '-', '_']) => {
                    key.pop();
                }
                None => {}
            }
            after_literal = matches!(piece, Piece::Literal(text) if !text.is_empty());
        }
        Some(OriginKey::Object(key.trim_start_matches('/').into()))
    }

    /// What the keys begin with of all assets whose paths, behind the visibility prefix, begin so;
    /// of more where the template has something else before the path.
    pub fn beginnings(&self, path: &str) -> Vec<String> {
        [Visibility::Public, Visibility::Private]
            .map(|visibility| {
                let mut key = String::new();
                for piece in &self.0 {
                    match piece {
                        Piece::Literal(text) => key.push_str(text),
                        Piece::Visibility => key.push_str(visibility.wire_name()),
                        Piece::Path => {
                            key.push_str(path);
                            break;
                        }
                        Piece::Quality | Piece::Source => {
                            // Left out, it takes that character with it.
                            key.truncate(key.trim_end_matches(['/', '.', '-', '_']).len());
                            break;
                        }
                    }
                }
                key.trim_start_matches('/').to_owned()
            })
            .into()
    }
}

fn quality_runs_into_path(pieces: &[Piece]) -> bool {
    let path = pieces.iter().position(|piece| *piece == Piece::Path).unwrap_or(pieces.len());
    let apart = |text: &str| text.contains(['/', '.']);
    pieces.windows(2).skip(path).any(|pair| match pair {
        [Piece::Literal(text), Piece::Quality] => !apart(text),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::{PathToken, RequestTarget};

    fn site(name: &str) -> Site {
        Site {
            name: name.into(),
            tenant: TenantId(1),
            assets: None,
            anti_fraud: AntiFraudUse::Asked,
            cors: None,
            public_url: None,
            resource_policy: None,
            delivery: SiteDelivery::Standard,
            token: None,
            routes: vec![],
        }
    }

    #[test]
    fn exact_beats_wildcard_beats_any() {
        let table = SiteTable::new(
            ["*", "*.example.com", "*.b.example.com", "a.example.com"]
                .map(|host| (vec![HostPattern::parse(host).unwrap()], site(host)))
                .into(),
        );
        for (host, expected) in [
            ("a.example.com", "a.example.com"),
            ("x.example.com", "*.example.com"),
            ("x.b.example.com", "*.b.example.com"),
            ("example.com", "*"),
            ("evil-example.com", "*"),
            ("10.0.0.1", "*"),
        ] {
            assert_eq!(&*table.find(host).unwrap().name, expected, "{host}");
        }
        assert!(SiteTable::default().find("a").is_none());
    }

    #[test]
    fn what_is_no_host() {
        for text in ["", "a b", "a/b", "*.", "**", "a..b", "a:80", "*a.example.com", "[::g]"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
        assert_eq!(
            HostPattern::parse("A.Example.COM"),
            Some(HostPattern::Exact("a.example.com".into()))
        );
        assert!(HostPattern::parse("[2001:db8::1]").is_some());
    }

    #[test]
    fn prefixes_are_whole_segments_and_the_longest_wins() {
        let route = |prefix: &str| Route {
            prefix: prefix.into(),
            access: Access::Open,
            origin: OriginName::new("o"),
            origin_takes: OriginTakes::Keys,
            cache: CacheRules::Off,
        };
        let mut site = site("s");
        site.routes = vec![route("/vod/"), route("/vod/live"), route("/")];
        let found = |path| site.route(path).map(|route| &*route.prefix);
        for (path, expected) in [
            ("/vod/a", "/vod/"),
            ("/vod/", "/vod/"),
            ("/vod", "/"),
            ("/vodka/a", "/"),
            ("/vod/live", "/vod/live"),
            ("/vod/live/a", "/vod/live"),
            ("/vod/lives", "/vod/"),
            ("/", "/"),
        ] {
            assert_eq!(found(path), Some(expected), "{path}");
        }
        site.routes.pop();
        assert!(site.route("/other").is_none());
    }

    fn key(template: &str, url: &str) -> Option<String> {
        let target = RequestTarget::parse(url, PathToken::Absent, 8192).unwrap();
        let asset = AssetPath::parse(&target).unwrap();
        let path = target.decoded().splitn(3, '/').nth(2).unwrap();
        let key =
            KeyTemplate::parse(template).unwrap().expand(&asset, path, Visibility::Private)?;
        match key {
            OriginKey::Object(key) => Some(key.into()),
            OriginKey::Target(_) => panic!("assets have object keys"),
        }
    }

    #[test]
    fn templates_name_one_file_per_quality_and_format() {
        let thumbnail = "/public/videos/a/thumbnails/1";
        let subtitle = "/public/videos/a/subtitles/1";
        for (template, url, expected) in [
            ("{path}", thumbnail.to_owned(), Some("videos/a/thumbnails/1")),
            ("{path}", format!("{thumbnail}?quality=360p"), Some("videos/a/thumbnails/1")),
            ("{path}", format!("{thumbnail}?quality=720p"), None),
            ("{path}", format!("{subtitle}?source=srt"), None),
            ("{path}/{quality}.{source}", thumbnail.to_owned(), Some("videos/a/thumbnails/1/360p")),
            (
                "{path}/{quality}.{source}",
                format!("{subtitle}?source=srt"),
                Some("videos/a/subtitles/1.SRT"),
            ),
            (
                "{path}/{quality}.{source}",
                "/public/videos/a/source".into(),
                Some("videos/a/source"),
            ),
            (
                "x/{visibility}/{path}",
                "/public/videos/a/source".into(),
                Some("x/private/videos/a/source"),
            ),
            ("{path}", format!("{thumbnail}?quality=../../x"), None),
        ] {
            assert_eq!(key(template, &url).as_deref(), expected, "{template} {url}");
        }
    }

    #[test]
    fn what_is_no_template() {
        for (text, expected) in [
            ("", KeyTemplateRejection::NoPath),
            ("{quality}", KeyTemplateRejection::NoPath),
            ("{path", KeyTemplateRejection::Unbalanced),
            ("path}{path}", KeyTemplateRejection::Unbalanced),
            ("{path}{x}", KeyTemplateRejection::UnknownPlaceholder("x".into())),
            ("{path}{quality}", KeyTemplateRejection::Ambiguous),
            ("{path}.{source}-{quality}", KeyTemplateRejection::Ambiguous),
            ("{quality}/{path}{quality}", KeyTemplateRejection::Ambiguous),
        ] {
            assert_eq!(KeyTemplate::parse(text), Err(expected), "{text}");
        }
    }

    /// A template that is taken.
    fn template() -> impl Strategy<Value = String> {
        const PIECES: &[&str] =
            &["{path}", "{quality}", "{source}", "{visibility}", "/", ".", "-", "a"];
        let pieces = || proptest::collection::vec(proptest::sample::select(PIECES), 0..4);
        (pieces(), pieces())
            .prop_map(|(before, after)| format!("{}{{path}}{}", before.concat(), after.concat()))
            .prop_filter("a template", |template| KeyTemplate::parse(template).is_ok())
    }

    fn asset_url() -> impl Strategy<Value = String> {
        prop_oneof![
            "videos/[ab]/thumbnails/[a-]{1,4}[?]quality=[a-]{1,4}",
            "videos/[ab]/chapters/[a-]{1,2}/thumbnails[?]quality=[a-]{1,4}",
            "videos/[ab]/subtitles/[aSRTV-]{1,3}([?]source=(srt|vtt))?",
            "videos/[ab]/(source|formats/[a-]{1,3}|attachments/[a-]/a[a.-]{0,3})",
            "channels/[1-2]/attachments/[a-]/a[a.-]{0,3}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn two_assets_never_share_a_key(
            template in template(),
            (one, other) in (asset_url(), asset_url()),
        ) {
            let target = |url: &str| {
                let url = format!("/public/{url}");
                let target = RequestTarget::parse(&url, PathToken::Absent, 8192).unwrap();
                (AssetPath::parse(&target).unwrap(), key(&template, &url))
            };
            let ((one, its_key), (other, other_key)) = (target(&one), target(&other));
            prop_assert!(
                one == other || its_key != other_key || its_key.is_none(),
                "{template}: {one} and {other} are both {its_key:?}"
            );
        }
    }
}
