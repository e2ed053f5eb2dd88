//! Copies a pair to where a build system looks for the outputs of a compile.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helped::Helped;

/// The files of `rust-thinlto place-module`.
#[derive(clap::Args)]
pub struct Files {
    /// The bitcode of a module
    #[arg(long, value_name = "FILE")]
    pub module: PathBuf,
    /// Its thin-link summary
    #[arg(long, value_name = "FILE")]
    pub summary: PathBuf,
    /// The copy of the bitcode
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// The copy of the summary
    #[arg(long, value_name = "FILE")]
    pub summary_output: PathBuf,
    /// A dependency file without dependencies, to write as well
    #[arg(long, value_name = "FILE")]
    pub dependency_file: Option<PathBuf>,
}

/// Copies the files.
pub fn run(files: &Files) -> anyhow::Result<()> {
    copy(&files.module, &files.output)?;
    copy(&files.summary, &files.summary_output)?;
    if let Some(path) = &files.dependency_file {
        let text = format!("{}:\n", files.output.display());
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| {
        Helped::new(
            format!("cannot copy {} to {}", from.display(), to.display()),
            "`--emit=obj,thin-link-bitcode` writes a pair for each module",
        )
    })?;
    Ok(())
}
