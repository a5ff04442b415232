//! Making a request ours.

use std::error::Error;

use http::HeaderValue;
use http::header::{self, HeaderName};
use http::uri::Uri;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::azure::{AzureAuthorizer, AzureCredential, AzureCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};

use super::super::error::{OriginError, OriginFault};
use super::super::http::{RequestHead, Signer, Signing};

/// Signature Version 4 of Amazon's, over the path and what the signature itself adds: it need not
/// cover a range.
#[derive(Debug)]
pub(super) struct S3Signer {
    pub(super) credentials: AwsCredentialProvider,
    pub(super) region: Box<str>,
    /// `http://host`, which with a target is the URL that is signed.
    pub(super) server: Box<str>,
}

/// Azure's, which covers the range and conditions as well.
#[derive(Debug)]
pub(super) struct AzureSigner {
    pub(super) credentials: AzureCredentialProvider,
    pub(super) account: Box<str>,
    /// `http://host`, which with a target is the URL that is signed.
    pub(super) server: Box<str>,
}

/// What `object_store` adds for S3.
const S3_FIELDS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-amz-content-sha256"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
];

/// What it adds for Azure.
const AZURE_FIELDS: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::DATE,
    HeaderName::from_static("x-ms-date"),
    HeaderName::from_static("x-ms-version"),
];

/// What of ours Azure's signature covers.
const AZURE_SIGNED: [HeaderName; 5] = [
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

impl Signer for S3Signer {
    fn sign(&self, request: RequestHead) -> Signing<'_> {
        Box::pin(async {
            let mut signed = unsigned(&self.server, &request, &[])?;
            let credential = self.credentials.get_credential().await.map_err(unavailable)?;
            // `object_store` takes for granted that these are no worse.
            let texts = [Some(&credential.key_id), credential.token.as_ref()];
            if texts.into_iter().flatten().any(|text| !is_visible(text)) {
                return Err(unavailable("the credentials hold what no header can"));
            }
            AwsAuthorizer::new(&credential, "s3", &self.region)
                .try_authorize(&mut signed, None)
                .map_err(unavailable)?;
            Ok(merged(request, &signed, &S3_FIELDS))
        })
    }
}

impl Signer for AzureSigner {
    fn sign(&self, request: RequestHead) -> Signing<'_> {
        Box::pin(async {
            let mut signed = unsigned(&self.server, &request, &AZURE_SIGNED)?;
            let credential = self.credentials.get_credential().await.map_err(unavailable)?;
            match &*credential {
                AzureCredential::BearerToken(token) if !is_visible(token) => {
                    return Err(unavailable("the token holds what no header can"));
                }
                AzureCredential::AccessKey(_)
                | AzureCredential::BearerToken(_)
                | AzureCredential::SASToken(_) => {}
            }
            AzureAuthorizer::new(&credential, &self.account)
                .try_authorize(&mut signed)
                .map_err(unavailable)?;
            // A shared access signature is in the query.
            let mut request = request;
            if let Some(target) = signed.uri().path_and_query()
                && target.as_str() != request.target()
            {
                request.retarget(target);
            }
            Ok(merged(request, &signed, &AZURE_FIELDS))
        })
    }
}

/// The request as `object_store` knows requests.
fn unsigned(
    server: &str,
    request: &RequestHead,
    covered: &[HeaderName],
) -> Result<HttpRequest, OriginError> {
    let url = [server, request.target()].concat();
    let mut unsigned = HttpRequest::new(HttpRequestBody::empty());
    *unsigned.method_mut() = request.method();
    *unsigned.uri_mut() = Uri::try_from(url).map_err(unavailable)?;
    for name in covered {
        if let Some(value) = request.field(name) {
            let value = HeaderValue::from_str(value).map_err(unavailable)?;
            unsigned.headers_mut().insert(name, value);
        }
    }
    Ok(unsigned)
}

/// What was asked, with what the signature added.
fn merged(mut request: RequestHead, signed: &HttpRequest, added: &[HeaderName]) -> RequestHead {
    for name in added {
        if let Some(value) = signed.headers().get(name).and_then(|value| value.to_str().ok()) {
            request.set(name, value);
        }
    }
    request
}

fn unavailable<E: Into<Box<dyn Error + Send + Sync>>>(cause: E) -> OriginError {
    OriginError::caused_by(OriginFault::CredentialsUnavailable, cause)
}

/// Can a header hold it?
pub(super) fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// `http://host`, as it is signed.
pub(super) fn server_of(target: &Uri) -> Option<Box<str>> {
    let (scheme, authority) = (target.scheme_str()?, target.authority()?);
    Some(format!("{scheme}://{authority}").into())
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::super::super::ask::AskMethod;
    use super::*;

    #[test]
    fn a_server_is_scheme_and_authority() {
        let uri = Uri::from_static("https://media.s3.example:8443/base/x");
        assert_eq!(server_of(&uri).as_deref(), Some("https://media.s3.example:8443"));
        assert_eq!(server_of(&Uri::from_static("/x")), None);
    }

    #[test]
    fn what_no_header_can_hold_is_told() {
        assert!(is_visible("AKIA/+= ~"));
        assert!(!is_visible("a\r\nb"));
        assert!(!is_visible("\u{e9}"));
    }

    #[test]
    fn paths_stay_what_they_are() {
        let target = PathAndQuery::from_static("/media/a%20b");
        let host = "x.example".parse().unwrap();
        let request = RequestHead::new(AskMethod::Get, &target, &host);
        let unsigned = unsigned("http://x.example", &request, &[]).unwrap();
        assert_eq!(unsigned.uri(), "http://x.example/media/a%20b");
    }
}
