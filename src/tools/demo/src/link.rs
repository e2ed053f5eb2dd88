//! Step 4: the native objects to the program.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::backend::Natives;
use crate::command;
use crate::compile::Compiled;
use crate::fetch::PROGRAM;

/// Links the program as rustc would, with native objects in the place of bitcode, and returns its
/// path. The modules that the thin link took from rlibs are linked as plain objects.
pub fn run(compiled: &Compiled, natives: &Natives, dir: &Path) -> anyhow::Result<PathBuf> {
    let program = dir.join(PROGRAM);
    let linked = tempfile::Builder::new()
        .prefix(PROGRAM)
        .tempfile_in(dir)?
        .into_temp_path();
    let mut linker = compiled.link_line.command(&linked, |input| {
        let modules = compiled.modules_of(input).iter();
        modules
            .filter_map(|module| natives.get(&module.bitcode))
            .map(OsString::from)
            .collect()
    });
    command::run(&mut linker)?;
    fs::rename(&linked, &program).with_context(|| format!("cannot name {}", program.display()))?;
    Ok(program)
}
