//! The programs that the demo runs.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command;

/// The programs that the demo runs, all found before the first step, and what it asked of them.
pub struct Toolchain {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    /// The driver of every link that takes bitcode or summaries.
    pub clang: PathBuf,
    pub lld: PathBuf,
    pub llvm_dis: PathBuf,
    /// The host's target triple.
    pub host: String,
    /// The first line of `rustc --version`.
    pub version: String,
    /// How many processes may run at a time.
    pub jobs: NonZeroUsize,
}

impl Toolchain {
    /// Finds every program, or says which package has the one that is missing.
    pub fn find(rustc: &Path, cargo: &Path, jobs: NonZeroUsize) -> anyhow::Result<Toolchain> {
        let rustc = find(rustc, "`./x.py build` builds the compiler")?;
        Ok(Toolchain {
            cargo: find(cargo, "`./x.py setup` gets stage 0, which has cargo")?,
            clang: find("clang-19", "apt-get install clang-19")?,
            lld: find("ld.lld-19", "apt-get install lld-19")?,
            llvm_dis: find("llvm-dis-19", "apt-get install llvm-19")?,
            host: ask(&rustc, "--print=host-tuple")?,
            version: ask(&rustc, "--version")?,
            rustc,
            jobs,
        })
    }

    /// A cargo command line of `verb` that compiles with our rustc and with `flags` only, whatever
    /// the user's own configuration adds; `CARGO_HOME` stays the user's.
    pub fn cargo(&self, verb: &str, flags: &[String]) -> Command {
        let mut cargo = Command::new(&self.cargo);
        cargo
            .arg(verb)
            .env("RUSTC", &self.rustc)
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo
    }
}

fn find(program: impl AsRef<Path>, help: &str) -> anyhow::Result<PathBuf> {
    let program = program.as_ref();
    let Ok(found) = which::which(program) else {
        bail!("cannot find `{}`\nhelp: {help}", program.display());
    };
    Ok(found)
}

fn ask(rustc: &Path, question: &str) -> anyhow::Result<String> {
    let answer = command::run(Command::new(rustc).arg(question))?;
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}
