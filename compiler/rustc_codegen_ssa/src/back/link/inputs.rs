//! `--emit=link-inputs`: one file that names all that a link of the crate takes, for build systems
//! that run the linker themselves.
//!
//! The format is told on the page `link-inputs` of the unstable book; [`VERSION`] counts its changes.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::{io, mem};

use rustc_data_structures::defer;
use rustc_data_structures::fx::{FxHashSet, FxIndexSet};
use rustc_fs_util::{fix_windows_verbatim_for_gcc, try_canonicalize};
use rustc_hir::attrs::NativeLibKind;
use rustc_hir::def_id::CrateNum;
use rustc_macros::Diagnostic;
use rustc_metadata::{EncodedMetadata, try_find_native_static_library};
use rustc_middle::middle::dependency_format::Linkage;
use rustc_session::Session;
use rustc_session::config::{CrateType, OutFileName, OutputFilenames, OutputType};
use rustc_session::output::{filename_for_input, out_filename};
use rustc_session::search_paths::PathKind;
use rustc_span::Symbol;
use rustc_target::spec::{Cc, LinkerFlavor, Lld};
use serde_json::{Map, Value, json};

use super::embedded_bitcode::{MemberKind, members, takes_part};
use super::{
    ArchiveBuilderBuilder, add_c_staticlib_symbols, ensure_removed, ignored_for_lto,
    linker_and_flavor, linker_with_args, rehome_lib_path, relevant_lib, self_contained_components,
};
use crate::back::whole_file;
use crate::{CodegenResults, CompiledModule, NativeLib};

/// The version of the file's format. It grows with every change that a reader could trip over.
const VERSION: u32 = 1;

/// The folder in which bootstrap puts the modules of the sysroot's crates, beside that of their rlibs.
const SYSROOT_MODULES: &str = "thin-link";

/// Returns `true` if the link inputs are among `outputs`.
pub(crate) fn requested(outputs: &OutputFilenames) -> bool {
    outputs.outputs.contains_key(&OutputType::LinkInputs)
}

/// Returns `true` if all that a link takes has to be made, be it for the linker or for a file that
/// names it.
pub(crate) fn needed(sess: &Session) -> bool {
    let types = &sess.opts.output_types;
    types.contains_key(&OutputType::Exe) || types.contains_key(&OutputType::LinkInputs)
}

/// The final path of what the session made for the crate's only module: `numbered` names the codegen
/// unit, and the user's own name goes before it.
fn output_of_sole_module(outputs: &OutputFilenames, kind: OutputType, numbered: &Path) -> PathBuf {
    match outputs.outputs.contains_key(&kind).then(|| outputs.path(kind)) {
        Some(OutFileName::Real(path)) => path,
        _ => numbered.to_path_buf(),
    }
}

/// Returns `true` if the file names the objects of `modules` by their codegen units, so that they
/// have to stay.
pub(crate) fn names_numbered_objects(
    outputs: &OutputFilenames,
    modules: &[CompiledModule],
) -> bool {
    requested(outputs)
        && match modules {
            [CompiledModule { object: Some(object), .. }] => {
                output_of_sole_module(outputs, OutputType::Object, object) == *object
            }
            _ => true,
        }
}

/// Writes the link inputs of each crate type of the session, with the files that a link takes beside
/// the objects. What the file names is there once the file is.
pub(super) fn write(
    sess: &Session,
    archive_builder_builder: &dyn ArchiveBuilderBuilder,
    codegen_results: &CodegenResults,
    metadata: &EncodedMetadata,
    outputs: &OutputFilenames,
    codegen_backend: &'static str,
) {
    let place = outputs.path(OutputType::LinkInputs);
    // A stale file would name what is not there any more.
    if let OutFileName::Real(path) = &place
        && path.is_file()
    {
        ensure_removed(sess.dcx(), path);
    }
    let folder = outputs.with_extension(OutputType::LinkInputs.shorthand());
    remove_folder(sess, &folder);
    let unfinished = defer(|| drop(fs::remove_dir_all(&folder)));

    let inputs = Inputs {
        sess,
        archive_builder_builder,
        codegen_results,
        metadata,
        outputs,
        codegen_backend,
        folder: &folder,
    };
    let mut text = serde_json::to_vec_pretty(&inputs.file()).unwrap();
    text.push(b'\n');
    // Fails while something is in it.
    let _ = fs::remove_dir(&folder);

    let written = match &place {
        OutFileName::Real(path) => whole_file::write(path, &text),
        OutFileName::Stdout => io::Write::write_all(&mut io::stdout(), &text),
    };
    let path = place.as_path();
    if let Err(error) = written {
        sess.dcx().emit_fatal(Unwritable { path, error });
    }
    mem::forget(unfinished);
    if sess.opts.json_artifact_notifications {
        sess.dcx().emit_artifact_notification(path, OutputType::LinkInputs.shorthand());
    }
}

