//! Measures how the cost of the thin link grows with the program, over summaries and over bitcode.
//!
//! One file a step: [`program`] generates a program with modules from [`source`], [`compile`]
//! compiles it, [`thin_link`] runs the thin links, [`disk`] counts reads, [`report`] prints the
//! results.

mod compile;
mod disk;
mod program;
mod report;
mod source;
mod thin_link;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use distributed::toolchain::Toolchain;
use tool_support::args::ToolArgs;
use tool_support::command::{self, Usage};
use tool_support::spread::Spread;

use crate::compile::Modules;
use crate::report::{Measured, Program, Report};
use crate::thin_link::Input;

/// Runs the thin link of generated programs of several sizes, over summaries and over bitcode, and
/// measures time, memory and bytes read.
///
/// Prints a table, and writes `scale.json` and `scale.svg`.
#[derive(Parser)]
#[command(override_usage = "./x.py scale [OPTIONS]")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// Sizes of the programs, in modules
    #[arg(
        long,
        value_name = "SIZES",
        value_delimiter = ',',
        default_value = "10,100,1000,5000"
    )]
    modules: Vec<usize>,
    /// Number of thin links of each kind, of which the median counts
    #[arg(long, value_name = "N", default_value = "5")]
    runs: NonZeroUsize,
    /// Seed of the generated programs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for `scale.json` and `scale.svg` [default: `scale` in the build directory]
    #[arg(long, value_name = "DIR")]
    chart_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    tool_support::main(|| run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let ascending = args.modules.is_sorted_by(|one, next| one < next);
    ensure!(
        ascending && args.modules.first().is_some_and(|least| *least > 0),
        "`--modules` takes ascending numbers, from 1"
    );
    let runs = args.runs.get();
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, None)?;
    let lld = command::run(Command::new(&tools.lld).arg("--version"))?.stdout;
    let work_dir = args.tool.work_dir()?;

    let start = Instant::now();
    let announce = |modules: usize, step: &str| {
        eprintln!(
            "[{:4} s] {modules} modules: {step}",
            start.elapsed().as_secs()
        );
    };
    let mut programs = Vec::new();
    for &count in &args.modules {
        let dir = work_dir.join(count.to_string());
        announce(count, "write the program");
        let last = program::write(count, args.seed, &dir)?;
        announce(count, "compile");
        let modules = compile::run(&tools, &dir, &last, count, &dir.join("target"))?;
        announce(count, "thin links");
        programs.push(measured(&tools.lld, &modules, runs, &dir)?);
    }
    let report = Report {
        rustc: tools.version,
        lld: String::from_utf8_lossy(&lld).trim().to_owned(),
        cores: tools.jobs.get(),
        seed: args.seed,
        runs,
        programs,
    };
    report.write(args.chart_dir.as_ref().unwrap_or(&work_dir))?;
    println!("{report}");
    Ok(())
}

/// Measures the thin links of the program in `dir`, and checks that they write the same.
fn measured(lld: &Path, modules: &Modules, runs: usize, dir: &Path) -> anyhow::Result<Program> {
    let outs = Input::ALL.map(|input| dir.join("thin-link").join(input.name()));
    let mut usages: [Vec<Usage>; 2] = [Vec::new(), Vec::new()];
    let mut disk_bytes = [0; 2];
    // The first run reads the inputs into memory; the last runs without them in memory.
    for run in 0..=runs + 1 {
        // In turns and in both orders, so that changes in the load of the machine affect both alike.
        let order = if run % 2 == 0 { [0, 1] } else { [1, 0] };
        for kind in order {
            let input = Input::ALL[kind];
            if run > runs {
                disk::evict(&input.files(modules))?;
            }
            let before = disk::bytes_read()?;
            let usage = thin_link::run(lld, modules, input, &outs[kind])?;
            if run > runs {
                disk_bytes[kind] = disk::bytes_read()? - before;
            } else if run > 0 {
                usages[kind].push(usage);
            }
        }
    }
    let indexes = thin_link::compare(&outs[0], &outs[1], modules)?;
    let [summaries, bitcode] = [0, 1].map(|kind| -> anyhow::Result<Measured> {
        let files = Input::ALL[kind].files(modules);
        let sizes = files.iter().map(|file| Ok(fs::metadata(file)?.len()));
        let of = |value: fn(&Usage) -> f64| Spread::of(usages[kind].iter().map(value));
        Ok(Measured {
            input_bytes: sizes.sum::<std::io::Result<u64>>()?,
            disk_bytes: disk_bytes[kind],
            seconds: of(|usage| usage.seconds),
            cpu_seconds: of(|usage| usage.cpu_seconds),
            peak_bytes: of(|usage| usage.peak_memory as f64),
        })
    });
    Ok(Program {
        modules: modules.names.len(),
        index_bytes: indexes.bytes,
        imports: indexes.imports,
        summaries: summaries?,
        bitcode: bitcode?,
    })
}
