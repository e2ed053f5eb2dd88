//! Embedded bitcode in place of native code, for the LTO that the linker runs.
//!
//! With `-Clinker-plugin-lto` the linker optimizes all its bitcode inputs together. The objects in
//! an rlib that was compiled without that option, such as those of std, are native code with the
//! bitcode in a section that no linker reads. `-Zlink-embedded-bitcode` passes an archive of the
//! bitcode in place of such an rlib.

pub(super) mod ready;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{io, str};

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection};
use rustc_data_structures::memmap::Mmap;
use rustc_hir::def_id::CrateNum;
use rustc_macros::Diagnostic;
use rustc_metadata::fs::METADATA_FILENAME;
use rustc_session::Session;
use rustc_target::spec::LinkerFlavor;

use super::{
    ArchiveBuilderBuilder, are_upstream_rust_objects_already_included, ignored_for_lto,
    linker_and_flavor, rehome_lib_path,
};
use crate::back::command::Command;
use crate::errors::RlibArchiveBuildFailure;
use crate::{CrateInfo, looks_like_rust_object_file};

/// Replaces the rlibs in the arguments of the linker by what stands [`ready`] in the sysroot, or else by
/// what [`archive_or_rlib`] makes of them.
pub(super) fn replace_rlibs(
    cmd: &mut Command,
    sess: &Session,
    archive_builder_builder: &dyn ArchiveBuilderBuilder,
    crate_info: &CrateInfo,
    tmpdir: &Path,
) {
    let mut arguments = cmd.take_args();
    for &cnum in &crate_info.used_crates {
        let Some(rlib) = &crate_info.used_crate_source[&cnum].rlib else { continue };
        let linked = rehome_lib_path(sess, rlib);
        if let Some(argument) = arguments.iter_mut().find(|argument| **argument == linked) {
            let ready =
                takes_part(sess, crate_info, cnum).then(|| ready::archive(sess, &linked)).flatten();
            let made = || {
                archive_or_rlib(sess, archive_builder_builder, crate_info, cnum, &linked, tmpdir)
            };
            *argument = ready.unwrap_or_else(made).into();
        }
    }
    cmd.args(arguments);
}

/// Makes an archive below `tmpdir` of the rlib of the crate `cnum`, in which the native objects of
/// Rust that have their bitcode embedded are that bitcode, and returns its path. Returns the path of
/// the rlib where there is nothing to replace, or where the linker is not to see it.
pub(super) fn archive_or_rlib(
    sess: &Session,
    archive_builder_builder: &dyn ArchiveBuilderBuilder,
    crate_info: &CrateInfo,
    cnum: CrateNum,
    rlib: &Path,
    tmpdir: &Path,
) -> PathBuf {
    if !takes_part(sess, crate_info, cnum) {
        return rlib.to_path_buf();
    }
    let _timer = sess
        .prof
        .generic_activity_with_arg("link_embedded_bitcode", crate_info.crate_name[&cnum].as_str());
    let archive = || {
        let members = members(sess, rlib)?;
        if members.iter().all(|member| member.kind != MemberKind::Embedded) {
            return Ok(rlib.to_path_buf());
        }
        let mut archive = archive_builder_builder.new_archive_builder(sess);
        for Member { name, range, .. } in members {
            archive.add_slice(name, rlib, range)?;
        }
        // Two crates may have rlibs of the same name in different folders.
        let folder = tmpdir.join(cnum.as_u32().to_string());
        fs::create_dir_all(&folder)?;
        let path = folder.join(rlib.file_name().unwrap());
        archive.build(&path);
        Ok(path)
    };
    archive().unwrap_or_else(|error| {
        sess.dcx().emit_fatal(RlibArchiveBuildFailure { path: rlib.to_path_buf(), error })
    })
}

fn requested(sess: &Session) -> bool {
    sess.opts.unstable_opts.link_embedded_bitcode
}

/// Ends the session with an error if it asks for embedded bitcode in a link that cannot take it.
pub fn check(sess: &Session) {
    if !requested(sess) {
        return;
    }
    let dcx = sess.dcx();
    if !sess.opts.cg.linker_plugin_lto.enabled() {
        dcx.emit_fatal(NoLinkerPluginLto);
    }
    // LTO refuses to mix units that are split with others, such as those of std.
    if sess.is_split_lto_unit_enabled() || sess.is_sanitizer_cfi_enabled() {
        dcx.emit_fatal(SplitLtoUnits);
    }
    // On Windows, the bitcode of std refers to symbols as those of a DLL.
    if sess.target.is_like_windows
        || !matches!(linker_and_flavor(sess).1, LinkerFlavor::Gnu(..) | LinkerFlavor::Darwin(..))
    {
        dcx.emit_fatal(UnsupportedTarget { target: sess.opts.target_triple.tuple() });
    }
}

