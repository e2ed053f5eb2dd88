//! Runs the backend of a module.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use tool_support::command::{self, Usage};

use crate::Build;
use crate::linked::Linked;

/// The options of a backend, besides those of its files. `-O3` is cargo's release level.
const OPTIONS: [&str; 3] = ["-Zunstable-options", "-Copt-level=3", "--emit=obj"];

/// Runs the backend of the module with this number, which the linker has to have selected. Its object is
/// written to `folder`. Returns its resources.
pub fn run(
    build: &Build,
    linked: &Linked,
    module: usize,
    options: &[String],
    folder: &Path,
) -> anyhow::Result<Usage> {
    let planned = linked.planned(module).context("the module is not linked")?;
    let mut rustc = Command::new(&build.rustc);
    rustc
        .args(OPTIONS)
        .args(options)
        .arg(format!(
            "-Zthinlto-index={}",
            linked.thin.index(planned).display()
        ))
        .arg(&planned.bitcode)
        .arg("-o")
        .arg(folder.join("native.o"));
    if linked.program.dir != Path::new("") {
        rustc.current_dir(&linked.program.dir);
    }
    let ended = command::run(&mut rustc);
    let ended = ended.with_context(|| format!("the backend of {} failed", planned.name))?;
    Ok(ended.usage)
}
