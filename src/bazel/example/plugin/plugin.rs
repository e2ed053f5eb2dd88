//! A library with C's calling convention.

/// The number of different words in the `len` bytes at `text`, or -1 if they are not UTF-8.
///
/// # Safety
///
/// The bytes have to be readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn census_words(text: *const u8, len: usize) -> isize {
    // SAFETY: the caller says that the bytes are readable.
    let bytes = unsafe { std::slice::from_raw_parts(text, len) };
    std::str::from_utf8(bytes).map_or(-1, |text| count::count(text).len() as isize)
}

/// Whether `words` is a number of words.
#[unsafe(no_mangle)]
pub extern "C" fn census_is_valid(words: isize) -> bool {
    words >= 0
}
