//! Classes of characters.

/// Whether a byte is part of a word.
pub fn is_part_of_word(byte: u8) -> bool {
    is_letter(byte) || byte == b'\''
}

#[inline(never)]
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}
