//! Where a bucket is: from the names that an operator knows to the URL that its keys are appended to.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::super::http::{UpstreamUrl, UpstreamUrlRejection};

/// What is written as an escape in a signed path: all but the unreserved characters of RFC 3986
/// section 2.3. The server writes the path anew to compare signatures, and writes it so.
pub(super) const KEY_ESCAPES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What stands before every key of an origin: nothing, or segments with a slash behind each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPrefix(Box<str>);

impl KeyPrefix {
    /// As it stands before keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is no prefix of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix is names with a slash between, none of them empty, `.` or `..`")]
pub struct KeyPrefixRejection;

impl FromStr for KeyPrefix {
    type Err = KeyPrefixRejection;

    /// With or without a slash at its end.
    fn from_str(text: &str) -> Result<Self, KeyPrefixRejection> {
        let names = text.strip_suffix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Self::default());
        }
        let odd = |name: &str| matches!(name, "" | "." | "..") || name.contains(char::is_control);
        if names.split('/').any(odd) {
            return Err(KeyPrefixRejection);
        }
        Ok(Self(format!("{names}/").into()))
    }
}

/// Where in a URL the bucket is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// First in the path.
    Path,
    /// First in the host.
    VirtualHost,
}

/// A bucket of a server that speaks S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    pub(super) bucket: Box<str>,
    pub(super) region: Box<str>,
    pub(super) addressing: Addressing,
    /// The server, with the bucket before it where the host names that.
    pub(super) endpoint: Box<str>,
}

/// A container of an account of Azure's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureLocation {
    pub(super) account: Box<str>,
    pub(super) container: Box<str>,
    /// The account's server.
    pub(super) endpoint: Box<str>,
}

/// Why names do not say where a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationRejection {
    /// The account's name.
    #[error("an account's name is 3 to 24 lower-case letters and digits")]
    Account,
    /// The bucket's name.
    #[error("a bucket's name is 3 to 63 letters, digits, `-`, `_` and `.`")]
    Bucket,
    /// The container's name.
    #[error("a container's name is 3 to 63 lower-case letters, digits and `-`")]
    Container,
    /// The endpoint is no URL that keys can be appended to.
    #[error("the endpoint is {0}")]
    Endpoint(UpstreamUrlRejection),
    /// A host that is an address cannot have a bucket's name before it.
    #[error("a server that is given by its address cannot have the bucket in its host's name")]
    HostIsAddress,
    /// The region's name.
    #[error("a region's name is lower-case letters, digits and `-`")]
    Region,
}

impl S3Location {
    /// A bucket; without an endpoint it is Amazon's. Where it is not said how the bucket is
    /// addressed, Amazon names it in the host, unless a dot in the name would keep the certificate
    /// from fitting; other servers rarely do.
    pub fn new(
        bucket: &str,
        region: &str,
        endpoint: Option<&str>,
        addressing: Option<Addressing>,
    ) -> Result<Self, LocationRejection> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let odd_dots = bucket.starts_with('.') || bucket.ends_with('.') || bucket.contains("..");
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_name) || odd_dots {
            return Err(LocationRejection::Bucket);
        }
        let is_region = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if region.is_empty() || region.len() > 64 || !region.bytes().all(is_region) {
            return Err(LocationRejection::Region);
        }
        let addressing = addressing.unwrap_or(if endpoint.is_some() || bucket.contains('.') {
            Addressing::Path
        } else {
            Addressing::VirtualHost
        });
        let amazons = || format!("https://s3.{region}.amazonaws.com");
        let mut url = server(&endpoint.map_or_else(amazons, str::to_owned))?;
        if addressing == Addressing::VirtualHost {
            let host = match url.host() {
                Some(url::Host::Domain(host)) => format!("{bucket}.{host}"),
                Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | None => {
                    return Err(LocationRejection::HostIsAddress);
                }
            };
            url.set_host(Some(&host)).map_err(|_| LocationRejection::Bucket)?;
        }
        let endpoint = url.as_str().trim_end_matches('/').into();
        Ok(Self { bucket: bucket.into(), region: region.into(), addressing, endpoint })
    }

    /// What keys are appended to.
    pub fn url(&self, prefix: &KeyPrefix) -> Result<UpstreamUrl, LocationRejection> {
        match self.addressing {
            Addressing::Path => appended(&self.endpoint, &[&self.bucket], prefix),
            Addressing::VirtualHost => appended(&self.endpoint, &[], prefix),
        }
    }
}

impl AzureLocation {
    /// A container; without an endpoint its account is in Azure's public cloud.
    pub fn new(
        account: &str,
        container: &str,
        endpoint: Option<&str>,
    ) -> Result<Self, LocationRejection> {
        let is_low = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
        if !(3..=24).contains(&account.len()) || !account.bytes().all(is_low) {
            return Err(LocationRejection::Account);
        }
        let in_name = |byte: u8| is_low(byte) || byte == b'-';
        let name = matches!(container, "$root" | "$web")
            || ((3..=63).contains(&container.len()) && container.bytes().all(in_name));
        if !name {
            return Err(LocationRejection::Container);
        }
        let azures = || format!("https://{account}.blob.core.windows.net");
        let url = server(&endpoint.map_or_else(azures, str::to_owned))?;
        let endpoint = url.as_str().trim_end_matches('/').into();
        Ok(Self { account: account.into(), container: container.into(), endpoint })
    }

