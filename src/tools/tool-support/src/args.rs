//! The arguments that `x.py` passes to every tool.

use std::fs;
use std::path::{self, PathBuf};

use anyhow::Context;

/// The arguments that `x.py` passes, hidden from the tool's help.
#[derive(clap::Args)]
pub struct ToolArgs {
    /// The compiler to run and to measure
    #[arg(long, hide = true)]
    pub rustc: PathBuf,
    /// The cargo that fetches and builds
    #[arg(long, hide = true)]
    pub cargo: PathBuf,
    /// The folder for sources, builds and results
    #[arg(long, hide = true)]
    work_dir: PathBuf,
}

impl ToolArgs {
    /// The absolute path of the work dir, which is created if missing.
    pub fn work_dir(&self) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(&self.work_dir)
            .with_context(|| format!("cannot create {}", self.work_dir.display()))?;
        Ok(path::absolute(&self.work_dir)?)
    }
}