fn remove_folder(sess: &Session, path: &Path) {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            sess.dcx().emit_fatal(Unwritable { path, error })
        }
        _ => {}
    }
}

/// A static library of an upstream crate.
struct Rlib {
    /// What stands for it in the linker's arguments.
    argument: PathBuf,
    /// The same file as the command line names it.
    as_given: PathBuf,
}

struct Inputs<'a> {
    sess: &'a Session,
    archive_builder_builder: &'a dyn ArchiveBuilderBuilder,
    codegen_results: &'a CodegenResults,
    metadata: &'a EncodedMetadata,
    outputs: &'a OutputFilenames,
    codegen_backend: &'static str,
    /// Holds what is made for the links alone.
    folder: &'a Path,
}

impl Inputs<'_> {
    fn file(&self) -> Value {
        let info = &self.codegen_results.crate_info;
        let modules = &self.codegen_results.modules;
        let module = |module: &CompiledModule, sole: bool| {
            let file = |kind, numbered: &Option<PathBuf>| match numbered {
                Some(path) if sole => self.path(&output_of_sole_module(self.outputs, kind, path)),
                Some(path) => self.path(path),
                None => Value::Null,
            };
            json!({
                "name": module.name,
                "object": file(OutputType::Object, &module.object),
                "thin_link_bitcode": file(OutputType::ThinLinkBitcode, &module.thin_link_bitcode),
            })
        };
        let links: Vec<Value> = info
            .crate_types
            .iter()
            // Only rustc can make an rlib: its metadata is no link input.
            .filter(|&&crate_type| crate_type != CrateType::Rlib)
            .map(|&crate_type| self.link(crate_type))
            .collect();
        let sole = modules.len() == 1;
        json!({
            "version": VERSION,
            "crate_name": info.local_crate_name.as_str(),
            "target": self.sess.opts.target_triple.tuple(),
            "modules": modules.iter().map(|it| module(it, sole)).collect::<Vec<_>>(),
            "allocator_module": self
                .codegen_results
                .allocator_module
                .as_ref()
                .map(|allocator| module(allocator, false)),
            "links": links,
        })
    }

    /// What the link of `crate_type` takes.
    fn link(&self, crate_type: CrateType) -> Value {
        let folder = self.folder.join(crate_type.to_string());
        if let Err(error) = fs::create_dir_all(&folder) {
            self.sess.dcx().emit_fatal(Unwritable { path: &folder, error });
        }
        let output = self.output(crate_type);

        let rlibs = self.static_crates(crate_type);
        let (linker, arguments) = match crate_type {
            CrateType::StaticLib => (Value::Null, Vec::new()),
            _ => self.command(crate_type, output.as_path(), &folder, &rlibs),
        };
        let made = |name| {
            let path = folder.join(name);
            path.exists().then(|| self.path(&path))
        };
        let link = json!({
            "crate_type": crate_type.to_string(),
            "output": self.path(output.as_path()),
            "symbols_object": made("symbols.o"),
            "metadata_object": made("rmeta.o"),
            "linker": linker,
            "arguments": arguments,
            "exported_symbols": self.exported_symbols(crate_type),
            "upstream_crates": self.upstream_crates(crate_type, &folder, &rlibs),
            "native_libraries": self.native_libraries(crate_type, &folder),
        });
        let _ = fs::remove_dir(&folder);
        link
    }

    /// What a link of `crate_type` would write.
    fn output(&self, crate_type: CrateType) -> OutFileName {
        let (sess, outputs) = (self.sess, self.outputs);
        let crate_name = self.codegen_results.crate_info.local_crate_name;
        match crate_type {
            _ if outputs.outputs.should_link() => {
                out_filename(sess, crate_type, outputs, crate_name)
            }
            // `-o` names the file of the inputs then, and gives the program its stem.
            CrateType::Executable => {
                let extension = sess.target.exe_suffix.trim_start_matches('.');
                OutFileName::Real(outputs.with_extension(extension))
            }
            _ => filename_for_input(sess, crate_type, crate_name, outputs),
        }
    }

    /// The symbols that the link exports, those of bundled C libraries among them.
    fn exported_symbols(&self, crate_type: CrateType) -> Vec<String> {
        let info = &self.codegen_results.crate_info;
        let mut symbols = info.exported_symbols[&crate_type].clone();
        let libraries = info.used_libraries.iter().filter(|lib| {
            crate_type == CrateType::Cdylib
                && matches!(lib.kind, NativeLibKind::Static { export_symbols: Some(true), .. })
        });
        for lib in libraries {
            if let Err(error) = add_c_staticlib_symbols(self.sess, lib, &mut symbols) {
                let library = lib.name;
                self.sess.dcx().emit_fatal(UnreadableLibrary { library, error });
            }
        }
        let mut seen = FxHashSet::default();
        symbols.into_iter().map(|(name, _)| name).filter(|name| seen.insert(name.clone())).collect()
    }

    /// The linker, and the arguments that rustc would have given it.
    fn command(
        &self,
        crate_type: CrateType,
        output: &Path,
        folder: &Path,
        rlibs: &[(CrateNum, Rlib)],
    ) -> (Value, Vec<Value>) {
        let sess = self.sess;
        let (program, flavor) = linker_and_flavor(sess);
        let cmd = linker_with_args(
            &program,
            flavor,
            sess,
            self.archive_builder_builder,
            crate_type,
            folder,
            output,
            self.codegen_results,
            self.metadata,
            self_contained_components(sess, crate_type, &program),
            self.codegen_backend,
        );
        // May have not found libraries in the right formats.
        sess.dcx().abort_if_errors();

        let cmd = cmd.command();
        let sole = match &self.codegen_results.modules[..] {
            [CompiledModule { object: Some(numbered), .. }] => Some(numbered),
            _ => None,
        };
        let arguments = cmd
            .get_args()
            .map(|argument| {
                let path = Path::new(argument);
                if let Some(numbered) = sole.filter(|&numbered| numbered == path) {
                    self.path(&output_of_sole_module(self.outputs, OutputType::Object, numbered))
                } else if let Some((_, rlib)) = rlibs.iter().find(|(_, it)| it.argument == path) {
                    self.path(&rlib.as_given)
                } else {
                    self.text(argument)
                }
            })
            .collect();
        let set = sess.target.link_env.iter().map(|(name, value)| (name, json!(value)));
        let unset = sess.target.link_env_remove.iter().map(|name| (name, Value::Null));
        let environment: Map<String, Value> =
            set.chain(unset).map(|(name, value)| (name.to_string(), value)).collect();
        let linker = json!({
            "program": self.text(cmd.get_program()),
            "flavor": flavor_name(flavor),
            "environment": environment,
        });
        (linker, arguments)
    }

    /// The crates that are linked from their rlibs.
    fn static_crates(&self, crate_type: CrateType) -> Vec<(CrateNum, Rlib)> {
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

    fn upstream_crates(
        &self,
        crate_type: CrateType,
        folder: &Path,
        rlibs: &[(CrateNum, Rlib)],
    ) -> Vec<Value> {
        let info = &self.codegen_results.crate_info;
        let linkage = &info.dependency_formats[&crate_type];
        let mut crates = Vec::new();
        for &cnum in &info.used_crates {
            let name = info.crate_name[&cnum];
            if let Some((_, rlib)) = rlibs.iter().find(|&&(it, _)| it == cnum) {
                let (modules, native_archive) = self.modules(cnum, rlib, folder);
                crates.push(json!({
                    "name": name.as_str(),
                    "kind": "rlib",
                    "path": self.path(&rlib.as_given),
                    "modules": modules,
                    "native_archive": native_archive,
                }));
            } else if linkage[cnum] == Linkage::Dynamic
                && let Some(path) = &info.used_crate_source[&cnum].dylib
            {
                let path = self.as_given(path).unwrap_or_else(|| rehome_lib_path(self.sess, path));
                crates.push(json!({
                    "name": name.as_str(),
                    "kind": "dylib",
                    "path": self.path(&path),
                    "modules": [],
                    "native_archive": null,
                }));
            }
        }
        crates
    }

    /// The modules of an upstream crate, and the archive of what else is in its rlib, if anything.
    ///
    /// The files of the modules are named if the linker is to see bitcode and all of them are there:
    /// beside the rlib, or among the sysroot's. Else the rlib as a whole is that archive.
    fn modules(&self, cnum: CrateNum, rlib: &Rlib, folder: &Path) -> (Vec<Value>, Option<Value>) {
        let path = &rlib.as_given;
        let info = &self.codegen_results.crate_info;
        let members = match members(path) {
            Ok(members) => members,
            Err(error) => self.sess.dcx().emit_fatal(UnreadableRlib { path, error }),
        };
        let (modules, others): (Vec<_>, Vec<_>) =
            members.iter().partition(|member| member.is_module());
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let stem = stem.strip_prefix("lib").unwrap_or(stem);

        let embedded = modules.iter().any(|module| module.kind == MemberKind::Embedded);
        let takes_part = self.sess.opts.cg.linker_plugin_lto.enabled()
            && !ignored_for_lto(self.sess, info, cnum)
            && (!embedded || takes_part(self.sess, info, cnum));
        let pair = |name: &str| self.pair(path, stem, name, modules.len());
        let files: Option<Vec<(PathBuf, PathBuf)>> =
            takes_part.then(|| modules.iter().map(|module| pair(&module.name)).collect()).flatten();
        let modules = modules.iter().enumerate().map(|(at, module)| {
            let pair = files.as_ref().map(|files| &files[at]);
            json!({
                "name": module.name,
                "object": pair.map(|(object, _)| self.path(object)),
                "thin_link_bitcode": pair.map(|(_, summary)| self.path(summary)),
            })
        });
        let modules = modules.collect();
        if files.is_none() {
            return (modules, Some(self.path(path)));
        }

        // Bundled libraries are in the arguments.
        let bundled: FxIndexSet<Symbol> =
            info.native_libraries[&cnum].iter().filter_map(|lib| lib.filename).collect();
        let kept: FxHashSet<String> = others
            .iter()
            .filter(|member| !bundled.contains(&Symbol::intern(&member.name)))
            .map(|member| member.name.clone())
            .collect();
        if kept.is_empty() {
            return (modules, None);
        }
        let archive_path = folder.join(format!("lib{stem}.native.a"));
        let mut archive = self.archive_builder_builder.new_archive_builder(self.sess);
        if let Err(error) = archive.add_archive(path, Box::new(move |it| !kept.contains(it))) {
            self.sess.dcx().emit_fatal(UnreadableRlib { path, error });
        }
        archive.build(&archive_path);
        (modules, Some(self.path(&archive_path)))
    }

    /// The files of the bitcode and the summary of the module `name` in the rlib at `path`, which
    /// has `count` modules.
    fn pair(
        &self,
        path: &Path,
        stem: &str,
        name: &str,
        count: usize,
    ) -> Option<(PathBuf, PathBuf)> {
        let beside = path.parent().unwrap_or(Path::new(""));
        let in_sysroot = (beside == self.sess.target_tlib_path.dir)
            .then(|| beside.with_file_name(SYSROOT_MODULES));
        let name = name.strip_suffix(".o")?;
        // A sole module may have the name of its crate.
        let stems = [Some(name), (count == 1).then_some(stem)];
        for folder in [Some(beside), in_sysroot.as_deref()].into_iter().flatten() {
            for stem in stems.into_iter().flatten() {
                let file = |kind: OutputType| {
                    let file = folder.join(format!("{stem}.{}", kind.extension()));
                    file.is_file().then_some(file)
                };
                if let (Some(object), Some(summary)) =
                    (file(OutputType::Object), file(OutputType::ThinLinkBitcode))
                {
                    return Some((object, summary));
                }
            }
        }
        None
    }

    /// The native libraries that the crate and those upstream ask for.
    fn native_libraries(&self, crate_type: CrateType, folder: &Path) -> Vec<Value> {
        let info = &self.codegen_results.crate_info;
        let linkage = &info.dependency_formats[&crate_type];
        let mut libraries = Vec::new();
        for lib in info.used_libraries.iter().filter(|lib| relevant_lib(self.sess, lib)) {
            let path = match lib.kind {
                NativeLibKind::Static { .. } => {
                    try_find_native_static_library(self.sess, lib.name.as_str(), lib.verbatim)
                }
                _ => None,
            };
            libraries.push(self.native_library(info.local_crate_name, lib, path.as_deref()));
        }
        for &cnum in &info.used_crates {
            let libs = info.native_libraries[&cnum].iter();
            let libs: Vec<&NativeLib> = libs.filter(|lib| relevant_lib(self.sess, lib)).collect();
            let bundled: FxIndexSet<Symbol> = libs.iter().filter_map(|lib| lib.filename).collect();
            // Where the linker runs, its arguments have unpacked them already.
            if crate_type == CrateType::StaticLib
                && !bundled.is_empty()
                && linkage[cnum] == Linkage::Static
                && let Some(rlib) = &info.used_crate_source[&cnum].rlib
            {
                self.archive_builder_builder
                    .extract_bundled_libs(rlib, folder, &bundled)
                    .unwrap_or_else(|error| self.sess.dcx().emit_fatal(error));
            }
            for lib in libs {
                let path = lib.filename.map(|name| folder.join(name.as_str()));
                let path = path.filter(|path| path.is_file());
                libraries.push(self.native_library(info.crate_name[&cnum], lib, path.as_deref()));
            }
        }
        libraries
    }

    fn native_library(&self, crate_name: Symbol, lib: &NativeLib, path: Option<&Path>) -> Value {
        let mut modifiers = Map::new();
        let mut modifier = |name: &str, value: Option<bool>| {
            if let Some(value) = value {
                modifiers.insert(name.to_string(), json!(value));
            }
        };
        modifier("verbatim", lib.verbatim.then_some(true));
        let kind = match lib.kind {
            NativeLibKind::Static { bundle, whole_archive, export_symbols } => {
                modifier("bundle", bundle);
                modifier("whole-archive", whole_archive);
                modifier("export-symbols", export_symbols);
                "static"
            }
            NativeLibKind::Dylib { as_needed } => {
                modifier("as-needed", as_needed);
                "dylib"
            }
            NativeLibKind::Framework { as_needed } => {
                modifier("as-needed", as_needed);
                "framework"
            }
            NativeLibKind::RawDylib { as_needed } => {
                modifier("as-needed", as_needed);
                "raw-dylib"
            }
            NativeLibKind::LinkArg => "link-arg",
            NativeLibKind::WasmImportModule => "wasm-import-module",
            NativeLibKind::Unspecified => "unspecified",
        };
        json!({
            "crate": crate_name.as_str(),
            "name": lib.name.as_str(),
            "kind": kind,
            "modifiers": modifiers,
            "path": path.map(|path| self.path(path)),
        })
    }

    fn path(&self, path: &Path) -> Value {
        self.text(path.as_os_str())
    }

    fn text(&self, text: &OsStr) -> Value {
        match text.to_str() {
            Some(text) => json!(text),
            None => self.sess.dcx().emit_fatal(NotUtf8 { path: Path::new(text) }),
        }
    }
}

