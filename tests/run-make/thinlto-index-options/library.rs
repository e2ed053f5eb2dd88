//! What the program imports.

pub static WEIGHTS: [u32; 4] = [3, 1, 4, 1];

pub fn weigh(value: u32) -> u32 {
    value.rotate_left(5) ^ WEIGHTS[value as usize % 4]
}

pub fn total(values: &[u32]) -> u32 {
    values.iter().map(|&value| weigh(value)).fold(0, u32::wrapping_add)
}
