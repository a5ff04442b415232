//! Files that are not tagged, and why; and those at the very edge.

use std::fmt::Write as _;
use std::process::Command;

use super::copies::{issues, key, make, tagged};
use super::samples;
use crate::forensic::*;

fn refusal(file: &[u8]) -> Option<Refusal> {
    make(file, None, key().issue(1, Layers::Container)).planned.err()
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples::folder().join(name)).unwrap()
}

/// What a command makes of the samples.
fn made(command: &str, name: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euc", command]).env("TO", folder.path()).current_dir(samples::folder());
    let made = bash.output().unwrap();
    // qpdf exits with 3 where it had something to repair.
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(matches!(made.status.code(), Some(0 | 3)), "{told}");
    std::fs::read(folder.path().join(name)).unwrap()
}

fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::find(file, from).expect("is there");
    [&file[..at], to, &file[at + from.len()..]].concat()
}

/// A PDF file of these objects, numbered from 1, with a table.
fn pdf(objects: &[&str]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1).unwrap();
    }
    let (at, size) = (file.len(), objects.len() + 1);
    write!(file, "{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n")
        .unwrap();
    file.into_bytes()
}

#[test]
fn signed_files_are_left_as_they_are() {
    for (signed, objects) in [
        (false, &["<< /Type /Catalog >>"][..]),
        (false, &["<< /Type /Catalog /AcroForm << /Fields [] >> >>"]),
        (false, &["<< /Type /Catalog /AcroForm 2 0 R >>", "<< /SigFlags 2 >>"]),
        (false, &["<< /Type /Catalog /AcroForm 9 0 R >>"]),
        (true, &["<< /Type /Catalog /AcroForm << /Fields [] /SigFlags 3 >> >>"]),
        (true, &["<< /Type /Catalog /AcroForm 2 0 R >>", "<< /Fields [3 0 R] /SigFlags 1 >>"]),
        (true, &["<< /Type /Catalog /AcroForm 2 0 R >>", "<< /SigFlags 3 0 R >>", "1"]),
        (true, &["<< /Type /Catalog /Perms << /DocMDP 2 0 R >> >>", "<< /Type /Sig >>"]),
    ] {
        let expected = signed.then_some(Refusal::Signed);
        assert_eq!(refusal(&pdf(objects)), expected, "{objects:?}");
    }
    assert_eq!(refusal(&pdf(&["<< /Type /Catalog "])), Some(Refusal::Malformed));
    assert_eq!(refusal(&pdf(&["[]"])), Some(Refusal::Malformed));
}

/// As a signer would leave it: the catalogue in a stream of objects, or hidden from old readers.
#[test]
fn signatures_are_seen_in_streams_of_objects() {
    let signed = "sed 's,/SigFlags 0,/SigFlags 3,' form.in.pdf > $TO/in.pdf; ";
    for command in [
        "qpdf --object-streams=generate $TO/in.pdf $TO/out.pdf",
        "qpdf --object-streams=generate --linearize $TO/in.pdf $TO/out.pdf",
        "qpdf --object-streams=generate --stream-data=uncompress $TO/in.pdf $TO/out.pdf",
        "qpdf --encrypt '' owner 256 -- --object-streams=disable $TO/in.pdf $TO/out.pdf",
    ] {
        let file = made(&format!("{signed}{command}"), "out.pdf");
        assert_eq!(refusal(&file), Some(Refusal::Signed), "{command}");
        let unsigned = made(&format!("cp form.in.pdf $TO/in.pdf; {command}"), "out.pdf");
        assert_eq!(refusal(&unsigned), None, "{command}");
    }
}

/// The catalogue in a stream of objects that says elsewhere how long it is.
#[test]
fn streams_may_say_their_length_elsewhere() {
    for (flags, expected) in [(0, None), (3, Some(Refusal::Signed))] {
        let catalogue = format!("<< /Type /Catalog /AcroForm << /SigFlags {flags} >> >>");
        let content = format!("1 0 {catalogue}");
        let mut file = "%PDF-1.7\n".to_owned();
        let stream = file.len();
        let head = "2 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Length 3 0 R >>\nstream\n";
        write!(file, "{head}{content}\nendstream\nendobj\n").unwrap();
        let length = file.len();
        write!(file, "3 0 obj\n{}\nendobj\n", content.len()).unwrap();
        let section = file.len();
        let head = "/Type /XRef /Size 5 /Root 1 0 R /W [1 1 1] /Length 15";
        write!(file, "4 0 obj\n<< {head} >>\nstream\n").unwrap();
        let [stream, length, section] =
            [stream, length, section].map(|at| u8::try_from(at).unwrap());
        let entries = [[0, 0, 0], [2, 2, 0], [1, stream, 0], [1, length, 0], [1, section, 0]];
        let end = format!("\nendstream\nendobj\nstartxref\n{section}\n%%EOF\n");
        let file = [file.as_bytes(), entries.as_flattened(), end.as_bytes()].concat();
        assert_eq!(refusal(&file), expected);
    }
}

