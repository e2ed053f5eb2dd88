//! A library for C programs.

/// The product of two numbers.
#[unsafe(no_mangle)]
pub extern "C" fn capi_product(left: u64, right: u64) -> u64 {
    numbers::product(left, right)
}
