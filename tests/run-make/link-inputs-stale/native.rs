#[link(name = "native", kind = "static")]
extern "C" {
    fn native() -> i32;
}

#[inline(never)]
pub fn seven() -> i32 {
    unsafe { native() }
}
