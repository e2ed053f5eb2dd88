//! The source of a program, by way of cargo.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::Metadata;
use tool_support::command;
use walkdir::WalkDir;

use crate::toolchain::Toolchain;

/// A package of crates.io, and the program in it.
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    pub program: &'static str,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A copy of a package, and what it stands on.
pub struct Source {
    pub program: &'static str,
    /// The copy, with the package's own lock file.
    pub root: PathBuf,
    /// The name and source folder of each package that the lock file names for this host, in its
    /// order.
    pub packages: Vec<(String, PathBuf)>,
    /// What cargo is to be told with `--config`.
    pub config: Vec<String>,
}

/// Gets the source of `package` into `dir`, unless an earlier run has done so.
pub fn source(tools: &Toolchain, package: &Package, dir: &Path) -> anyhow::Result<Source> {
    let root = dir.join(format!("{}-{}", package.name, package.version));
    if !root.exists() {
        copy_whole(&registry_folder(tools, package, dir)?, &root)?;
    }
    let metadata = metadata(tools, &root, &["--locked".into()])?;
    Ok(Source {
        program: package.program,
        root,
        packages: packages(metadata),
        config: Vec::new(),
    })
}

impl Source {
    /// Has the package `name` built from a copy in `dir`, so that it can be edited, and returns the
    /// copy's folder.
    pub fn copy_dependency(
        &mut self,
        tools: &Toolchain,
        name: &str,
        dir: &Path,
    ) -> anyhow::Result<PathBuf> {
        let Some((_, folder)) = self.packages.iter().find(|(found, _)| found == name) else {
            bail!("{} does not depend on {name}", self.program);
        };
        let copy = dir.join(name);
        copy_whole(folder, &copy)?;
        self.config.push(format!(
            "patch.crates-io.{name}.path={:?}",
            copy.display().to_string()
        ));
        // The lock file of the copy of the package learns of the other place; all versions stay.
        let mut options = vec!["--offline".into()];
        for value in &self.config {
            options.extend(["--config".into(), value.clone()]);
        }
        self.packages = packages(metadata(tools, &self.root, &options)?);
        Ok(copy)
    }
}

/// The folder into which cargo has unpacked the package from the registry.
fn registry_folder(tools: &Toolchain, package: &Package, dir: &Path) -> anyhow::Result<PathBuf> {
    let asking = tempfile::tempdir_in(dir)?;
    let Package { name, version, .. } = package;
    // cargo leaves a package without a library out of its answer, unless it is an artifact
    // dependency, which is unstable.
    let manifest = format!(
        "[package]\nname = \"asking\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\n{name} = {{ version = \"={version}\", artifact = \"bin\" }}\n\n[workspace]\n"
    );
    fs::write(asking.path().join("Cargo.toml"), manifest)?;
    fs::write(asking.path().join("lib.rs"), "")?;
    let found = packages(metadata(tools, asking.path(), &["-Zbindeps".into()])?);
    match found.into_iter().find(|(found, _)| found == name) {
        Some((_, folder)) => Ok(folder),
        None => bail!("cargo does not say where it put {package}"),
    }
}

/// What cargo knows of the package in `root` for this host; downloads what is missing.
fn metadata(tools: &Toolchain, root: &Path, options: &[String]) -> anyhow::Result<Metadata> {
    let mut cargo = tools.cargo("metadata", &[]);
    cargo
        .args(["--format-version=1", "--filter-platform", &tools.host])
        .args(options)
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root);
    let answer = command::run(&mut cargo)?;
    serde_json::from_slice(&answer.stdout).context("cannot read the answer of `cargo metadata`")
}

fn packages(metadata: Metadata) -> Vec<(String, PathBuf)> {
    let folder = |manifest: &Path| {
        manifest
            .parent()
            .expect("a manifest is in a folder")
            .to_owned()
    };
    let packages = metadata.packages.into_iter();
    packages
        .map(|package| (package.name, folder(package.manifest_path.as_std_path())))
        .collect()
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
