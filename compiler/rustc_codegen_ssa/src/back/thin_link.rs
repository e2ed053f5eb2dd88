//! `--emit=thin-link-bitcode`: which sessions can emit it, and which files hold its modules.
//!
//! The promise: beside every summary `S.indexing.o` stands the bitcode object `S.o` that it
//! describes, for each codegen unit and for the allocator shim.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rustc_ast::expand::allocator::AllocatorMethod;
use rustc_ast::{Attribute, attr};
use rustc_hir::def_id::LOCAL_CRATE;
use rustc_macros::Diagnostic;
use rustc_middle::mir::mono::CodegenUnitNameBuilder;
use rustc_middle::ty::TyCtxt;
use rustc_serialize::{Decodable, Decoder, Encodable, Encoder};
use rustc_session::Session;
use rustc_session::config::{Lto, OutputFilenames, OutputType, OutputTypes};
use rustc_span::sym;

use super::link::ensure_removed;
use super::whole_file;
use super::write::CompiledModules;
use crate::CompiledModule;
use crate::base::{allocator_kind_for_codegen, allocator_shim_contents};
use crate::traits::CodegenBackend;

mod fixed_names;

/// A module serialized for distributed ThinLTO.
///
/// Both buffers come from one run of LLVM's `ThinLTOBitcodeWriterPass` and carry the same module
/// hash, so that an index made from the summary fits the bitcode.
pub struct ThinLinkBitcode {
    /// The whole module: what the object holds.
    pub bitcode: Vec<u8>,
    /// The thin-link summary (LLVM's minimized bitcode): symbols and call graph, no code.
    pub summary: Vec<u8>,
}

/// The file of a module's thin-link summary.
///
/// It is left out of `.rlink` files, which are to be those of the release. The link from such a file
/// has no use for it: the summary is an output that the compile has named already.
#[derive(Debug, Default)]
pub struct SummaryFile(pub Option<PathBuf>);

impl<E: Encoder> Encodable<E> for SummaryFile {
    fn encode(&self, _: &mut E) {}
}

impl<D: Decoder> Decodable<D> for SummaryFile {
    fn decode(_: &mut D) -> Self {
        SummaryFile::default()
    }
}

/// Returns `true` if the session emits thin-link bitcode.
pub fn requested(sess: &Session) -> bool {
    sess.opts.output_types.contains_key(&OutputType::ThinLinkBitcode)
}

/// Returns `true` if the objects of the modules are outputs, which stay beside their summaries even
/// when the crate is linked as well.
pub(super) fn keeps_objects(outputs: &OutputTypes) -> bool {
    outputs.contains_key(&OutputType::ThinLinkBitcode) && outputs.contains_key(&OutputType::Object)
}

/// Returns `true` if the modules of the crate have files of their own, and so keep the names of
/// their codegen units. A session without summaries goes by the number of units asked for.
pub(super) fn several_modules(sess: &Session, modules: &[CompiledModule]) -> bool {
    if requested(sess) { modules.len() > 1 } else { sess.codegen_units().as_usize() > 1 }
}

/// Copies the file of the crate's only module to the name that it has as an output. A session that
/// emits summaries leaves the whole file there, or what was there before.
pub(super) fn copy_output(sess: &Session, from: &Path, to: &Path) -> io::Result<()> {
    if requested(sess) { whole_file::copy(from, to) } else { fs::copy(from, to).map(drop) }
}

/// The part of the names of the modules' files that differs from session to session. Outputs for a
/// build system have none: it has to know their names.
pub fn invocation_temp_of_outputs<'a>(
    outputs: &OutputTypes,
    invocation_temp: &'a Option<String>,
) -> Option<&'a str> {
    if have_stable_names(outputs) { None } else { invocation_temp.as_deref() }
}

fn have_stable_names(outputs: &OutputTypes) -> bool {
    outputs.contains_key(&OutputType::ThinLinkBitcode)
        || outputs.contains_key(&OutputType::LinkInputs)
}

/// Returns the methods of the crate's allocator shim, or `None` if it has no shim.
pub(crate) fn allocator_contents(tcx: TyCtxt<'_>) -> Option<Vec<AllocatorMethod>> {
    match allocator_kind_for_codegen(tcx) {
        Some(kind) => Some(allocator_shim_contents(tcx, kind)),
        None => fixed_names::has_allocator(tcx).then(Vec::new),
    }
}

