//! The modules of std as files of their own, for distributed ThinLTO: the bitcode that is embedded
//! in the objects of its rlibs, and a thin-link summary beside each.

use std::fs;
use std::path::{Path, PathBuf};

use crate::core::builder::Builder;
use crate::utils::exec::command;
use crate::utils::helpers::{t, up_to_date};
use crate::{Compiler, DependencyType};

/// Leaves the files for the std that `compiler` has built, as `stamp` lists it, in the folder
/// `thin-link` beside `libdir`.
pub(super) fn add_to_sysroot(
    builder: &Builder<'_>,
    compiler: Compiler,
    libdir: &Path,
    stamp: &Path,
) {
    // The std that the stage 0 compiler builds has no bitcode, and is never part of LTO.
    if compiler.stage == 0
        || !builder.config.llvm_enabled(compiler.host)
        || builder.config.dry_run()
    {
        return;
    }
    make(builder, compiler, stamp);
    copy(builder, stamp, &libdir.with_file_name("thin-link"));
}

/// Copies the files to `folder`, if there are any.
pub(crate) fn copy(builder: &Builder<'_>, stamp: &Path, folder: &Path) {
    let made = made(stamp);
    if made.exists() {
        t!(fs::create_dir_all(folder));
        builder.cp_link_r(&made, folder);
    }
}

/// The folder in which the files are made.
fn made(stamp: &Path) -> PathBuf {
    stamp.with_file_name("thin-link")
}

/// Makes the files anew, unless they are of these rlibs and newer.
fn make(builder: &Builder<'_>, compiler: Compiler, stamp: &Path) {
    let rlibs: Vec<PathBuf> = builder
        .read_stamp_file(stamp)
        .into_iter()
        .filter(|(path, kind)| *kind == DependencyType::Target && takes_part(path))
        .map(|(path, _)| path)
        .collect();
    let made = made(stamp);
    let done = made.with_extension("stamp");
    let list = format!("{rlibs:#?}");
    let same_rlibs = fs::read_to_string(&done).is_ok_and(|made_of| made_of == list);
    if rlibs.is_empty() || same_rlibs && rlibs.iter().all(|rlib| up_to_date(rlib, &done)) {
        return;
    }
    let _ = fs::remove_file(&done);
    let _ = fs::remove_dir_all(&made);
    t!(fs::create_dir_all(&made));
    for rlib in &rlibs {
        let mut rustc = command(builder.rustc(compiler));
        builder.add_rustc_lib_path(compiler, &mut rustc);
        rustc
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["-Zunstable-options", "--emit=obj,thin-link-bitcode", "--out-dir"])
            .arg(&made)
            .arg(rlib)
            .run(builder);
    }
    t!(fs::write(&done, list));
}

/// compiler_builtins is never part of LTO.
fn takes_part(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".rlib") && !name.starts_with("libcompiler_builtins-")
}
