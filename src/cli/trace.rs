//! `countersign trace`: whose copy a file is.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::output::{self, Exit};
use crate::app::{
    self, ComparedPicture, ErrorChain, FoundOrigin, FoundTag, IssuedCopy, LikelyCopy,
    OriginalPicture, TracedFile,
};
use crate::clock::Clock;

/// Says whose copy a file is: by the forensic tag in it, and the log of copies that were issued.
///
/// The name of the file does not matter, nor what it is: every tag in it is found that no program took
/// out. A picture whose tag is gone is compared with its original, where that is named: the marks of its
/// copies are looked for in what it shows. That it was asked is in the audit log.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  countersign trace --config countersign.toml leaked.jpg
  countersign trace --config countersign.toml --original 17 screenshot.png

Exit status: 0 found, 1 no file has a tag, 2 usage, or a file or the records cannot be read, 3 only
tags that were not issued here.")]
pub(super) struct Trace {
    /// The configuration, with a [control] section.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What pictures are compared with: the number of a file, or a picture on this machine.
    #[arg(long, value_name = "FILE_ID|PATH")]
    original: Option<OriginalPicture>,
    /// One JSON object a file, a line each.
    #[arg(long)]
    json: bool,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn trace(arguments: &Trace) -> Exit {
    let traced = match app::trace(
        &arguments.config,
        Clock::System,
        &arguments.files,
        arguments.original.as_ref(),
    ) {
        Ok(traced) => traced,
        Err(error) => return output::usage(ErrorChain(&error)),
    };
    for file in &traced {
        if arguments.json {
            output::result(as_json(file));
        } else {
            output::result(as_text(file));
        }
    }
    let tags: Vec<&FoundTag> = traced.iter().flat_map(|file| &file.tags).collect();
    let is_known = |file: &TracedFile| {
        let alike = matches!(&file.compared, Some(ComparedPicture::Alike(it)) if !it.is_empty());
        file.exact.is_some() || alike
    };
    if traced.iter().any(is_known)
        || tags.iter().any(|tag| matches!(tag.origin, FoundOrigin::Issued(_)))
    {
        Exit::Success
    } else if tags.is_empty() {
        Exit::Failure
    } else {
        Exit::Doubtful
    }
}

fn as_text(file: &TracedFile) -> String {
    let TracedFile { path, size, sha256, exact, tags, more, compared } = file;
    let mut lines = vec![format!("{}: {size} bytes, SHA-256 {sha256}", path.display())];
    if let Some(exact) = exact {
        lines.push("  every byte is as a link gives it (layer 0)".to_owned());
        lines.extend(issue_lines(exact));
    }
    if tags.is_empty() {
        lines.push("  no tag".to_owned());
    }
    for FoundTag { offset, carrier, id, origin } in tags {
        let verdict = match origin {
            FoundOrigin::Forged => "no key of ours made it",
            FoundOrigin::Unlogged => "genuine, and in no log here",
            FoundOrigin::Issued(_) => "genuine",
        };
        lines.push(format!("  tag {id} (layer 1, {carrier}, at byte {offset}): {verdict}"));
        if let FoundOrigin::Issued(issued) = origin {
            // Said already.
            if exact.as_ref().is_none_or(|exact| exact.link != issued.link) {
                lines.extend(issue_lines(issued));
            }
        }
    }
    if *more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.extend(compared.iter().flat_map(compared_lines));
    lines.join("\n")
}

/// What comparing said.
fn compared_lines(compared: &ComparedPicture) -> Vec<String> {
    match compared {
        ComparedPicture::Alike(copies) if copies.is_empty() => {
            vec!["  no mark in what it shows (layer 2)".to_owned()]
        }
        ComparedPicture::Alike(copies) => {
            let lines = |LikelyCopy { issued, z, p }: &LikelyCopy| {
                let mark = format!("  mark of a copy (layer 2): z {z:.1}, p {p:.0e}");
                std::iter::once(mark).chain(issue_lines(issued)).collect::<Vec<_>>()
            };
            copies.iter().flat_map(lines).collect()
        }
        ComparedPicture::NotComparable(reason) => vec![format!("  not compared: {reason}")],
        ComparedPicture::OtherPicture => {
            vec!["  another picture than the original, or too little of it (layer 2)".to_owned()]
        }
    }
}

/// As in RFC 3339, in UTC.
fn time(seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn issue_lines(issued: &IssuedCopy) -> Vec<String> {
    let [at, until] = [issued.issued_at, issued.expires_at].map(time);
    let IssuedCopy { autograph_tag, issuer, link, file, tenant, path, .. } = issued;
    let mut lines = vec![
        format!("    autograph_tag  {autograph_tag}"),
        format!("    issued         {at} by {issuer}"),
        format!("    link           {link}, until {until}"),
        format!("    file           {file} of tenant {tenant}, {path}"),
    ];
    lines.extend(issued.content.iter().map(|id| format!("    content        {id}")));
    lines
}

fn as_json(file: &TracedFile) -> Value {
    let TracedFile { path, size, sha256, exact, tags, more, compared } = file;
    let tags: Vec<Value> = tags
        .iter()
        .map(|FoundTag { offset, carrier, id, origin }| {
            let (verdict, issued) = match origin {
                FoundOrigin::Forged => ("forged", None),
                FoundOrigin::Unlogged => ("unlogged", None),
                FoundOrigin::Issued(issued) => ("issued", Some(issued)),
            };
            let issued = issued.map(|it| issue_as_json(it));
            json!({
                "layer": 1, "carrier": carrier, "offset": offset, "tag_id": id,
                "verdict": verdict, "issued": issued,
            })
        })
        .collect();
    json!({
        "file": path.to_string_lossy(), "size": size, "sha256": sha256,
        "exact": exact.as_deref().map(issue_as_json), "tags": tags, "more": more,
        "comparison": compared.as_ref().map(compared_as_json),
    })
}

fn compared_as_json(compared: &ComparedPicture) -> Value {
    let (outcome, reason, copies) = match compared {
        ComparedPicture::Alike(copies) if copies.is_empty() => ("no_mark", None, &[][..]),
        ComparedPicture::Alike(copies) => ("alike", None, &**copies),
        ComparedPicture::NotComparable(reason) => ("not_comparable", Some(reason), &[][..]),
        ComparedPicture::OtherPicture => ("other_picture", None, &[][..]),
    };
    let alike = |LikelyCopy { issued, z, p }: &LikelyCopy| json!({"layer": 2, "z": z, "p": p, "issued": issue_as_json(issued)});
    let copies: Vec<Value> = copies.iter().map(alike).collect();
    json!({"outcome": outcome, "reason": reason, "copies": copies})
}

fn issue_as_json(it: &IssuedCopy) -> Value {
    json!({
        "autograph_tag": it.autograph_tag, "tenant": it.tenant, "link": it.link,
        "issuer": it.issuer, "file": it.file, "content": it.content, "path": it.path,
        "issued_at": it.issued_at, "expires_at": it.expires_at,
    })
}
