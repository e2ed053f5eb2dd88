//! Checksums, in C.

unsafe extern "C" {
    fn adler32_of(data: *const u8, length: usize) -> u32;
}

/// The checksum of some bytes.
pub fn adler(data: &[u8]) -> u32 {
    // SAFETY: the function reads `length` bytes from `data`.
    unsafe { adler32_of(data.as_ptr(), data.len()) }
}
