//! What `object_store` does not ask of a store, added on the way out: an upload in parts is made an
//! object only where the key has none (`If-None-Match: *`, RFC 9110 section 13.1.2); and said by a
//! type on the way back: that a store refuses for good.
//!
//! Azure signs conditions, so that request is signed anew. Amazon does not.

use std::future::Future;
use std::pin::Pin;

use form_urlencoded::parse;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use object_store::ClientOptions;
use object_store::azure::{AzureAuthorizer, AzureCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use super::transport::Transport;

/// See the module.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) transport: Transport,
    /// What a request that is changed is signed with again.
    pub(super) signed_with: Option<SharedKey>,
}

/// The key of an account of Azure's.
#[derive(Debug)]
pub(super) struct SharedKey {
    pub(super) account: Box<str>,
    pub(super) credential: AzureCredential,
}

/// What a store will not do, however often it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the store is full")]
    Full,
    #[error("the store answers {0}: {1}")]
    Status(StatusCode, String),
}

/// As much of a refusal's text as is worth a line.
const MOST_TEXT: usize = 500;

impl HttpConnector for Creation {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let signed_with = self.signed_with.as_ref().map(|SharedKey { account, credential }| {
            SharedKey { account: account.clone(), credential: copied(credential) }
        });
        Ok(HttpClient::new(Self { transport: self.transport.clone(), signed_with }))
    }
}

impl HttpService for Creation {
    fn call<'s, 'f>(
        &'s self,
        mut request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            if makes_an_object(&request) {
                self.condition(&mut request)?;
            }
            let answer = self.transport.call(request).await?;
            if !is_for_good(answer.status()) {
                return Ok(answer);
            }
            let status = answer.status();
            if status == StatusCode::INSUFFICIENT_STORAGE {
                return Err(HttpError::new(HttpErrorKind::Unknown, Refusal::Full));
            }
            let text = answer.into_body().bytes().await?;
            let text = String::from_utf8_lossy(&text).chars().take(MOST_TEXT).collect();
            Err(HttpError::new(HttpErrorKind::Unknown, Refusal::Status(status, text)))
        })
    }
}

impl Creation {
    fn condition(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        if let Some(SharedKey { account, credential }) = &self.signed_with {
            // Signing adds a signature, and replaces everything else.
            request.headers_mut().remove(header::AUTHORIZATION);
            AzureAuthorizer::new(credential, account)
                .try_authorize(request)
                .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        }
        Ok(())
    }
}

/// `CompleteMultipartUpload` of S3, and `Put Block List` of Azure.
fn makes_an_object(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = parse(query.as_bytes());
    match *request.method() {
        Method::POST => pairs.any(|(name, _)| name == "uploadId"),
        Method::PUT => pairs.any(|(name, value)| name == "comp" && value == "blocklist"),
        _ => false,
    }
}

/// Would the same request be answered so again? The others `object_store` has names for, or asks
/// again by itself.
fn is_for_good(status: StatusCode) -> bool {
    match status {
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::NOT_MODIFIED => false,
        StatusCode::INSUFFICIENT_STORAGE => true,
        status => status.is_client_error() || status.is_redirection(),
    }
}

fn copied(credential: &AzureCredential) -> AzureCredential {
    match credential {
        AzureCredential::AccessKey(key) => AzureCredential::AccessKey(key.clone()),
        AzureCredential::BearerToken(token) => AzureCredential::BearerToken(token.clone()),
        AzureCredential::SASToken(pairs) => AzureCredential::SASToken(pairs.clone()),
    }
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;

    use super::*;

    #[test]
    fn only_what_makes_an_object_is_conditioned() {
        for (method, query, expected) in [
            (Method::POST, "uploadId=a%20b", true),
            (Method::POST, "uploads=", false),
            (Method::POST, "delete", false),
            (Method::PUT, "partNumber=1&uploadId=a", false),
            (Method::DELETE, "uploadId=a", false),
            (Method::PUT, "comp=blocklist&sig=x", true),
            (Method::PUT, "comp=block&blockid=x", false),
            (Method::GET, "comp=blocklist", false),
        ] {
            let mut request = HttpRequest::new(HttpRequestBody::empty());
            *request.uri_mut() = format!("http://x/y?{query}").parse().unwrap();
            *request.method_mut() = method;
            assert_eq!(makes_an_object(&request), expected, "{query}");
        }
    }

    #[test]
    fn what_passes_is_no_refusal() {
        for (status, expected) in [
            (200, false),
            (301, true),
            (304, false),
            (400, true),
            (403, false),
            (404, false),
            (409, false),
            (412, false),
            (413, true),
            (429, false),
            (500, false),
            (503, false),
            (507, true),
        ] {
            assert_eq!(is_for_good(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }
}
