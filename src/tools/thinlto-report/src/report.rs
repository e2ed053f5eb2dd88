//! `report`: the modules of a build, and what runs again after an edit.

pub mod text;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use distributed::report::Report as Counts;
use rayon::prelude::*;
use serde::Serialize;
use tool_support::file;

use crate::edit::Edit;
use crate::linked::Linked;
use crate::{Build, backend, page};

/// The version of the JSON.
const VERSION: u32 = 1;

/// The rows of a table of the largest.
pub const ROWS: usize = 10;

/// Arguments of `report`.
#[derive(clap::Args)]
pub struct Args {
    /// A source file or a module: tell what runs again after an edit of it
    #[arg(long, value_name = "FILE")]
    pub edit: Option<PathBuf>,
    /// Run all backends, to know their times
    #[arg(long)]
    pub time: bool,
    /// Write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A build.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    /// The name of the program's crate.
    pub program: String,
    /// Counts over all modules.
    pub counts: Counts,
    /// The modules, in the order of the link.
    pub modules: Vec<Module>,
    /// The crates, by name.
    pub crates: Vec<Crate>,
    /// The edit that was asked about.
    pub edit: Option<Edit>,
}

/// A module.
#[derive(Debug, Serialize)]
pub struct Module {
    /// The file name of its bitcode.
    pub module: String,
    /// The name of its crate.
    #[serde(rename = "crate")]
    pub crate_name: String,
    /// The bytes of its bitcode.
    pub bitcode_bytes: u64,
    /// What the thin link made of it, or `None` if the linker did not select it.
    pub backend: Option<Backend>,
}

/// The backend of a module.
#[derive(Debug, Serialize)]
pub struct Backend {
    /// LLVM's instructions in the functions of the module that the program reaches.
    pub own_instructions: u64,
    /// LLVM's instructions in the functions that are imported.
    pub imported_instructions: u64,
    /// The functions that are imported.
    pub imported_functions: usize,
    /// The names of the modules that they come from.
    pub imports: Vec<String>,
    /// CPU time in seconds, if it was run.
    pub seconds: Option<f64>,
}

impl Backend {
    /// The instructions that it optimizes.
    pub fn instructions(&self) -> u64 {
        self.own_instructions + self.imported_instructions
    }
}

/// A crate of the program.
#[derive(Debug, Serialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// The number of its modules.
    pub modules: usize,
    /// The bytes of their bitcode.
    pub bitcode_bytes: u64,
    /// The backends that run after an edit of the whole crate.
    pub backends_after_edit: usize,
}

/// Reports on standard output, and in a page if asked.
pub fn run(build: &Build, args: &Args) -> anyhow::Result<()> {
    let report = report(build, args)?;
    if let Some(path) = &args.html {
        file::write_whole(path, &page::html(&report)?)?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Makes the report.
pub fn report(build: &Build, args: &Args) -> anyhow::Result<Report> {
    let linked = Linked::new(build)?;
    let edit = args.edit.as_deref().map(|file| Edit::new(&linked, file));
    let edit = edit.transpose()?;
    let numbers = 0..linked.program.modules.len();
    let modules = numbers
        .into_par_iter()
        .map(|number| module(build, &linked, number, args.time));
    let modules = modules.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Report {
        version: VERSION,
        program: linked.program.crate_name.clone(),
        counts: counts(&linked, &modules)?,
        crates: crates(&linked, &modules),
        modules,
        edit,
    })
}

fn module(build: &Build, linked: &Linked, number: usize, time: bool) -> anyhow::Result<Module> {
    let module = &linked.program.modules[number];
    let mut row = Module {
        module: module.name.clone(),
        crate_name: module.crate_name.clone(),
        bitcode_bytes: bytes(&linked.program.dir.join(&module.bitcode))?,
        backend: None,
    };
    let (Some(index), Some(planned)) = (&linked.indexes[number], linked.planned(number)) else {
        return Ok(row);
    };
    let mut backend = Backend {
        own_instructions: 0,
        imported_instructions: 0,
        imported_functions: 0,
        imports: planned.imports.clone(),
        seconds: None,
    };
    for value in index
        .values
        .iter()
        .filter(|value| value.is_live && !value.is_declaration)
    {
        let Some(function) = value.function() else {
            continue;
        };
        if linked.number(&value.module)? == number {
            backend.own_instructions += u64::from(function.instructions);
        } else {
            backend.imported_instructions += u64::from(function.instructions);
            backend.imported_functions += 1;
        }
    }
    if time {
        let folder = tempfile::tempdir()?;
        let usage = backend::run(build, linked, number, &[], folder.path())?;
        backend.seconds = Some(usage.cpu_seconds);
    }
    row.backend = Some(backend);
    Ok(row)
}

fn counts(linked: &Linked, modules: &[Module]) -> anyhow::Result<Counts> {
    let program = &linked.program;
    let backends = || modules.iter().filter_map(|module| module.backend.as_ref());
    let has_summary = |module: &&distributed::program::Module| module.summary != module.bitcode;
    let summaries = program.modules.iter().filter(has_summary);
    let indexes = linked
        .thin
        .plan
        .modules
        .iter()
        .map(|planned| linked.thin.index(planned));
    Ok(Counts {
        modules: modules.len(),
        selected_modules: backends().count(),
        imported_functions: backends().map(|backend| backend.imported_functions).sum(),
        module_imports: backends().map(|backend| backend.imports.len()).sum(),
        bitcode_bytes: modules.iter().map(|module| module.bitcode_bytes).sum(),
        summary_bytes: program.bytes(summaries.map(|module| &module.summary))?,
        index_bytes: indexes
            .map(|index| bytes(&index))
            .sum::<anyhow::Result<u64>>()?,
    })
}

fn bytes(path: &Path) -> anyhow::Result<u64> {
    let data = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(data.len())
}

fn crates(linked: &Linked, modules: &[Module]) -> Vec<Crate> {
    let mut numbers: BTreeMap<&str, HashSet<usize>> = BTreeMap::new();
    for (number, module) in modules.iter().enumerate() {
        numbers
            .entry(&module.crate_name)
            .or_default()
            .insert(number);
    }
    let crates = numbers.into_iter().map(|(name, numbers)| Crate {
        name: name.to_owned(),
        modules: numbers.len(),
        bitcode_bytes: numbers
            .iter()
            .map(|number| modules[*number].bitcode_bytes)
            .sum(),
        backends_after_edit: Edit::of_modules(linked, name, &numbers).backends.len(),
    });
    crates.collect()
}

impl Report {
    /// Modules with the backends that take longest, or that have most instructions if none was run.
    pub fn largest(&self) -> Vec<(&Module, &Backend)> {
        let backends = self.modules.iter();
        let mut backends: Vec<_> = backends
            .filter_map(|module| Some((module, module.backend.as_ref()?)))
            .collect();
        backends.sort_by(|(_, one), (_, other)| {
            let key = |backend: &Backend| (backend.seconds.unwrap_or(0.0), backend.instructions());
            key(other)
                .partial_cmp(&key(one))
                .expect("times are numbers")
        });
        backends.truncate(ROWS);
        backends
    }

    /// The crates after whose edit most backends run.
    pub fn most_imported(&self) -> Vec<&Crate> {
        let mut crates: Vec<_> = self.crates.iter().collect();
        crates.sort_by_key(|it| Reverse(it.backends_after_edit));
        crates.truncate(ROWS);
        crates
    }
}
