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
mod workload;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use distributed::toolchain::Toolchain;
use distributed::wrapper;
use tool_support::args::ToolArgs;

use crate::report::Report;

/// Measures distributed ThinLTO beside other ways to build the same programs.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
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

fn run(args: Args) -> anyhow::Result<()> {
    let programs = programs::select(&args.programs)?;
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, None)?;
    let dir = args.tool.work_dir()?;
    let chart_dir = args.chart_dir.unwrap_or_else(|| dir.clone());
    let mut report = Report::new(&tools);
    for program in programs {
        let (cleans, runs) = (args.cleans.get(), args.runs.get());
        report.add(measure::run(&tools, program, &dir, cleans, runs)?);
        // What is measured is kept, even if the next program fails.
        report.write(&chart_dir)?;
    }
    println!("{}", report.tables());
    Ok(())
}

fn main() -> ExitCode {
    if let Some(code) = wrapper::run() {
        return code;
    }
    tool_support::main(|| run(Args::parse()))
}
