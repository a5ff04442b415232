//! Renditions: smaller, cropped or otherwise encoded pictures of an image (requirements C23, G26),
//! and pictures of addresses (QR codes, part H).
//!
//! Pure: bytes in, bytes out, without I/O and without a clock. Images come from whoever uploads
//! them, and are read as such:
//!
//! - What an image is, is told by its first bytes, not by its name or type: JPEG, PNG, WebP or GIF,
//!   and nothing else. Of an animated one the first picture is taken.
//! - Its size is read from its head before a pixel is: over [`MOST_PIXELS`] it is refused, and
//!   [`look`] says how much memory the work takes.
//! - It is upright in the rendition, as its Exif orientation says, and the metadata are left out:
//!   where a picture was taken is nobody's business.
//! - Its colours are those of sRGB: an embedded profile is converted from, or left out where it is
//!   none that can be read. Four inks (CMYK) become sRGB without their profile, so roughly.
//! - A rendition is never larger than its image.

mod colour;
mod encode;
mod geometry;
mod pixels;
mod qr;
mod render;
mod source;
#[cfg(test)]
mod tests;
mod webp_frames;
mod wish;

pub use encode::Rendered;
pub use qr::{NoQr, QrPicture};
pub use render::render;
pub use source::{Look, MOST_PIXELS, RenditionError, look};
pub use wish::{Area, Bounds, Encoding, Fit, NoQuality, Quality, Rendition};
