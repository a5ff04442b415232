//! From what is known of a file to how a tagged copy of it is made.

use super::container;
use super::excerpt::{Excerpts, Pause, Span};
use super::kind::{self, FileKind};
use super::refusal::Refusal;
use super::splice_plan::SplicePlan;
use super::tag::SightedTag;

/// The number of how copies are made: another whenever the same file and tag give other bytes.
pub const PLANS: u32 = 1;

/// What comes of a file.
#[derive(Clone, Debug)]
pub enum Outlook {
    /// These bytes of the file are to be fed to its excerpts, and the plan asked for again.
    Need(Span),
    /// This is the copy.
    Planned(Planned),
    /// There is no tagged copy of it.
    Refused(Refusal),
}

/// A tagged copy of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What the file is.
    pub kind: FileKind,
    /// How the copy is made.
    pub splice: SplicePlan,
}

/// How the file is tagged.
///
/// The same excerpts, media type and tag give the same copy, byte for byte; another tag gives one
/// of the same length that differs in the mark and checksums over it. The media type matters for
/// HTML, SVG and XML, which no magic number tells; all others are known by their bytes.
///
/// Each time it is asked, the reading begins anew: it is a walk over some headers, and there
/// is no state that could differ from the excerpts.
pub fn plan(file: &Excerpts, media_type: Option<&str>, tag: SightedTag) -> Outlook {
    match planned(file, media_type, &tag.to_string()) {
        Ok(planned) => Outlook::Planned(planned),
        Err(Pause::Need(span)) => Outlook::Need(span),
        Err(Pause::Refused(refusal)) => Outlook::Refused(refusal),
    }
}

fn planned(file: &Excerpts, media_type: Option<&str>, mark: &str) -> Result<Planned, Pause> {
    let kind = kind::of(file, media_type)?;
    let edits = match kind {
        FileKind::Aiff => container::aiff(file, mark)?,
        FileKind::BaseMedia => container::base_media(file, mark)?,
        FileKind::Flac => container::flac(file, mark)?,
        FileKind::Gif => container::gif(file, mark)?,
        FileKind::Jpeg => container::jpeg(file, mark)?,
        FileKind::Markup => container::markup(file, mark)?,
        FileKind::Matroska => container::matroska(file, mark)?,
        FileKind::Mp3 => container::mp3(file, mark)?,
        FileKind::Ogg => container::ogg(file, mark)?,
        FileKind::Pdf => container::pdf(file, mark)?,
        FileKind::Png => container::png(file, mark)?,
        FileKind::Tiff => container::tiff(file, mark)?,
        FileKind::Wav => container::wav(file, mark)?,
        FileKind::WebP => container::webp(file, mark)?,
        FileKind::Zip => container::zip(file, mark)?,
    };
    let splice = SplicePlan::of(file.length(), edits).map_err(|_| Refusal::Malformed)?;
    Ok(Planned { kind, splice })
}
