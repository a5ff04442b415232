//! From an image to a rendition.

use super::encode::{Rendered, encode};
use super::source::{RenditionError, Source};
use super::wish::Rendition;

/// Makes a rendition of an image.
///
/// Takes as much memory as [`look`](super::look) says, at most, next to `image` itself, and a core
/// for as long as it runs.
pub fn render(image: &[u8], wish: &Rendition) -> Result<Rendered, RenditionError> {
    let source = Source::open(image)?;
    let (plan, upright) = (source.plan(wish)?, source.orientation());
    encode(source.pixels(&plan)?.turned(upright)?, wish.encoding)
}
