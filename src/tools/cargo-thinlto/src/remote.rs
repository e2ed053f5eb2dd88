//! Links with objects from servers. lld gets them from this program, under the [`NAME`] of the distributor.
//!
//! The distributor reads its settings in the environment and in its file itself. They are read here as well,
//! to know whether there is a server, and to refuse wrong values before anything is compiled.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::Context;
use backends::cache::Cache;
use backends::distributor::Report;
use backends::settings::{self, Settings};
use clap::Parser;
use distributed::toolchain::LLVM;
use helped::Helped;
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::cargo;
use crate::project::Project;

/// The name that this program has as the distributor.
pub const NAME: &str = "thinlto-distributor";

/// Settings that say that there is a server, and where objects are.
const READ: [&str; 3] = ["remote-cache", "remote-executor", "cache-dir"];

/// How lld gets objects from servers.
#[derive(Debug, Deserialize, Serialize)]
pub struct Distributor {
    /// Its options.
    options: Vec<String>,
}

#[derive(Parser)]
#[command(name = "cargo thinlto", args_override_self = true)]
struct Options {
    #[command(flatten)]
    settings: Settings,
}

impl Distributor {
    /// The distributor of a run with `arguments`, if there is a server. `rustc` is its compiler.
    pub fn find(
        arguments: &Arguments,
        project: &Project,
        rustc: &Path,
    ) -> anyhow::Result<Option<Distributor>> {
        if !settings(arguments, project)?.is_remote() {
            return Ok(None);
        }
        let mut options = arguments.remote.clone();
        options.push(format!("--rustc={}", rustc.display()));
        match &project.targets(arguments)[..] {
            [] => {}
            [target] => options.push(format!("--rustc-option=--target={target}")),
            _ => {
                let message = "links for several targets cannot use servers";
                return Err(Helped::new(message, "pass one `--target` at a time").into());
            }
        }
        Ok(Some(Distributor { options }))
    }

    /// The options of lld: it starts `program`, which writes `report`.
    pub fn lld_options(&self, program: &Path, report: &Path) -> Vec<String> {
        let report = format!("--report={}", report.display());
        let mut options = vec![
            format!("--thinlto-distributor={}", program.display()),
            // For modules of C and C++, if there are any.
            format!("--thinlto-remote-compiler=clang-{LLVM}"),
        ];
        let all = self.options.iter().chain([&report]);
        options.extend(all.map(|option| format!("--thinlto-distributor-arg={option}")));
        options
    }
}

/// The cache of links with servers.
pub fn cache() -> anyhow::Result<Cache> {
    let arguments = Arguments::default();
    let project = Project::read(&cargo::path(), &arguments)?;
    Cache::of(&settings(&arguments, &project)?)
}

fn settings(arguments: &Arguments, project: &Project) -> anyhow::Result<Settings> {
    let mut words = vec![OsString::from("cargo thinlto")];
    // The environment of links has the variables in cargo's configuration.
    words.extend(READ.iter().filter_map(|setting| {
        let variable = format!("THINLTO_{}", setting.to_uppercase().replace('-', "_"));
        let value = project.variable(&variable)?;
        Some(format!("--{setting}={value}").into())
    }));
    words.extend(arguments.remote.iter().map(Into::into));
    Ok(Options::parse_from(settings::with_file(words)?).settings)
}

/// What the distributor says in `file`. Without one, lld had no module for it.
pub fn report(file: &Path) -> anyhow::Result<Option<Report>> {
    if !file.exists() {
        return Ok(None);
    }
    let read = || -> anyhow::Result<Report> { Ok(serde_json::from_slice(&fs::read(file)?)?) };
    let report = read().with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Some(report))
}
