//! The names of a backend's files.
//!
//! A file is named after the input or after `-o`, and only an extension that says what is in the file
//! is replaced. So `main.c.o` and `main.cc.o` do not share outputs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustc_session::Session;
use rustc_session::config::{Input, OutFileName, OutputFilenames, OutputType};

/// The extensions of what a backend reads and writes.
const EXTENSIONS: [&str; 5] = ["bc", "ll", "o", "obj", "s"];

/// The path at which the output `kind` is, or would be if it were emitted.
pub(super) fn output(sess: &Session, outputs: &OutputFilenames, kind: OutputType) -> OutFileName {
    if outputs.single_output_file.is_some() || outputs.outputs.contains_explicit_name(&kind) {
        return outputs.path(kind);
    }
    let (folder, mut name) = match &sess.io.output_file {
        Some(file) => (file.parent(), stem(file.as_path())),
        None => (sess.io.output_dir.as_deref(), module(sess)),
    };
    name.push(&sess.opts.cg.extra_filename);
    name.push(".");
    name.push(kind.extension());
    OutFileName::Real(folder.unwrap_or(Path::new("")).join(name))
}

/// The name of the module: `--crate-name`, or that of the input.
pub(super) fn module(sess: &Session) -> OsString {
    match (&sess.opts.crate_name, &sess.io.input) {
        (Some(name), _) => name.into(),
        (None, Input::File(path)) => stem(path),
        (None, Input::Str { .. }) => sess.io.input.filestem().into(),
    }
}

/// The file beside `path` that has the extension `extension` in place of one of [`EXTENSIONS`].
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = stem(path);
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

fn stem(path: &Path) -> OsString {
    let is_known = |extension| EXTENSIONS.iter().any(|&known| extension == known);
    let name =
        if path.extension().is_some_and(is_known) { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default().to_owned()
}
