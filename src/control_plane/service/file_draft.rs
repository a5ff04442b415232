//! What may be said about a file.

use std::collections::HashSet;

use super::error::{Invalid, at_most, language, text};
use super::object_key;
use crate::asset::SubtitleFormat;
use crate::control_plane::record::{Autograph, ContentId, FileDraft, FileKind, FilePlace};
use crate::forensic::may_carry;

/// Longest slot, variant or name, in bytes: what file systems take.
const NAME: usize = 255;
/// Longest media type, in bytes.
const MIME: usize = 127;

/// Most files of one version, or attachments of one folder.
pub(super) const MOST_FILES: usize = 1_000;

/// What files can belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attached {
    /// A folder, which has attachments only.
    ToFolder,
    /// A version.
    ToVersion,
}

/// Refuses what is no list of files: several in one place, for instance.
pub(super) fn accept_all(pointer: &str, to: Attached, drafts: &[FileDraft]) -> Result<(), Invalid> {
    at_most(pointer.to_owned(), drafts, MOST_FILES)?;
    let mut places = HashSet::with_capacity(drafts.len());
    for (place, draft) in drafts.iter().enumerate() {
        accept(&format!("{pointer}/{place}"), to, draft)?;
        if !places.insert(&draft.place) {
            let detail = "must be in another place than those before";
            return Err(Invalid::new(format!("{pointer}/{place}"), detail));
        }
    }
    Ok(())
}

/// Refuses an active thumbnail that is not among the files.
pub(super) fn accept_active<'f>(
    pointer: &'static str,
    slot: &str,
    mut files: impl Iterator<Item = &'f FileDraft>,
) -> Result<(), Invalid> {
    if files.any(|it| it.place.kind == FileKind::Thumbnail && *it.place.slot == *slot) {
        Ok(())
    } else {
        Err(Invalid::new(pointer, "must be the slot of a thumbnail of the version"))
    }
}

/// Refuses what is no draft of a file; `pointer` says where it stands.
pub(super) fn accept(pointer: &str, to: Attached, draft: &FileDraft) -> Result<(), Invalid> {
    let FileDraft {
        place,
        pipeline: _,
        key,
        name,
        size,
        mime,
        sha256,
        crc32: _,
        duration_ms,
        width: _,
        height: _,
        language: tag,
        md5,
        autograph,
    } = draft;
    if to == Attached::ToFolder && place.kind != FileKind::Attachment {
        return Err(Invalid::new(format!("{pointer}/kind"), "must be attachment in a folder"));
    }
    accept_place(pointer, place)?;
    object_key::key(&format!("{pointer}/key"), key)?;
    text(format!("{pointer}/name"), name, NAME)?;
    if name.contains(['/', '\\']) {
        return Err(Invalid::new(format!("{pointer}/name"), "must have no slashes"));
    }
    if i64::try_from(*size).is_err() {
        return Err(Invalid::new(format!("{pointer}/size"), "is out of range"));
    }
    if duration_ms.is_some_and(|it| i64::try_from(it).is_err()) {
        return Err(Invalid::new(format!("{pointer}/duration_ms"), "is out of range"));
    }
    accept_mime(&format!("{pointer}/mime"), mime)?;
    if *autograph == Autograph::Allowed && !may_carry(mime) {
        let detail = format!("must be false: files of type {mime} have no place for a tag");
        return Err(Invalid::new(format!("{pointer}/autograph"), detail));
    }
    for (field, digest, length) in [("sha256", sha256, 64), ("md5", md5, 32)] {
        if let Some(digest) = digest {
            accept_digest(&format!("{pointer}/{field}"), digest, length)?;
        }
    }
    tag.as_deref().map_or(Ok(()), |tag| language(format!("{pointer}/language"), tag))
}

/// Refuses what is no media type: it becomes a header of answers.
pub(super) fn accept_mime(pointer: &str, mime: &str) -> Result<(), Invalid> {
    let is_media_type = mime.len() <= MIME
        && mime.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && mime.parse::<mime_guess::Mime>().is_ok();
    if is_media_type {
        Ok(())
    } else {
        Err(Invalid::new(pointer.to_owned(), "must be a media type"))
    }
}

