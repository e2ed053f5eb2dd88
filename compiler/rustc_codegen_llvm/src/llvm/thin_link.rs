//! Declarations for `llvm-wrapper/ThinLink.cpp`.

use rustc_llvm::RustString;

use super::ffi::Module;

unsafe extern "C" {
    /// Appends the bitcode of `M` to `Bitcode` and its thin-link summary to `Summary`; takes
    /// ownership of nothing.
    pub(crate) fn LLVMRustWriteThinLinkBitcode(
        M: &Module,
        Bitcode: &RustString,
        Summary: &RustString,
    );
}
