//! Measures how the cost of the thin link grows with the program, over summaries and over bitcode.
//!
//! One file a step: [`program`] writes a synthetic program with modules from [`source`],
//! [`compile`] compiles it, [`thin_link`] is measured, with [`disk`], and [`report`] tells.

mod compile;
mod disk;
mod program;
mod report;
mod source;
mod thin_link;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Parser;
use tool_support::args::ToolArgs;
use tool_support::command::Usage;
use tool_support::spread::Spread;

use crate::compile::{Compiler, Modules};
use crate::report::{Measured, Program, Report};
use crate::thin_link::Input;

/// Runs the thin link of synthetic programs of several sizes, over summaries and over bitcode, and
/// measures seconds, memory and bytes read.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// The sizes of the programs
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,5000")]
    modules: Vec<usize>,
    /// Thin links of each kind; the median is taken
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// What the programs are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where `scale.json` and `scale.svg` go [default: the work dir]
    #[arg(long)]
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
    ensure!(args.runs > 0, "`--runs` has to be at least 1");
    let lld = which::which("ld.lld-19")
        .context("cannot find `ld.lld-19`\nhelp: apt-get install lld-19")?;
    let version = Command::new(&lld).arg("--version").output()?;
    let compiler = Compiler::new(&args.tool.rustc, &args.tool.cargo)?;
    let work_dir = args.tool.work_dir()?;

    let start = Instant::now();
    let tell = |modules: usize, what: &str| {
        eprintln!(
            "[{:4} s] {modules} modules: {what}",
            start.elapsed().as_secs()
        );
    };
    let mut programs = Vec::new();
    for &count in &args.modules {
        let dir = work_dir.join(count.to_string());
        tell(count, "write the program");
        let last = program::write(count, args.seed, &dir)?;
        tell(count, "compile");
        let modules = compiler.compile(&dir, &last, count, &dir.join("target"))?;
        tell(count, "thin links");
        programs.push(measured(&lld, &modules, args.runs, &dir)?);
    }
    let report = Report {
        rustc: compiler.version,
        lld: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
        cores: thread::available_parallelism()?.get(),
        seed: args.seed,
        runs: args.runs,
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
    // The first run brings the inputs into memory; the last is without them.
    for run in 0..=runs + 1 {
        // Both kinds in turn, and in either order, so that what disturbs the machine disturbs both.
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
