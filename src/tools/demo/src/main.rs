//! Carries programs through the four steps of distributed ThinLTO, as a build system would, and
//! compares each with a plain build by cargo.
//!
//! The steps are in the crate `distributed`. [`programs`] lists the programs, [`compare`] compares
//! the answers of both builds, [`report`] prints the results.

mod compare;
mod imports;
mod programs;
mod report;

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use distributed::toolchain::Toolchain;
use distributed::{backend, compile, fetch, folder, link, thin_link, wrapper};
use indicatif::ProgressStyle;
use tool_support::args::ToolArgs;

use crate::programs::{PROGRAMS, Program};
use crate::report::{Report, Steps};

/// Builds ripgrep and fd by distributed ThinLTO and by plain cargo, and compares the answers of both.
#[derive(Parser)]
#[command(override_usage = "./x.py demo [OPTIONS]")]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// Number of processes that may run at a time [default: the number of cores]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

fn main() -> ExitCode {
    if let Some(code) = wrapper::run() {
        return code;
    }
    tool_support::main(|| run(Args::parse()))
}

fn run(args: Args) -> anyhow::Result<()> {
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, args.jobs)?;
    let work_dir = args.tool.work_dir()?;
    for program in &PROGRAMS {
        let dir = folder::reused(&work_dir, program.package.name)?;
        println!("{}", demonstrate(&tools, program, &dir)?);
    }
    Ok(())
}

/// Builds `program` in `dir` in both ways, compares the builds, and writes the report into `dir`.
fn demonstrate(tools: &Toolchain, program: &Program, dir: &Path) -> anyhow::Result<Report> {
    let package = &program.package;
    let mut steps = Steps::default();
    let source = steps.time("fetch", |_| fetch::source(tools, package, dir))?;
    let plain = steps.time("plain build", |_| {
        compile::program(tools, &source, &dir.join("plain"))
    })?;
    let (_, mut linkable) = steps.time("compile", |_| {
        compile::bitcode(tools, &source, &dir.join("bitcode"), &[])
    })?;
    let (thin_dir, _old) = folder::replaced(dir, "thin-link")?;
    let thin = steps.time("thin link", |_| {
        linkable.gather(&folder::reused(dir, "modules")?)?;
        thin_link::run(&linkable, &thin_dir)
    })?;
    let backends = steps.time("backends", |bar| {
        bar.set_style(ProgressStyle::with_template(
            "{spinner} {msg} {wide_bar} {pos}/{len}",
        )?);
        backend::run(tools, &linkable, &thin, dir, |count| {
            bar.set_length(count as u64);
            bar.inc(1);
        })
    })?;
    let linked = dir.join(package.program);
    steps.time("link", |_| {
        let native = |module: &str| Some(backends.get(module)?.native.clone());
        link::run(&linkable, native, thin.regular().as_deref(), &linked)
    })?;
    let answers = steps.time("compare", |_| {
        compare::run(program, &source, &plain.program, &linked)
    })?;
    let imports = imports::count(&thin)?;
    let report = Report::new(
        tools, package, &linkable, &backends, imports, answers, steps,
    )?;
    report.write(dir)?;
    Ok(report)
}
