//! Called from C.

#[no_mangle]
pub extern "C" fn scale(value: u32) -> u32 {
    value.wrapping_mul(7) ^ 3
}
