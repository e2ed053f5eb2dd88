//! The bitcode of a module together with the summary that a thin link reads in its place.

use std::ffi::CString;
use std::path::Path;

use rustc_codegen_ssa::back::thin_link::ThinLinkBitcode;
use rustc_codegen_ssa::back::whole_file;
use rustc_codegen_ssa::back::write::CodegenContext;
use rustc_errors::DiagCtxtHandle;
use rustc_macros::Diagnostic;
use rustc_session::config::OutputType;

use crate::{LlvmCodegenBackend, llvm};

/// Serialises `llmod` as it is now: optimised, and not to be changed afterwards.
pub(crate) fn serialize(llmod: &llvm::Module) -> ThinLinkBitcode {
    let mut summary = Vec::new();
    let bitcode = llvm::build_byte_buffer(|bitcode| {
        summary = llvm::build_byte_buffer(|summary| {
            // SAFETY: the module and both strings are borrowed for the call, and the shim keeps
            // none of them.
            unsafe { llvm::LLVMRustWriteThinLinkBitcode(llmod, bitcode, summary) }
        });
    });
    ThinLinkBitcode { bitcode, summary }
}

/// Serialises the module `name` that `bitcode` holds, or returns what LLVM says against it.
pub(crate) fn serialize_again(name: &str, bitcode: &[u8]) -> Result<ThinLinkBitcode, String> {
    let name = CString::new(name).unwrap();
    // SAFETY: creates a context that we own, in which values keep their names.
    let context = unsafe { llvm::LLVMRustContextCreate(false) };
    // SAFETY: bitcode and name are borrowed for the call.
    let module = unsafe {
        llvm::LLVMRustParseBitcodeForLTO(context, bitcode.as_ptr(), bitcode.len(), name.as_ptr())
    };
    let result = match module {
        Some(module) => Ok(serialize(module)),
        None => Err(llvm::last_error().unwrap_or_default()),
    };
    // SAFETY: the context is ours, and nothing of it is in use any more. It owns the module.
    unsafe { llvm::LLVMContextDispose(context) };
    result
}

/// Writes the summary of the module called `name` beside the place of its object.
pub(crate) fn write_summary(
    cgcx: &CodegenContext<LlvmCodegenBackend>,
    dcx: DiagCtxtHandle<'_>,
    name: &str,
    summary: &[u8],
) {
    let _timer =
        cgcx.prof.generic_activity_with_arg("LLVM_module_codegen_emit_bitcode_summary", name);
    let path = &cgcx.output_filenames.temp_path(OutputType::ThinLinkBitcode, Some(name));
    cgcx.prof.artifact_size(
        "llvm_bitcode_summary",
        path.file_name().unwrap_or_default().to_string_lossy(),
        summary.len() as u64,
    );
    if let Err(err) = whole_file::write(path, summary) {
        dcx.emit_err(WriteThinLinkBitcode { path, err });
    }
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_write_thin_link_bitcode)]
struct WriteThinLinkBitcode<'a> {
    path: &'a Path,
    err: std::io::Error,
}
