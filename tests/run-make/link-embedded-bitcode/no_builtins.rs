#![no_builtins]

#[no_mangle]
pub fn fill(memory: &mut [u8]) {
    for byte in memory {
        *byte = 7;
    }
}
