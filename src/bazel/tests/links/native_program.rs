unsafe extern "C" {
    // SAFETY: it only computes a number.
    safe fn from_shared(number: i32) -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn exported_by_program() -> i32 {
    42
}

fn main() {
    println!("{:?} {} {:?}", natives::compute(27), from_shared(27), std::env::var("WHOLE"));
}
