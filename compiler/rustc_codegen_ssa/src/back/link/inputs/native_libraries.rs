//! The native libraries that the crate and those upstream ask for.

use std::path::{Path, PathBuf};

use rustc_data_structures::fx::FxIndexSet;
use rustc_hir::attrs::NativeLibKind;
use rustc_hir::def_id::CrateNum;
use rustc_metadata::try_find_native_static_library;
use rustc_middle::middle::dependency_format::Linkage;
use rustc_session::config::CrateType;
use rustc_span::Symbol;
use serde_json::{Map, Value, json};

use super::Inputs;
use crate::NativeLib;
use crate::back::link::relevant_lib;

impl Inputs<'_> {
    /// All of them; those that rlibs bundle are in `folder`.
    pub(super) fn native_libraries(&self, crate_type: CrateType, folder: &Path) -> Vec<Value> {
        let info = &self.codegen_results.crate_info;
        let own = self
            .relevant(&info.used_libraries)
            .map(|lib| self.native_library(info.local_crate_name, lib, self.static_library(lib)));
        let mut libraries: Vec<Value> = own.collect();
        for &cnum in &info.used_crates {
            // Where the linker runs, its arguments have unpacked them already.
            if crate_type == CrateType::StaticLib {
                self.unpack(cnum, folder);
            }
            libraries.extend(self.relevant(&info.native_libraries[&cnum]).map(|lib| {
                let path = lib.filename.map(|name| folder.join(name.as_str()));
                let path = path.filter(|path| path.is_file());
                self.native_library(info.crate_name[&cnum], lib, path)
            }));
        }
        libraries
    }

    fn relevant<'lib>(
        &self,
        libraries: &'lib [NativeLib],
    ) -> impl Iterator<Item = &'lib NativeLib> {
        libraries.iter().filter(|lib| relevant_lib(self.sess, lib))
    }

    /// Where rustc finds a library of the crate itself, if it is a static one.
    fn static_library(&self, lib: &NativeLib) -> Option<PathBuf> {
        match lib.kind {
            NativeLibKind::Static { .. } => {
                try_find_native_static_library(self.sess, lib.name.as_str(), lib.verbatim)
            }
            _ => None,
        }
    }

    /// Writes the libraries that the rlib of the crate `cnum` bundles to `folder`, if a staticlib
    /// takes them from there.
    fn unpack(&self, cnum: CrateNum, folder: &Path) {
        let info = &self.codegen_results.crate_info;
        let bundled: FxIndexSet<Symbol> =
            self.relevant(&info.native_libraries[&cnum]).filter_map(|lib| lib.filename).collect();
        if !bundled.is_empty()
            && info.dependency_formats[&CrateType::StaticLib][cnum] == Linkage::Static
            && let Some(rlib) = &info.used_crate_source[&cnum].rlib
        {
            self.archive_builder_builder
                .extract_bundled_libs(rlib, folder, &bundled)
                .unwrap_or_else(|error| self.sess.dcx().emit_fatal(error));
        }
    }

    fn native_library(&self, crate_name: Symbol, lib: &NativeLib, path: Option<PathBuf>) -> Value {
        let (kind, modifiers) = kind_and_modifiers(lib);
        json!({
            "crate": crate_name.as_str(),
            "name": lib.name.as_str(),
            "kind": kind,
            "modifiers": modifiers,
            "path": path.map(|path| self.path(&path)),
        })
    }
}

/// The kind and the modifiers of `lib` as `#[link]` has them.
fn kind_and_modifiers(lib: &NativeLib) -> (&'static str, Map<String, Value>) {
    let (kind, given) = match lib.kind {
        NativeLibKind::Static { bundle, whole_archive, export_symbols } => (
            "static",
            vec![
                ("bundle", bundle),
                ("whole-archive", whole_archive),
                ("export-symbols", export_symbols),
            ],
        ),
        NativeLibKind::Dylib { as_needed } => ("dylib", vec![("as-needed", as_needed)]),
        NativeLibKind::Framework { as_needed } => ("framework", vec![("as-needed", as_needed)]),
        NativeLibKind::RawDylib { as_needed } => ("raw-dylib", vec![("as-needed", as_needed)]),
        NativeLibKind::LinkArg => ("link-arg", Vec::new()),
        NativeLibKind::WasmImportModule => ("wasm-import-module", Vec::new()),
        NativeLibKind::Unspecified => ("unspecified", Vec::new()),
    };
    let verbatim = ("verbatim", lib.verbatim.then_some(true));
    let modifiers = given.into_iter().chain([verbatim]);
    let modifiers = modifiers.filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    (kind, modifiers.collect())
}
