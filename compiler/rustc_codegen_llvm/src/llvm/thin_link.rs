//! Declarations for `llvm-wrapper/ThinLink.cpp`.

use super::RustString;
use super::ffi::Module;

unsafe extern "C" {
    /// Appends the bitcode of `M` to `Bitcode` and its thin-link summary to `Summary`; takes
    /// ownership of nothing.
    pub fn LLVMRustWriteThinLinkBitcode(M: &Module, Bitcode: &RustString, Summary: &RustString);
}
