//! The results as a table and as JSON.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use distributed::backend::Backends;
use distributed::fetch::Package;
use distributed::program::Program;
use distributed::toolchain::Toolchain;
use indicatif::{HumanCount, ProgressBar};
use serde::Serialize;
use tool_support::file;
use tool_support::table::table;

use crate::compare::Answers;
use crate::imports::Imports;

/// The durations of the steps, in their order.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub struct Steps(Vec<Step>);

#[derive(Serialize)]
struct Step {
    name: &'static str,
    seconds: f64,
}

impl Steps {
    /// Runs the step `name` and records its duration. The step may show its progress on the bar.
    pub fn time<T>(
        &mut self,
        name: &'static str,
        step: impl FnOnce(&ProgressBar) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        tracing::info!(name, "step");
        let bar = ProgressBar::new_spinner().with_message(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        let start = Instant::now();
        let result = step(&bar);
        self.0.push(Step {
            name,
            seconds: start.elapsed().as_secs_f64(),
        });
        bar.finish_and_clear();
        result
    }
}

/// The results for one program; its `Display` is the table.
#[derive(Serialize)]
pub struct Report {
    program: String,
    rustc: String,
    crates: usize,
    modules: usize,
    /// The modules that the linker selected.
    selected_modules: usize,
    /// The selected modules that were in the cache.
    cached_modules: usize,
    bitcode_bytes: u64,
    summary_bytes: u64,
    imported_functions: Imports,
    compared: Answers,
    steps: Steps,
}

impl Report {
    pub fn new(
        tools: &Toolchain,
        package: &Package,
        program: &Program,
        backends: &Backends,
        imported_functions: Imports,
        compared: Answers,
        steps: Steps,
    ) -> anyhow::Result<Report> {
        let modules = &program.modules;
        let crates: HashSet<_> = modules.iter().map(|module| &module.crate_name).collect();
        let cached = backends.values().filter(|backend| backend.usage.is_none());
        Ok(Report {
            program: package.to_string(),
            rustc: tools.version.clone(),
            crates: crates.len(),
            modules: modules.len(),
            selected_modules: backends.len(),
            cached_modules: cached.count(),
            bitcode_bytes: program.bytes(modules.iter().map(|module| &module.bitcode))?,
            summary_bytes: program.summary_bytes()?,
            imported_functions,
            compared,
            steps,
        })
    }

    /// Writes `demo.json` into `dir`.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        file::write_json(&dir.join("demo.json"), self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize| HumanCount(number as u64).to_string();
        let share = 100.0 * self.summary_bytes as f64 / self.bitcode_bytes as f64;
        let mut table = table([self.program.as_str(), self.rustc.as_str()]);
        table.add_row(["crates", &count(self.crates)]);
        table.add_row(["modules", &count(self.modules)]);
        table.add_row([
            "modules that the linker selected",
            &count(self.selected_modules),
        ]);
        table.add_row(["of these in the cache", &count(self.cached_modules)]);
        table.add_row([
            "bytes of bitcode",
            &HumanCount(self.bitcode_bytes).to_string(),
        ]);
        table.add_row([
            "bytes of summaries",
            &format!("{} ({share:.1} %)", HumanCount(self.summary_bytes)),
        ]);
        table.add_row(["functions imported", &count(self.imported_functions.all)]);
        table.add_row([
            "functions imported across crates",
            &count(self.imported_functions.across_crates),
        ]);
        table.add_row(["queries answered alike", &count(self.compared.queries)]);
        table.add_row(["bytes of answers", &count(self.compared.bytes)]);
        for Step { name, seconds } in &self.steps.0 {
            table.add_row([format!("seconds: {name}"), format!("{seconds:.1}")]);
        }
        write!(f, "{table}")
    }
}
