//! What the program imports.

use std::sync::atomic::{AtomicU32, Ordering};

pub static WEIGHTS: [u32; 4] = [3, 1, 4, 1];

/// Promoted: a module that imports [`weigh`] refers to it.
static LARGEST: AtomicU32 = AtomicU32::new(0);

/// The loop leaves the inlining to LLVM.
pub fn weigh(value: u32) -> u32 {
    let largest = LARGEST.fetch_max(value, Ordering::Relaxed);
    (0..value % 4).fold(largest, |sum, bit| sum.rotate_left(bit)) ^ WEIGHTS[value as usize % 4]
}

pub fn total(values: &[u32]) -> u32 {
    values.iter().map(|&value| weigh(value)).fold(0, u32::wrapping_add)
}
