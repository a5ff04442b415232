//! `countersign app`: the programs that call the control plane.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, NewApplication, Scope, ScopeSet, SecretForm};
use crate::asset::TenantId;
use crate::clock::Clock;

/// Makes programs known to the control plane.
#[derive(Args, Debug)]
pub(super) struct Application {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
}

/// Makes an application and prints its credentials; the secret is shown this once.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign app create --config countersign.toml --name deploy --scope overrides.admin

Exit status: 0 made, 1 not made, 2 usage.")]
struct Create {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may do; several times, or several names with commas between.
    #[arg(long, value_name = "SCOPE", required = true, value_parser = scopes)]
    scope: Vec<ScopeSet>,
    /// Its secret signs requests as well, as MediaHub's clients do.
    #[arg(long)]
    signing: bool,
    /// The tenant that it is bound to; without one it reaches every tenant.
    #[arg(long, value_name = "NUMBER")]
    tenant: Option<u64>,
}

fn scopes(text: &str) -> Result<ScopeSet, String> {
    let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.wire_name()).collect();
    ScopeSet::parse(text)
        .filter(|scopes| *scopes != ScopeSet::EMPTY)
        .ok_or_else(|| format!("scopes are {}", known.join(", ")))
}

pub(super) fn application(arguments: &Application) -> Exit {
    match &arguments.command {
        Command::Create(arguments) => create(arguments),
    }
}

fn create(arguments: &Create) -> Exit {
    let new = NewApplication {
        name: arguments.name.clone(),
        tenant: arguments.tenant.map(TenantId),
        secret: if arguments.signing { SecretForm::Signing } else { SecretForm::Password },
        scopes: arguments.scope.iter().flat_map(|scopes| scopes.iter()).collect(),
    };
    match app::create_application(&arguments.config, Clock::System, new) {
        Ok(credentials) => {
            // Shown to whoever made it, this once.
            output::result(serde_json::json!({
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret.expose(),
            }));
            Exit::Success
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}
