//! A program to pairs of bitcode and summary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, bail, ensure};

/// The suffixes of a pair.
pub const BITCODE: &str = ".o";
pub const SUMMARY: &str = ".indexing.o";

/// The compiler, and the cargo that runs it.
pub struct Compiler {
    rustc: PathBuf,
    cargo: PathBuf,
    host: String,
    /// The first line of `rustc --version`.
    pub version: String,
    /// All that tells this build of the compiler from others.
    identity: String,
}

/// The modules of a compiled program.
pub struct Modules {
    /// The folder of the pairs.
    pub dir: PathBuf,
    /// The file names in it without their suffixes, in order.
    pub names: Vec<String>,
}

impl Compiler {
    pub fn new(rustc: &Path, cargo: &Path) -> anyhow::Result<Compiler> {
        let version = ask(rustc, "--version")?;
        let libraries = PathBuf::from(ask(rustc, "--print=target-libdir")?);
        let sysroot = PathBuf::from(ask(rustc, "--print=sysroot")?);
        // A compiler that was built again has the same version, but other files.
        let mut identity = ask(rustc, "-vV")?;
        for folder in [sysroot.join("lib"), libraries] {
            identity +=
                &listing(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        }
        Ok(Compiler {
            rustc: rustc.to_owned(),
            cargo: cargo.to_owned(),
            host: ask(rustc, "--print=host-tuple")?,
            version,
            identity,
        })
    }

    /// Compiles the program in `source`, down to its crate `last`, into `target`, and finds its
    /// `count` modules. What the same compiler left there is used again.
    pub fn compile(
        &self,
        source: &Path,
        last: &str,
        count: usize,
        target: &Path,
    ) -> anyhow::Result<Modules> {
        let mark = target.join("compiler");
        if fs::read_to_string(&mark).ok().as_ref() != Some(&self.identity) {
            if target.exists() {
                fs::remove_dir_all(target)
                    .with_context(|| format!("cannot remove {}", target.display()))?;
            }
            fs::create_dir_all(target)?;
            fs::write(&mark, &self.identity)?;
        }
        let flags = [
            "-Zunstable-options",
            // Beside cargo's own kinds of output.
            "--emit=obj,thin-link-bitcode",
            "-Clinker-plugin-lto",
            "-Awarnings",
        ];
        let mut cargo = Command::new(&self.cargo);
        // `check` adds metadata, which the crates need from each other, and no rlibs.
        cargo
            .args(["check", "--release", "--offline", "--target", &self.host])
            .args(["--package", last, "--target-dir"])
            .arg(target)
            .current_dir(source)
            .env("RUSTC", &self.rustc)
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        // cargo shows its progress itself.
        let status = cargo
            .status()
            .with_context(|| format!("cannot start {cargo:?}"))?;
        ensure!(status.success(), "command failed ({status}): {cargo:?}");

        let dir = target.join(&self.host).join("release/deps");
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

/// The files in `folder` with their sizes and times, one a line.
fn listing(folder: &Path) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let data = fs::metadata(&path)?;
        if data.is_file() {
            let time = data.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
            lines.push(format!("\n{} {} {time}", path.display(), data.len()));
        }
    }
    lines.sort();
    Ok(lines.concat())
}

fn ask(rustc: &Path, question: &str) -> anyhow::Result<String> {
    let output = Command::new(rustc).arg(question).output();
    let output = output.with_context(|| format!("cannot start {}", rustc.display()))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("{} {question} failed:\n{told}", rustc.display());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
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

    #[test]
    fn another_file_is_another_compiler() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("librustc_driver.so");
        fs::write(&file, "one").unwrap();
        let before = listing(dir.path()).unwrap();
        assert_eq!(listing(dir.path()).unwrap(), before);
        fs::write(&file, "other").unwrap();
        assert_ne!(listing(dir.path()).unwrap(), before);
    }
}
