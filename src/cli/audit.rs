//! `countersign audit`: the log of every change.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::{self, Exit};
use crate::app::{self, ChainState, ErrorChain, ProvisionError};

/// Looks at the control plane's log of every change.
#[derive(Args, Debug)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(Export),
    Verify(Verify),
}

/// Writes every event out, one JSON object a line.
///
/// It is what `GET /api/v1/audit/export` gives to whoever reaches every tenant: with all that the
/// hashes are over, so that the chain can be checked elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign audit export --config countersign.toml > audit.ndjson

Exit status: 0 whole, 1 not all of it, 2 usage.")]
struct Export {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Checks that no event was changed, removed or put in between.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign audit verify --config countersign.toml

Exit status: 0 whole, 1 broken or unreadable, 2 usage.")]
struct Verify {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn audit(arguments: &Audit) -> Exit {
    match &arguments.command {
        Command::Export(arguments) => export(arguments),
        Command::Verify(arguments) => verify(arguments),
    }
}

fn export(arguments: &Export) -> Exit {
    match app::export_audit(&arguments.config, io::stdout().lock()) {
        Ok(()) => Exit::Success,
        // A reader that went away knows that it did.
        Err(ProvisionError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            Exit::Failure
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}

fn verify(arguments: &Verify) -> Exit {
    match app::verify_audit(&arguments.config) {
        Ok(ChainState::Whole { events }) => {
            output::result(format_args!("ok: {events} event(s), each follows from the one before"));
            Exit::Success
        }
        Ok(ChainState::Broken { sequence, fault }) => {
            output::result(format_args!("broken at event {sequence}: {fault}"));
            Exit::Failure
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}
