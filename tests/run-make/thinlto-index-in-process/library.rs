//! What the program imports: a function that is inlined, one that is too large for that, and a table.

#![no_std]

pub static WEIGHTS: [u32; 4] = [3, 1, 4, 1];

pub fn weigh(value: u32) -> u32 {
    value.rotate_left(5) ^ WEIGHTS[(value % 4) as usize]
}

pub fn total(values: &[u32]) -> u32 {
    let mut sum = 0u32;
    for &value in values {
        sum = sum.wrapping_mul(31).wrapping_add(weigh(value));
    }
    sum
}

pub fn large(mut value: u64) -> u64 {
    let mut steps = 0;
    while value != 1 {
        value = match value % 5 {
            0 => value / 5,
            1 => value.wrapping_mul(3) ^ steps,
            2 => value.rotate_left(7).wrapping_sub(steps),
            3 => (value >> 3).wrapping_add(value << 2),
            _ => value.wrapping_mul(value).wrapping_add(1),
        };
        value = value.swap_bytes().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 5;
        value ^= value >> 13;
        value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value ^= value.rotate_right(17) & 0x5555_5555;
        value = value.wrapping_add(value.leading_zeros() as u64);
        value = value.wrapping_sub((value >> 7) & 0xff) | (value << 3 & 0x70);
        value = value.wrapping_mul(value | 1).rotate_left(11);
        value ^= (value >> 21).wrapping_mul(0x2545_f491_4f6c_dd1d);
        value = value.wrapping_add(value.count_ones() as u64) ^ (steps << 9);
        value = value.reverse_bits().wrapping_add(0x1234_5678);
        steps += 1;
        if steps > 1000 {
            break;
        }
    }
    steps
}
