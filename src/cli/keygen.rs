//! `countersign keygen`: a new key.

use clap::Args;
use zeroize::Zeroize;

use super::output::{self, Exit};

/// Makes a random signing key and prints it as hexadecimal digits.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  countersign keygen > keys/2026-11.hex")]
pub(super) struct Keygen {
    /// Bits of the key, a multiple of 8 from 128 to 4096.
    #[arg(long, default_value_t = 256)]
    bits: u32,
}

pub(super) fn keygen(arguments: &Keygen) -> Exit {
    let bits = arguments.bits;
    if !(128..=4096).contains(&bits) || !bits.is_multiple_of(8) {
        return output::usage(format_args!(
            "--bits {bits}: a key has a multiple of 8 bits, from 128 to 4096"
        ));
    }
    let mut key = vec![0; bits as usize / 8];
    if let Err(error) = getrandom::fill(&mut key) {
        return output::failure(format_args!("the system gives no random bytes: {error}"));
    }
    let hex = hex::encode(&key);
    key.zeroize();
    output::result(hex);
    Exit::Success
}
