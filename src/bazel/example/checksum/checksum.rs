//! A checksum whose step is a function in C++.

unsafe extern "C" {
    // SAFETY: the function only computes a number from its arguments.
    safe fn checksum_step(state: u32, byte: u8) -> u32;
}

/// The checksum of `bytes`.
pub fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |state, &byte| checksum_step(state, byte))
}
