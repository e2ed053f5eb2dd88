#[link(name = "native", kind = "static")]
extern "C" {
    fn native_sixfold(value: i32) -> i32;
}

#[no_mangle]
pub extern "C" fn rust_triple(value: i32) -> i32 {
    3 * value
}

pub fn sixfold(value: i32) -> i32 {
    unsafe { native_sixfold(value) }
}
