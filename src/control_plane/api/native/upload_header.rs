//! What tus 1.0.0 says in headers, read and written: its version, offsets, checksums and metadata.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::asset::ChannelId;
use crate::clock::UnixSeconds;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::segment::number;
use crate::control_plane::record::{ContentId, VersionOf, VersionStanding};
use crate::control_plane::service::{Checksum, NewUpload, UploadWay};

/// The version that is spoken.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

pub(super) const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination",
);

pub(super) const OFFSET_TYPE: &str = "application/offset+octet-stream";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName =
    HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Does tus speak of that path? All its answers say so.
pub(in crate::control_plane::api) fn speaks_tus(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/v1/tenants/") else { return false };
    let mut segments = rest.split('/');
    segments.nth(1) == Some("uploads") && segments.nth(1).is_none()
}

/// Says in which version.
pub(in crate::control_plane::api) fn say_version(headers: &mut HeaderMap, status: StatusCode) {
    headers.insert(TUS_RESUMABLE, VERSION);
    if status == StatusCode::PRECONDITION_FAILED {
        headers.insert(TUS_VERSION, VERSION);
    }
}

/// Refuses a version that is another one. Whoever says none is taken at their word.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(TUS_RESUMABLE) {
        Some(version) if *version != VERSION => {
            let detail = "Tus-Resumable is 1.0.0 here".into();
            Err(Problem { detail, ..Problem::new(ProblemCode::PreconditionFailed) })
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let read = |text| {
        let wrong = "Upload-Checksum is an algorithm of crc32, md5, sha1 and sha256, and Base64";
        Checksum::parse(text).ok_or_else(|| refused(wrong))
    };
    text(headers, &UPLOAD_CHECKSUM)?.map(read).transpose()
}

pub(super) fn count(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let wrong = || refused(format!("{name} is a decimal number"));
    text(headers, name)?.map(|text| number(text).ok_or_else(wrong)).transpose()
}

/// A header that is there once, if it is.
pub(super) fn text<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(refused(format!("{name} is there twice")));
    }
    let read =
        |line: &'h HeaderValue| line.to_str().map_err(|_| refused(format!("{name} is not ASCII")));
    line.map(read).transpose()
}

pub(super) fn refused(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::invalid("", detail)
}

/// What `Upload-Metadata` says, of an upload of which the size is not known yet. Names that are not known are passed over: clients say much.
pub(super) fn metadata(headers: &HeaderMap) -> Result<NewUpload, Problem> {
    let mut new = NewUpload {
        way: UploadWay::Resumed,
        pipeline: None,
        key: None,
        name: None,
        mime: None,
        size: None,
        sha256: None,
        folder: None,
        version_of: None,
        metadata: text(headers, &UPLOAD_METADATA)?.map(Into::into),
        unused_until: None,
    };
    let (mut content, mut standing) = (None, None);
    for pair in text(headers, &UPLOAD_METADATA)?.unwrap_or_default().split(',') {
        let (name, encoded) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let wrong = || refused(format!("Upload-Metadata: {name} is not UTF-8 in Base64"));
        let value = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
        let value = String::from_utf8(value).map_err(|_| wrong())?;
        let digits = || {
            let wrong = || refused(format!("Upload-Metadata: {name} is a decimal number"));
            number(&value).ok_or_else(wrong)
        };
        match name {
            "activate" => standing = Some(activate(&value)?),
            "content" => {
                // What no content could have is none's.
                let id = ContentId::parse(&value);
                content = Some(id.ok_or_else(|| Problem::new(ProblemCode::NotFound))?);
            }
            "pipeline" => new.pipeline = Some(digits()?),
            "folder" => new.folder = Some(ChannelId(digits()?)),
            "key" => new.key = Some(value.into()),
            "filename" => new.name = Some(value.into()),
            "filetype" if value.is_empty() => {}
            "filetype" => new.mime = Some(value.into()),
            "sha256" => new.sha256 = Some(value.to_ascii_lowercase().into()),
            _ => {}
        }
    }
    match (content, standing) {
        (Some(content), standing) => {
            let standing = standing.unwrap_or(VersionStanding::Active);
            new.version_of = Some(VersionOf { content, standing });
        }
        (None, Some(_)) => {
            return Err(refused("Upload-Metadata: activate is said of a version, with content"));
        }
        (None, None) => {
            let needed = |name| refused(format!("Upload-Metadata: {name} is needed"));
            new.pipeline.ok_or_else(|| needed("pipeline"))?;
            // Who says no key means the name.
            let key = new.key.or_else(|| new.name.clone());
            new.key = Some(key.ok_or_else(|| needed("key"))?);
        }
    }
    Ok(new)
}

fn activate(said: &str) -> Result<VersionStanding, Problem> {
    match said {
        "true" => Ok(VersionStanding::Active),
        "false" => Ok(VersionStanding::Waiting),
        _ => Err(refused("Upload-Metadata: activate is true or false")),
    }
}

/// When an upload is forgotten that is not gone on with (tus, expiration).
pub(super) fn expires(at: UnixSeconds) -> Option<(HeaderName, HeaderValue)> {
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(at.get()))?;
    let date = HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok()?;
    Some((UPLOAD_EXPIRES, date))
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn tus_speaks_of_uploads_only() {
        for (path, expected) in [
            ("/api/v1/tenants/1/uploads", true),
            ("/api/v1/tenants/1/uploads/7", true),
            ("/api/v1/tenants/1/uploads/7/x", false),
            ("/api/v1/tenants/1/contents", false),
            ("/v1/files/uploads/7", false),
        ] {
            assert_eq!(speaks_tus(path), expected, "{path}");
        }
    }

    #[test]
    fn metadata_is_names_and_base64() {
        let read = |text: &'static str| {
            let headers = [(UPLOAD_METADATA, HeaderValue::from_static(text))];
            metadata(&headers.into_iter().collect())
        };
        // 5, films/a.mp4, video/mp4; and something of which nothing is known.
        let whole = "pipeline NQ==,key ZmlsbXMvYS5tcDQ=, filetype dmlkZW8vbXA0,is_confidential";
        let new = read(whole).unwrap();
        assert_eq!((new.pipeline, new.key.as_deref()), (Some(5), Some("films/a.mp4")));
        assert_eq!((new.mime.as_deref(), new.name), (Some("video/mp4"), None));
        let named = read("pipeline NQ==,filename YS5tcDQ=").unwrap();
        assert_eq!((named.key.as_deref(), named.name.as_deref()), (Some("a.mp4"), Some("a.mp4")));
        // A version of film: its name is not its key.
        for (text, standing) in [
            ("content ZmlsbQ==,filename YS5tcDQ=", VersionStanding::Active),
            ("activate dHJ1ZQ==,content ZmlsbQ==", VersionStanding::Active),
            ("content ZmlsbQ==,activate ZmFsc2U=", VersionStanding::Waiting),
        ] {
            let new = read(text).unwrap();
            assert_eq!((new.pipeline, new.key), (None, None));
            let of = VersionOf { content: ContentId::parse("film").unwrap(), standing };
            assert_eq!(new.version_of, Some(of));
        }
        for wrong in [
            "",
            "key YQ==",
            "pipeline NQ==",
            "pipeline eA==,key YQ==",
            "pipeline 5,key YQ",
            "pipeline NQ==,key YQ==,activate dHJ1ZQ==",
            "content ZmlsbQ==,activate MQ==",
            "content Zi8u",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
