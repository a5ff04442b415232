//! What programs of others say of tagged copies.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::copies::{copy, issues, key, make, spanned, tagged, usize_of};
use super::samples::{ALL, Sample};
use crate::forensic::*;

/// Who looks at a copy.
#[derive(Debug)]
pub(super) enum Check {
    /// `ffprobe` and `ffmpeg` have nothing to say, and every decoded frame and sample is the same.
    Frames,
    /// `exiftool` warns of nothing that it does not warn of in the original.
    Exif,
    /// A command, with `{}` for the file, is content.
    Clean(&'static str, &'static str),
    /// A command says the same of both.
    Same(&'static str, &'static str),
}

impl Check {
    fn name(&self) -> &'static str {
        match self {
            Self::Frames => "ffmpeg",
            Self::Exif => "exiftool",
            Self::Clean(name, _) | Self::Same(name, _) => name,
        }
    }

    fn run(&self, original: &Path, tagged: &Path) -> Result<(), String> {
        match self {
            Self::Frames => {
                quiet("ffprobe -v warning -show_format -show_streams {}", original, tagged)?;
                let frames =
                    "ffmpeg -v warning -xerror -err_detect explode -i {} -map 0 -f framemd5 -";
                quiet(frames, original, tagged)?;
                same(frames, original, tagged)
            }
            Self::Exif => {
                let command = "exiftool -a -s -G1 -Warning -Error -validate {}";
                let (before, after) = (ran(command, original)?.0, ran(command, tagged)?.0);
                let words = |line: &str| line.replace(|it: char| it.is_ascii_digit(), "");
                let before = before.lines().map(words).collect::<Vec<_>>();
                let mut new = after.lines().filter(|line| !before.contains(&words(line)));
                new.next().map_or(Ok(()), |line| Err(format!("new: {line}")))
            }
            Self::Clean(_, command) => ran(command, tagged).map(drop),
            Self::Same(_, command) => same(command, original, tagged),
        }
    }
}

/// Says nothing on standard error that it does not say of the original.
fn quiet(command: &str, original: &Path, tagged: &Path) -> Result<(), String> {
    let lines = |told: &str| told.lines().filter(|line| !line.is_empty()).count();
    let (before, after) = (ran(command, original)?.1, ran(command, tagged)?.1);
    if lines(&after) > lines(&before) { Err(after) } else { Ok(()) }
}

fn same(command: &str, original: &Path, tagged: &Path) -> Result<(), String> {
    let (before, after) = (ran(command, original)?.0, ran(command, tagged)?.0);
    if before.is_empty() {
        return Err("says nothing".to_owned());
    }
    if before == after { Ok(()) } else { Err(format!("{before}\n≠\n{after}")) }
}

/// Standard output and standard error of a command that succeeds.
fn ran(command: &str, file: &Path) -> Result<(String, String), String> {
    let command = command.replace("{}", "\"$1\"");
    let script = format!("set -o pipefail; {command}");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash"]).arg(file);
    let folder = tempfile::tempdir().unwrap();
    let output = command.env("TMPDIR", folder.path()).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() { Ok((out, err)) } else { Err(format!("{out}{err}")) }
}

/// The copy of a sample, tagged once for each issue.
fn copied(sample: &Sample, numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    numbers.fold(sample.bytes(), |file, issue| {
        tagged(&file, sample.media_type, key().issue(issue, Layers::Container))
    })
}

/// Format × program, for the manual.
#[test]
fn copies_are_what_their_originals_are() {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(sample) = ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (row, found) = checked(sample);
                    println!("{row}");
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// A row of the table, and what is not as it should be. The first sample of a kind is tagged
/// twice, too.
fn checked(sample: &Sample) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let made = make(&sample.bytes(), sample.media_type, key().issue(1, Layers::Container));
    let planned = made.planned.unwrap_or_else(|refusal| panic!("{}: {refusal}", sample.name));
    assert_eq!(planned.kind, sample.kind, "{}", sample.name);
    let first =
        ALL.iter().find(|it| it.kind == sample.kind).is_some_and(|it| it.name == sample.name);
    let twice = if first { sample.checks } else { &[] };
    let mut results = Vec::new();
    let mut faults = Vec::new();
    for (times, checks) in [(1, sample.checks), (2, twice)] {
        let path = folder.path().join(sample.name);
        std::fs::write(&path, copied(sample, 1..=times)).unwrap();
        for check in checks {
            let result = check.run(&sample.path(), &path);
            let word = if result.is_ok() { "ok" } else { "NO" };
            let often = if times == 1 { "" } else { " twice tagged" };
            results.push(format!("{}{often} {word}", check.name()));
            if let Err(fault) = result {
                faults.push(format!("{} × {} ({times}): {fault}", sample.name, check.name()));
            }
        }
    }
    let row = format!(
        "| {} | {} | {} | {} | {} | {} |",
        planned.kind.wire_name(),
        sample.name,
        made.asks,
        made.fed,
        planned.splice.literal_bytes(),
        results.join(", "),
    );
    (row, faults)
}

#[test]
fn every_mark_is_found_in_its_carrier() {
    for sample in ALL {
        let found = issues(&copied(sample, 1..=1));
        assert!(!found.is_empty(), "{}", sample.name);
        for (issue, carrier) in found {
            assert_eq!(issue, 1, "{}", sample.name);
            assert_ne!(carrier, Carrier::Elsewhere, "{}", sample.name);
        }
        let mut found = issues(&copied(sample, 1..=2)).iter().map(|it| it.0).collect::<Vec<_>>();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, [1, 2], "{}", sample.name);
    }
}

/// As a download that is resumed again and again has them.
#[test]
fn copies_had_in_parts_are_the_same() {
    for sample in ALL {
        let file = sample.bytes();
        let splice = make(&file, sample.media_type, key().issue(1, Layers::Container))
            .planned
            .unwrap()
            .splice;
        for length in [97, 4_096] {
            let starts = (0..splice.length()).step_by(usize_of(length));
            let parts = starts.map(|offset| spanned(&file, &splice, Span { offset, length }));
            let parts = parts.collect::<Vec<_>>();
            assert!(parts.iter().rev().skip(1).all(|part| part.len() as u64 == length));
            assert_eq!(parts.concat(), copy(&file, &splice), "{} by {length}", sample.name);
        }
    }
}

/// The plan depends on the file only, but for the mark and checksums.
#[test]
fn copies_of_two_tags_have_one_length() {
    for sample in ALL {
        let file = sample.bytes();
        let of = |issue| {
            make(&file, sample.media_type, key().issue(issue, Layers::Container)).planned.unwrap()
        };
        let (one, other) = (of(1), of(u64::MAX));
        assert_eq!(one.splice.length(), other.splice.length(), "{}", sample.name);
        assert_ne!(one, other, "{}", sample.name);
        assert_eq!(one, of(1), "{}", sample.name);
        let bytes = copy(&file, &one.splice);
        assert_ne!(bytes, copy(&file, &other.splice), "{}", sample.name);
    }
}

/// Every sample has somebody who notices when its copy is not what it should be.
#[test]
fn who_looks_notices_damage() {
    let folder = tempfile::tempdir().unwrap();
    for kind in FileKind::ALL {
        let sample = ALL.iter().find(|sample| sample.kind == *kind).unwrap();
        let mut file = sample.bytes();
        let middle = file.len() / 2;
        file.splice(middle..middle, *b"<a");
        let path = folder.path().join(sample.name);
        std::fs::write(&path, &file).unwrap();
        let noticed = sample.checks.iter().any(|check| check.run(&sample.path(), &path).is_err());
        assert!(noticed, "{}", sample.name);
    }
}
