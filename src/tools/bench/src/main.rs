//! Builds programs without LTO, with each LTO that rustc and lld do in one process, and by
//! distributed ThinLTO, and measures the builds and the programs side by side.
//!
//! [`programs`] says what is built, edited and run; [`mode`] how it is built; [`measure`] in which
//! order. [`report`] prints what came out.

mod edit;
mod goals;
mod measure;
mod mode;
mod programs;
mod report;
mod spread;
mod workload;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{self, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use distributed::toolchain::Toolchain;
use distributed::wrapper;

use crate::report::Report;

/// Measures distributed ThinLTO beside other ways to build the same programs.
#[derive(Parser)]
struct Args {
    /// The compiler to measure
    #[arg(long)]
    rustc: PathBuf,
    /// The cargo that fetches and builds
    #[arg(long)]
    cargo: PathBuf,
    /// Where sources and builds go
    #[arg(long)]
    work_dir: PathBuf,
    /// Where `bench.json` and `bench.svg` go [default: the work dir]
    #[arg(long)]
    chart_dir: Option<PathBuf>,
    /// The packages to measure [default: all]
    #[arg(long, value_delimiter = ',')]
    programs: Vec<String>,
    /// Clean builds in each mode
    #[arg(long, default_value = "1")]
    cleans: NonZeroUsize,
    /// Builds after each kind of edit in each mode
    #[arg(long, default_value = "3")]
    runs: NonZeroUsize,
}

fn run(args: Args) -> anyhow::Result<Report> {
    let programs = programs::select(&args.programs)?;
    let tools = Toolchain::find(&args.rustc, &args.cargo, None)?;
    fs::create_dir_all(&args.work_dir)
        .with_context(|| format!("cannot make {}", args.work_dir.display()))?;
    let dir = path::absolute(&args.work_dir)?;
    let chart_dir = args.chart_dir.unwrap_or_else(|| dir.clone());
    fs::create_dir_all(&chart_dir)
        .with_context(|| format!("cannot make {}", chart_dir.display()))?;
    let mut report = Report::new(&tools);
    for program in programs {
        let (cleans, runs) = (args.cleans.get(), args.runs.get());
        report.add(measure::run(&tools, program, &dir, cleans, runs)?);
        // What is measured is kept, even if the next program fails.
        report.write(&chart_dir)?;
    }
    Ok(report)
}

fn main() -> ExitCode {
    if let Some(code) = wrapper::run() {
        return code;
    }
    match run(Args::parse()) {
        Ok(report) => {
            println!("{}", report.tables());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
