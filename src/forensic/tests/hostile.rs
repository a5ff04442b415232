//! Files that mean harm: nothing panics, and nothing is asked for without end.

use bytes::Bytes;
use proptest::prelude::*;

use super::copies::{Made, copy, issues, key, make};
use super::samples::{ALL, Sample};
use crate::forensic::*;

/// Bytes at both ends of a file that are cut and changed one by one.
const ENDS: usize = 400;

/// The most that a plan holds: a page of Ogg twice, or a directory of TIFF.
const MOST_LITERAL: u64 = 256 << 10;

/// What holds of every file: it is refused, or its copy has the mark.
fn holds(file: &[u8], media_type: Option<&str>, what: &dyn Fn() -> String) -> Option<Refusal> {
    let made = make(file, media_type, key().issue(77, Layers::Container));
    assert_holds(file, made, what)
}

fn assert_holds(file: &[u8], made: Made, what: &dyn Fn() -> String) -> Option<Refusal> {
    let planned = match made.planned {
        Ok(planned) => planned,
        Err(refusal) => return Some(refusal),
    };
    assert!(planned.splice.literal_bytes() <= MOST_LITERAL, "{}", what());
    let found = issues_of(&copy(file, &planned.splice));
    assert!(found.contains(&77), "{}", what());
    None
}

fn issues_of(file: &[u8]) -> Vec<u64> {
    issues(file).into_iter().map(|found| found.0).collect()
}

/// One small file of each kind and form.
fn small() -> impl Iterator<Item = (&'static Sample, Vec<u8>)> {
    ALL.iter().map(|sample| (sample, sample.bytes())).filter(|(_, file)| file.len() < 80_000)
}

/// Every place in a short file; those at both ends of a longer one, and some between.
fn places(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / 200).max(1);
    (0..length).filter(move |at| *at < ENDS || *at + ENDS >= length || at % step == 0)
}

#[test]
fn files_that_are_cut_off_anywhere() {
    for (sample, file) in small() {
        let mut refused = 0;
        for at in places(file.len()) {
            let what = || format!("{} up to {at}", sample.name);
            refused += usize::from(holds(&file[..at], sample.media_type, &what).is_some());
        }
        assert!(refused > 0, "{}", sample.name);
    }
}

#[test]
fn files_with_any_wrong_byte() {
    for (sample, mut file) in small() {
        for at in places(file.len()) {
            let before = file[at];
            for wrong in [0x00, 0xff, before ^ 0x80, before.wrapping_add(1)] {
                file[at] = wrong;
                let what = || format!("{} with {wrong:02x} at {at}", sample.name);
                holds(&file, sample.media_type, &what);
            }
            file[at] = before;
        }
    }
}

/// Bytes from nowhere, for files that are longer than any.
fn plan_of(length: u64, bytes: impl Fn(u64) -> u8) -> Outlook {
    let mut known = Excerpts::of(length);
    for _ in 0..=MOST_ASKS {
        match plan(&known, Some("text/html"), key().issue(1, Layers::Container).into()) {
            Outlook::Need(span) => {
                let content = (span.offset..span.offset + span.length).map(&bytes);
                known.feed(span.offset, content.collect());
            }
            end @ (Outlook::Planned(_) | Outlook::Refused(_)) => return end,
        }
    }
    panic!("asks without end");
}

#[test]
fn endless_chains_end() {
    let heads: [&[u8]; 20] = [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xff",
        b"\xff\xd8\xff\xe0\0\x02",
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        b"\0\0\0\x08free",
        b"\0\0\0\x01ftyp\0\0\0\0\0\0\0\x10",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67",
        b"\x1a\x45\xdf\xa3\x80\xec\x80",
        b"%PDF-1.7\n",
        b"PK\x03\x04",
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
        b"ID3\x03\0\x40\x7f\x7f\x7f\x7f\xff\xff\xff\xff",
        b"fLaC\0\0\0\x22",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RF64\xff\xff\xff\xffWAVEds64",
        b"FORM\0\0\0\0AIFF",
        b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"RIFF\xff\xff\xff\xffWEBP",
        b"II*\0\x08\0\0\0\xff\xff",
        b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10",
    ];
    for head in heads {
        for length in [head.len() as u64, 1 << 20, (1 << 32) - 1, 1 << 40, u64::MAX] {
            for repeated in [false, true] {
                for filling in [0_u8, 0x20, 0x41, 0x80, 0xff] {
                    let outlook = plan_of(length, |at| {
                        let at = if repeated { at % head.len() as u64 } else { at };
                        head.get(usize::try_from(at).unwrap()).copied().unwrap_or(filling)
                    });
                    let ended = matches!(outlook, Outlook::Planned(_) | Outlook::Refused(_));
                    assert!(ended, "{head:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]
    #[test]
    fn noise_after_a_magic_number(
        sample in 0..ALL.len(),
        kept in 4_usize..64,
        noise in prop::collection::vec(any::<u8>(), 0..400),
        kept_end in 0_usize..64,
    ) {
        let sample = &ALL[sample];
        let file = sample.bytes();
        let end = file.len().saturating_sub(kept_end);
        let noisy = [&file[..kept.min(file.len())], &noise, &file[end..]].concat();
        holds(&noisy, sample.media_type, &|| format!("{} {noisy:02x?}", sample.name));
    }

    #[test]
    fn marks_in_noise_are_found(
        before in prop::collection::vec(any::<u8>(), 0..400),
        after in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mark = key().issue(5, Layers::Container).mark();
        let file = [&before, mark.as_bytes(), &after].concat();
        prop_assert_eq!(issues_of(&file), vec![5]);
    }

    #[test]
    fn sections_of_pdf_with_any_text(text in "[ 0-9<>/\\[\\]()RxreftailSzoPvW]{0,200}") {
        let file = format!("%PDF-1.7\nxref\n{text}\nstartxref\n9\n%%EOF\n");
        holds(file.as_bytes(), None, &|| file.clone());
    }
}

#[test]
fn a_chain_of_sections_that_is_a_loop() {
    let section = |at: usize, prev: usize| {
        let text = "xref\n9 0\ntrailer\n<< /Size 5 /Root 1 0 R /Prev ";
        format!("{text}{prev} >>\nstartxref\n{at}\n%%EOF\n")
    };
    let head = "%PDF-1.7\n";
    let length = section(9, 9).len() + 1;
    let file = format!("{head}{}\n{}", section(9, 9 + length), section(9 + length, 9));
    let made = make(file.as_bytes(), None, key().issue(1, Layers::Container));
    assert_eq!(made.planned, Err(Refusal::Malformed), "{file}");
}

/// What is put in is what was fed: an origin that answers with less is asked again, and not for
/// ever.
#[test]
fn an_origin_that_gives_too_little_is_given_up() {
    let mut known = Excerpts::of(1_000);
    for _ in 0..=MOST_ASKS {
        match plan(&known, None, key().issue(1, Layers::Container).into()) {
            Outlook::Need(span) => known.feed(span.offset, Bytes::from_static(b"\x89")),
            Outlook::Refused(refusal) => return assert_eq!(refusal, Refusal::Scattered),
            Outlook::Planned(planned) => panic!("{planned:?}"),
        }
    }
    panic!("asks without end");
}
