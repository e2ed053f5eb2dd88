//! `-Zthin-link-fixed-names`: the modules have names that a build system knows before the compile.
//!
//! The crate has as many modules as it may have codegen units; units that are missing are empty
//! (`rustc_monomorphize::partitioning::filler`). Their names are numbers, and the allocator shim,
//! which each crate type but an rlib has, is `allocator`.

use std::hash::Hasher;

use rustc_data_structures::stable_hasher::StableHasher;
use rustc_hashes::Hash64;
use rustc_middle::mir::mono::FILLER_PREFIX;
use rustc_middle::ty::TyCtxt;
use rustc_session::Session;
use rustc_session::config::CrateType;

/// Returns `true` if the session names its modules by numbers.
pub(super) fn requested(sess: &Session) -> bool {
    sess.opts.unstable_opts.thin_link_fixed_names
}

/// Returns `true` if the crate has an allocator shim even if that is empty.
pub(super) fn has_allocator(tcx: TyCtxt<'_>) -> bool {
    requested(tcx.sess) && tcx.crate_types().iter().any(|&it| it != CrateType::Rlib)
}

/// Renames all `units` of the crate, and its allocator shim if it has one.
pub(super) fn rename<'a>(
    units: impl Iterator<Item = &'a mut String>,
    allocator: Option<&'a mut String>,
) {
    let units: Vec<&mut String> = units.collect();
    let numbers = numbers(&units.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    for (name, number) in units.into_iter().zip(numbers) {
        *name = number.to_string();
    }
    if let Some(name) = allocator {
        *name = "allocator".to_owned();
    }
}

/// Returns the number of each of the codegen units `names`, which are those of the whole crate.
///
/// A unit keeps its number when others come and go, except where two want the same one: so an edit
/// that adds a unit changes few files.
fn numbers(names: &[&str]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&unit| (names[unit].starts_with(FILLER_PREFIX), names[unit]));
    let mut taken = vec![false; names.len()];
    let mut numbers = vec![0; names.len()];
    for unit in order {
        let mut hasher = StableHasher::new();
        hasher.write(names[unit].as_bytes());
        let wanted = (hasher.finish::<Hash64>().as_u64() % names.len() as u64) as usize;
        let number = (wanted..names.len()).chain(0..wanted).find(|&it| !taken[it]).unwrap();
        taken[number] = true;
        numbers[unit] = number;
    }
    numbers
}

#[cfg(test)]
mod tests;
