//! `--emit=thin-link-bitcode` with an rlib as the input: a thin-link pair for each of its modules.
//!
//! An rlib that was compiled without `-Clinker-plugin-lto`, such as those of std, takes part in
//! distributed ThinLTO by the bitcode that is embedded in its objects.

use std::path::Path;
use std::{fs, io};

use rustc_macros::Diagnostic;
use rustc_session::Session;
use rustc_session::config::{Input, OutputType};

use super::link::embedded_bitcode::{MemberKind, map, members};
use super::{thin_link, whole_file};
use crate::traits::CodegenBackend;

/// Returns `true` if the session is to emit the thin-link bitcode of an rlib.
pub fn requested(sess: &Session) -> bool {
    thin_link::requested(sess) && rlib(sess).is_some()
}

fn rlib(sess: &Session) -> Option<&Path> {
    match &sess.io.input {
        Input::File(path) if path.extension().is_some_and(|extension| extension == "rlib") => {
            Some(path)
        }
        _ => None,
    }
}

/// Writes the summary of each module of the input, and with `obj` in `--emit` beside it the bitcode
/// as it is in the rlib, to the session's output folder. A failure ends the session.
pub fn run(sess: &Session, backend: &dyn CodegenBackend) {
    let dcx = sess.dcx();
    let rlib = rlib(sess).expect("an rlib as the input");
    let kinds = &sess.opts.output_types;
    if sess.io.output_file.is_some() || kinds.values().any(Option::is_some) {
        dcx.emit_fatal(NeedsOutDir);
    }
    let other =
        kinds.keys().find(|kind| !matches!(kind, OutputType::Object | OutputType::ThinLinkBitcode));
    if let Some(kind) = other {
        dcx.emit_fatal(OutputKind { kind: kind.shorthand() });
    }
    let unreadable = |err| -> ! { dcx.emit_fatal(Unreadable { path: rlib, err }) };

    let modules = members(sess, rlib).unwrap_or_else(|err| unreadable(err));
    let modules: Vec<_> =
        modules.into_iter().filter(|member| member.kind != MemberKind::Other).collect();
    if modules.is_empty() {
        dcx.emit_fatal(NoBitcode { path: rlib });
    }
    let data = map(rlib).unwrap_or_else(|err| unreadable(err));
    let folder = sess.io.output_dir.as_deref().unwrap_or(Path::new(""));
    if let Err(err) = fs::create_dir_all(folder) {
        dcx.emit_fatal(Unwritable { path: folder, err });
    }
    for module in modules {
        let bitcode = &data[module.range.0 as usize..][..module.range.1 as usize];
        let summary =
            backend.thin_link_summary(sess, &module.name, bitcode).unwrap_or_else(|message| {
                dcx.emit_fatal(DamagedModule { path: rlib, module: &module.name, message })
            });
        let path = folder.join(Path::new(&module.name).file_name().unwrap());
        if kinds.contains_key(&OutputType::Object) {
            write(sess, &path, OutputType::Object, bitcode);
        }
        let path = path.with_extension(OutputType::ThinLinkBitcode.extension());
        write(sess, &path, OutputType::ThinLinkBitcode, &summary);
    }
}

fn write(sess: &Session, path: &Path, kind: OutputType, data: &[u8]) {
    if let Err(err) = whole_file::write(path, data) {
        sess.dcx().emit_fatal(Unwritable { path, err });
    }
    if sess.opts.json_artifact_notifications {
        sess.dcx().emit_artifact_notification(path, kind.shorthand());
    }
}

#[derive(Diagnostic)]
#[diag("cannot read the bitcode of `{$module}` in {$path}: {$message}")]
#[help("compile the crate again")]
struct DamagedModule<'a> {
    path: &'a Path,
    module: &'a str,
    message: String,
}

#[derive(Diagnostic)]
#[diag("the modules of an rlib have files of their own")]
#[help("name the folder for them with `--out-dir`")]
struct NeedsOutDir;

#[derive(Diagnostic)]
#[diag("{$path} holds no bitcode")]
#[help("compile the crate with `-Cembed-bitcode=yes` or `-Clinker-plugin-lto`")]
struct NoBitcode<'a> {
    path: &'a Path,
}

#[derive(Diagnostic)]
#[diag("`--emit={$kind}` cannot be made of an rlib")]
#[help("`--emit` takes `thin-link-bitcode` and `obj` with an rlib as the input")]
struct OutputKind {
    kind: &'static str,
}

#[derive(Diagnostic)]
#[diag("cannot read {$path}: {$err}")]
#[help("an rlib is made by `--crate-type=lib`")]
struct Unreadable<'a> {
    path: &'a Path,
    err: io::Error,
}

#[derive(Diagnostic)]
#[diag("cannot write {$path}: {$err}")]
#[help("make room there, or choose another folder with `--out-dir`")]
struct Unwritable<'a> {
    path: &'a Path,
    err: io::Error,
}
