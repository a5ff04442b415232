//! Fields of a form or of a query, each of which may be there once.

use axum::extract::Request;

use crate::control_plane::api::body::{self, is_one_of};
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::secret::Secret;

/// Fields of a form: what anybody may send is kept small.
const MOST: usize = 64;

/// Bytes of a form.
const LONGEST: usize = 64 * 1024;

/// The fields. Any of them may be a secret.
pub(super) struct Fields(Vec<(String, Secret<String>)>);

impl Fields {
    /// Those of a query.
    pub(super) fn of_query(query: Option<&str>) -> Result<Self, Problem> {
        Self::of(query.unwrap_or_default().as_bytes())
    }

    /// Those of a request's body, if it is a form or nothing.
    pub(super) async fn of_body(request: Request) -> Result<Self, Problem> {
        let is_form = is_one_of(request.headers(), &["application/x-www-form-urlencoded"]);
        let bytes = body::bytes(request).await?;
        if !bytes.is_empty() && !is_form {
            let detail = "the body must be a form: application/x-www-form-urlencoded".into();
            return Err(Problem { detail, ..Problem::new(ProblemCode::MediaType) });
        }
        Self::of(&bytes)
    }

    fn of(bytes: &[u8]) -> Result<Self, Problem> {
        let fields = form_urlencoded::parse(bytes)
            .map(|(name, value)| (name.into_owned(), Secret::new(value.into_owned())));
        let fields: Vec<_> = fields.take(MOST + 1).collect();
        if bytes.len() > LONGEST || fields.len() > MOST {
            let detail = format!("has more than {MOST} fields, or more than {LONGEST} bytes");
            return Err(Problem::invalid("", detail));
        }
        Ok(Self(fields))
    }

    /// A field; none where it is missing or empty.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(field, _)| field == name);
        let value = values.next().map(|(_, value)| value.expose().as_str());
        if values.next().is_some() {
            return Err(Problem::invalid(format!("/{name}"), format!("{name} is there twice")));
        }
        if value.is_some_and(|value| value.contains('\0')) {
            return Err(Problem::invalid(format!("/{name}"), format!("{name} has a NUL")));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// A field that is needed.
    pub(super) fn need(&self, name: &'static str) -> Result<&str, Problem> {
        let missing = || Problem::invalid(format!("/{name}"), format!("{name} is needed"));
        self.get(name)?.ok_or_else(missing)
    }
}
