//! What the program imports.

pub static WEIGHTS: [u32; 4] = [3, 1, 4, 1];

/// The loop leaves the inlining to LLVM.
pub fn weigh(value: u32) -> u32 {
    (0..value % 4).fold(value, |sum, bit| sum.rotate_left(bit)) ^ WEIGHTS[value as usize % 4]
}

pub fn total(values: &[u32]) -> u32 {
    values.iter().map(|&value| weigh(value)).fold(0, u32::wrapping_add)
}
