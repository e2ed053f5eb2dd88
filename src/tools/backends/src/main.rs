//! `thinlto-distributor`: runs the backends of a link for lld's `--thinlto-distributor`.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use backends::dtlto;
use backends::runner::{Counts, Runner};
use backends::settings::{self, Settings};
use clap::Parser;
use serde::Serialize;
use tool_support::file;

/// Runs the backends of a link for lld's `--thinlto-distributor`, from a cache or on a pool of
/// processes.
#[derive(Parser)]
#[command(name = "thinlto-distributor", args_override_self = true)]
struct Distributor {
    #[command(flatten)]
    settings: Settings,
    /// The file for a report in JSON: counts of modules, and seconds
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The file that lld writes
    link: PathBuf,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    seconds: f64,
}

fn main() -> ExitCode {
    tool_support::main(|| {
        let start = Instant::now();
        let arguments = settings::with_file(env::args_os().collect())?;
        let distributor = Distributor::parse_from(arguments);
        let runner = Runner::new(distributor.settings)?;
        let jobs = dtlto::jobs(&distributor.link, &runner)?;
        let counts = Counts::of(&runner.run(jobs, || {})?);
        if let Some(path) = &distributor.report {
            let seconds = start.elapsed().as_secs_f64();
            file::write_json(path, &Report { counts, seconds })?;
        }
        Ok(())
    })
}
