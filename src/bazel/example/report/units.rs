//! Sizes with their units.

include!(concat!(env!("OUT_DIR"), "/units.rs"));

/// A number of bytes in the largest unit that it fills.
pub fn size(bytes: usize) -> String {
    let (factor, name) = UNITS
        .iter()
        .find(|(factor, _)| bytes >= *factor)
        .unwrap_or(&(1, "B"));
    format!("{} {name}", bytes / factor)
}
