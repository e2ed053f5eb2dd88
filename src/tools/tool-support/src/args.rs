//! What `x.py` tells every tool.

use std::fs;
use std::path::{self, PathBuf};

use anyhow::Context;

/// The arguments that `x.py` gives; a tool has its own beside them.
#[derive(clap::Args)]
pub struct ToolArgs {
    /// The compiler to run and to measure
    #[arg(long)]
    pub rustc: PathBuf,
    /// The cargo that fetches and builds
    #[arg(long)]
    pub cargo: PathBuf,
    /// Where sources, builds and results go
    #[arg(long)]
    work_dir: PathBuf,
}

impl ToolArgs {
    /// The work dir, made if it is missing, as an absolute path.
    pub fn work_dir(&self) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(&self.work_dir)
            .with_context(|| format!("cannot make {}", self.work_dir.display()))?;
        Ok(path::absolute(&self.work_dir)?)
    }
}
