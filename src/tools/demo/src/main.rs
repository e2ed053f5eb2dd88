//! Carries ripgrep through the four steps of distributed ThinLTO, as a build system would,
//! and compares the program with that of a plain build.
//!
//! One file a step: [`fetch`], [`compile`], [`thin_link`], [`backend`], [`link`], [`compare`];
//! [`report`] prints what came out.

mod backend;
mod command;
mod compare;
mod compile;
mod fetch;
mod imports;
mod link;
mod link_line;
mod module;
mod report;
mod thin_link;
mod toolchain;

use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{self, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::Context;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::report::{Report, Steps};
use crate::toolchain::Toolchain;

/// Builds ripgrep by distributed ThinLTO, and compares it with a plain build.
#[derive(Parser)]
struct Args {
    /// The compiler with `--emit=thin-link-bitcode`
    #[arg(long)]
    rustc: PathBuf,
    /// The cargo that fetches and builds
    #[arg(long)]
    cargo: PathBuf,
    /// Where sources, intermediate files, programs and `demo.json` go
    #[arg(long)]
    work_dir: PathBuf,
    /// How many processes may run at a time [default: as many as there are cores]
    #[arg(long, short)]
    jobs: Option<NonZeroUsize>,
}

fn run(args: Args) -> anyhow::Result<Report> {
    let jobs = match args.jobs {
        Some(jobs) => jobs,
        None => {
            thread::available_parallelism().context("cannot count the cores\nhelp: pass --jobs")?
        }
    };
    let tools = Toolchain::find(&args.rustc, &args.cargo, jobs)?;
    fs::create_dir_all(&args.work_dir)
        .with_context(|| format!("cannot make {}", args.work_dir.display()))?;
    let dir = path::absolute(&args.work_dir)?;
    let mut steps = Steps::default();

    let source = steps.time("fetch", |_| fetch::source(&tools, &dir))?;
    let plain = steps.time("plain build", |_| compile::plain(&tools, &source, &dir))?;
    let compiled = steps.time("compile", |_| compile::bitcode(&tools, &source, &dir))?;
    let thin = steps.time("thin link", |_| thin_link::run(&tools, &compiled, &dir))?;
    let natives = steps.time("backends", |bar| {
        backend::run(&tools, &compiled, &thin, &dir, bar)
    })?;
    let program = steps.time("link", |_| link::run(&compiled, &natives, &dir))?;
    let answers = steps.time("compare", |_| compare::run(&source, &plain, &program))?;
    let imports = imports::count(&tools, &compiled, &thin)?;

    let report = Report::new(&tools, &compiled, &thin, imports, answers, steps);
    report.write(&dir)?;
    Ok(report)
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What cannot be printed to a closed pipe is lost anyway.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match run(args) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
