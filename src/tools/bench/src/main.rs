//! Builds programs without LTO, with rustc's LTO, with lld's, by `cargo thinlto`, and by distributed
//! ThinLTO, and measures the builds and the programs side by side.
//!
//! [`programs`] lists the programs, their edits and their benchmarks; [`mode`] the ways to build
//! them: by [`cargo`], with a [`linker`] that records the link, or by the [`driver`]. [`measure`] runs
//! it all, and [`benchmark`] the programs; [`goals`] judges, [`report`] prints the results.

mod benchmark;
mod build;
mod cargo;
mod driver;
mod edit;
mod goals;
mod linker;
mod manifest;
mod measure;
mod mode;
mod programs;
mod report;
mod workload;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use distributed::toolchain::Toolchain;
use distributed::wrapper;
use tool_support::args::ToolArgs;

use crate::measure::Repetitions;
use crate::mode::Mode;
use crate::report::Report;

/// Compares `cargo thinlto` and distributed ThinLTO with other ways to build the same programs.
///
/// Builds each program in every way: clean, and after edits of its own crate and of a crate that
/// depends on no other; then runs its benchmark. Prints tables, and writes `bench.json` and
/// `bench.svg`.
#[derive(Parser)]
#[command(override_usage = "./x.py bench [OPTIONS]")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// Folder for `bench.json` and `bench.svg` [default: `bench` in the build directory]
    #[arg(long, value_name = "DIR")]
    chart_dir: Option<PathBuf>,
    /// Programs to measure [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = PossibleValuesParser::new(programs::names()))]
    programs: Vec<String>,
    /// Ways to build them [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    modes: Vec<Mode>,
    /// Number of clean builds in the ways that goals compare; one in the others
    #[arg(long, value_name = "N", default_value = "3")]
    cleans: NonZeroUsize,
    /// Number of builds after each edit in the ways that goals compare; one in the others
    #[arg(long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,
}

fn run(args: Args) -> anyhow::Result<()> {
    let programs = programs::select(&args.programs);
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, None)?;
    let dir = args.tool.work_dir()?;
    let chart_dir = args.chart_dir.unwrap_or_else(|| dir.clone());
    let mut modes = Mode::value_variants().to_vec();
    modes.retain(|mode| args.modes.is_empty() || args.modes.contains(mode));
    let repetitions = Repetitions {
        cleans: args.cleans.get(),
        edits: args.runs.get(),
    };
    let mut report = Report::new(&tools, &modes);
    for program in programs {
        report.add(measure::run(&tools, program, &modes, &dir, &repetitions)?);
        // Keep the results even if the next program fails.
        report.write(&chart_dir)?;
    }
    println!("{}", report.tables());
    Ok(())
}

fn main() -> ExitCode {
    if let Some(code) = wrapper::run().or_else(linker::run) {
        return code;
    }
    tool_support::main(|| run(Args::parse()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn help_has_the_options_that_users_pass() {
        let help = Args::command().render_long_help().to_string();
        assert!(help.contains("Usage: ./x.py bench [OPTIONS]\n"), "{help}");
        assert!(help.contains("--programs <NAMES>"), "{help}");
        assert!(
            help.contains("ripgrep, fd-find, oxipng, hyperfine"),
            "{help}"
        );
        assert!(help.contains("- cargo-thinlto: "), "{help}");
        for passed in ["--rustc", "--cargo", "--work-dir"] {
            assert!(!help.contains(passed), "{help}");
        }
    }
}
