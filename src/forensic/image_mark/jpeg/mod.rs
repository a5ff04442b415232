//! JPEG files, changed in their coefficients (ITU-T T.81).
//!
//! A copy's colours and its fast waves are those of the original, bit for bit: nothing is decoded to
//! pixels and compressed again. Read are files of eight bits with Huffman codes, sequential or
//! progressive, grey or of luma and two colours. Written are sequential ones.

mod bits;
mod blocks;
mod copy;
mod decode;
mod encode;
mod head;
mod huffman;
mod scan;

pub(super) use copy::marked;
#[cfg(test)]
pub(super) use decode::decode as coefficients;
#[cfg(test)]
pub(super) use encode::encode as written;
