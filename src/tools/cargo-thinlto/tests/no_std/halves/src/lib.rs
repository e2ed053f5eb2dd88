//! A library without std.
#![no_std]

/// Half of a number.
pub fn half(number: i32) -> i32 {
    let mut half = 0;
    while half + half < number {
        half += 1;
    }
    half
}
