//! Answers with the bytes of originals, and of what is made of them.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_RANGE;
use axum::response::{IntoResponse, Response};

use super::error::Problem;
use crate::control_plane::service::ServiceError;

/// The answer with bytes, or why there is none; and how long the file is, where a range missed it.
pub(super) fn handed_over(outcome: Result<Response, ServiceError>) -> Result<Response, Problem> {
    match outcome {
        Ok(response) => Ok(response),
        Err(ServiceError::Original(refusal)) => {
            let complete = refusal.complete_length;
            let mut response = Problem::from(ServiceError::Original(refusal)).into_response();
            if let Some(complete) = complete
                && let Ok(value) = HeaderValue::try_from(format!("bytes */{complete}"))
            {
                response.headers_mut().insert(CONTENT_RANGE, value);
            }
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}
