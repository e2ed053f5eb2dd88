//! A dynamic library for Rust.

/// Multiplies a number by four.
pub fn four_times(number: u32) -> u32 {
    numbers::twice(numbers::twice(number))
}
