//! The crates that a link takes from libraries.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustc_data_structures::fx::{FxHashSet, FxIndexSet};
use rustc_fs_util::{fix_windows_verbatim_for_gcc, try_canonicalize};
use rustc_hir::def_id::CrateNum;
use rustc_middle::middle::dependency_format::Linkage;
use rustc_session::config::CrateType;
use rustc_session::search_paths::PathKind;
use rustc_span::Symbol;
use serde_json::{Value, json};

use super::{Inputs, UnreadableRlib};
use crate::back::link::embedded_bitcode::{Member, MemberKind, members, takes_part};
use crate::back::link::{ignored_for_lto, rehome_lib_path};

/// A static library of an upstream crate.
pub(super) struct Rlib {
    /// What stands for it in the linker's arguments.
    pub argument: PathBuf,
    /// The same file as the command line names it.
    pub as_given: PathBuf,
}

impl Inputs<'_> {
    /// The crates that are linked from their rlibs.
    pub(super) fn static_crates(&self, crate_type: CrateType) -> Vec<(CrateNum, Rlib)> {
        let info = &self.codegen_results.crate_info;
        let linkage = &info.dependency_formats[&crate_type];
        let is_static = |cnum| match linkage[cnum] {
            Linkage::Static => true,
            Linkage::Dynamic => false,
            // These two are in no dylib.
            Linkage::NotLinked | Linkage::IncludedFromDylib => {
                info.compiler_builtins == Some(cnum) || info.profiler_runtime == Some(cnum)
            }
        };
        let crates = info.used_crates.iter().filter(|&&cnum| is_static(cnum));
        crates
            .filter_map(|&cnum| {
                let path = info.used_crate_source[&cnum].rlib.as_ref()?;
                let argument = rehome_lib_path(self.sess, path);
                let as_given = self.as_given(path).unwrap_or_else(|| argument.clone());
                Some((cnum, Rlib { argument, as_given }))
            })
            .collect()
    }

    /// The name that the command line has for `path`, whose symbolic links are resolved.
    fn as_given(&self, path: &Path) -> Option<PathBuf> {
        let named = self.sess.opts.externs.iter().filter_map(|(_, entry)| entry.files()).flatten();
        if let Some(file) = named.into_iter().find(|file| file.canonicalized() == path) {
            return Some(fix_windows_verbatim_for_gcc(file.original()));
        }
        let name = path.file_name()?;
        let folders = self.sess.opts.search_paths.iter();
        folders
            .filter(|folder| {
                folder.kind.matches(PathKind::Crate) || folder.kind.matches(PathKind::Dependency)
            })
            .map(|folder| folder.dir.join(name))
            .find(|file| try_canonicalize(file).is_ok_and(|file| file == path))
    }

    /// All that the link of `crate_type` takes, of which `rlibs` are linked statically.
    pub(super) fn upstream_crates(
        &self,
        crate_type: CrateType,
        folder: &Path,
        rlibs: &[(CrateNum, Rlib)],
    ) -> Vec<Value> {
        let info = &self.codegen_results.crate_info;
        let linkage = &info.dependency_formats[&crate_type];
        let crates = info.used_crates.iter().filter_map(|&cnum| {
            if let Some((_, rlib)) = rlibs.iter().find(|&&(it, _)| it == cnum) {
                return Some(self.rlib(cnum, &rlib.as_given, folder));
            }
            let dylib = info.used_crate_source[&cnum].dylib.as_ref();
            dylib.filter(|_| linkage[cnum] == Linkage::Dynamic).map(|path| self.dylib(cnum, path))
        });
        crates.collect()
    }

    fn dylib(&self, cnum: CrateNum, path: &Path) -> Value {
        let path = self.as_given(path).unwrap_or_else(|| rehome_lib_path(self.sess, path));
        json!({
            "name": self.codegen_results.crate_info.crate_name[&cnum].as_str(),
            "kind": "dylib",
            "path": self.path(&path),
            "modules": [],
            "native_archive": null,
        })
    }

    /// A crate that is linked from the rlib at `path`.
    ///
    /// The files of its modules are named if the linker is to see bitcode and all of them exist. An
    /// archive in `folder` then holds the rest of the rlib; otherwise the rlib itself is the rest.
    fn rlib(&self, cnum: CrateNum, path: &Path, folder: &Path) -> Value {
        let members = match members(self.sess, path) {
            Ok(members) => members,
            Err(error) => self.sess.dcx().emit_fatal(UnreadableRlib { path, error }),
        };
        let (modules, others): (Vec<_>, Vec<_>) =
            members.iter().partition(|member| member.is_module());
        let pairs =
            self.is_bitcode(cnum, &modules).then(|| self.pairs.find(path, &modules)).flatten();
        let native_archive = match &pairs {
            Some(_) => self.native_archive(cnum, path, &others, folder),
            None => Some(self.path(path)),
        };
        let modules = modules.iter().enumerate().map(|(at, module)| {
            let pair = pairs.as_ref().map(|pairs| &pairs[at]);
            json!({
                "name": module.name,
                "object": pair.map(|pair| self.path(&pair.object)),
                "thin_link_bitcode": pair.map(|pair| self.path(&pair.summary)),
            })
        });
        json!({
            "name": self.codegen_results.crate_info.crate_name[&cnum].as_str(),
            "kind": "rlib",
            "path": self.path(path),
            "modules": modules.collect::<Vec<_>>(),
            "native_archive": native_archive,
        })
    }

    /// Returns `true` if the linker is to see the `modules` of the crate `cnum` as bitcode.
    fn is_bitcode(&self, cnum: CrateNum, modules: &[&Member]) -> bool {
        let info = &self.codegen_results.crate_info;
        let embedded = modules.iter().any(|module| module.kind == MemberKind::Embedded);
        self.sess.opts.cg.linker_plugin_lto.enabled()
            && !ignored_for_lto(self.sess, info, cnum)
            && (!embedded || takes_part(self.sess, info, cnum))
    }

    /// Writes the archive of the members `others` of the rlib at `path` to `folder`, if it has any.
    fn native_archive(
        &self,
        cnum: CrateNum,
        path: &Path,
        others: &[&Member],
        folder: &Path,
    ) -> Option<Value> {
        // Bundled libraries are in the arguments.
        let libraries = &self.codegen_results.crate_info.native_libraries[&cnum];
        let bundled: FxIndexSet<Symbol> = libraries.iter().filter_map(|lib| lib.filename).collect();
        let kept: FxHashSet<String> = others
            .iter()
            .filter(|member| !bundled.contains(&Symbol::intern(&member.name)))
            .map(|member| member.name.clone())
            .collect();
        if kept.is_empty() {
            return None;
        }
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let mut archive_path = folder.join(format!("{stem}.native.a"));
        // Two crates may have rlibs of the same name in different folders.
        for number in 1.. {
            if !archive_path.exists() {
                break;
            }
            archive_path = folder.join(format!("{stem}.{number}.native.a"));
        }
        let mut archive = self.archive_builder_builder.new_archive_builder(self.sess);
        if let Err(error) = archive.add_archive(path, Box::new(move |it| !kept.contains(it))) {
            self.sess.dcx().emit_fatal(UnreadableRlib { path, error });
        }
        archive.build(&archive_path);
        Some(self.path(&archive_path))
    }
}
