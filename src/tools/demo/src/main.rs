//! Carries ripgrep through the four steps of distributed ThinLTO, as a build system would,
//! and compares the program with that of a plain build.
//!
//! The steps are in the crate `distributed`; [`compare`] asks both programs the same, [`report`]
//! prints what came out.

mod compare;
mod imports;
mod report;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use distributed::fetch::{self, Package};
use distributed::toolchain::Toolchain;
use distributed::{backend, compile, link, thin_link, wrapper};
use indicatif::ProgressStyle;
use tool_support::args::ToolArgs;

use crate::report::{Report, Steps};

const PACKAGE: Package = Package {
    name: "ripgrep",
    version: "14.1.1",
    program: "rg",
};

/// Builds ripgrep by distributed ThinLTO, and compares it with a plain build.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    tool: ToolArgs,
    /// How many processes may run at a time [default: as many as there are cores]
    #[arg(long, short)]
    jobs: Option<NonZeroUsize>,
}

fn run(args: Args) -> anyhow::Result<()> {
    let tools = Toolchain::find(&args.tool.rustc, &args.tool.cargo, args.jobs)?;
    let dir = args.tool.work_dir()?;
    let mut steps = Steps::default();

    let source = steps.time("fetch", |_| fetch::source(&tools, &PACKAGE, &dir))?;
    let plain = steps.time("plain build", |_| {
        compile::program(&tools, &source, &dir.join("plain"), "false", &[], &[])
    })?;
    let (_, program) = steps.time("compile", |_| {
        compile::bitcode(&tools, &source, &dir.join("bitcode"), &[])
    })?;
    let thin = steps.time("thin link", |_| thin_link::run(&program, &dir))?;
    let backends = steps.time("backends", |bar| {
        bar.set_style(ProgressStyle::with_template(
            "{spinner} {msg} {wide_bar} {pos}/{len}",
        )?);
        backend::run(&tools, &program, &thin, &dir, |count| {
            bar.set_length(count as u64);
            bar.inc(1);
        })
    })?;
    let linked = steps.time("link", |_| {
        link::run(&program, &backends, &dir, PACKAGE.program)
    })?;
    let answers = steps.time("compare", |_| {
        compare::run(&source, &plain.program, &linked.program)
    })?;
    let imports = imports::count(&tools, &program, &thin)?;

    let report = Report::new(
        &tools, &PACKAGE, &program, &backends, imports, answers, steps,
    );
    report.write(&dir)?;
    println!("{report}");
    Ok(())
}

fn main() -> ExitCode {
    if let Some(code) = wrapper::run() {
        return code;
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What cannot be printed to a closed pipe is lost anyway.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    tool_support::main(|| run(args))
}
