//! `--emit=link-inputs`: one file that names all inputs of a link of the crate, for build systems
//! that run the linker themselves.
//!
//! The page `link-inputs` of the unstable book describes the format; [`VERSION`] counts its changes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustc_data_structures::fx::FxHashSet;
use rustc_hir::attrs::NativeLibKind;
use rustc_macros::Diagnostic;
use rustc_metadata::EncodedMetadata;
use rustc_session::Session;
use rustc_session::config::{CrateType, OutFileName, OutputFilenames, OutputType};
use rustc_session::output::{filename_for_input, out_filename};
use rustc_span::Symbol;
use serde_json::{Value, json};

use self::folder::Folder;
use self::pairs::PairFinder;
use super::{ArchiveBuilderBuilder, add_c_staticlib_symbols, ensure_removed};
use crate::back::whole_file;
use crate::{CodegenResults, CompiledModule};

mod folder;
mod linker;
mod native_libraries;
mod pairs;
mod upstream_crates;

/// The version of the file's format. It grows with every change that a reader could trip over.
const VERSION: u32 = 1;

/// Returns `true` if the session emits link inputs.
pub(crate) fn requested(sess: &Session) -> bool {
    sess.opts.output_types.contains_key(&OutputType::LinkInputs)
}

/// Returns `true` if all that a link takes has to be made, be it for the linker or for a file that
/// names it.
pub(crate) fn needed(sess: &Session) -> bool {
    sess.opts.output_types.contains_key(&OutputType::Exe) || requested(sess)
}

/// Ends the session with an error if it asks for link inputs and cannot have them.
pub fn check(sess: &Session) {
    if !requested(sess) {
        return;
    }
    let dcx = sess.dcx();
    let opts = &sess.opts.unstable_opts;
    for (option, given) in [
        ("-Zno-codegen", opts.no_codegen),
        ("-Zno-link", opts.no_link),
        ("-Zlink-only", opts.link_only),
    ] {
        if given {
            dcx.emit_fatal(PartOfSession { option });
        }
    }
    let named = |kind| {
        matches!(kind, OutputType::Object | OutputType::ThinLinkBitcode | OutputType::Exe)
    };
    for (kind, place) in sess.opts.output_types.iter().filter(|(kind, _)| named(**kind)) {
        let path = match place.as_ref().or(sess.io.output_file.as_ref()) {
            Some(OutFileName::Stdout) => Path::new("-"),
            Some(OutFileName::Real(path)) if path.exists() && !path.is_file() => path.as_path(),
            _ => continue,
        };
        dcx.emit_fatal(NoFile { kind: kind.shorthand(), path });
    }
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
    outputs.outputs.contains_key(&OutputType::LinkInputs)
        && match modules {
            [CompiledModule { object: Some(object), .. }] => {
                output_of_sole_module(outputs, OutputType::Object, object) == *object
            }
            _ => true,
        }
}

/// Writes the link inputs of each crate type of the session, with the files that a link takes beside
/// the objects. When the file exists, so does everything it names.
pub(super) fn write(
    sess: &Session,
    archive_builder_builder: &dyn ArchiveBuilderBuilder,
    codegen_results: &CodegenResults,
    metadata: &EncodedMetadata,
    outputs: &OutputFilenames,
    codegen_backend: &'static str,
) {
    // A session with `-Zlink-only` has not been checked yet.
    check(sess);
    let place = outputs.path(OutputType::LinkInputs);
    // A stale file would name what is not there any more.
    if let OutFileName::Real(path) = &place
        && path.is_file()
    {
        ensure_removed(sess.dcx(), path);
    }
    let folder = outputs.with_extension(OutputType::LinkInputs.shorthand());
    let inputs = Inputs {
        sess,
        archive_builder_builder,
        codegen_results,
        metadata,
        outputs,
        codegen_backend,
        folder: Folder::new(sess, &folder),
        pairs: PairFinder::new(sess, archive_builder_builder),
    };
    let mut text = serde_json::to_vec_pretty(&inputs.file()).unwrap();
    text.push(b'\n');
    inputs.folder.finish(sess);

    let written = match &place {
        OutFileName::Real(path) => whole_file::write(path, &text),
        OutFileName::Stdout => io::Write::write_all(&mut io::stdout(), &text),
    };
    let path = place.as_path();
    if let Err(error) = written {
        folder::remove(sess, &folder);
        sess.dcx().emit_fatal(Unwritable { path, error });
    }
    if sess.opts.json_artifact_notifications {
        sess.dcx().emit_artifact_notification(path, OutputType::LinkInputs.shorthand());
    }
}

/// The folder `path`, which is the current one if it is empty.
fn folder_at(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

struct Inputs<'a> {
    sess: &'a Session,
    archive_builder_builder: &'a dyn ArchiveBuilderBuilder,
    codegen_results: &'a CodegenResults,
    metadata: &'a EncodedMetadata,
    outputs: &'a OutputFilenames,
    codegen_backend: &'static str,
    folder: Folder,
    pairs: PairFinder<'a>,
}

impl Inputs<'_> {
    fn file(&self) -> Value {
        let info = &self.codegen_results.crate_info;
        let modules = &self.codegen_results.modules;
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
            "modules": modules.iter().map(|it| self.module(it, sole)).collect::<Vec<_>>(),
            "allocator_module": self
                .codegen_results
                .allocator_module
                .as_ref()
                .map(|allocator| self.module(allocator, false)),
            "links": links,
        })
    }

    /// A module of the crate, which has no other if it is the `sole` one.
    fn module(&self, module: &CompiledModule, sole: bool) -> Value {
        let file = |kind, numbered: &Option<PathBuf>| match numbered {
            Some(path) if sole => self.path(&output_of_sole_module(self.outputs, kind, path)),
            Some(path) => self.path(path),
            None => Value::Null,
        };
        json!({
            "name": module.name,
            "object": file(OutputType::Object, &module.object),
            "thin_link_bitcode": file(OutputType::ThinLinkBitcode, &module.thin_link_bitcode.0),
        })
    }

    /// What the link of `crate_type` takes.
    fn link(&self, crate_type: CrateType) -> Value {
        let folder = self.folder.path().join(crate_type.to_string());
        if let Err(error) = fs::create_dir(&folder) {
            self.sess.dcx().emit_fatal(Unwritable { path: &folder, error });
        }
        let output = self.output(crate_type);

        let rlibs = self.static_crates(crate_type);
        let (linker, arguments) = match crate_type {
            CrateType::StaticLib => (Value::Null, Vec::new()),
            _ => self.linker(crate_type, output.as_path(), &folder, &rlibs),
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
        // Fails while something is in it.
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

    fn path(&self, path: &Path) -> Value {
        self.text(path.as_os_str())
    }

    /// A string of the file: paths in the folder have the names that they get in the end.
    fn text(&self, text: &OsStr) -> Value {
        match text.to_str() {
            Some(text) => json!(self.folder.final_names(text)),
            None => self.sess.dcx().emit_fatal(NotUtf8 { path: Path::new(text) }),
        }
    }
}

#[derive(Diagnostic)]
#[diag("`--emit=link-inputs` cannot be used with `{$option}`")]
#[note("the session that compiles a crate names its link inputs")]
#[help("leave out `{$option}`: without `link` in `--emit` nothing is linked")]
struct PartOfSession {
    option: &'static str,
}

#[derive(Diagnostic)]
#[diag("`--emit=link-inputs` cannot name the output of `--emit={$kind}`, which goes to `{$path}`")]
#[help("have it written to a file")]
struct NoFile<'a> {
    kind: &'static str,
    path: &'a Path,
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
