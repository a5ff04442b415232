//! What the files of this room do together.

mod detection;
mod tokens;
