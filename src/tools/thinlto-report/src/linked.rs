//! A thin link of the program, and what was decided in it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use distributed::plan::Planned;
use distributed::program::{Module, Program};
use distributed::thin_link::{self, ThinLink};
use distributed::{bitcode, link_inputs};
use helped::Helped;
use module_summary::{Guid, Index, ModuleSummary};
use rayon::prelude::*;
use tempfile::TempDir;

use crate::Build;
use crate::failures::{self, Failures};
use crate::limit::Limits;

/// The thin link of a program. Modules are numbered, in the order of the link.
pub struct Linked {
    /// The program, all of whose bitcode is modules.
    pub program: Program,
    /// The indexes, in a temporary folder.
    pub thin: ThinLink,
    /// The summary of each module.
    pub summaries: Vec<ModuleSummary>,
    /// The index of each module, or `None` if the linker did not select it.
    pub indexes: Vec<Option<Index>>,
    /// What was not imported.
    pub failures: Failures,
    /// The limits of imports.
    pub limits: Limits,
    numbers: HashMap<String, usize>,
    _folder: TempDir,
}

/// Reads the summary of a module, which is of the same compile as the module.
fn summary(program: &Program, module: &Module) -> anyhow::Result<ModuleSummary> {
    let summary = ModuleSummary::read(&program.dir.join(&module.summary))?;
    if module.summary != module.bitcode {
        let bitcode = ModuleSummary::read(&program.dir.join(&module.bitcode))?;
        if bitcode.hash != summary.hash {
            let (summary, bitcode) = (module.summary.display(), module.bitcode.display());
            let message = format!("{summary} is not the summary of {bitcode}");
            let help = format!("compile {} again: one of them is stale", module.crate_name);
            return Err(Helped::new(message, help).into());
        }
    }
    Ok(summary)
}

impl Linked {
    /// Runs the thin link.
    pub fn new(build: &Build) -> anyhow::Result<Linked> {
        let folder = tempfile::Builder::new().prefix("thin-link-").tempdir()?;
        let mut program = link_inputs::read(&build.link_inputs)?;
        if let Some(folder) = &build.lld_folder {
            program.search_lld(folder);
        }
        bitcode::take(&mut program, folder.path())?;
        if program.modules.is_empty() {
            let message = format!("no module of {} takes part in ThinLTO", program.crate_name);
            let help = "compile with `-Clinker-plugin-lto`";
            return Err(Helped::new(message, help).into());
        }
        let arguments = program.arguments(None, false, |_| None);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        let limits = Limits::of_arguments(arguments.iter().map(|word| &**word));
        program.add_option(failures::OPTION);
        let thin = thin_link::run(&program, folder.path())?;
        let failures = failures::parse(&String::from_utf8_lossy(&thin.linker.stderr))?;

        let modules = &program.modules;
        let summaries = modules.par_iter().map(|module| summary(&program, module));
        let summaries = summaries.collect::<anyhow::Result<Vec<_>>>()?;
        let planned = thin.plan.modules.iter();
        let planned: HashMap<&Path, _> = planned
            .map(|planned| (planned.bitcode.as_path(), planned))
            .collect();
        let indexes = modules.par_iter().map(|module| {
            let planned = planned.get(module.bitcode.as_path());
            planned
                .map(|planned| Index::read(&thin.index(planned)))
                .transpose()
        });
        let indexes = indexes.collect::<anyhow::Result<Vec<_>>>()?;
        let numbers = modules.iter().enumerate();
        let numbers = numbers
            .map(|(number, module)| (module.bitcode.display().to_string(), number))
            .collect();
        Ok(Linked {
            thin,
            summaries,
            indexes,
            failures,
            limits,
            numbers,
            _folder: folder,
            program,
        })
    }

    /// The number of the module that indexes call `path`.
    pub fn number(&self, path: &str) -> anyhow::Result<usize> {
        let number = self.numbers.get(path);
        number
            .copied()
            .with_context(|| format!("an index names {path}, which is no module"))
    }

    /// The module with this number in the plan, if the linker selected it.
    pub fn planned(&self, number: usize) -> Option<&Planned> {
        let bitcode = &self.program.modules[number].bitcode;
        let mut planned = self.thin.plan.modules.iter();
        planned.find(|planned| planned.bitcode == *bitcode)
    }

    /// The symbol of a function, or its GUID if no module names it.
    pub fn symbol(&self, guid: Guid) -> String {
        let mut names = self
            .summaries
            .iter()
            .filter_map(|summary| summary.names.get(&guid));
        names.next().cloned().unwrap_or_else(|| guid.to_string())
    }
}
