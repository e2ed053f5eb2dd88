//! The source of the program, by way of cargo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::Metadata;
use walkdir::WalkDir;

use crate::command;
use crate::toolchain::Toolchain;

/// The package that the demo builds, and the program in it.
pub const PACKAGE: &str = "ripgrep";
pub const VERSION: &str = "14.1.1";
pub const PROGRAM: &str = "rg";

/// A copy of the package, and what it stands on.
pub struct Source {
    /// The copy, with the package's own lock file.
    pub root: PathBuf,
    /// The source folders of all packages that the lock file names for this host, in its order.
    pub packages: Vec<PathBuf>,
}

/// Gets the source into `dir`, unless an earlier run has done so.
pub fn source(tools: &Toolchain, dir: &Path) -> anyhow::Result<Source> {
    let root = dir.join(format!("{PACKAGE}-{VERSION}"));
    if !root.exists() {
        copy_whole(&registry_folder(tools, dir)?, &root)?;
    }
    let metadata = metadata(tools, &root, &["--locked"])?;
    let packages = metadata.packages.iter().map(folder).collect();
    Ok(Source { root, packages })
}

/// The folder into which cargo has unpacked the package from the registry.
fn registry_folder(tools: &Toolchain, dir: &Path) -> anyhow::Result<PathBuf> {
    let asking = tempfile::tempdir_in(dir)?;
    // cargo leaves a package without a library out of its answer, unless it is an artifact
    // dependency, which is unstable.
    let manifest = format!(
        "[package]\nname = \"asking\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\n{PACKAGE} = {{ version = \"={VERSION}\", artifact = \"bin\" }}\n\n[workspace]\n"
    );
    fs::write(asking.path().join("Cargo.toml"), manifest)?;
    fs::write(asking.path().join("lib.rs"), "")?;
    let metadata = metadata(tools, asking.path(), &["-Zbindeps"])?;
    match metadata
        .packages
        .iter()
        .find(|package| package.name == PACKAGE)
    {
        Some(package) => Ok(folder(package)),
        None => bail!("cargo does not say where it put {PACKAGE} {VERSION}"),
    }
}

/// What cargo knows of the package in `root` for this host; downloads what is missing.
fn metadata(tools: &Toolchain, root: &Path, options: &[&str]) -> anyhow::Result<Metadata> {
    let mut cargo = tools.cargo("metadata", &[]);
    cargo
        .args(["--format-version=1", "--filter-platform", &tools.host])
        .args(options)
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root);
    let answer = command::run(&mut cargo)?;
    serde_json::from_slice(&answer.stdout).context("cannot read the answer of `cargo metadata`")
}

fn folder(package: &cargo_metadata::Package) -> PathBuf {
    let manifest = package.manifest_path.as_std_path();
    manifest
        .parent()
        .expect("a manifest is in a folder")
        .to_owned()
}

/// Copies the folder `from`; `to` appears whole or not at all.
fn copy_whole(from: &Path, to: &Path) -> anyhow::Result<()> {
    let parent = to.parent().expect("the copy is in the work folder");
    let copy = tempfile::tempdir_in(parent)?;
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let target = copy.path().join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir(target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    fs::rename(copy.path(), to)?;
    Ok(())
}
