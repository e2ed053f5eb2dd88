pub use exports::exported_by_dependency;

unsafe extern "C" {
    // SAFETY: it only computes a number.
    safe fn from_shared(number: i32) -> i32;
}

#[unsafe(no_mangle)]
pub extern "C" fn exported_by_library() -> i32 {
    from_shared(exports::not_exported())
}
