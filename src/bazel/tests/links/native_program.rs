#[unsafe(no_mangle)]
pub extern "C" fn exported_by_program() -> i32 {
    42
}

fn main() {
    println!("{:?} {:?}", natives::compute(27), std::env::var("WHOLE"));
}
