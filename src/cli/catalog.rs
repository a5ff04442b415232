//! `countersign catalog`: what the control plane knows of files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{self, Exit};
use crate::app::{self, ErrorChain, Publication, ScanEffect, ScanReport, ScanRequest};
use crate::asset::{ChannelId, TenantId};
use crate::clock::Clock;

/// Lines that are printed of what was not registered.
const SHOWN: usize = 20;

/// Works with the control plane's catalog.
#[derive(Args, Debug)]
pub(super) struct Catalog {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(Scan),
}

/// Registers what a folder or a bucket holds already, a content a file.
///
/// The kind of a content follows from the file's name, and its title is that name. What is
/// registered stays as it is: a scan that was stopped is started again. Links are not followed, and
/// hidden files are passed over. Servers other than object stores cannot be listed.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign catalog scan --config countersign.toml --tenant 1 --pipeline films --dry-run

Exit status: 0 all is registered, 1 something could not be, 2 usage.")]
struct Scan {
    /// The configuration, with a [control] section and the origin.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Whose contents they become.
    #[arg(long, value_name = "NUMBER")]
    tenant: u64,
    /// The name of the pipeline whose folder is scanned.
    #[arg(long, value_name = "NAME")]
    pipeline: String,
    /// The folder of the catalog that they come to be in.
    #[arg(long, value_name = "NUMBER")]
    folder: Option<u64>,
    /// The language of their titles.
    #[arg(long, value_name = "TAG", default_value = "und")]
    language: String,
    /// Publishes them; without it somebody has to, one by one or all.
    #[arg(long)]
    publish: bool,
    /// Says what would be registered, and writes nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn catalog(arguments: &Catalog) -> Exit {
    match &arguments.command {
        Command::Scan(arguments) => scan(arguments),
    }
}

fn scan(arguments: &Scan) -> Exit {
    let effect = if arguments.dry_run { ScanEffect::TryOut } else { ScanEffect::Register };
    let request = ScanRequest {
        tenant: TenantId(arguments.tenant),
        pipeline: arguments.pipeline.clone(),
        folder: arguments.folder.map(ChannelId),
        language: arguments.language.clone(),
        publication: if arguments.publish {
            Publication::Published
        } else {
            Publication::Unpublished
        },
        effect,
    };
    // Draws nothing where standard error is no terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta}")
    {
        bar.set_style(style);
    }
    let outcome = app::scan_catalog(&arguments.config, Clock::System, request, |so_far, total| {
        bar.set_length(total.max(so_far.files));
        bar.set_position(so_far.files);
    });
    bar.finish_and_clear();
    match outcome {
        Ok(report) => tell(&report, effect),
        Err(error) => output::failure(ErrorChain(&error)),
    }
}

fn tell(report: &ScanReport, effect: ScanEffect) -> Exit {
    let ScanReport { files, registered, known, refused, passed_over } = report;
    let refusals = refused.iter().map(|(key, why)| (key.clone(), why));
    let others = passed_over.iter().map(|(path, why)| (path.display().to_string(), why));
    for (what, why) in refusals.chain(others).take(SHOWN) {
        output::message(format_args!("not registered: {what}: {why}"));
    }
    let left = (refused.len() + passed_over.len()).saturating_sub(SHOWN);
    if left > 0 {
        output::message(format_args!("not registered: {left} more"));
    }
    let would = match effect {
        ScanEffect::TryOut => "would register",
        ScanEffect::Register => "registered",
    };
    let (refused, passed_over) = (refused.len(), passed_over.len());
    output::result(format_args!(
        "{would} {registered} of {files} file(s); {known} known, {refused} refused, \
         {passed_over} passed over"
    ));
    if refused == 0 { Exit::Success } else { Exit::Failure }
}
