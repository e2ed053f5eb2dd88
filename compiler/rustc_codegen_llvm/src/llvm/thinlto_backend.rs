//! Declarations for `llvm-wrapper/ThinLTOBackend.cpp`.

use libc::{c_char, c_uint, c_void, size_t};
use rustc_llvm::RustString;

use super::ffi::{Context, DiagnosticInfo, LLVMRustResult, Module, TargetMachine};

unsafe extern "C" {
    /// The index that a thin link wrote for a module.
    pub(crate) type ModuleSummaryIndex;
}

/// LLVMRustThinLTOBackendResult: how the backend ended. The C++ enum explains each name.
#[derive(Clone, Copy, PartialEq)]
#[repr(C)]
#[allow(dead_code)] // Variants constructed by C++.
pub(crate) enum ThinLTOBackendResult {
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
    MemoryFault,
}

/// LLVMRustThinLTOOutput: an output, called `name` in messages; `file` is null if there is to be no
/// such output.
#[repr(C)]
pub(crate) struct ThinLTOOutput {
    pub file: *const c_char,
    pub name: *const c_char,
}

/// Runs the pass pipeline `Pipeline` on `M`.
pub(crate) type OptimizeCallback = unsafe extern "C" fn(
    Pipeline: *mut c_void,
    M: &Module,
    TM: &TargetMachine,
    Index: Option<&ModuleSummaryIndex>,
) -> LLVMRustResult;

/// LLVMRustThinLTOBackendConfig: what the backend is to do. Every pointer is borrowed for the
/// call; strings end in a null byte, and those that are not given are null.
#[repr(C)]
pub(crate) struct ThinLTOBackendConfig<'a> {
    pub input: *const c_char,
    pub index: *const c_char,
    pub save_temps: *const c_char,
    pub remap: *const *const c_char,
    pub remap_len: size_t,
    pub target_machine: &'a TargetMachine,
    pub override_reloc_model: bool,
    pub override_code_model: bool,
    pub large_data_threshold: u64,
    pub verify_ir: bool,
    pub no_builtins: bool,
    pub object: ThinLTOOutput,
    pub dwo: ThinLTOOutput,
    pub assembly: ThinLTOOutput,
    pub llvm_ir: ThinLTOOutput,
    pub bitcode: ThinLTOOutput,
    pub optimize: OptimizeCallback,
    pub pipeline: *mut c_void,
}

unsafe extern "C" {
    /// Runs the backend in `Context`, of which the caller stays the owner, and appends to `Message`
    /// why it failed. After a crash the context must not be used or disposed of.
    pub(crate) fn LLVMRustRunThinLTOBackend(
        C: &ThinLTOBackendConfig<'_>,
        Context: &Context,
        Message: &RustString,
    ) -> ThinLTOBackendResult;

    /// 0 for an error, 1 for a warning, 2 for a remark, 3 for a note.
    pub(crate) fn LLVMGetDiagInfoSeverity(DI: &DiagnosticInfo) -> c_uint;
}
