//! The bitcode of a module together with the summary that a thin link reads in its place.

use std::ffi::CString;
use std::path::Path;

use rustc_codegen_ssa::ModuleCodegen;
use rustc_codegen_ssa::back::thin_link::ThinLinkBitcode;
use rustc_codegen_ssa::back::whole_file;
use rustc_codegen_ssa::back::write::{CodegenContext, EmitObj, ModuleConfig};
use rustc_data_structures::profiling::SelfProfilerRef;
use rustc_errors::DiagCtxtHandle;
use rustc_macros::Diagnostic;
use rustc_session::config::OutputType;

use crate::errors::WriteBytecode;
use crate::{ModuleLlvm, llvm};

/// Serializes `llmod`, which must not be changed afterwards.
fn serialize(llmod: &llvm::Module) -> ThinLinkBitcode {
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

/// Returns the hash by which LLVM tells the module in `bitcode`, or in a thin-link summary, from any
/// other, or its reason why there is none.
pub(crate) fn module_hash(bitcode: &[u8]) -> Result<[u32; 5], String> {
    let mut hash = [0; 5];
    // SAFETY: bitcode and hash are borrowed for the call.
    let read = unsafe { llvm::LLVMRustReadModuleHash(bitcode.as_ptr(), bitcode.len(), &mut hash) };
    if read { Ok(hash) } else { Err(llvm::last_error().unwrap_or_default()) }
}

/// Returns the thin-link summary of the module `name` that `bitcode` holds, or LLVM's reason why it
/// cannot be read. The summary has the hash of `bitcode`, so that the two are a pair.
pub(crate) fn summary_of(name: &str, bitcode: &[u8]) -> Result<Vec<u8>, String> {
    let hash = module_hash(bitcode)?;
    let name = CString::new(name).unwrap();
    // SAFETY: creates a context that we own; by default, values keep their names in it.
    let context = unsafe { llvm::LLVMContextCreate() };
    // SAFETY: bitcode and name are borrowed for the call.
    let module = unsafe {
        llvm::LLVMRustParseBitcodeForLTO(context, bitcode.as_ptr(), bitcode.len(), name.as_ptr())
    };
    let result = match module {
        Some(module) => Ok(llvm::build_byte_buffer(|summary| {
            // SAFETY: module, hash and string are borrowed for the call, and the shim keeps none of
            // them.
            unsafe { llvm::LLVMRustWriteThinLinkSummary(module, &hash, summary) }
        })),
        None => Err(llvm::last_error().unwrap_or_default()),
    };
    // SAFETY: the context is ours, and nothing in it, such as the module, is used any more.
    unsafe { llvm::LLVMContextDispose(context) };
    result
}

/// Writes the summary of `module`, and its bitcode to each output that holds it. All of them come
/// from one run of the writer, so that they fit together.
pub(crate) fn write_module(
    cgcx: &CodegenContext,
    prof: &SelfProfilerRef,
    dcx: DiagCtxtHandle<'_>,
    module: &ModuleCodegen<ModuleLlvm>,
    config: &ModuleConfig,
) {
    let name = &*module.name;
    let ThinLinkBitcode { bitcode, summary } = {
        let _timer = prof.generic_activity_with_arg("LLVM_module_codegen_make_bitcode", name);
        serialize(module.module_llvm.llmod())
    };
    let place =
        |kind| cgcx.output_filenames.temp_path_for_cgu(kind, name, cgcx.invocation_temp.as_deref());
    let record_size = |artifact, path: &Path, data: &[u8]| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        prof.artifact_size(artifact, file, data.len() as u64);
    };

    {
        let _timer =
            prof.generic_activity_with_arg("LLVM_module_codegen_emit_bitcode_summary", name);
        let path = &place(OutputType::ThinLinkBitcode);
        record_size("llvm_bitcode_summary", path, &summary);
        if let Err(err) = whole_file::write(path, &summary) {
            dcx.emit_err(WriteThinLinkBitcode { path, err });
        }
    }

    let outputs = [
        (OutputType::Bitcode, config.emit_bc),
        (OutputType::Object, config.emit_obj == EmitObj::Bitcode),
    ];
    for (kind, _) in outputs.into_iter().filter(|&(_, wanted)| wanted) {
        let _timer = prof.generic_activity_with_arg("LLVM_module_codegen_emit_bitcode", name);
        let path = &place(kind);
        record_size("llvm_bitcode", path, &bitcode);
        if let Err(err) = whole_file::write(path, &bitcode) {
            dcx.emit_err(WriteBytecode { path, err });
        }
    }
}

#[derive(Diagnostic)]
#[diag("failed to write thin-link bitcode to {$path}: {$err}")]
struct WriteThinLinkBitcode<'a> {
    path: &'a Path,
    err: std::io::Error,
}
