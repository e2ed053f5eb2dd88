extern "C" {
    fn c_answer() -> i32;
}

pub fn answer() -> i32 {
    unsafe { c_answer() }
}
