//! Who pushes changes in the demo: a program with client credentials, and a person.

use std::net::SocketAddr;

use serde_json::Value;

use super::folder::{DemoFolder, TENANT};
use super::tour::{Push, Visit};
use super::visit::{Seen, VisitError, visit};
use crate::app::{self, ClientCredentials, NewApplication, ProvisionError, ScopeSet, SecretForm};
use crate::asset::TenantId;
use crate::clock::Clock;
use crate::secret::Secret;

/// See the module.
pub(super) struct Administrator {
    control: SocketAddr,
    credentials: ClientCredentials,
    username: String,
    password: Secret<String>,
}

/// The control plane did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdministratorError {
    #[error("the demo's administrator cannot be made")]
    Provision(#[source] ProvisionError),
    #[error("there are no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("the control plane answered {path} with {status}: {text}")]
    Refused { path: String, status: u16, text: String },
    #[error("the control plane did not answer {path}")]
    Unanswered {
        path: String,
        #[source]
        source: VisitError,
    },
    #[error("the control plane's answer to {path} is not understood: {text}")]
    Unclear { path: String, text: String },
}

impl Administrator {
    /// Makes both. Their secrets are this run's.
    pub(super) fn make(
        folder: &DemoFolder,
        control: SocketAddr,
    ) -> Result<Self, AdministratorError> {
        let new = NewApplication {
            name: "demo".to_owned(),
            tenant: None,
            scopes: ScopeSet::EVERY,
            secret: SecretForm::Signing,
        };
        let config = folder.config();
        let credentials = app::create_application(&config, Clock::System, new)
            .map_err(AdministratorError::Provision)?;
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(AdministratorError::Random)?;
        let password = Secret::new(hex::encode(random));
        // A folder that is kept has those of earlier runs.
        let username = format!("demo-{}", &credentials.client_id);
        let made = app::create_administrator(
            &config,
            Clock::System,
            &username,
            &password,
            TenantId(TENANT),
        );
        made.map_err(AdministratorError::Provision)?;
        Ok(Self { control, credentials, username, password })
    }

    /// The line that gets a token, to paste into a shell.
    pub(super) fn curl(&self) -> String {
        let ClientCredentials { client_id, client_secret } = &self.credentials;
        format!(
            "TOKEN=$(curl -s -d grant_type=client_credentials -d client_id={client_id} \
             -d client_secret={} \"http://{}/v1/oauth2/token/\" | \
             sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
            // The demo's own, for the demo's own shell.
            client_secret.expose(),
            self.control
        )
    }

    /// Pushes a change, with a token that was just got.
    pub(super) async fn push(&self, push: &Push) -> Result<(), AdministratorError> {
        let token = self.token().await?;
        self.ask(&push.request(&token)).await.map(drop)
    }

    /// What the control plane has there.
    pub(super) async fn get(&self, path: &str) -> Result<Value, AdministratorError> {
        let headers = vec![("Authorization", format!("Bearer {}", self.token().await?))];
        let (target, body) = (path.to_owned(), String::new());
        self.ask(&Visit { method: "GET", target, headers, body }).await
    }

    /// Posts a body of this media type.
    pub(super) async fn post(
        &self,
        path: &str,
        media_type: &str,
        body: String,
    ) -> Result<Value, AdministratorError> {
        let headers = vec![
            ("Authorization", format!("Bearer {}", self.token().await?)),
            ("Content-Type", media_type.to_owned()),
        ];
        self.ask(&Visit { method: "POST", target: path.to_owned(), headers, body }).await
    }

    /// What the program logs in with.
    pub(super) fn client(&self) -> Value {
        let ClientCredentials { client_id, client_secret } = &self.credentials;
        serde_json::json!({ "client_id": client_id, "client_secret": client_secret.expose() })
    }

    /// What the person logs in with.
    pub(super) fn user(&self) -> Value {
        serde_json::json!({ "username": self.username, "password": self.password.expose() })
    }

    async fn token(&self) -> Result<String, AdministratorError> {
        let ClientCredentials { client_id, client_secret } = &self.credentials;
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={}",
            client_secret.expose()
        );
        let kind = "application/x-www-form-urlencoded".to_owned();
        let request = Visit {
            method: "POST",
            target: "/v1/oauth2/token/".to_owned(),
            headers: vec![("Content-Type", kind)],
            body: form,
        };
        let answer = self.ask(&request).await?;
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or_else(|| unclear(&request.target, &answer))
    }

    async fn ask(&self, request: &Visit) -> Result<Value, AdministratorError> {
        let path = || request.target.clone();
        let seen = visit(self.control, request)
            .await
            .map_err(|source| AdministratorError::Unanswered { path: path(), source })?;
        let Seen { status, text, .. } = seen;
        if !(200..300).contains(&status) {
            return Err(AdministratorError::Refused { path: path(), status, text });
        }
        serde_json::from_str(&text).map_err(|_| AdministratorError::Unclear { path: path(), text })
    }
}

/// An answer without what it should have.
pub(super) fn unclear(path: &str, answer: &Value) -> AdministratorError {
    AdministratorError::Unclear { path: path.to_owned(), text: answer.to_string() }
}