    /// What keys are appended to.
    pub fn url(&self, prefix: &KeyPrefix) -> Result<UpstreamUrl, LocationRejection> {
        appended(&self.endpoint, &[&self.container], prefix)
    }
}

/// A server's URL as everybody else writes it who signs it: the host in lower case, no port that is
/// the usual one.
fn server(text: &str) -> Result<Url, LocationRejection> {
    // Says what is wrong.
    text.parse::<UpstreamUrl>().map_err(LocationRejection::Endpoint)?;
    Url::parse(text).map_err(|_| LocationRejection::Endpoint(UpstreamUrlRejection::Malformed))
}

fn appended(
    endpoint: &str,
    names: &[&str],
    prefix: &KeyPrefix,
) -> Result<UpstreamUrl, LocationRejection> {
    let mut text = endpoint.to_owned();
    for name in names.iter().copied().chain([prefix.as_str()]) {
        text.push('/');
        text.extend(utf8_percent_encode(name, KEY_ESCAPES));
    }
    text.parse().map_err(LocationRejection::Endpoint)
}

impl fmt::Display for Addressing {
    /// As in a configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::VirtualHost => "virtual-host",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::OriginKey;

    fn target(url: &UpstreamUrl, key: &str) -> String {
        let target = url.target(&OriginKey::Object(key.into()), KEY_ESCAPES).unwrap();
        format!("{} {target}", url.host_header().to_str().unwrap())
    }

    #[test]
    fn buckets_are_found_by_path_or_host() {
        let prefix: KeyPrefix = "films/new".parse().unwrap();
        for (bucket, endpoint, addressing, expected) in [
            ("media", None, None, "media.s3.eu-central-1.amazonaws.com /films/new/a%20b.mp4"),
            ("me.dia", None, None, "s3.eu-central-1.amazonaws.com /me.dia/films/new/a%20b.mp4"),
            (
                "media",
                None,
                Some(Addressing::Path),
                "s3.eu-central-1.amazonaws.com /media/films/new/a%20b.mp4",
            ),
            (
                "media",
                Some("http://10.0.0.7:9000/"),
                None,
                "10.0.0.7:9000 /media/films/new/a%20b.mp4",
            ),
            (
                "media",
                Some("https://S3.Example:443/base"),
                Some(Addressing::VirtualHost),
                "media.s3.example /base/films/new/a%20b.mp4",
            ),
        ] {
            let location = S3Location::new(bucket, "eu-central-1", endpoint, addressing).unwrap();
            assert_eq!(target(&location.url(&prefix).unwrap(), "a b.mp4"), expected);
        }
        let azure = AzureLocation::new("acme", "films", None).unwrap();
        let url = azure.url(&KeyPrefix::default()).unwrap();
        assert_eq!(target(&url, "a/b"), "acme.blob.core.windows.net /films/a/b");
    }

    #[test]
    fn a_signed_path_is_written_as_the_server_writes_it() {
        let location = S3Location::new("media", "x", Some("http://s3"), None).unwrap();
        let url = location.url(&KeyPrefix::default()).unwrap();
        assert_eq!(
            target(&url, "a!b(c)'d'*e;f=g+h@i:j,k&l$m~n"),
            "s3 /media/a%21b%28c%29%27d%27%2Ae%3Bf%3Dg%2Bh%40i%3Aj%2Ck%26l%24m~n"
        );
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let s3 = |bucket, region, endpoint, addressing| {
            S3Location::new(bucket, region, endpoint, addressing).unwrap_err()
        };
        for bucket in ["", "ab", "a/b/c", "a..b", ".abc", "a b c", "a?bc"] {
            assert_eq!(s3(bucket, "x", None, None), LocationRejection::Bucket, "{bucket}");
        }
        for region in ["", "EU", "a b", "a/b"] {
            assert_eq!(s3("media", region, None, None), LocationRejection::Region, "{region}");
        }
        for endpoint in ["ftp://x", "s3.example", "http://x/?a=b", "http://1.2.3.4.5"] {
            let rejection = s3("media", "x", Some(endpoint), None);
            assert!(matches!(rejection, LocationRejection::Endpoint(_)), "{endpoint}");
        }
        let by_host = Some(Addressing::VirtualHost);
        let rejection = s3("media", "x", Some("http://10.0.0.7"), by_host);
        assert_eq!(rejection, LocationRejection::HostIsAddress);
        let azure = |account, container| AzureLocation::new(account, container, None).unwrap_err();
        assert_eq!(azure("Acme", "films"), LocationRejection::Account);
        assert_eq!(azure("acme", "Films"), LocationRejection::Container);
        for prefix in ["/", "/a", "a//b", "a/../b", "./a", "a\n"] {
            assert_eq!(prefix.parse::<KeyPrefix>(), Err(KeyPrefixRejection), "{prefix:?}");
        }
        assert_eq!("a/".parse::<KeyPrefix>(), "a".parse());
    }
}
