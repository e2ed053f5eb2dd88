//! The compiler as a folder that runs in the root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use helped::Helped;
use reapi_service::Root;
use tool_support::command;

use crate::files::{copy_folder, remove_folder};

/// The target of the tests.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Copies what builds need of `rustc`'s sysroot to `dir`, with lld and the library of LLVM from `root`:
/// those of this machine need libraries that `root` does not have.
pub fn make(rustc: &Path, root: &Root, dir: &Path) -> anyhow::Result<PathBuf> {
    let sysroot = command::run(Command::new(rustc).args(["--print", "sysroot"]))?.stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot)?.trim_end());
    let rustlib = Path::new("lib/rustlib").join(TARGET);
    remove_folder(dir)?;
    for folder in ["lib", "thin-link"].map(|name| rustlib.join(name)) {
        if !sysroot.join(&folder).is_dir() {
            let message = format!("{} has no {}", sysroot.display(), folder.display());
            return Err(Helped::new(message, "./x.py build makes the compiler with it").into());
        }
        copy_folder(&sysroot.join(&folder), &dir.join(&folder))?;
    }
    let (bin, lib, tools) = (
        dir.join("bin"),
        dir.join("lib"),
        dir.join(&rustlib).join("bin"),
    );
    for folder in [&bin, &tools] {
        fs::create_dir_all(folder)?;
    }
    for name in ["rustc", "rust-thinlto"] {
        copy(&sysroot.join("bin").join(name), &bin.join(name))?;
    }
    // rules_rust asks for it, and does not run it here.
    let rustdoc = bin.join("rustdoc");
    fs::write(&rustdoc, "#!/bin/sh\nexit 1\n")?;
    fs::set_permissions(&rustdoc, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(sysroot.join("lib"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(".so") {
            copy(&entry.path(), &lib.join(entry.file_name()))?;
        }
    }
    let llvm = root.dir().join("usr/lib/llvm-22");
    copy(&llvm.join("bin/lld"), &tools.join("ld.lld"))?;
    let library = "libLLVM.so.22.1";
    // Beside both of them: each looks in the folder `../lib`.
    for folder in [&lib, &dir.join(&rustlib).join("lib")] {
        copy(
            &root.dir().join("usr/lib/x86_64-linux-gnu").join(library),
            &folder.join(library),
        )?;
    }
    Ok(dir.to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}
