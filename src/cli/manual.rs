//! `countersign manual`: the long documentation.

use clap::Args;

use super::output::{self, Exit};

/// Prints a chapter of the manual, or the list of chapters.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  countersign manual paths")]
pub(super) struct Manual {
    /// The chapter.
    chapter: Option<String>,
}

/// The chapters, by name.
const CHAPTERS: &[(&str, &str)] = &[
    ("archives", include_str!("../manual/archives.md")),
    ("buckets", include_str!("../manual/buckets.md")),
    ("connectors", include_str!("../manual/connectors.md")),
    ("console", include_str!("../manual/console.md")),
    ("downloads", include_str!("../manual/downloads.md")),
    ("fraud", include_str!("../manual/fraud.md")),
    ("machines", include_str!("../manual/machines.md")),
    ("master-key", include_str!("../manual/master-key.md")),
    ("originals", include_str!("../manual/originals.md")),
    ("paths", include_str!("../manual/paths.md")),
    ("people", include_str!("../manual/people.md")),
    ("requirements", include_str!("../manual/requirements.md")),
    ("shares", include_str!("../manual/shares.md")),
    ("tags", include_str!("../manual/tags.md")),
    ("tokens", include_str!("../manual/tokens.md")),
    ("uploads", include_str!("../manual/uploads.md")),
    ("webhooks", include_str!("../manual/webhooks.md")),
];

pub(super) fn manual(arguments: &Manual) -> Exit {
    let Some(wanted) = &arguments.chapter else {
        for (name, text) in CHAPTERS {
            let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
            output::result(format_args!("{name:<14}{title}"));
        }
        return Exit::Success;
    };
    match CHAPTERS.iter().find(|(name, _)| name == wanted) {
        Some((_, text)) => {
            output::result(text.trim_end());
            Exit::Success
        }
        None => output::usage(format_args!(
            "there is no chapter {wanted:?}; `countersign manual` lists them"
        )),
    }
}
