//! Helpers for tests of distributed ThinLTO: the pairs of a bitcode object `S.o` and the thin-link
//! summary `S.indexing.o` beside it, the thin link, and the backends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::external_deps::llvm::{llvm_bcanalyzer, llvm_bin_dir};
use crate::external_deps::rustc::{Rustc, bare_rustc, rustc, sysroot};
use crate::path_helpers::{has_extension, has_prefix, has_suffix, shallow_find_files};
use crate::rfs;
use crate::targets::target;

/// Constructs a `rustc` invocation that may emit thin-link bitcode: its objects are bitcode, and it
/// links them with a linker that can read it.
#[track_caller]
pub fn thin_link_rustc() -> Rustc {
    let mut rustc = rustc();
    rustc
        .arg("-Zunstable-options")
        .arg("-Clinker-plugin-lto")
        .linker(llvm_bin_dir().join("clang").to_str().unwrap())
        .link_arg("-fuse-ld=lld");
    rustc
}

/// Constructs such an invocation whose links optimize the modules of std as well, which takes
/// seconds.
#[track_caller]
pub fn std_lto_rustc() -> Rustc {
    let mut rustc = thin_link_rustc();
    rustc.arg("-Zlink-embedded-bitcode");
    rustc
}

/// The files of a folder: name, content.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Returns the files in `folder`, without those in folders below it, and removes it.
#[track_caller]
pub fn take_files(folder: impl AsRef<Path>) -> Files {
    let folder = folder.as_ref();
    let files = shallow_find_files(folder, |_| true)
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), rfs::read(path)))
        .collect();
    rfs::remove_dir_all(folder);
    files
}

/// Returns the path of the summary beside `object`.
pub fn summary_of(object: impl AsRef<Path>) -> PathBuf {
    object.as_ref().with_extension("indexing.o")
}

/// Returns the objects in `folder`, sorted. Panics unless each of them has its summary beside it,
/// with [`assert_thin_link_pair`], and there are no other summaries.
#[track_caller]
pub fn thin_link_objects(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let files = shallow_find_files(folder, |path| has_suffix(path, ".o"));
    let (mut summaries, mut objects): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| has_suffix(path, ".indexing.o"));
    objects.sort();
    summaries.sort();
    let mut expected: Vec<_> = objects.iter().map(summary_of).collect();
    expected.sort();
    assert_eq!(summaries, expected, "the summaries, and those that belong to the objects");
    for object in &objects {
        assert_thin_link_pair(object, summary_of(object));
    }
    objects
}

/// Panics unless `object` is LLVM bitcode and `summary` its thin-link summary: the same source file
/// names, module hashes, symbol names and summary records.
#[track_caller]
pub fn assert_thin_link_pair(object: impl AsRef<Path>, summary: impl AsRef<Path>) {
    let (object, summary) = (object.as_ref(), summary.as_ref());
    assert!(rfs::read(object).starts_with(b"BC\xC0\xDE"), "{} is not bitcode", object.display());
    let identity = module_identity(object);
    assert!(
        identity.iter().any(|record| record.starts_with("<HASH ")),
        "{} has no module hash",
        object.display()
    );
    assert_eq!(identity, module_identity(summary), "{} and its summary", object.display());
}

/// Returns what a bitcode file and its thin-link summary have in common, record by record.
#[track_caller]
pub fn module_identity(bitcode: &Path) -> Vec<String> {
    let dump = bitcode_records(bitcode);
    let mut in_common_block = false;
    let mut identity = Vec::new();
    for record in dump.lines().map(str::trim_start) {
        let common_block = |tag: &str| {
            record.starts_with(&format!("<{tag}GLOBALVAL_SUMMARY_BLOCK"))
                || record.starts_with(&format!("<{tag}STRTAB_BLOCK"))
        };
        in_common_block |= common_block("");
        if in_common_block || record.starts_with("<HASH ") {
            identity.push(record.to_owned());
        } else if record.starts_with("<SOURCE_FILENAME ") {
            // The two files may use different abbreviations for the same name.
            identity.extend(record.rsplit_once("record string").map(|(_, name)| name.to_owned()));
        }
        in_common_block &= !common_block("/");
    }
    identity
}

/// Returns the blocks and records of a bitcode file as text, a line each.
#[track_caller]
pub fn bitcode_records(bitcode: &Path) -> String {
    let dump = llvm_bcanalyzer()
        .args(["--dump", "--show-binary-blobs"])
        .input(bitcode)
        .run()
        .invalid_stdout_utf8();
    // Statistics follow the records.
    dump.split("\nSummary of ").next().unwrap().to_owned()
}

/// Returns the rlibs of std that a program which unwinds is linked with.
#[track_caller]
pub fn std_rlibs() -> Vec<PathBuf> {
    let folder = sysroot().join("lib/rustlib").join(target()).join("lib");
    let mut rlibs = shallow_find_files(folder, |path| {
        has_extension(path, "rlib") && !has_prefix(path, "libpanic_abort")
    });
    rlibs.sort();
    rlibs
}

/// Constructs an invocation of the clang that belongs to this LLVM.
#[track_caller]
pub fn llvm_clang() -> Command {
    Command::new(llvm_bin_dir().join("clang"))
}

/// Constructs the link of `inputs` and std to a program, by clang and lld.
#[track_caller]
pub fn link_program(inputs: impl IntoIterator<Item = PathBuf>) -> Command {
    let mut clang = llvm_clang();
    clang.arg("-fuse-ld=lld").args(inputs.into_iter().collect::<Vec<_>>()).args(std_rlibs());
    clang.args(["-lgcc_s", "-lc", "-lm"]);
    clang
}

/// Returns the path of the index that [`thin_link_program`] writes beside `object`.
pub fn index_of(object: impl AsRef<Path>) -> PathBuf {
    let mut path = object.as_ref().as_os_str().to_owned();
    path.push(".thinlto.bc");
    path.into()
}

/// Runs the thin link of a program over the summaries of `objects` alone, and writes an index beside
/// each object.
#[track_caller]
pub fn thin_link_program(objects: &[PathBuf]) {
    link_program(objects.iter().map(summary_of))
        .arg("-Wl,--thinlto-index-only=linked.txt,--thinlto-emit-imports-files")
        .arg("-Wl,--thinlto-object-suffix-replace=.indexing.o;.o")
        .run();
}

/// Constructs the backend of `object` with the index beside it, optimized as `-O` does.
pub fn thinlto_backend(object: impl AsRef<Path>) -> Rustc {
    let mut rustc = bare_rustc();
    rustc
        .arg("-Zunstable-options")
        .arg(format!("-Zthinlto-index={}", index_of(&object).display()))
        .opt()
        .input(object);
    rustc
}
