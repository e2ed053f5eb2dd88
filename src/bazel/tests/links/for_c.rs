pub use exports::exported_by_dependency;

#[unsafe(no_mangle)]
pub extern "C" fn exported_by_library() -> i32 {
    exports::not_exported()
}
