//! A library that programs, a build script and a proc macro depend on.

/// Doubles a number.
///
/// ```
/// assert_eq!(numbers::twice(2), 4);
/// ```
pub fn twice(number: u32) -> u32 {
    let mut sum = 0;
    for part in [number, number] {
        sum += part;
    }
    sum
}

/// Reads a number, or panics.
pub fn parse(text: &str) -> u32 {
    text.parse().expect("no number")
}

#[cfg(test)]
mod tests {
    #[test]
    fn doubles() {
        assert_eq!(super::twice(2), 4);
    }
}
