//! Dep-info of a session that emits thin-link bitcode.
//!
//! Upstream writes dep-info before code generation, when it cannot know how many modules the crate
//! will have, nor their names. A build system has to know which summaries there are, so such a
//! session writes it once the crate is partitioned into codegen units.

use rustc_codegen_ssa::back::thin_link;
pub(super) use rustc_codegen_ssa::back::thin_link::check;
use rustc_hir::def_id::LOCAL_CRATE;
use rustc_middle::ty::TyCtxt;
use rustc_session::Session;

use super::{generated_output_paths, write_out_deps};

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
