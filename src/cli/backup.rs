//! `countersign backup` and `restore`: everything that is recorded, in one file.

use std::path::PathBuf;

use clap::Args;

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, Replaces};
use crate::clock::Clock;

/// Copies everything that the control plane has recorded into a new file.
///
/// The file is readable for its owner only. Keys are in it sealed: keep the master key apart from it.
/// It can be restored on another database as well, from SQLite to PostgreSQL and back.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign backup --config countersign.toml /var/backups/countersign-2026-11-22.ndjson

Exit status: 0 copied, 1 not copied, 2 usage.")]
pub(super) struct Backup {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The file to be made; one that is there is left as it is.
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

/// Puts a copy in the place of everything that the control plane has recorded.
///
/// All of it or nothing. Edges take what it says in the place of what they had, closing and
/// opening.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign restore --config countersign.toml /var/backups/countersign-2026-11-22.ndjson

Exit status: 0 restored, 1 not restored, 2 usage.")]
pub(super) struct Restore {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Restore although what was recorded since is lost by it, or another history.
    #[arg(long)]
    force: bool,
    /// The copy.
    #[arg(value_name = "IN")]
    from: PathBuf,
}

pub(super) fn backup(arguments: &Backup) -> Exit {
    match app::back_up(&arguments.config, Clock::System, &arguments.out) {
        Ok(copied) => {
            output::result(format_args!(
                "ok: {} row(s), version {}",
                copied.rows, copied.head.version
            ));
            Exit::Success
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}

pub(super) fn restore(arguments: &Restore) -> Exit {
    let replaces = if arguments.force { Replaces::Anything } else { Replaces::WhatItKnows };
    match app::restore(&arguments.config, Clock::System, &arguments.from, replaces) {
        Ok(rows) => {
            output::result(format_args!("ok: {rows} row(s)"));
            Exit::Success
        }
        Err(error) => output::failure(ErrorChain(&error)),
    }
}