/// Refuses what is no digest of so many digits.
pub(super) fn accept_digest(pointer: &str, digest: &str, length: usize) -> Result<(), Invalid> {
    let is_digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    if digest.len() == length && digest.bytes().all(is_digit) {
        Ok(())
    } else {
        let detail = format!("must be {length} lower-case hexadecimal digits");
        Err(Invalid::new(pointer.to_owned(), detail))
    }
}

/// A place that an asset URL can name, and no other: what nobody can ask for is a mistake.
fn accept_place(pointer: &str, place: &FilePlace) -> Result<(), Invalid> {
    let FilePlace { kind, slot, variant } = place;
    let wrong =
        |field: &str, detail: &'static str| Err(Invalid::new(format!("{pointer}/{field}"), detail));
    if *kind == FileKind::Source {
        if !slot.is_empty() {
            return wrong("slot", "must be empty: there is one source");
        }
    } else if !is_segment(slot) {
        return wrong("slot", "must be a name without slashes");
    }
    match kind {
        FileKind::Source | FileKind::Format if !variant.is_empty() => {
            wrong("variant", "must be empty: it has one form")
        }
        FileKind::Thumbnail if **slot == *"active" => {
            wrong("slot", "must not be active, which names the active one")
        }
        FileKind::Thumbnail | FileKind::ChapterThumbnail if !is_quality(variant) => {
            wrong("variant", "must be a quality of 1 to 64 letters, digits, - and _")
        }
        FileKind::Subtitle if !SUBTITLES.contains(&&**variant) => {
            wrong("variant", "must be SRT or VTT")
        }
        FileKind::Attachment if !is_segment(variant) => {
            wrong("variant", "must be a file name without slashes")
        }
        FileKind::Attachment
        | FileKind::ChapterThumbnail
        | FileKind::Format
        | FileKind::Source
        | FileKind::Subtitle
        | FileKind::Thumbnail => match first_unspeakable(place) {
            Some(field) => wrong(field, UNSPEAKABLE),
            None => Ok(()),
        },
    }
}

/// What is refused of a target whatever it names (contract, part 3, step 3): it can be registered,
/// and nobody could ask for it.
pub(super) const UNSPEAKABLE: &str = "no address can name it: it is, or would decode to, what addresses are refused for, like %2f or ..;";

/// Which part of a place no asset URL can say.
fn first_unspeakable(place: &FilePlace) -> Option<&'static str> {
    let of_any = ContentId::of_bits(0);
    if place.of_content(&of_any).is_some() {
        return None;
    }
    // Its slot alone, in an address of another kind.
    let slot = FilePlace { kind: FileKind::Format, slot: place.slot.clone(), variant: "".into() };
    Some(if slot.of_content(&of_any).is_some() { "variant" } else { "slot" })
}

/// Can an asset URL say this id?
pub(super) fn accept_id(id: &ContentId) -> Result<(), Invalid> {
    let source = FilePlace { kind: FileKind::Source, slot: "".into(), variant: "".into() };
    match source.of_content(id) {
        Some(_) => Ok(()),
        None => Err(Invalid::new("/id", UNSPEAKABLE)),
    }
}

const SUBTITLES: [&str; 2] = [SubtitleFormat::Srt.wire_name(), SubtitleFormat::Vtt.wire_name()];

/// One segment of a path.
pub(super) fn is_segment(text: &str) -> bool {
    (1..=NAME).contains(&text.len())
        && !text.contains(['/', '\\'])
        && !text.chars().any(char::is_control)
        && text != "."
        && text != ".."
}

