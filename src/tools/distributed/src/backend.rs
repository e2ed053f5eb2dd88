//! Step 3: rustc compiles each module, with its index and its imports, to a native object.
//!
//! Target, relocation model, CPU and features are in the module. Objects come from a cache if they
//! were compiled from the same content before.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use backends::action::{Argument, Job};
use backends::compiler::Kind;
use backends::runner::{Runner, Source};
use backends::settings::Settings;
use tool_support::command::Usage;

use crate::program::{Program, bytes};
use crate::thin_link::ThinLink;
use crate::toolchain::Toolchain;

/// cargo's release level.
const LEVEL: &str = "-Copt-level=3";

/// The backend of one module.
pub struct Backend {
    /// The native object.
    pub native: PathBuf,
    /// The bytes of the module, its index and the modules that it imports from.
    pub sent_bytes: u64,
    /// Its resources, or `None` if the object was in the cache.
    pub usage: Option<Usage>,
}

/// Backends by the names of their modules.
pub type Backends = HashMap<String, Backend>;

/// Runs the backends of all modules that the linker selected. Objects are in the folder `dir`, which
/// an earlier run may have left. Calls `done` with the number of backends whenever one has ended.
pub fn run(
    tools: &Toolchain,
    program: &Program,
    thin: &ThinLink,
    dir: &Path,
    done: impl Fn(usize),
) -> anyhow::Result<Backends> {
    let runner = Runner::new(Settings::local(&dir.join("cache"), tools.jobs))?;
    let compiler = runner.compiler(Kind::Rustc, &tools.rustc)?;
    let options: Arc<[Argument]> = [Argument::Text(LEVEL.to_owned())].into();
    let natives = dir.join("natives");
    fs::create_dir_all(&natives).with_context(|| format!("cannot create {}", natives.display()))?;
    let modules = &thin.plan.modules;
    let bitcode = modules.iter().map(|module| {
        let bytes = bytes(&program.dir.join(&module.bitcode))?;
        Ok((module.name.as_str(), bytes))
    });
    let bitcode: HashMap<&str, u64> = bitcode.collect::<anyhow::Result<_>>()?;
    let (mut jobs, mut backends) = (Vec::new(), Vec::new());
    for module in modules {
        let index = thin.index(module);
        let mut sent_bytes = bitcode[module.name.as_str()] + bytes(&index)?;
        for import in &module.imports {
            sent_bytes += bitcode.get(import.as_str()).with_context(|| {
                format!("{} imports {import}, which is not linked", module.name)
            })?;
        }
        let native = natives.join(&module.name);
        backends.push((native.clone(), sent_bytes));
        jobs.push(Job {
            compiler: compiler.clone(),
            options: options.clone(),
            // The names in the index are relative to this folder.
            dir: program.dir.clone(),
            module: module.bitcode.to_string_lossy().into_owned(),
            index,
            output: native,
        });
    }
    let sources = runner.run(jobs, || done(modules.len()))?;
    let backends = backends.into_iter().zip(sources);
    let backends = backends
        .zip(modules)
        .map(|(((native, sent_bytes), source), module)| {
            let usage = match source {
                Source::Compiled(usage) => Some(usage),
                _ => None,
            };
            let backend = Backend {
                native,
                sent_bytes,
                usage,
            };
            (module.name.clone(), backend)
        });
    Ok(backends.collect())
}
