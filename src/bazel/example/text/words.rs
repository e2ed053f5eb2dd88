//! Splits text into words.

use characters::is_part_of_word;

/// The words of `text`, in order.
pub fn words(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut start = None;
    for (position, &byte) in bytes.iter().enumerate() {
        if is_part_of_word(byte) {
            start.get_or_insert(position);
        } else if let Some(start) = start.take() {
            words.push(&text[start..position]);
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}
