//! The program `thinlto-distributor`, which lld runs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use serde::{Deserialize, Serialize};
use tool_support::file;

use crate::dtlto;
use crate::runner::{Counts, Runner};
use crate::settings::{self, Settings};

/// Runs the backends of a link for lld's `--thinlto-distributor`, from a cache or on a pool of
/// processes.
#[derive(Parser)]
#[command(name = "thinlto-distributor", args_override_self = true)]
struct Distributor {
    #[command(flatten)]
    settings: Settings,
    /// The file for a report in JSON: counts of modules, seconds, and warnings
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The file that lld writes
    link: PathBuf,
}

/// The content of the file of `--report`.
#[derive(Debug, Deserialize, Serialize)]
pub struct Report {
    /// Where the modules came from.
    #[serde(flatten)]
    pub counts: Counts,
    /// The time of the program.
    pub seconds: f64,
    /// Whether there are servers that were not used to the end.
    pub gave_servers_up: bool,
    /// What was printed as warnings.
    pub warnings: Vec<String>,
}

/// Runs the program with its `arguments`.
pub fn run(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let start = Instant::now();
    let distributor = Distributor::parse_from(settings::with_file(arguments)?);
    let runner = Runner::new(distributor.settings)?;
    let jobs = dtlto::jobs(&distributor.link, &runner)?;
    let counts = Counts::of(&runner.run(jobs, || {})?);
    if let Some(path) = &distributor.report {
        let report = Report {
            counts,
            seconds: start.elapsed().as_secs_f64(),
            gave_servers_up: runner.gave_servers_up(),
            warnings: runner.warnings(),
        };
        file::write_json(path, &report)?;
    }
    Ok(())
}
