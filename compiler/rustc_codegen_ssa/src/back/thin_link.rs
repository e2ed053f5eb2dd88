//! `--emit=thin-link-bitcode`: which sessions can emit it, and which files hold its modules.
//!
//! The promise: beside every summary `S.indexing.o` stands the bitcode object `S.o` that it
//! describes, for each codegen unit and for the allocator shim.

use std::path::PathBuf;

use rustc_ast::{Attribute, attr};
use rustc_hir::def_id::LOCAL_CRATE;
use rustc_macros::Diagnostic;
use rustc_middle::mir::mono::CodegenUnitNameBuilder;
use rustc_middle::ty::TyCtxt;
use rustc_session::Session;
use rustc_session::config::{Lto, OutputFilenames, OutputType};
use rustc_span::sym;

use crate::CompiledModule;
use crate::base::allocator_kind_for_codegen;
use crate::traits::CodegenBackend;

/// A module serialised for distributed ThinLTO.
///
/// Both buffers come from one run of LLVM's `ThinLTOBitcodeWriterPass` and carry the same module
/// hash, so that an index made from the summary fits the bitcode.
pub struct ThinLinkBitcode {
    /// The whole module: what the object holds.
    pub bitcode: Vec<u8>,
    /// The thin-link summary (LLVM's minimized bitcode): symbols and call graph, no code.
    pub summary: Vec<u8>,
}

/// Returns `true` if the session emits thin-link bitcode.
pub fn requested(sess: &Session) -> bool {
    sess.opts.output_types.contains_key(&OutputType::ThinLinkBitcode)
}

/// Returns `true` if the objects of the modules are outputs, which stay beside their summaries even
/// when the crate is linked as well.
pub(super) fn keeps_objects(sess: &Session) -> bool {
    requested(sess) && sess.opts.output_types.contains_key(&OutputType::Object)
}

/// Announces the files of the allocator shim, like those of any other module.
pub(super) fn announce_allocator(sess: &Session, allocator: Option<&CompiledModule>) {
    if let Some(allocator) = allocator.filter(|_| requested(sess)) {
        allocator.for_each_output(|path, kind| {
            if sess.opts.output_types.contains_key(&kind) {
                sess.dcx().emit_artifact_notification(path, kind.shorthand());
            }
        });
    }
}

/// Ends the session with an error if it asks for thin-link bitcode and cannot have it, or for what
/// only a backend of distributed ThinLTO does.
///
/// Called once the crate's own attributes are known, before anything is written.
pub fn check(sess: &Session, backend: &dyn CodegenBackend, crate_attrs: &[Attribute]) {
    let dcx = sess.dcx();
    if !sess.opts.unstable_opts.thinlto_remap_module.is_empty() {
        dcx.emit_fatal(RemapWithoutIndex);
    }
    if !requested(sess) {
        return;
    }
    if !backend.supports_thin_link_bitcode() {
        dcx.emit_fatal(UnsupportedBackend);
    }
    if sess.target.requires_lto {
        dcx.emit_fatal(FatLtoTarget { target: sess.opts.target_triple.tuple() });
    }
    if sess.lto() == Lto::Fat {
        dcx.emit_fatal(FatLto);
    }
    if !sess.target.obj_is_bitcode && !sess.opts.cg.linker_plugin_lto.enabled() {
        dcx.emit_fatal(NativeObjects { lto_thin: sess.lto() == Lto::Thin, help: () });
    }
    if !sess.opts.unstable_opts.emit_thin_lto {
        dcx.emit_fatal(NoSummary);
    }
    // Such a crate takes no part in LTO: its objects are native.
    if !sess.target.obj_is_bitcode && attr::contains_name(crate_attrs, sym::no_builtins) {
        dcx.emit_fatal(NoBuiltins);
    }
}

/// The kinds of output of which each module has a file of its own.
const PER_MODULE: [OutputType; 5] = [
    OutputType::Bitcode,
    OutputType::ThinLinkBitcode,
    OutputType::Assembly,
    OutputType::LlvmAssembly,
    OutputType::Object,
];

/// Turns the paths that the command line alone foretells into those that a session which emits
/// thin-link bitcode writes: a path for each module where there are several, and those of the
/// allocator shim. Runs the partitioning of the crate into codegen units.
pub fn exact_output_paths(
    tcx: TyCtxt<'_>,
    outputs: &OutputFilenames,
    mut paths: Vec<PathBuf>,
) -> Vec<PathBuf> {
    let units = tcx.collect_and_partition_mono_items(()).1;
    let one_module = units.len() == 1 || tcx.sess.opts.unstable_opts.combine_cgu;
    let allocator = allocator_kind_for_codegen(tcx).map(|_| {
        CodegenUnitNameBuilder::new(tcx).build_cgu_name(LOCAL_CRATE, &["crate"], Some("allocator"))
    });
    for kind in PER_MODULE.into_iter().filter(|kind| outputs.outputs.contains_key(kind)) {
        if !one_module {
            let foretold = outputs.path(kind);
            paths.retain(|path| path != foretold.as_path());
            paths.extend(
                units.iter().map(|unit| outputs.temp_path(kind, Some(unit.name().as_str()))),
            );
        }
        if let Some(name) = allocator
            && !matches!(kind, OutputType::Assembly | OutputType::LlvmAssembly)
        {
            paths.push(outputs.temp_path(kind, Some(name.as_str())));
        }
    }
    paths
}

#[derive(Diagnostic)]
#[diag(codegen_ssa_no_saved_thin_link_bitcode)]
pub(super) struct NoSavedThinLinkBitcode<'a> {
    pub cgu_name: &'a str,
}

#[derive(Diagnostic)]
#[diag(codegen_ssa_no_thinlto_backend)]
#[help]
pub(crate) struct NoThinLtoBackend;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_backend)]
#[help]
pub(crate) struct UnsupportedBackend;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_fat_lto)]
#[help]
struct FatLto;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_native_objects)]
struct NativeObjects {
    #[note]
    lto_thin: bool,
    #[help]
    help: (),
}

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_no_builtins)]
#[note]
#[help]
struct NoBuiltins;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_no_summary)]
#[help]
struct NoSummary;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thinlto_remap_without_index)]
#[note]
#[help]
struct RemapWithoutIndex;

#[derive(Diagnostic)]
#[diag(codegen_ssa_thin_link_bitcode_target)]
#[note]
struct FatLtoTarget<'a> {
    target: &'a str,
}
