//! Step 4: the native objects to the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tool_support::command::{self, Usage};

use crate::backend::Backends;
use crate::link_inputs::{Program, bytes};

/// The program, and what the link took.
pub struct Linked {
    pub program: PathBuf,
    pub usage: Usage,
    /// The bytes of all native code that the linker was given by name.
    pub sent_bytes: u64,
}

/// Links the program `name` as rustc would, with native objects in the place of bitcode. The
/// modules that the thin link took from rlibs are linked as plain objects.
pub fn run(
    program: &Program,
    backends: &Backends,
    dir: &Path,
    name: &str,
) -> anyhow::Result<Linked> {
    let path = dir.join(name);
    let linked = tempfile::Builder::new()
        .prefix(name)
        .tempfile_in(dir)?
        .into_temp_path();
    let mut linker = program.command(&linked, false, |module| {
        backends
            .get(&module.name)
            .map(|backend| backend.native.clone().into())
    });
    let usage = command::run(&mut linker)?.usage;
    fs::rename(&linked, &path).with_context(|| format!("cannot name {}", path.display()))?;
    let natives = backends.values().map(|backend| bytes(&backend.native));
    Ok(Linked {
        program: path,
        usage,
        sent_bytes: natives.sum::<anyhow::Result<u64>>()? + program.native_bytes()?,
    })
}
