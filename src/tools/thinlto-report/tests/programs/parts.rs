//! Functions that are imported, and functions that are not, each for its own reason.
#![feature(linkage)]

use std::hint::black_box;

/// Not a leaf, so that it is not compiled into other crates.
pub fn small(number: u32) -> u32 {
    black_box(number) + 1
}

/// Too large to import.
pub fn large(number: u32) -> u32 {
    let mut sum = number;
    macro_rules! step { ($($n:literal)*) => { $( sum = black_box(sum).rotate_left($n) ^ $n; )* } }
    step!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30);
    step!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30);
    sum
}

#[inline(never)]
pub fn never(number: u32) -> u32 {
    black_box(number) + 3
}

#[linkage = "weak"]
pub fn weak(number: u32) -> u32 {
    black_box(number) + 4
}

/// Calls `local` and, one import deeper, `middling`.
pub fn outer(number: u32) -> u32 {
    local(number) ^ middling(number)
}

#[inline(never)]
fn local(number: u32) -> u32 {
    black_box(number) + 5
}

/// More instructions than the limit for a second import, and fewer than that for a first.
#[cold]
pub fn middling(number: u32) -> u32 {
    let mut sum = number;
    macro_rules! step { ($($n:literal)*) => { $( sum = black_box(sum).rotate_left($n) ^ $n; )* } }
    step!(1 2 3 4 5 6 7 8 9 10 11);
    sum
}

/// Has the name of another function, in another module.
pub mod like {
    pub fn small(number: u32) -> u32 {
        std::hint::black_box(number) + 7
    }
}

/// No function of the program calls it.
pub fn unused(number: u32) -> u32 {
    black_box(number)
}
