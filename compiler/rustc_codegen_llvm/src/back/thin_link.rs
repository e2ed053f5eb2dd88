//! The bitcode of a module together with the summary that a thin link reads in its place.

use std::path::Path;

use rustc_codegen_ssa::back::whole_file;
use rustc_codegen_ssa::back::write::CodegenContext;
use rustc_errors::DiagCtxtHandle;
use rustc_macros::Diagnostic;
use rustc_session::config::OutputType;

use crate::{LlvmCodegenBackend, llvm};

/// A module serialised for distributed ThinLTO.
///
/// Both buffers come from one run of LLVM's `ThinLTOBitcodeWriterPass` and carry the same module
/// hash, so that an index made from the summary fits the bitcode.
pub(crate) struct ThinLinkBitcode {
    /// The whole module: what the object holds.
    pub bitcode: Vec<u8>,
    /// The thin-link summary (LLVM's minimized bitcode): symbols and call graph, no code.
    pub summary: Vec<u8>,
}

impl ThinLinkBitcode {
    /// Serialises `llmod` as it is now: optimised, and not to be changed afterwards.
    pub(crate) fn new(llmod: &llvm::Module) -> ThinLinkBitcode {
        let mut summary = Vec::new();
        let bitcode = llvm::build_byte_buffer(|bitcode| {
            summary = llvm::build_byte_buffer(|summary| {
                // SAFETY: the module and both strings are borrowed for the call, and the shim
                // keeps none of them.
                unsafe { llvm::LLVMRustWriteThinLinkBitcode(llmod, bitcode, summary) }
            });
        });
        ThinLinkBitcode { bitcode, summary }
    }

    /// Writes the summary of the module called `name` beside the place of its object.
    pub(crate) fn write_summary(
        &self,
        cgcx: &CodegenContext<LlvmCodegenBackend>,
        dcx: DiagCtxtHandle<'_>,
        name: &str,
    ) {
        let _timer =
            cgcx.prof.generic_activity_with_arg("LLVM_module_codegen_emit_bitcode_summary", name);
        let path = &cgcx.output_filenames.temp_path(OutputType::ThinLinkBitcode, Some(name));
        cgcx.prof.artifact_size(
            "llvm_bitcode_summary",
            path.file_name().unwrap_or_default().to_string_lossy(),
            self.summary.len() as u64,
        );
        if let Err(err) = whole_file::write(path, &self.summary) {
            dcx.emit_err(WriteThinLinkBitcode { path, err });
        }
    }
}

#[derive(Diagnostic)]
#[diag(codegen_llvm_write_thin_link_bitcode)]
struct WriteThinLinkBitcode<'a> {
    path: &'a Path,
    err: std::io::Error,
}
