//! The outputs of a backend: LLVM writes to temporary files, which are renamed together.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustc_codegen_ssa::back::whole_file::{self, Pending};
use rustc_fs_util::path_to_c_string;
use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{
    DWARF_OBJECT_EXT, OutFileName, OutputFilenames, OutputType, SplitDwarfKind,
};
use rustc_target::spec::SplitDebuginfo;

use super::names;

/// What an output is. Split DWARF follows from other options than `--emit`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Emit(OutputType),
    Dwo,
}

/// An output that the session asks for.
pub(super) struct Output {
    pub kind: Kind,
    pub place: OutFileName,
    pending: Pending,
    /// The temporary file and the final name, for LLVM.
    pub file: CString,
    pub name: CString,
}

/// Creates the temporary file of each output. It is an error if a backend cannot emit an output, or if
/// an output would overwrite another one or one of the files `read`.
pub(super) fn prepare(
    sess: &Session,
    outputs: &OutputFilenames,
    split_dwarf: &Option<(SplitDwarfKind, PathBuf)>,
    read: [&Path; 2],
) -> Vec<Output> {
    let dcx = sess.dcx();
    let places = places(sess, outputs, split_dwarf);
    let files: Vec<(&Path, Option<PathBuf>)> =
        places.iter().map(|(_, place)| (place.as_path(), identity(place))).collect();
    for (number, (path, file)) in files.iter().enumerate().filter(|(_, (_, file))| file.is_some()) {
        if read.iter().any(|read| fs::canonicalize(read).ok() == *file) {
            dcx.emit_fatal(OverwritesInput { path });
        }
        if files[..number].iter().any(|(_, other)| other == file) {
            dcx.emit_fatal(SameOutput { path });
        }
    }
    for path in [&sess.io.output_dir, &sess.opts.unstable_opts.remark_dir].into_iter().flatten() {
        if let Err(err) = fs::create_dir_all(path) {
            dcx.emit_fatal(Unwritable { path, err });
        }
    }
    places.into_iter().map(|(kind, place)| Output::new(sess, kind, place)).collect()
}

impl Output {
    fn new(sess: &Session, kind: Kind, place: OutFileName) -> Output {
        let path = place.as_path();
        let pending = Pending::new(&place)
            .unwrap_or_else(|err| sess.dcx().emit_fatal(Unwritable { path, err }));
        let (file, name) = (path_to_c_string(pending.path()), path_to_c_string(path));
        Output { kind, place, pending, file, name }
    }

    fn record_size(&self, sess: &Session) {
        let artifact = match self.kind {
            Kind::Emit(OutputType::Assembly) => "assembly_file",
            Kind::Emit(OutputType::LlvmAssembly) => "llvm_ir",
            Kind::Emit(OutputType::Bitcode) => "llvm_bitcode",
            Kind::Emit(_) => "object_file",
            Kind::Dwo => "dwo_file",
        };
        let name = self.place.as_path().file_name().unwrap_or_default().to_string_lossy();
        let size = fs::metadata(self.pending.path()).map_or(0, |metadata| metadata.len());
        sess.prof.artifact_size(artifact, name, size);
    }
}

/// Gives the outputs their names, and announces them.
pub(super) fn finish(sess: &Session, outputs: Vec<Output>) {
    let dcx = sess.dcx();
    outputs.iter().for_each(|output| output.record_size(sess));
    let (places, pending): (Vec<_>, Vec<_>) =
        outputs.into_iter().map(|output| ((output.kind, output.place), output.pending)).unzip();
    if let Err((number, err)) = whole_file::finish(pending) {
        dcx.emit_fatal(Unwritable { path: places[number].1.as_path(), err });
    }
    if sess.opts.json_artifact_notifications {
        for (kind, place) in &places {
            if let Kind::Emit(output_type) = kind {
                dcx.emit_artifact_notification(place.as_path(), output_type.shorthand());
            }
        }
    }
}

/// How debug info is split, if it is, and the file that the object refers to.
pub(super) fn split_dwarf(
    sess: &Session,
    outputs: &OutputFilenames,
) -> Option<(SplitDwarfKind, PathBuf)> {
    if !sess.target_can_use_split_dwarf() || sess.split_debuginfo() == SplitDebuginfo::Off {
        return None;
    }
    let unstable_opts = &sess.opts.unstable_opts;
    let object = names::output(sess, outputs, OutputType::Object).as_path().to_path_buf();
    let file = match unstable_opts.split_dwarf_kind {
        SplitDwarfKind::Single => object,
        SplitDwarfKind::Split => {
            let file = names::beside(&object, DWARF_OBJECT_EXT);
            match &unstable_opts.split_dwarf_out_dir {
                Some(folder) => folder.join(file.file_name().unwrap_or_default()),
                None => file,
            }
        }
    };
    Some((unstable_opts.split_dwarf_kind, file))
}

/// Where each output goes.
fn places(
    sess: &Session,
    outputs: &OutputFilenames,
    split_dwarf: &Option<(SplitDwarfKind, PathBuf)>,
) -> Vec<(Kind, OutFileName)> {
    let mut places = Vec::new();
    for &kind in sess.opts.output_types.keys() {
        match kind {
            OutputType::Object
            | OutputType::Assembly
            | OutputType::LlvmAssembly
            | OutputType::Bitcode => {
                places.push((Kind::Emit(kind), names::output(sess, outputs, kind)))
            }
            _ => sess.dcx().emit_fatal(OutputKind { kind: kind.shorthand() }),
        }
        if let Some((SplitDwarfKind::Split, file)) = split_dwarf
            && kind == OutputType::Object
        {
            places.push((Kind::Dwo, OutFileName::Real(file.clone())));
        }
    }
    places
}

/// The canonical path of the file that an output replaces; none for a device or a pipe.
fn identity(place: &OutFileName) -> Option<PathBuf> {
    let OutFileName::Real(path) = place else { return None };
    if path.exists() && !path.is_file() {
        return None;
    }
    fs::canonicalize(path).ok().or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    })
}

#[derive(Diagnostic)]
#[diag("`-Zthinlto-index` cannot emit `{$kind}`")]
#[help("use one or more of `--emit=obj,asm,llvm-ir,llvm-bc`")]
struct OutputKind {
    kind: &'static str,
}

#[derive(Diagnostic)]
#[diag("the output `{$path}` would overwrite an input")]
#[help("use `-o` or `--emit=KIND=PATH` to name another file")]
struct OverwritesInput<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag("the output `{$path}` would overwrite another output")]
#[help("use `--emit=KIND=PATH` to name a file for each")]
struct SameOutput<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag("cannot write `{$path}`: {$err}")]
#[help("use `-o`, `--out-dir` or `--emit=KIND=PATH` to name a place that can be written to")]
struct Unwritable<'a> {
    path: &'a Path,
    err: io::Error,
}
