//! Declarations for `llvm-wrapper/ThinLTOBackend.cpp`.

use libc::{c_char, c_uint, c_void, size_t};
use rustc_llvm::RustString;

use super::ffi::{Context, DiagnosticInfo, PassBuilderOptLevel, TargetMachine};

/// How the backend ended; each name is explained beside the C++ enum.
#[derive(Clone, Copy, PartialEq)]
#[repr(C)]
#[allow(dead_code)] // Variants constructed by C++.
pub enum ThinLTOBackendResult {
    Success,
    Failure,
    Unreadable,
    NotBitcode,
    Damaged,
    OtherModule,
    MissingImport,
    OtherImport,
    OtherTarget,
    Unwritable,
    Crash,
}

/// LLVMRustThinLTOOutput: an output, called `name` in messages; `file` is null if there is to be no
/// such output.
#[repr(C)]
pub struct ThinLTOOutput {
    pub file: *const c_char,
    pub name: *const c_char,
}

/// LLVMRustThinLTOBackendConfig: what the backend is to do. Every pointer is borrowed for the
/// call; strings end in a null byte, and those that are not given are null.
#[repr(C)]
pub struct ThinLTOBackendConfig<'a> {
    pub input: *const c_char,
    pub index: *const c_char,
    pub save_temps: *const c_char,
    pub remap: *const *const c_char,
    pub remap_len: size_t,
    pub target_machine: &'a TargetMachine,
    pub override_reloc_model: bool,
    pub override_code_model: bool,
    pub opt_level: PassBuilderOptLevel,
    pub no_prepopulate_passes: bool,
    pub verify_each: bool,
    pub merge_functions: bool,
    pub unroll_loops: bool,
    pub vectorize_slp: bool,
    pub vectorize_loop: bool,
    pub no_builtins: bool,
    pub debug_info_for_profiling: bool,
    pub profile_use: *const c_char,
    pub profile_sample_use: *const c_char,
    pub object: ThinLTOOutput,
    pub dwo: ThinLTOOutput,
    pub assembly: ThinLTOOutput,
    pub llvm_ir: ThinLTOOutput,
    pub bitcode: ThinLTOOutput,
    pub self_profiler: *mut c_void,
    pub before_pass: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char),
    pub after_pass: unsafe extern "C" fn(*mut c_void),
}

unsafe extern "C" {
    /// Runs the backend in `Context`, of which the caller stays the owner, and appends to `Message`
    /// why it failed. After `Crash` the context must not be used or disposed of.
    pub fn LLVMRustRunThinLTOBackend(
        C: &ThinLTOBackendConfig<'_>,
        Context: &Context,
        Message: &RustString,
    ) -> ThinLTOBackendResult;

    /// 0 for an error, 1 for a warning, 2 for a remark, 3 for a note.
    pub fn LLVMGetDiagInfoSeverity(DI: &DiagnosticInfo) -> c_uint;
}
