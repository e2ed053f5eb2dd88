//! What the program imports: a function, and a static that is promoted for it.

#![feature(no_core)]
#![no_std]
#![no_core]

extern crate minicore;
use minicore::*;

static mut TOTAL: isize = 6;

pub fn add(value: isize) -> isize {
    // SAFETY: the program has one thread.
    unsafe {
        TOTAL = TOTAL + value;
        TOTAL
    }
}
