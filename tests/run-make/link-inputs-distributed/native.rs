#[link(name = "native", kind = "static")]
extern "C" {
    fn native_sixfold(value: i32) -> i32;
}

// Bitcode that only native code uses.
#[no_mangle]
pub extern "C" fn rust_triple(value: i32) -> i32 {
    3 * value
}

#[inline(never)]
pub fn sixfold(value: i32) -> i32 {
    unsafe { native_sixfold(value) }
}

pub mod other {
    #[inline(never)]
    pub fn half(value: i32) -> i32 {
        value / 2
    }
}
