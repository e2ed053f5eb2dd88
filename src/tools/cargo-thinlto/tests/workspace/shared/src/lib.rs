//! A library for C.

/// Doubles a number.
#[no_mangle]
pub extern "C" fn shared_twice(number: u32) -> u32 {
    numbers::twice(number)
}
