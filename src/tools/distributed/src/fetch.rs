//! Fetches the source of a program with cargo.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::Metadata;
use tool_support::command;
use walkdir::WalkDir;

use crate::toolchain::Toolchain;

/// A package of crates.io and a program in it.
pub struct Package {
    /// Its name on crates.io.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The name of the program.
    pub program: &'static str,
}

/// ripgrep, which the demo and the benchmark build.
pub const RIPGREP: Package = Package {
    name: "ripgrep",
    version: "15.2.0",
    program: "rg",
};

/// fd, which the demo and the benchmark build.
pub const FD: Package = Package {
    name: "fd-find",
    version: "10.5.0",
    program: "fd",
};

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// A copy of a package, and its dependencies.
pub struct Source {
    /// The name of the program.
    pub program: &'static str,
    /// The copy, with the package's own lock file.
    pub root: PathBuf,
    /// The name and source folder of each package that the lock file names for this host, in its
    /// order.
    pub packages: Vec<(String, PathBuf)>,
    /// The values of cargo's `--config`.
    pub config: Vec<String>,
}

/// Copies the source of `package` into `dir`, unless an earlier run has done so.
pub fn source(tools: &Toolchain, package: &Package, dir: &Path) -> anyhow::Result<Source> {
    let root = dir.join(format!("{}-{}", package.name, package.version));
    if !root.exists() {
        copy_whole(&registry_folder(tools, package, dir)?, &root)?;
    }
    Ok(Source {
        program: package.program,
        packages: packages(tools, &root, &["--locked".into()])?,
        root,
        config: Vec::new(),
    })
}

impl Source {
    /// Makes builds use a copy of the package `name` in `dir`, which can be edited, and returns the
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
        // Updates the source of this package in the lock file; the versions stay.
        let mut options = vec!["--offline".into()];
        for value in &self.config {
            options.extend(["--config".into(), value.clone()]);
        }
        self.packages = packages(tools, &self.root, &options)?;
        Ok(copy)
    }
}

/// The folder into which cargo has unpacked the package from the registry.
fn registry_folder(tools: &Toolchain, package: &Package, dir: &Path) -> anyhow::Result<PathBuf> {
    let asking = tempfile::tempdir_in(dir)?;
    let Package { name, version, .. } = package;
    // `cargo metadata` omits packages without a library, unless they are artifact dependencies, which
    // are unstable.
    let manifest = format!(
        "[package]\nname = \"asking\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\n{name} = {{ version = \"={version}\", artifact = \"bin\" }}\n\n[workspace]\n"
    );
    fs::write(asking.path().join("Cargo.toml"), manifest)?;
    fs::write(asking.path().join("lib.rs"), "")?;
    let found = packages(tools, asking.path(), &["-Zbindeps".into()])?;
    match found.into_iter().find(|(found, _)| found == name) {
        Some((_, folder)) => Ok(folder),
        None => bail!("cargo does not say where it put {package}"),
    }
}

/// The name and source folder of each package that the one in `root` needs on this host; downloads
/// missing ones. `options` are for `cargo metadata`.
pub fn packages(
    tools: &Toolchain,
    root: &Path,
    options: &[String],
) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut cargo = tools.cargo("metadata", &[]);
    cargo
        .args(["--format-version=1", "--filter-platform", &tools.host])
        .args(options)
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root);
    let answer = command::run(&mut cargo)?;
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)
        .context("cannot read the answer of `cargo metadata`")?;
    let packages = metadata.packages.into_iter().map(|package| {
        let manifest = package.manifest_path.as_std_path();
        let folder = manifest.parent().expect("a manifest is in a folder");
        (package.name, folder.to_owned())
    });
    Ok(packages.collect())
}

/// Copies the folder `from`; `to` appears when it is complete.
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
