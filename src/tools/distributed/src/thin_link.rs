//! Step 2: writes an index for each module, from the summaries alone.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;
use tool_support::command::{self, Usage};

use crate::folder::replaced;
use crate::link_inputs::{Module, Program};
use crate::pairs::suffix_replace;

/// The output of a thin link.
pub struct ThinLink {
    dir: PathBuf,
    /// The names of the modules that the linker selected.
    selected: HashSet<String>,
    /// Its resources.
    pub usage: Usage,
    /// The output of an earlier run, removed when this is dropped.
    _old: TempDir,
}

impl ThinLink {
    /// Whether the linker selected `module` for the program.
    pub fn selects(&self, module: &Module) -> bool {
        self.selected.contains(&module.name)
    }

    /// The index of `module`.
    pub fn index(&self, module: &Module) -> PathBuf {
        self.dir.join(format!("{}.thinlto.bc", module.name))
    }

    /// The names of the modules that `module` imports from, sorted.
    pub fn imports(&self, module: &Module) -> anyhow::Result<Vec<String>> {
        let list = self.dir.join(format!("{}.imports", module.name));
        let text = fs::read_to_string(&list)
            .with_context(|| format!("the linker wrote no {}", list.display()))?;
        let mut imports: Vec<_> = text.lines().map(str::to_owned).collect();
        imports.sort();
        Ok(imports)
    }
}

/// Runs rustc's own link up to the indexes, with summaries in place of objects and rlibs, so that
/// symbols resolve as in the real link.
///
/// The linker runs in a folder of summaries and gets file names without a folder. They are the names
/// of modules in the indexes, under which the backends find the bitcode in another folder. There is
/// no bitcode in the linker's folder, so it cannot read any.
pub fn run(program: &Program, dir: &Path) -> anyhow::Result<ThinLink> {
    let (thin, old) = replaced(dir, "thin-link")?;
    for module in &program.modules {
        let name = module.summary_name();
        symlink(&module.summary, thin.join(&name))
            .with_context(|| format!("cannot link {name}"))?;
    }
    let summary = |module: &Module| Some(module.summary_name().into());
    let mut linker = program.command(&thin.join("program"), true, summary);
    linker
        .arg("-Wl,--thinlto-index-only=selected")
        .arg("-Wl,--thinlto-emit-imports-files")
        .arg(format!("-Wl,{}", suffix_replace()))
        .current_dir(&thin);
    let usage = command::run(&mut linker)?.usage;
    let selected = fs::read_to_string(thin.join("selected"))?;
    Ok(ThinLink {
        dir: thin,
        selected: selected.lines().map(str::to_owned).collect(),
        usage,
        _old: old,
    })
}
