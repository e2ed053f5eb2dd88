//! Declarations for `llvm-wrapper/ThinLink.cpp`.

use libc::size_t;
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

    /// Appends the thin-link summary of `M` to `Summary`, with `Hash` as the module hash; takes
    /// ownership of nothing.
    pub(crate) fn LLVMRustWriteThinLinkSummary(M: &Module, Hash: &[u32; 5], Summary: &RustString);

    /// Stores the module hash of the bitcode or summary `Bitcode` to `Hash`, or returns `false` and
    /// sets the last error; takes ownership of nothing.
    pub(crate) fn LLVMRustReadModuleHash(
        Bitcode: *const u8,
        Len: size_t,
        Hash: &mut [u32; 5],
    ) -> bool;
}
