//! `countersign check`: is this configuration right?

use std::path::PathBuf;

use clap::Args;

use super::output::{self, Exit};
use crate::app;

/// Parses and resolves a configuration and prints everything that is wrong with it.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  countersign check --config config/countersign.toml")]
pub(super) struct Check {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn check(arguments: &Check) -> Exit {
    match app::check(&arguments.config) {
        Ok(summary) => {
            for warning in &summary.warnings {
                output::message(warning);
            }
            output::result(format_args!("{}: {summary}", arguments.config.display()));
            Exit::Success
        }
        Err(error) => {
            output::message(error);
            Exit::Failure
        }
    }
}
