//! A library with C code.

extern "C" {
    fn native_add(left: u32, right: u32) -> u32;
}

/// Adds two numbers in C.
pub fn add(left: u32, right: u32) -> u32 {
    unsafe { native_add(left, right) }
}
