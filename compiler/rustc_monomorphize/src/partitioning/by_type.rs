//! Places instances into codegen units by their types, for incremental compilation with the ThinLTO
//! of a linker.
//!
//! rustc gathers all drop glue of a crate in one unit, and the instances of functions of other
//! crates in a unit for each module of these. An edit that needs one more instance changes such a
//! unit, and a linker optimizes a module again if one has changed from which it imports. Most
//! modules import from these units. So an instance belongs to the module of one of its types, traits
//! and closures, or of its function: of the one in the crate that depends on the others. That is
//! mostly this crate, and the module that is edited.

use std::cmp::{Ordering, Reverse};

use rustc_data_structures::unord::UnordMap;
use rustc_hir::LangItem;
use rustc_hir::def_id::{CrateNum, DefId};
use rustc_middle::mir::mono::MonoItem;
use rustc_middle::ty::{self, GenericArg, InstanceKind, TyCtxt};
use rustc_session::Session;
use rustc_session::config::OutputType;

/// The crates that this one depends on, each with the number of those before it in an order in which
/// dependencies come first.
pub(super) struct ByType {
    ranks: UnordMap<CrateNum, usize>,
}

impl ByType {
    /// `None` if the session leaves all decisions to the usual rules.
    pub(super) fn new(tcx: TyCtxt<'_>) -> Option<ByType> {
        takes_part_in_thin_lto(tcx.sess).then(|| {
            let crates = tcx.postorder_cnums(()).iter();
            ByType { ranks: crates.enumerate().map(|(rank, &krate)| (krate, rank)).collect() }
        })
    }

    /// The definition whose module decides on the unit of `item`. `None` leaves the decision to the
    /// usual rules.
    pub(super) fn characteristic_def_id<'tcx>(
        &self,
        tcx: TyCtxt<'tcx>,
        item: MonoItem<'tcx>,
    ) -> Option<DefId> {
        let MonoItem::Fn(instance) = item else {
            return None;
        };
        match instance.def {
            InstanceKind::Item(function) => {
                // Only drop glue calls these.
                if let Some(implementation) = tcx.trait_impl_of_assoc(function)
                    && tcx.is_lang_item(tcx.impl_trait_id(implementation), LangItem::Drop)
                {
                    let dropped = tcx.instantiate_and_normalize_erasing_regions(
                        instance.args,
                        ty::TypingEnv::fully_monomorphized(),
                        tcx.type_of(implementation),
                    );
                    return self.definition([dropped.into()]);
                }
                let definition = self.definition(instance.args)?;
                match self.rank(definition).cmp(&self.rank(function)) {
                    Ordering::Less => Some(function),
                    Ordering::Equal => None,
                    Ordering::Greater => Some(definition),
                }
            }
            _ => self.definition(instance.args),
        }
    }

    /// The first definition in `arguments` of the crate that depends on the others there.
    fn definition<'tcx>(
        &self,
        arguments: impl IntoIterator<Item = GenericArg<'tcx>>,
    ) -> Option<DefId> {
        let parts = arguments.into_iter().flat_map(|argument| argument.walk());
        let types = parts.filter_map(|part| part.as_type());
        let definitions = types.filter_map(|ty| match *ty.kind() {
            ty::Adt(adt, _) => Some(adt.did()),
            ty::Dynamic(data, ..) => data.principal_def_id(),
            ty::Closure(definition, _)
            | ty::Coroutine(definition, _)
            | ty::CoroutineClosure(definition, _)
            | ty::FnDef(definition, _) => Some(definition),
            _ => None,
        });
        definitions.min_by_key(|definition| Reverse(self.rank(*definition)))
    }

    /// The rank of the crate with `definition`, which is the highest for this crate.
    fn rank(&self, definition: DefId) -> usize {
        self.ranks.get(&definition.krate).copied().unwrap_or(usize::MAX)
    }
}

/// Whether a flag of ThinLTO across modules is set, and the crate is compiled incrementally.
fn takes_part_in_thin_lto(sess: &Session) -> bool {
    let opts = &sess.opts;
    opts.incremental.is_some()
        && (opts.output_types.contains_key(&OutputType::ThinLinkBitcode)
            || opts.unstable_opts.link_embedded_bitcode)
}