/// Streams of objects are encrypted, too; what is in them nobody here can tell.
#[test]
fn a_form_in_an_encrypted_stream_is_not_seen() {
    let file = pdf(&[
        "<< /Type /Catalog /Pages 3 0 R /AcroForm 2 0 R >>",
        "<< /Fields [] /SigFlags 0 >>",
        "<< /Type /Pages /Kids [] /Count 0 >>",
    ]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.pdf"), file).unwrap();
    for (how, expected) in [("disable", None), ("generate", Some(Refusal::Encrypted))] {
        let input = folder.path().join("in.pdf");
        let to = format!("--object-streams={how} {} $TO/out.pdf", input.display());
        let file = made(&format!("qpdf --encrypt '' owner 256 -- {to}"), "out.pdf");
        assert_eq!(refusal(&file), expected, "{how}");
    }
}

/// The catalogue may have been replaced by an update.
#[test]
fn the_newest_catalogue_counts() {
    let file = pdf(&["<< /Type /Catalog >>"]);
    let object_at = file.len();
    let update = "1 0 obj\n<< /Type /Catalog /Perms << >> >>\nendobj\n";
    let section = object_at + update.len();
    let before = memchr::memmem::find(&file, b"xref").unwrap();
    let mut updated = file.clone();
    updated.extend_from_slice(update.as_bytes());
    let end = format!(
        "xref\n1 1\n{object_at:010} 00000 n \ntrailer\n<< /Size 2 /Root 1 0 R /Prev {before} >>\n\
         startxref\n{section}\n%%EOF\n"
    );
    updated.extend_from_slice(end.as_bytes());
    assert_eq!(refusal(&file), None);
    assert_eq!(refusal(&updated), Some(Refusal::Signed));
    // And of two tags the second is put upon the first.
    let twice = tagged(
        &tagged(&file, None, key().issue(1, Layers::Container)),
        None,
        key().issue(2, Layers::Container),
    );
    assert_eq!(issues(&twice), [(1, Carrier::PdfObject), (2, Carrier::PdfObject)]);
}

/// The trailer names the object: whoever writes the file anew by following references takes it
/// along.
#[test]
fn marks_of_pdf_survive_qpdf() {
    let file = tagged(&sample("classic.pdf"), None, key().issue(9, Layers::Container));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.pdf"), file).unwrap();
    let status = Command::new("qpdf").args(["in.pdf", "out.pdf"]).current_dir(&folder).status();
    assert!(status.unwrap().success());
    let found = issues(&std::fs::read(folder.path().join("out.pdf")).unwrap());
    assert_eq!(found, [(9, Carrier::Elsewhere)]);
}

#[test]
fn zip_files_have_one_comment_of_65535_bytes() {
    let empty = |comment: usize| {
        let length = u16::try_from(comment).unwrap().to_le_bytes();
        [b"PK\x05\x06", &[0; 16][..], &length, &vec![b'x'; comment]].concat()
    };
    // A line break, the words and the mark.
    let added = 1 + 19 + 48;
    assert_eq!(refusal(&empty(65_535 - added)), None);
    assert_eq!(refusal(&empty(65_536 - added)), Some(Refusal::NoRoom));
    let cut = &sample("plain.zip")[..5_000];
    assert_eq!(refusal(cut), Some(Refusal::Truncated));
    let parts = replaced(&empty(0), b"PK\x05\x06\0\0\0\0", b"PK\x05\x06\x01\0\0\0");
    assert_eq!(refusal(&parts), Some(Refusal::UnsupportedForm));
}

#[test]
fn signed_packages_are_left_as_they_are() {
    let file = sample("plain.zip");
    let end = file.len() - 22;
    let directory = u32::from_le_bytes(file[end + 16..end + 20].try_into().unwrap()) as usize;
    let block = b"\x18\0\0\0\0\0\0\0\x18\0\0\0\0\0\0\0APK Sig Block 42";
    let mut package = [&file[..directory], block, &file[directory..]].concat();
    let at = package.len() - 6;
    let moved = u32::try_from(directory + block.len()).unwrap();
    package[at..at + 4].copy_from_slice(&moved.to_le_bytes());
    assert_eq!(refusal(&package), Some(Refusal::Signed));
}

#[test]
fn boxes_that_reach_past_the_end_are_cut_off() {
    let film = sample("last.mp4");
    assert_eq!(refusal(&film[..film.len() - 1]), Some(Refusal::Truncated));
    assert_eq!(refusal(b"\0\0\0\x07ftypmp42\0\0\0\x08free"), Some(Refusal::Malformed));
    let open = sample("open.mp4");
    let copy = tagged(&open, None, key().issue(1, Layers::Container));
    let at = memchr::memmem::rfind(&open, b"mdat").unwrap() - 4;
    let size = u32::from_be_bytes(copy[at..at + 4].try_into().unwrap());
    assert_eq!(at + size as usize + 72, copy.len());
}

#[test]
fn the_table_of_fragments_stays_last() {
    let film = sample("fragments.mp4");
    let copy = tagged(&film, None, key().issue(1, Layers::Container));
    assert_eq!(copy[copy.len() - 16..], film[film.len() - 16..]);
    assert_eq!(&copy[copy.len() - 12..copy.len() - 8], b"mfro");
}

/// A segment whose size is written with a byte is given eight where one byte does not do.
#[test]
fn segments_of_matroska_may_need_longer_sizes() {
    let with = |content: &[u8]| {
        let size = 0x80 | u8::try_from(content.len()).unwrap();
        [b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67", &[size][..], content].concat()
    };
    let void = |length: u8| [&[0xec, 0x80 | length][..], &vec![0; usize::from(length)]].concat();
    let own = 83_u8;
    let fits = with(&void(126 - own - 2));
    let copy = tagged(&fits, None, key().issue(1, Layers::Container));
    assert_eq!((copy.len(), copy[9]), (fits.len() + usize::from(own), 0xfe));
    let does_not = with(&void(127 - own - 2));
    let copy = tagged(&does_not, None, key().issue(1, Layers::Container));
    assert_eq!(copy.len(), does_not.len() + usize::from(own) + 7);
    assert_eq!(copy[9..17], [1, 0, 0, 0, 0, 0, 0, 127]);
    let summed = with(b"\xbf\x84abcd");
    assert_eq!(refusal(&summed), Some(Refusal::UnsupportedForm));
}

#[test]
fn a_page_of_ogg_that_is_full_has_no_room() {
    let page = |flags: u8, number: u8, segments: &[u8], content: &[u8]| {
        let count = u8::try_from(segments.len()).unwrap();
        let head = [b"OggS\0", &[flags][..], &[0; 8], &[7, 0, 0, 0, number], &[0; 7], &[count]];
        [&head.concat(), segments, content].concat()
    };
    let first = page(2, 0, &[19], b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0");
    let comments = |rest: usize| {
        let text = 255 * (255 - rest) - 1 - 20;
        let length = u32::try_from(text).unwrap().to_le_bytes();
        let head = [b"OpusTags", &[0; 4][..], &[1, 0, 0, 0], &length].concat();
        let content = [&head, &vec![b'x'; text][..]].concat();
        let mut segments = vec![255; content.len() / 255];
        segments.push(u8::try_from(content.len() % 255).unwrap());
        [first.clone(), page(0, 1, &segments, &content)].concat()
    };
    assert_eq!(refusal(&comments(0)), Some(Refusal::NoRoom));
    assert_eq!(refusal(&comments(1)), None);
    let other = page(2, 0, &[5], b"video");
    assert_eq!(refusal(&other), Some(Refusal::Truncated));
}

#[test]
fn directories_of_tiff_have_four_places() {
    let mut file = sample("plain.tiff");
    let mut found = Vec::new();
    for issue in 1..=4 {
        file = tagged(&file, None, key().issue(issue, Layers::Container));
        found.push(issue);
        assert_eq!(issues(&file).iter().map(|it| it.0).collect::<Vec<_>>(), found);
    }
    assert_eq!(refusal(&file), Some(Refusal::NoRoom));
    assert_eq!(refusal(b"II*\0\x10\0\0\0CR\x02\0"), Some(Refusal::UnsupportedForm));
    assert_eq!(refusal(b"II*\0\0\0\0\0\0\0"), Some(Refusal::Malformed));
}

#[test]
fn sizes_that_would_overflow_have_no_room() {
    let wav = sample("plain.wav");
    let long = |size: u32| [b"RIFF", &size.to_le_bytes()[..], &wav[8..]].concat();
    assert_eq!(refusal(&long(u32::MAX - 56)), Some(Refusal::NoRoom));
    assert_eq!(refusal(&long(u32::MAX - 57)), None);
    let tag = sample("tag4.mp3");
    let long = [b"ID3\x04\0\0\x7f\x7f\x7f\x7f", &tag[10..]].concat();
    assert_eq!(refusal(&long), Some(Refusal::Truncated));
}

#[test]
fn codes_are_not_given_twice() {
    let mut codes = Refusal::ALL.iter().map(|it| it.code()).collect::<Vec<_>>();
    assert_eq!(codes.len(), 8);
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 8);
}

/// Where content credentials have their place, and where something else has.
#[test]
fn files_with_content_credentials_are_left_as_they_are() {
    let jumbf = |label: &[u8; 4]| {
        let content =
            [&b"JP\0\x01\0\0\0\x01\0\0\0\x24jumb\0\0\0\x1cjumd"[..], label, b"rest"].concat();
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [b"\xff\xeb", &length[..], &content].concat()
    };
    let inserted = |name: &str, at: usize, bytes: &[u8]| {
        let file = sample(name);
        [&file[..at], bytes, &file[at..]].concat()
    };
    let jpeg = |label| inserted("plain.jpg", 20, &jumbf(label));
    let png = |name: &[u8]| inserted("plain.png", 33, &[&[0; 4], name, &[0; 4]].concat());
    let box_of = |kind: &[u8]| [b"\0\0\0\x18uuid", kind].concat();
    let film = |name: &str, kind: &[u8]| {
        let ftyp = sample(name);
        let at = u32::from_be_bytes(ftyp[..4].try_into().unwrap());
        inserted(name, at as usize, &box_of(kind))
    };
    let c2pa = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
    let riff = |name: &str, chunk: &[u8; 4]| {
        let mut file = [&sample(name), &chunk[..], b"\x04\0\0\0abcd"].concat();
        let size = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
        file[4..8].copy_from_slice(&size);
        file
    };
    for (name, signed, other) in [
        ("jpeg", jpeg(b"c2pa"), jpeg(b"none")),
        ("png", png(b"caBX"), png(b"caBY")),
        ("mp4", film("first.mp4", c2pa), film("first.mp4", &[7; 16])),
        ("fragments", film("fragments.mp4", c2pa), film("fragments.mp4", &[7; 16])),
        ("webp", riff("lossy.webp", b"C2PA"), riff("lossy.webp", b"none")),
        ("wav", riff("plain.wav", b"C2PA"), riff("plain.wav", b"none")),
        ("gif", gif(*b"C2PA_GIF"), gif(*b"NETSCAPE")),
        ("tiff", tiff(52_545), tiff(52_544)),
    ] {
        assert_eq!(refusal(&signed), Some(Refusal::Signed), "{name}");
        assert_eq!(refusal(&other), None, "{name}");
    }
}

/// A picture with one extension, and no colours.
fn gif(application: [u8; 8]) -> Vec<u8> {
    [&b"GIF89a\0\0\0\0\0\0\0\x21\xff\x0b"[..], &application, b"\x01\0\0\x02ab\0\x3b"].concat()
}

/// A directory with one field.
fn tiff(field: u16) -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0", &field.to_le_bytes()[..], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 4]]
        .concat()
}

/// Of files of any length a few places are read.
#[test]
fn long_films_are_planned_as_short_ones() {
    let planned = |length: u64, last: &[u8]| {
        let mut known = Excerpts::of(length);
        loop {
            match plan(&known, None, key().issue(1, Layers::Container).into()) {
                Outlook::Need(span) => {
                    let byte = |at: u64| {
                        let at = usize::try_from(at).unwrap_or(usize::MAX);
                        let film = [&b"\0\0\0\x10ftypisom\0\0\0\0"[..], last].concat();
                        film.get(at).copied().unwrap_or(0x99)
                    };
                    known.feed(
                        span.offset,
                        (span.offset..span.offset + span.length).map(byte).collect(),
                    );
                }
                Outlook::Planned(planned) => return (planned.splice, known.asks()),
                Outlook::Refused(refusal) => panic!("{refusal}"),
            }
        }
    };
    let length = 16 + (6 << 30);
    let size = u64::to_be_bytes(6 << 30);
    let (splice, asks) = planned(length, &[b"\0\0\0\x01mdat", &size[..]].concat());
    assert_eq!((splice.length(), splice.literal_bytes(), asks), (length + 72, 72, 2));
    // What reaches to the end and is too long for a size of 32 bits stays as it is.
    let (splice, _) = planned(length, b"\0\0\0\0mdat");
    assert_eq!((splice.length(), splice.literal_bytes()), (length + 72, 72));
    let (splice, _) = planned(1 << 30, b"\0\0\0\0mdat");
    assert_eq!((splice.length(), splice.literal_bytes()), ((1 << 30) + 72, 76));
}
