//! Step 3: each module's bitcode, its index and what it imports to a native object, by rustc.
//!
//! Target, relocation model, CPU and features are in the module; `-O3` is cargo's release level.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use indicatif::{ParallelProgressIterator, ProgressBar, ProgressStyle};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use crate::command;
use crate::compile::{Compiled, fresh};
use crate::module::Module;
use crate::thin_link::ThinLink;
use crate::toolchain::Toolchain;

/// The native object of each module that the linker took, by the name of its bitcode.
pub type Natives = HashMap<String, PathBuf>;

/// Runs the backends of all modules that the linker took; the others have an empty index and no
/// part in the program. `bar` shows how many are done.
pub fn run(
    tools: &Toolchain,
    compiled: &Compiled,
    thin: &ThinLink,
    dir: &Path,
    bar: &ProgressBar,
) -> anyhow::Result<Natives> {
    let folder = fresh(dir, "native")?;
    let modules: Vec<_> = compiled
        .modules()
        .filter(|module| thin.selects(module))
        .collect();
    bar.set_style(ProgressStyle::with_template(
        "{spinner} {msg} {wide_bar} {pos}/{len}",
    )?);
    bar.set_length(modules.len() as u64);
    let pool = ThreadPoolBuilder::new()
        .num_threads(tools.jobs.get())
        .build()?;
    pool.install(|| {
        let run = modules
            .into_par_iter()
            .progress_with(bar.clone())
            .map(|module| {
                let native = folder.join(&module.bitcode);
                command::run(&mut backend(tools, compiled, thin, module, &native))?;
                Ok((module.bitcode.clone(), native))
            });
        run.collect()
    })
}

/// The command line for one module. It runs among the bitcode, where the names in the index lead.
fn backend(
    tools: &Toolchain,
    compiled: &Compiled,
    thin: &ThinLink,
    module: &Module,
    native: &Path,
) -> Command {
    let mut index = OsString::from("-Zthinlto-index=");
    index.push(thin.index(module));
    let mut rustc = Command::new(&tools.rustc);
    rustc
        .args(["-Zunstable-options", "-Copt-level=3", "--emit=obj"])
        .arg(index)
        .arg(&module.bitcode)
        .arg("-o")
        .arg(native)
        .current_dir(&compiled.deps);
    rustc
}
