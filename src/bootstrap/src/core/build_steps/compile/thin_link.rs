//! The modules of std as files of their own: the bitcode that is embedded in the objects of its rlibs, a
//! thin-link summary beside each for distributed ThinLTO, and a thin archive of those of each rlib for
//! `-Zlink-embedded-bitcode`.

mod tool;

use std::fs;
use std::path::{Path, PathBuf};

use crate::core::build_steps::llvm;
use crate::core::builder::Builder;
use crate::core::config::TargetSelection;
use crate::utils::build_stamp::{BuildStamp, libstd_stamp};
use crate::utils::exec::command;
use crate::utils::helpers::{t, up_to_date};
use crate::{Compiler, DependencyType};

/// The folder of a target that holds the files, beside its `lib`.
const FOLDER: &str = "thin-link";

/// Adds the files of the std that `compiler` has built to the sysroot of `libdir`, and the programs for
/// its users to that of `compiler`.
pub(super) fn add_to_sysroot(
    builder: &Builder<'_>,
    compiler: Compiler,
    target: TargetSelection,
    libdir: &Path,
) {
    // Other backends embed no bitcode.
    if !builder.config.llvm_enabled(compiler.host) {
        return;
    }
    let stamp = libstd_stamp(builder, compiler, target);
    let made = stamp.path().with_file_name(FOLDER);
    make(builder, compiler, &stamp, &made);
    copy(builder, &made, &libdir.with_file_name(FOLDER));
    tool::add(builder, &compiler.host.triple, &builder.sysroot(compiler).join("bin"));
}

/// Adds the files to `image`, which is about to become a package, if that is the one of std, and the
/// programs if it is the compiler's.
pub(crate) fn add_to_package(
    builder: &Builder<'_>,
    component: &str,
    target: Option<&str>,
    image: &Path,
) {
    match (component, target) {
        ("rust-std", Some(target)) => {
            let compiler = builder.compiler_for_std(builder.top_stage);
            let libdir =
                builder.sysroot_target_libdir(compiler, TargetSelection::from_user(target));
            let packaged = image.join("lib/rustlib").join(target).join(FOLDER);
            copy(builder, &libdir.with_file_name(FOLDER), &packaged);
        }
        ("rustc", Some(host)) => tool::add(builder, host, &image.join("bin")),
        _ => {}
    }
}

/// Makes the folder `to` a copy of `from`, if there is one.
fn copy(builder: &Builder<'_>, from: &Path, to: &Path) {
    if from.exists() && !builder.config.dry_run() {
        let _ = fs::remove_dir_all(to);
        t!(fs::create_dir_all(to));
        builder.cp_link_r(from, to);
    }
}

/// Makes the files of the rlibs that `stamp` lists in the folder `made`, unless it holds them.
fn make(builder: &Builder<'_>, compiler: Compiler, stamp: &BuildStamp, made: &Path) {
    let rlibs: Vec<PathBuf> = builder
        .read_stamp_file(stamp)
        .into_iter()
        .filter(|(path, kind)| *kind == DependencyType::Target && has_modules_for_lto(path))
        .map(|(path, _)| path)
        .collect();
    let done = made.with_extension("stamp");
    let list = format!("thin archives of {rlibs:#?}");
    let same_rlibs = fs::read_to_string(&done).is_ok_and(|made_of| made_of == list);
    if rlibs.is_empty() || same_rlibs && rlibs.iter().all(|rlib| up_to_date(rlib, &done)) {
        return;
    }
    let _ = fs::remove_file(&done);
    let _ = fs::remove_dir_all(made);
    t!(fs::create_dir_all(made));
    for rlib in &rlibs {
        let mut rustc = command(builder.rustc(compiler));
        builder.add_rustc_lib_path(compiler, &mut rustc);
        rustc
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["-Zunstable-options", "--emit=obj,thin-link-bitcode", "--out-dir"])
            .arg(made)
            .arg(rlib)
            .run(builder);
        add_archive(builder, compiler.host, rlib, made);
    }
    t!(fs::write(&done, list));
}

/// Makes a thin archive in the folder `made`, under the name of `rlib`, of the modules of `rlib` that are
/// in that folder.
fn add_archive(builder: &Builder<'_>, host: TargetSelection, rlib: &Path, made: &Path) {
    let llvm::LlvmResult { host_llvm_config, .. } = builder.ensure(llvm::Llvm { target: host });
    if builder.config.dry_run() {
        return;
    }
    let bin = command(&host_llvm_config).arg("--bindir").run_capture_stdout(builder).stdout();
    let ar = Path::new(bin.trim()).join("llvm-ar");
    let members = command(&ar).arg("t").arg(rlib).run_capture_stdout(builder).stdout();
    let modules = members.lines().filter(|name| made.join(name).exists());
    command(&ar)
        .current_dir(made)
        .args(["rcs", "--thin"])
        .arg(rlib.file_name().unwrap())
        .args(modules)
        .run(builder);
}

/// compiler_builtins is never part of LTO.
fn has_modules_for_lto(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".rlib") && !name.starts_with("libcompiler_builtins-")
}
