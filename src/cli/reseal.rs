//! `countersign reseal`: what is sealed under a former master key, under the one in its place.

use std::path::PathBuf;

use clap::Args;

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, Resealed};
use crate::clock::Clock;

/// Seals everything that the store keeps sealed under `[control] master_key`.
///
/// What is sealed under one of `previous_master_keys` is opened by it and sealed anew, in one change;
/// if something opens by none of them, nothing is changed. No key changes by it, and no link. Every
/// control plane of the store must have both keys before; `countersign manual master-key`.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign reseal --config countersign.toml

Exit status: 0 all of it is sealed under the master key, 1 nothing was changed, 2 usage.")]
pub(super) struct Reseal {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn reseal(arguments: &Reseal) -> Exit {
    match app::reseal(&arguments.config, Clock::System) {
        Ok(Resealed { keys, secrets, already }) => {
            output::result(format_args!(
                "ok: sealed anew: {keys} key(s), {secrets} secret(s); {already} were already"
            ));
            Exit::Success
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}