fn is_quality(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(kind: FileKind, slot: &str, variant: &str) -> FileDraft {
        FileDraft {
            place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
            pipeline: 1,
            key: "a/b.bin".into(),
            name: "b.bin".into(),
            size: 1,
            mime: "application/octet-stream".into(),
            sha256: None,
            crc32: None,
            duration_ms: None,
            width: None,
            height: None,
            language: None,
            md5: None,
            autograph: Autograph::Refused,
        }
    }

    fn pointer(to: Attached, draft: &FileDraft) -> Option<String> {
        accept("", to, draft).err().map(|invalid| invalid.pointer.into_owned())
    }

    /// E8.
    #[test]
    fn a_file_without_a_place_for_a_tag_is_not_marked_for_one() {
        for (mime, wrong) in [("image/jpeg", None), ("text/csv", Some("/autograph"))] {
            let mut draft = draft(FileKind::Source, "", "");
            draft.mime = mime.into();
            assert_eq!(pointer(Attached::ToVersion, &draft), None, "{mime}");
            draft.autograph = Autograph::Allowed;
            assert_eq!(pointer(Attached::ToVersion, &draft).as_deref(), wrong, "{mime}");
        }
    }

    #[test]
    fn a_place_is_one_that_an_address_names() {
        use FileKind as K;
        for (kind, slot, variant, wrong) in [
            (K::Source, "", "", None),
            (K::Source, "x", "", Some("/slot")),
            (K::Source, "", "x", Some("/variant")),
            (K::Format, "hd720", "", None),
            (K::Format, "", "", Some("/slot")),
            (K::Format, "hd720", "x", Some("/variant")),
            (K::Thumbnail, "7", "360p", None),
            (K::Thumbnail, "active", "360p", Some("/slot")),
            (K::Thumbnail, "7", "", Some("/variant")),
            (K::Thumbnail, "7", "36/0", Some("/variant")),
            (K::ChapterThumbnail, "5", "source", None),
            (K::Subtitle, "9", "VTT", None),
            (K::Subtitle, "9", "vtt", Some("/variant")),
            (K::Attachment, "Press kit", "a b.pdf", None),
            (K::Attachment, "..", "a.pdf", Some("/slot")),
            (K::Attachment, "kit", "a/b.pdf", Some("/variant")),
            (K::Attachment, "kit", "100%.pdf", None),
            (K::Attachment, "kit", "a%2fb.pdf", Some("/variant")),
            (K::Attachment, "..;x", "a.pdf", Some("/slot")),
            (K::Format, "%2e%2e", "", Some("/slot")),
        ] {
            let refused = pointer(Attached::ToVersion, &draft(kind, slot, variant));
            assert_eq!(refused.as_deref(), wrong, "{kind} {slot} {variant}");
        }
        let source = draft(K::Source, "", "");
        assert_eq!(pointer(Attached::ToFolder, &source).as_deref(), Some("/kind"));
        assert_eq!(pointer(Attached::ToFolder, &draft(K::Attachment, "t", "n")), None);
    }

    #[test]
    fn an_id_is_one_that_an_address_can_say() {
        for (id, is_sayable) in [
            ("-civ9qE3JUjntKQM1HnGtU", true),
            ("a;b", true),
            ("50%", true),
            ("..;", false),
            (".;a", false),
            ("a%2fb", false),
            ("%2e%2e", false),
        ] {
            let id = ContentId::parse(id).unwrap();
            assert_eq!(accept_id(&id).is_ok(), is_sayable, "{id:?}");
        }
    }

    #[test]
    fn what_becomes_a_header_holds_no_other() {
        let of = |change: fn(&mut FileDraft)| {
            let mut draft = draft(FileKind::Source, "", "");
            change(&mut draft);
            pointer(Attached::ToVersion, &draft)
        };
        assert_eq!(of(|it| it.mime = "text/html; charset=utf-8".into()), None);
        for mime in ["text/html\r\nSet-Cookie: a=b", "text", "", "text/html\n", "t/\u{e9}"] {
            let mut draft = draft(FileKind::Source, "", "");
            draft.mime = mime.into();
            let refused = pointer(Attached::ToVersion, &draft);
            assert_eq!(refused.as_deref(), Some("/mime"), "{mime:?}");
        }
        assert_eq!(of(|it| it.name = "a\r\nb".into()).as_deref(), Some("/name"));
        assert_eq!(of(|it| it.name = "a/b".into()).as_deref(), Some("/name"));
        assert_eq!(of(|it| it.key = "../a".into()).as_deref(), Some("/key"));
        assert_eq!(of(|it| it.sha256 = Some("AB".into())).as_deref(), Some("/sha256"));
        assert_eq!(of(|it| it.size = u64::MAX).as_deref(), Some("/size"));
    }
}
