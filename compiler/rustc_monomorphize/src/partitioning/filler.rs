//! Empty codegen units for `-Zthin-link-fixed-names`: a build system that has declared a file for
//! each codegen unit which the crate may have gets all of them.

use rustc_middle::mir::mono::{CodegenUnit, FILLER_PREFIX};
use rustc_middle::ty::TyCtxt;
use rustc_span::Symbol;

/// Fills `codegen_units` up to the number that the session allows, and keeps them sorted by name.
pub(super) fn add<'tcx>(tcx: TyCtxt<'tcx>, codegen_units: &mut Vec<CodegenUnit<'tcx>>) {
    if !tcx.sess.opts.unstable_opts.thin_link_fixed_names {
        return;
    }
    let missing = tcx.sess.codegen_units().as_usize().saturating_sub(codegen_units.len());
    codegen_units.extend(
        (0..missing)
            .map(|number| CodegenUnit::new(Symbol::intern(&format!("{FILLER_PREFIX}{number}")))),
    );
    codegen_units.sort_by(|a, b| a.name().as_str().cmp(b.name().as_str()));
}
