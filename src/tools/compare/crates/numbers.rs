//! A module of the program and of the library, with what the edit changes.

use std::cell::Cell;

/// The edit makes this 8.
pub const SEED: u32 = 7;

thread_local! {
    static LAST: Cell<u32> = const { Cell::new(SEED) };
}

/// Keeps a table in a static of its own.
pub fn next() -> u32 {
    static FACTORS: [u32; 4] = [3, 5, 17, 257];
    LAST.with(|last| {
        let next = last.get().wrapping_mul(FACTORS[last.get() as usize % FACTORS.len()]) + SEED;
        last.set(next);
        next
    })
}

/// Overflow checks and bounds checks name their places in the source.
pub fn sum(numbers: &[u32], count: usize) -> u32 {
    (0..count).map(|place| numbers[place]).sum()
}
