//! A session that emits thin-link bitcode: its options, and its dep-info.
//!
//! Upstream writes dep-info before code generation, when it cannot know how many modules the crate
//! will have, nor their names. A build system has to know which summaries there are, so such a
//! session writes it once the crate is partitioned into codegen units.

use rustc_ast::Attribute;
use rustc_codegen_ssa::back::link::{embedded_bitcode, inputs};
use rustc_codegen_ssa::back::thin_link;
use rustc_codegen_ssa::traits::CodegenBackend;
use rustc_hir::def_id::LOCAL_CRATE;
use rustc_macros::Diagnostic;
use rustc_middle::ty::TyCtxt;
use rustc_session::Session;

use super::{generated_output_paths, write_out_deps};

/// Ends the session with an error if an option of distributed ThinLTO cannot be honored.
pub(super) fn check(sess: &Session, backend: &dyn CodegenBackend, crate_attrs: &[Attribute]) {
    if !sess.opts.unstable_opts.thinlto_remap_module.is_empty() {
        sess.dcx().emit_fatal(RemapWithoutIndex);
    }
    embedded_bitcode::check(sess);
    inputs::check(sess);
    thin_link::check(sess, backend, crate_attrs);
}

/// Returns `true` if dep-info waits for [`write_deferred_dep_info`].
pub(super) fn defers_dep_info(sess: &Session) -> bool {
    thin_link::requested(sess) && !sess.opts.unstable_opts.no_codegen
}

/// Writes the dep-info that [`defers_dep_info`] has held back, with the files of every module.
pub(super) fn write_deferred_dep_info(tcx: TyCtxt<'_>) {
    let sess = tcx.sess;
    if !defers_dep_info(sess) {
        return;
    }
    let outputs = tcx.output_filenames(());
    let exact_name = sess.io.output_file.is_some();
    let paths = generated_output_paths(tcx, outputs, exact_name, tcx.crate_name(LOCAL_CRATE));
    write_out_deps(tcx, outputs, &thin_link::exact_output_paths(tcx, outputs, paths));
}

#[derive(Diagnostic)]
#[diag("`-Zthinlto-remap-module` cannot be used without `-Zthinlto-index`")]
#[note("it says where a backend of distributed ThinLTO finds modules")]
#[help("leave it out, or pass the module's index to `-Zthinlto-index`")]
struct RemapWithoutIndex;
