//! Compiles a program to pairs of bitcode and summary.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use distributed::folder;
use distributed::toolchain::Toolchain;
use tool_support::command;

/// The suffixes of a pair.
pub const BITCODE: &str = ".o";
pub const SUMMARY: &str = ".indexing.o";

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
    let flags = [
        "-Zunstable-options",
        // In addition to the output types that cargo asks for.
        "--emit=obj,thin-link-bitcode",
        "-Clinker-plugin-lto",
        "-Awarnings",
    ];
    // `check` adds the metadata that crates need from each other, and no rlibs.
    let mut cargo = tools.cargo("check", &flags.map(str::to_owned));
    cargo
        .args(["--release", "--offline", "--target", &tools.host])
        .args(["--package", last, "--target-dir"])
        .arg(target)
        .current_dir(source);
    // cargo shows its own progress.
    let (status, _) = command::pass_through(&mut cargo)?;
    ensure!(status.success(), "command failed ({status}): {cargo:?}");

    let dir = target.join(&tools.host).join("release/deps");
    let names = pairs(&dir)?;
    ensure!(
        names.len() == count,
        "rustc left {} pairs in {} for a program of {count} modules\n\
         help: remove the folder and try again",
        names.len(),
        dir.display()
    );
    Ok(Modules { dir, names })
}

/// The names of the pairs in `dir`.
fn pairs(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(SUMMARY));
        let Some(name) = name else { continue };
        let bitcode = dir.join(format!("{name}{BITCODE}"));
        if !bitcode.exists() {
            bail!("rustc left a summary, but no {}", bitcode.display());
        }
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_pairs_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "b.o",
            "b.indexing.o",
            "a.1.o",
            "a.1.indexing.o",
            "c.o",
            "d.d",
        ] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        assert_eq!(pairs(dir.path()).unwrap(), ["a.1", "b"]);
        fs::remove_file(dir.path().join("b.o")).unwrap();
        let error = pairs(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("/b.o"), "{error}");
    }
}
