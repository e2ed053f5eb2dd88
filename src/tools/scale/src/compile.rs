//! Compiles a program to pairs of bitcode and summary.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use distributed::toolchain::Toolchain;
use distributed::{folder, pairs};
use helped::Helped;
use tool_support::command;

/// The modules of a compiled program.
pub struct Modules {
    /// The folder of the pairs.
    pub dir: PathBuf,
    /// The file names in it without their suffixes, in order.
    pub names: Vec<String>,
}

/// Compiles the program in `source`, down to its crate `last`, into `target`, and finds its `count`
/// modules. Reuses the modules that the same compiler left there.
pub fn run(
    tools: &Toolchain,
    source: &Path,
    last: &str,
    count: usize,
    target: &Path,
) -> anyhow::Result<Modules> {
    folder::of_compiler(target, &tools.identity)?;
    let mut flags = pairs::flags().to_vec();
    flags.push("-Awarnings".into());
    // `check` adds the metadata that crates need from each other, and no rlibs.
    let mut cargo = tools.cargo("check", &flags);
    cargo
        .args(["--release", "--offline", "--target", &tools.host])
        .args(["--package", last, "--target-dir"])
        .arg(target)
        .current_dir(source);
    // cargo shows its own progress.
    let (status, _) = command::pass_through(&mut cargo)?;
    ensure!(status.success(), "command failed ({status}): {cargo:?}");

    let dir = target.join(&tools.host).join("release/deps");
    let names = pairs::in_folder(&dir)?;
    if names.len() != count {
        let (found, dir) = (names.len(), dir.display());
        let message = format!("rustc left {found} pairs in {dir} for a program of {count} modules");
        return Err(Helped::new(message, "remove the folder and try again").into());
    }
    Ok(Modules { dir, names })
}
