//! `countersign audit`: the log of every change.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::{self, Exit};
use crate::app::{self, ChainState, ErrorChain};

/// Looks at the control plane's log of every change.
#[derive(Args, Debug)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
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
        Command::Verify(arguments) => verify(arguments),
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