/// The name that `-Clinker-flavor` has for `flavor`.
fn flavor_name(flavor: LinkerFlavor) -> String {
    let (name, lld, cc) = match flavor {
        LinkerFlavor::Gnu(cc, lld) => ("gnu", lld, cc),
        LinkerFlavor::Darwin(cc, lld) => ("darwin", lld, cc),
        LinkerFlavor::WasmLld(cc) => ("wasm", Lld::Yes, cc),
        LinkerFlavor::Unix(cc) => ("unix", Lld::No, cc),
        LinkerFlavor::Msvc(lld) => ("msvc", lld, Cc::No),
        LinkerFlavor::EmCc => ("em", Lld::No, Cc::Yes),
        LinkerFlavor::Bpf => ("bpf", Lld::No, Cc::No),
        LinkerFlavor::Ptx => ("ptx", Lld::No, Cc::No),
        LinkerFlavor::Llbc => ("llbc", Lld::No, Cc::No),
    };
    let lld = if lld == Lld::Yes { "-lld" } else { "" };
    let cc = if cc == Cc::Yes { "-cc" } else { "" };
    format!("{name}{lld}{cc}")
}

#[derive(Diagnostic)]
#[diag("the link inputs cannot name `{$path}`, which is not valid UTF-8")]
#[help("the file is JSON, which holds Unicode only: rename what is not")]
struct NotUtf8<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag("cannot read the symbols of the static library `{$library}`: {$error}")]
#[help("build the library again, or leave `+export-symbols` out of its modifiers")]
struct UnreadableLibrary {
    library: Symbol,
    error: io::Error,
}

#[derive(Diagnostic)]
#[diag("cannot read the rlib `{$path}`: {$error}")]
#[help("compile its crate again")]
struct UnreadableRlib<'a> {
    path: &'a Path,
    error: io::Error,
}

#[derive(Diagnostic)]
#[diag("cannot write the link inputs `{$path}`: {$error}")]
#[help("make room there, or choose another place with `--emit=link-inputs=PATH` or `--out-dir`")]
struct Unwritable<'a> {
    path: &'a Path,
    error: io::Error,
}