/// Gives the files of the modules names that depend on the crate and the codegen unit alone, or with
/// `-Zthin-link-fixed-names` on neither.
///
/// Called once the work products are saved. Before that such a name may still be an earlier
/// session's hard link into the incremental cache, and writing to it would change the cache.
pub fn name_outputs(sess: &Session, modules: &mut CompiledModules, outputs: &OutputFilenames) {
    let fixed = fixed_names::requested(sess);
    if !fixed && (sess.invocation_temp.is_none() || !have_stable_names(&outputs.outputs)) {
        return;
    }
    if fixed {
        fixed_names::rename(
            modules.modules.iter_mut().map(|module| &mut module.name),
            modules.allocator_module.as_mut().map(|module| &mut module.name),
        );
    }
    for module in modules.modules.iter_mut().chain(&mut modules.allocator_module) {
        let name = &module.name;
        let files = [
            (&mut module.object, outputs.temp_path_for_cgu(OutputType::Object, name, None)),
            (&mut module.dwarf_object, outputs.temp_path_dwo_for_cgu(name, None)),
            (&mut module.bytecode, outputs.temp_path_for_cgu(OutputType::Bitcode, name, None)),
            (
                &mut module.thin_link_bitcode.0,
                outputs.temp_path_for_cgu(OutputType::ThinLinkBitcode, name, None),
            ),
            (&mut module.assembly, outputs.temp_path_for_cgu(OutputType::Assembly, name, None)),
            (&mut module.llvm_ir, outputs.temp_path_for_cgu(OutputType::LlvmAssembly, name, None)),
        ];
        for (file, to) in files {
            let Some(from) = file else { continue };
            if *from == to {
                continue;
            }
            // Renaming does nothing where both names are links to one file.
            ensure_removed(sess.dcx(), &to);
            if let Err(error) = fs::rename(&from, &to) {
                sess.dcx().emit_fatal(CannotName { from, to: &to, error });
            }
            *from = to;
        }
    }
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

/// Ends the session with an error if it asks for thin-link bitcode and cannot have it.
///
/// Called once the crate's own attributes are known, before anything is written.
pub fn check(sess: &Session, backend: &dyn CodegenBackend, crate_attrs: &[Attribute]) {
    let dcx = sess.dcx();
    if !requested(sess) {
        if fixed_names::requested(sess) {
            dcx.emit_fatal(FixedNamesAlone);
        }
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
    let units = tcx.collect_and_partition_mono_items(()).codegen_units;
    let temp = invocation_temp_of_outputs(&outputs.outputs, &tcx.sess.invocation_temp);
    let one_module = units.len() == 1;
    let mut names: Vec<String> = units.iter().map(|unit| unit.name().to_string()).collect();
    let mut allocator = allocator_contents(tcx).map(|_| {
        let mut builder = CodegenUnitNameBuilder::new(tcx);
        builder.build_cgu_name(LOCAL_CRATE, &["crate"], Some("allocator")).to_string()
    });
    if fixed_names::requested(tcx.sess) {
        fixed_names::rename(names.iter_mut(), allocator.as_mut());
    }
    for kind in PER_MODULE.into_iter().filter(|kind| outputs.outputs.contains_key(kind)) {
        if !one_module {
            let foretold = outputs.path(kind);
            paths.retain(|path| path != foretold.as_path());
            paths.extend(names.iter().map(|name| outputs.temp_path_for_cgu(kind, name, temp)));
        }
        if let Some(name) = &allocator
            && !matches!(kind, OutputType::Assembly | OutputType::LlvmAssembly)
        {
            paths.push(outputs.temp_path_for_cgu(kind, name, temp));
        }
    }
    paths
}

#[derive(Diagnostic)]
#[diag("cannot rename `{$from}` to `{$to}`: {$error}")]
#[help("remove what is at the second path, or choose another folder with `--out-dir`")]
struct CannotName<'a> {
    from: &'a Path,
    to: &'a Path,
    error: io::Error,
}

#[derive(Diagnostic)]
#[diag("cached cgu {$cgu_name} should have a thin-link bitcode file, but doesn't")]
pub(super) struct NoSavedThinLinkBitcode<'a> {
    pub cgu_name: &'a str,
}

#[derive(Diagnostic)]
#[diag("this codegen backend cannot run the ThinLTO backend")]
#[help("leave out `-Zcodegen-backend`, so that LLVM is used")]
pub(crate) struct NoThinLtoBackend;

#[derive(Diagnostic)]
#[diag("this codegen backend cannot emit thin-link bitcode")]
#[help("use the LLVM backend, or leave `thin-link-bitcode` out of `--emit`")]
pub(crate) struct UnsupportedBackend;

#[derive(Diagnostic)]
#[diag("`--emit=thin-link-bitcode` cannot be used with `-Clto=fat`")]
#[help(
    "pass `-Clinker-plugin-lto` without `-Clto=fat`: the thin link then optimizes across crates"
)]
struct FatLto;

#[derive(Diagnostic)]
#[diag("`--emit=thin-link-bitcode` needs objects that hold bitcode")]
struct NativeObjects {
    #[note(
        "`-Clto=thin` runs all of ThinLTO inside this process, and leaves nothing for a thin link"
    )]
    lto_thin: bool,
    #[help("pass `-Clinker-plugin-lto`, so that each object is the bitcode its summary describes")]
    help: (),
}

#[derive(Diagnostic)]
#[diag("thin-link bitcode cannot be emitted for a `#![no_builtins]` crate")]
#[note("such a crate takes no part in LTO, and its objects are native code")]
#[help("leave `thin-link-bitcode` out of `--emit` for this crate, and link its objects as they are")]
struct NoBuiltins;

#[derive(Diagnostic)]
#[diag("`-Zthin-link-fixed-names` cannot be used without `--emit=thin-link-bitcode`")]
#[help("leave it out, or add `obj,thin-link-bitcode` to `--emit`")]
struct FixedNamesAlone;

#[derive(Diagnostic)]
#[diag("thin-link bitcode cannot be emitted for the target `{$target}`")]
#[note("this target always runs fat LTO")]
struct FatLtoTarget<'a> {
    target: &'a str,
}
