//! Who calls: by the session's token, in the header that the SDK sends, in a cookie of that name, in
//! the form, or in the query, which old clients still use and operators may forbid (`[control.compat]
//! query_token`).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::form::Fields;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::state::Api;
use crate::control_plane::caller::Caller;

/// The header, and the cookie.
const TOKEN: &str = "X-TOKENID";

/// The field of a form or a query.
const FIELD: &str = "tokenId";

/// Where a token was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Where no log and no referrer has it.
    Aside,
    /// In the address.
    InQuery,
}

/// The caller, whose session lives on by this call. A handler that takes this cannot be reached
/// without one.
pub(super) struct ThronCaller {
    pub(super) caller: Caller,
    /// The holder's name.
    pub(super) name: Box<str>,
}

impl FromRequestParts<Api> for ThronCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let (token, _) = token(api, parts, None)?;
        Self::of(api, parts, &token).await
    }
}

impl ThronCaller {
    /// Who shows that token.
    pub(super) async fn of(api: &Api, parts: &Parts, token: &str) -> Result<Self, Problem> {
        let address = api.client_address(parts);
        let (caller, name) = api.accounts.sliding_session(token, address).await?;
        api.rate_limit.take(&caller, parts.extensions.get())?;
        Ok(Self { caller, name })
    }
}

/// The token of a request, wherever it is; two that differ are nobody's.
pub(super) fn token(
    api: &Api,
    parts: &Parts,
    form: Option<&Fields>,
) -> Result<(String, Shown), Problem> {
    let query = Fields::of_query(parts.uri.query())?;
    let in_query = query.get(FIELD)?.map(|token| (token.to_owned(), Shown::InQuery));
    if in_query.is_some() && !api.query_token {
        let detail = "tokens in an address are not taken here: show it as X-TOKENID".into();
        return Err(Problem { detail, ..Problem::new(ProblemCode::CredentialsInvalid) });
    }
    let in_form = form.map(|form| form.get(FIELD)).transpose()?.flatten();
    let aside = header_tokens(&parts.headers)
        .chain(in_form.map(str::to_owned))
        .map(|token| (token, Shown::Aside));
    let mut shown: Vec<_> = aside.chain(in_query).collect();
    if shown.windows(2).any(|two| matches!(two, [(one, _), (other, _)] if one != other)) {
        return Err(Problem::invalid("/tokenId", "two tokens are shown, and they differ"));
    }
    // The one in the address comes last: where there is one, the address is to be got rid of.
    shown.pop().ok_or_else(|| {
        let detail = "a session's token is needed: X-TOKENID".into();
        Problem { detail, ..Problem::new(ProblemCode::CredentialsMissing) }
    })
}

fn header_tokens(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let of_header = headers.get_all(TOKEN).into_iter().filter_map(|line| line.to_str().ok());
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let of_cookie = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == TOKEN)
        .map(|(_, value)| value);
    of_header.chain(of_cookie).map(|token| token.trim().to_owned()).filter(|it| !it.is_empty())
}
