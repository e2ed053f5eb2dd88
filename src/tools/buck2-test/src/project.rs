//! A copy of the project `src/buck2`, with the rules and the example, to edit and to build.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::build::{self, Build};
use crate::cache::Cache;
use crate::files;
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A project with the rules, the stand-ins for the prelude, and the compiler to test.
pub struct Project {
    dir: TempDir,
    cache: Cache,
}

impl Project {
    /// A copy of the example with the compiler of `TESTED_RUSTC`, without anything built.
    pub fn new() -> anyhow::Result<Project> {
        let built = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../build/host/stage1/bin/rustc"
        );
        let rustc = env::var_os("TESTED_RUSTC").map_or(built.into(), PathBuf::from);
        let project = Project {
            dir: TempDir::with_prefix("buck2-")?,
            cache: Cache::new()?,
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["example", "thinlto", "toolchains/BUCK"] {
            copy_texts(
                &here.join("../../buck2").join(part),
                &project.root().join(part),
            )?;
        }
        copy_texts(&here.join("prelude"), &project.root().join("prelude"))?;

        let sysroot = rustc
            .ancestors()
            .nth(2)
            .context("the compiler is in no sysroot")?;
        let sysroot = fs::canonicalize(sysroot)
            .context("`TESTED_RUSTC` is not a compiler that `./x.py build` built")?;
        let copy = project.root().join("toolchains/rustc");
        let libraries = format!("lib/rustlib/{TARGET}");
        for part in ["bin/rustc", "bin/rust-thinlto"] {
            files::copy(&sysroot.join(part), &copy.join(part))?;
        }
        for part in ["lib", "thin-link"] {
            let part = format!("{libraries}/{part}");
            files::copy(&sysroot.join(&part), &copy.join(&part))?;
        }
        for entry in fs::read_dir(sysroot.join("lib"))? {
            let name = entry?.file_name();
            if name.to_string_lossy().contains(".so") {
                files::copy(
                    &sysroot.join("lib").join(&name),
                    &copy.join("lib").join(&name),
                )?;
            }
        }
        Ok(project)
    }

    /// The folder of the project.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// Replaces `from` in a file, where it is exactly once, by `to`.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> anyhow::Result<()> {
        let path = self.root().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        ensure!(
            text.matches(from).count() == 1,
            "{file} has `{from}` not exactly once"
        );
        Ok(fs::write(path, text.replace(from, to))?)
    }

    /// Adds a file.
    pub fn add(&self, file: &str, text: &str) -> anyhow::Result<()> {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().context("a root")?)?;
        Ok(fs::write(path, text)?)
    }

    /// Builds a target, with what earlier builds of this project left in the cache.
    pub fn build(&self, target: &str) -> anyhow::Result<Build> {
        let root = self.root();
        let cells = ["prelude", "thinlto", "toolchains"].map(|name| (name, root.join(name)));
        let workspace = Workspace::new(&root, &cells)?;
        build::build(&workspace, target, &self.cache)
    }
}

/// Copies files that a test may edit, so that the originals stay.
fn copy_texts(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let below = entry.path().strip_prefix(from)?;
        let copy = if below.as_os_str().is_empty() {
            to.to_owned()
        } else {
            to.join(below)
        };
        if entry.file_type().is_dir() {
            fs::create_dir_all(copy)?;
        } else {
            fs::create_dir_all(copy.parent().context("a root")?)?;
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}