/// Whether the linker is to see the bitcode that is embedded in the rlib of the crate `cnum`.
pub(super) fn takes_part(sess: &Session, crate_info: &CrateInfo, cnum: CrateNum) -> bool {
    requested(sess)
        && !are_upstream_rust_objects_already_included(sess)
        && !ignored_for_lto(sess, crate_info, cnum)
}

pub(crate) struct Member {
    pub name: String,
    /// Where in the rlib its bytes start, and how many they are.
    pub range: (u64, u64),
    pub kind: MemberKind,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum MemberKind {
    /// The bitcode that is embedded in a native object.
    Embedded,
    /// An object that is bitcode itself.
    Bitcode,
    Other,
}

impl Member {
    /// Whether the member was compiled from Rust: native code, or bitcode.
    pub(crate) fn is_module(&self) -> bool {
        looks_like_rust_object_file(&self.name)
    }
}

/// Returns the members of `rlib` in their order, without the metadata. The native objects of Rust
/// that have bitcode embedded are that bitcode.
pub(crate) fn members(sess: &Session, rlib: &Path) -> io::Result<Vec<Member>> {
    let data = map(rlib)?;
    let archive = ArchiveFile::parse(&*data).map_err(invalid)?;
    let mut members = Vec::new();
    for member in archive.members() {
        let member = member.map_err(invalid)?;
        let name = str::from_utf8(member.name()).map_err(invalid)?.to_owned();
        if name == METADATA_FILENAME {
            continue;
        }
        let (start, size, kind) = locate(sess, &name, member.data(&*data).map_err(invalid)?);
        members.push(Member { name, range: (member.file_range().0 + start, size), kind });
    }
    Ok(members)
}

/// Returns where in the member `name` the bytes start that count, how many and what they are.
fn locate(sess: &Session, name: &str, object: &[u8]) -> (u64, u64, MemberKind) {
    let size = object.len() as u64;
    if !looks_like_rust_object_file(name) {
        (0, size, MemberKind::Other)
    } else if object.starts_with(b"BC\xC0\xDE") {
        (0, size, MemberKind::Bitcode)
    } else if let Some((start, size)) = embedded_bitcode(sess, object) {
        (start, size, MemberKind::Embedded)
    } else {
        (0, size, MemberKind::Other)
    }
}

/// Returns where in a native object its bitcode is, if it was compiled with `-Cembed-bitcode`: in the
/// section into which rustc_codegen_llvm's `embed_bitcode` puts it.
fn embedded_bitcode(sess: &Session, object: &[u8]) -> Option<(u64, u64)> {
    let section = if sess.target.is_like_darwin {
        "__bitcode"
    } else if sess.target.is_like_aix {
        ".ipa"
    } else {
        ".llvmbc"
    };
    let file = object::File::parse(object).ok()?;
    let bitcode = file.section_by_name(section)?.data().ok().filter(|data| !data.is_empty())?;
    // The section's own range would include its name in WebAssembly.
    let start = bitcode.as_ptr().addr() - object.as_ptr().addr();
    Some((start as u64, bitcode.len() as u64))
}

pub(crate) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: nothing changes the inputs of a link while it runs.
    unsafe { Mmap::map(file) }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[derive(Diagnostic)]
#[diag("`-Zlink-embedded-bitcode` cannot be used without `-Clinker-plugin-lto`")]
#[help("add `-Clinker-plugin-lto`, so that the linker runs LTO")]
struct NoLinkerPluginLto;

#[derive(Diagnostic)]
#[diag("`-Zlink-embedded-bitcode` cannot be used with split LTO units")]
#[note("`-Zsanitizer=cfi` and `-Zsplit-lto-unit` split them, and the bitcode of std is not split")]
#[help("leave out `-Zlink-embedded-bitcode`: std is then linked as native code")]
struct SplitLtoUnits;

#[derive(Diagnostic)]
#[diag("`-Zlink-embedded-bitcode` cannot be used for the target `{$target}` with this linker")]
#[note("it works with linkers of the flavors `gnu` and `darwin`, except for Windows")]
#[help("leave it out: std is then linked as native code")]
struct UnsupportedTarget<'a> {
    target: &'a str,
}
