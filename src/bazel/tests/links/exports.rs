#[unsafe(no_mangle)]
pub extern "C" fn exported_by_dependency(number: i32) -> i32 {
    number + 1
}

pub fn not_exported() -> i32 {
    7
}
